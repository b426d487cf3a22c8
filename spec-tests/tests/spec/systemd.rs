//! `--systemd-cgroup`: the cgroup is a scope of systemd's, which is asked what it knows.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::{Context, bail};
use serde_json::json;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::{Output, wait_until};
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

use crate::cgroups::v2;

tests![
    the_process_is_in_the_scope,
    the_state_names_the_scope,
    limits_are_properties_of_the_scope,
    an_update_reaches_systemd,
    limits_outlive_a_reload_of_systemd,
    the_device_filter_outlives_a_reload_of_systemd,
    delete_needs_no_option_and_leaves_no_unit,
    a_scope_costs_few_round_trips,
    a_container_that_ended_leaves_no_unit,
    a_foreground_run_leaves_no_unit,
    a_creation_that_fails_leaves_no_unit,
    a_name_is_free_again_at_once,
    a_unit_that_is_in_use_is_refused,
    a_process_is_added_to_the_scope,
    a_paused_scope_stands_still,
    an_empty_path_is_a_scope_of_system_slice,
    a_path_that_names_no_unit_is_refused,
    a_property_may_be_annotated,
    cve_2024_3154_an_annotation_cannot_run_programs,
    groups_below_the_scope_are_made,
    a_user_has_a_scope_of_his_own_systemd,
];

/// A container with a scope, not yet made.
struct Scope(Container);

impl Scope {
    fn build(bundle: Bundle) -> Result<Self> {
        host::systemd()?;
        let container = bundle.build()?;
        let path = format!("system.slice:spec:{}", container.id());
        container.reconfigure("/linux/cgroupsPath", path)?;
        Ok(Self(container))
    }

    fn call(&self, command: &str) -> Output {
        let call = self.0.bare_call().arg("--systemd-cgroup").arg("--root");
        let call = call.arg(self.0.state_root()).arg(command).arg("--bundle").arg(self.0.bundle());
        call.streams("container").arg(self.0.id()).run()
    }

    fn create(bundle: Bundle) -> Result<Self> {
        let scope = Self::build(bundle)?;
        scope.call("create").ok()?;
        Ok(scope)
    }

    fn start(bundle: Bundle) -> Result<Self> {
        let scope = Self::create(bundle)?;
        scope.0.start().ok()?;
        Ok(scope)
    }

    fn unit(&self) -> String {
        format!("spec-{}.scope", self.0.id())
    }

    fn property(&self, name: &str) -> Result<String> {
        property(&self.unit(), name)
    }

    fn directory(&self, controller: &str) -> PathBuf {
        let root = if v2() { "/sys/fs/cgroup" } else { &format!("/sys/fs/cgroup/{controller}") };
        PathBuf::from(root).join("system.slice").join(self.unit())
    }

    fn read(&self, controller: &str, file: &str) -> Result<String> {
        let path = self.directory(controller).join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Demands that systemd knows no such unit, or will not in a moment.
    fn is_gone(&self) -> Result {
        let is_gone = || (self.property("LoadState").ok()? == "not-found").then_some(());
        let gone = wait_until(PATIENCE, is_gone);
        gone.with_context(|| format!("{} is left", self.unit()))
    }
}

fn property(unit: &str, name: &str) -> Result<String> {
    systemctl(&["show", unit, "--value", "--property", name])
}

fn systemctl(words: &[&str]) -> Result<String> {
    let output = Command::new("systemctl").args(words).output().context("systemctl")?;
    if !output.status.success() {
        bail!("systemctl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn the_state_names_the_scope() -> Result {
    chapter!("cli#state");
    let scope = Scope::start(Bundle::busybox().sleeping())?;
    assert_eq!(scope.0.state()?["systemd-scope"], json!(scope.unit()));
    Ok(())
}

fn the_process_is_in_the_scope() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let scope = Scope::start(Bundle::busybox().sleeping())?;
    let groups = scope.0.proc_file("cgroup")?;
    assert!(groups.contains(&scope.unit()), "{groups}");
    assert_eq!(scope.property("ActiveState")?, "active");
    assert_eq!(scope.property("Delegate")?, "yes");
    assert_eq!(scope.property("Slice")?, "system.slice");
    Ok(())
}

fn limited() -> Bundle {
    let bundle = Bundle::busybox().sleeping();
    let bundle = bundle.set("/linux/resources/memory", json!({"limit": 64 << 20}));
    let bundle = bundle.set("/linux/resources/pids", json!({"limit": 20}));
    bundle.set("/linux/resources/cpu", json!({"quota": 25_300, "period": 50_000, "shares": 512}))
}

fn limits_are_properties_of_the_scope() -> Result {
    chapter!("config-linux.md#control-groups");
    let scope = Scope::create(limited())?;
    let memory =
        if v2() { ("MemoryMax", "memory.max") } else { ("MemoryLimit", "memory.limit_in_bytes") };
    assert_eq!(scope.property(memory.0)?, "67108864");
    assert_eq!(scope.read("memory", memory.1)?, "67108864");
    assert_eq!(scope.property("TasksMax")?, "20");
    assert_eq!(scope.read("pids", "pids.max")?, "20");
    assert_eq!(scope.property("CPUQuotaPerSecUSec")?, "510ms");
    let quota = if v2() { ("cpu.max", "25500 50000") } else { ("cpu.cfs_quota_us", "25500") };
    assert_eq!(scope.read("cpu", quota.0)?, quota.1);
    Ok(())
}

fn an_update_reaches_systemd() -> Result {
    chapter!("cli#update");
    let scope = Scope::start(limited())?;
    let call = scope.0.call("update").args(["--pids-limit", "30", "--memory", "96M"]);
    call.arg(scope.0.id()).run().ok()?;
    assert_eq!(scope.property("TasksMax")?, "30");
    assert_eq!(scope.read("pids", "pids.max")?, "30");
    assert_eq!(scope.property(if v2() { "MemoryMax" } else { "MemoryLimit" })?, "100663296");
    Ok(())
}

fn limits_outlive_a_reload_of_systemd() -> Result {
    chapter!("config-linux.md#control-groups");
    let scope = Scope::start(limited())?;
    systemctl(&["daemon-reload"])?;
    // What makes systemd write the group's files anew.
    systemctl(&["set-property", "--runtime", &scope.unit(), "CPUWeight=70"])?;
    assert_eq!(scope.read("pids", "pids.max")?, "20");
    let memory = if v2() { "memory.max" } else { "memory.limit_in_bytes" };
    assert_eq!(scope.read("memory", memory)?, "67108864");
    Ok(())
}

fn the_device_filter_outlives_a_reload_of_systemd() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let rules = json!([
        {"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"},
    ]);
    let scope = Scope::start(Bundle::busybox().sleeping().set("/linux/resources/devices", rules))?;
    let look = || {
        let script = "[ -e /dev/m ] || mknod /dev/m c 1 2; cat /dev/null && ! cat /dev/m";
        let output = scope.0.exec_sh(script);
        assert!(output.text().contains("Operation not permitted"), "{output}");
        output.ok()
    };
    look()?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["set-property", "--runtime", &scope.unit(), "CPUWeight=70"])?;
    look().map(drop)
}

fn delete_needs_no_option_and_leaves_no_unit() -> Result {
    chapter!("cli#delete");
    let scope = Scope::start(Bundle::busybox().sleeping())?;
    fs::create_dir_all(scope.directory("memory").join("inner/most"))?;
    let call = scope.0.rooted_call();
    call.args(["delete", "--force", scope.0.id()]).run().ok()?;
    assert_eq!(scope.property("LoadState")?, "not-found");
    scope.0.left_no_trace()
}

/// A bus that passes everything on to the machine's, and counts how often it was waited for: each
/// time that it answers what was sent before.
struct Counting {
    address: String,
    waits: Arc<AtomicUsize>,
}

impl Counting {
    fn listen(path: PathBuf) -> Result<Self> {
        let address = format!("unix:path={}", path.display());
        let listener = UnixListener::bind(path)?;
        let waits = Arc::new(AtomicUsize::new(0));
        let counted = waits.clone();
        thread::spawn(move || {
            for caller in listener.incoming() {
                Self::serve(caller?, counted.clone())?;
            }
            Ok::<_, anyhow::Error>(())
        });
        Ok(Self { address, waits })
    }

    fn serve(caller: UnixStream, waits: Arc<AtomicUsize>) -> Result {
        let bus = UnixStream::connect("/run/dbus/system_bus_socket")?;
        let asked = Arc::new(AtomicBool::new(false));
        let (to_bus, to_caller, has_asked) = (bus.try_clone()?, caller.try_clone()?, asked.clone());
        thread::spawn(move || pass(caller, to_bus, || has_asked.store(true, SeqCst)));
        thread::spawn(move || {
            pass(bus, to_caller, || {
                waits.fetch_add(asked.swap(false, SeqCst).into(), SeqCst);
            })
        });
        Ok(())
    }

    /// How often since this was asked last.
    fn waits(&self) -> usize {
        self.waits.swap(0, SeqCst)
    }
}

/// Until one end closes.
fn pass(mut from: UnixStream, mut to: UnixStream, seen: impl Fn()) -> Result {
    let mut bytes = [0; 4096];
    loop {
        let count = from.read(&mut bytes)?;
        if count == 0 {
            return Ok(to.shutdown(Shutdown::Both)?);
        }
        seen();
        to.write_all(&bytes[..count])?;
    }
}

fn a_scope_costs_few_round_trips() -> Result {
    chapter!("config-linux.md#control-groups");
    let scope = Scope::build(Bundle::busybox().sleeping())?;
    let bus = Counting::listen(scope.0.directory().join("bus"))?;
    let call = scope.0.bare_call().env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    let call = call.arg("--systemd-cgroup").arg("--root").arg(scope.0.state_root());
    let call = call.arg("create").arg("--bundle").arg(scope.0.bundle()).arg(scope.0.id());
    call.streams("container").run().ok()?;
    let waits = bus.waits();
    assert!((1..=3).contains(&waits), "create waited {waits} times for the bus, and may 3 times");
    let call = scope.0.call("delete").env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    call.arg("--force").arg(scope.0.id()).run().ok()?;
    let waits = bus.waits();
    assert!(waits <= 2, "delete waited {waits} times for the bus, and may twice");
    Ok(())
}

fn a_foreground_run_leaves_no_unit() -> Result {
    chapter!("config-linux.md#control-groups");
    let scope = Scope::build(Bundle::busybox().args(["true"]))?;
    // systemd hears of the end as well: whoever comes first, the unit goes.
    for _ in 0..20 {
        scope.call("run").ok()?;
        scope.is_gone()?;
    }
    Ok(())
}

fn a_container_that_ended_leaves_no_unit() -> Result {
    chapter!("runtime.md#delete");
    let scope = Scope::start(Bundle::busybox().sh("exit 3"))?;
    scope.0.wait_for("stopped")?;
    scope.is_gone()?;
    scope.0.delete().ok()?;
    scope.0.left_no_trace()
}

fn a_creation_that_fails_leaves_no_unit() -> Result {
    chapter!("cli#create");
    let scope = Scope::build(Bundle::busybox().args(["/no/such/program"]))?;
    scope.call("create").fails_with("/no/such/program")?;
    scope.is_gone()?;
    scope.0.left_no_trace()
}

fn a_name_is_free_again_at_once() -> Result {
    chapter!("cli#delete");
    let scope = Scope::build(Bundle::busybox().sleeping())?;
    for _ in 0..5 {
        scope.call("create").ok()?;
        scope.0.delete_by_force().ok()?;
    }
    Ok(())
}

fn a_unit_that_is_in_use_is_refused() -> Result {
    chapter!("cli#create");
    let first = Scope::start(Bundle::busybox().sleeping())?;
    let second = Scope::build(Bundle::busybox().sleeping())?;
    let path = format!("system.slice:spec:{}", first.0.id());
    second.0.reconfigure("/linux/cgroupsPath", path)?;
    let output = second.call("create").fails_with(&first.unit())?;
    assert!(output.stderr.contains("container's cgroup is not empty"), "{output}");
    assert_eq!(first.0.status()?, "running");
    assert_eq!(first.property("ActiveState")?, "active");
    Ok(())
}

fn a_process_is_added_to_the_scope() -> Result {
    chapter!("cli#exec");
    let scope = Scope::start(Bundle::busybox().sleeping().without_namespace("cgroup"))?;
    let output = scope.0.exec(["cat", "/proc/self/cgroup"]).ok()?;
    assert!(output.stdout.contains(&scope.unit()), "{output}");
    Ok(())
}

fn a_paused_scope_stands_still() -> Result {
    chapter!("cli#pause");
    let scope = Scope::start(Bundle::busybox().sleeping())?;
    scope.0.pause().ok()?;
    assert_eq!(scope.0.status()?, "paused");
    scope.0.resume().ok()?;
    assert_eq!(scope.0.status()?, "running");
    Ok(())
}

fn an_empty_path_is_a_scope_of_system_slice() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let scope = Scope::build(Bundle::busybox().sleeping())?;
    scope.0.reconfigure("/linux/cgroupsPath", "")?;
    scope.call("create").ok()?;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", scope.0.pid()?))?;
    assert!(groups.contains("/system.slice/"), "{groups}");
    assert!(groups.contains(&format!("-{}.scope", scope.0.id())), "{groups}");
    scope.0.delete_by_force().ok()?;
    Ok(())
}

fn a_path_that_names_no_unit_is_refused() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let scope = Scope::build(Bundle::busybox().sleeping())?;
    for (path, words) in [("/some/path", "slice:prefix:name"), ("noslice:spec:name", "slice")] {
        scope.0.reconfigure("/linux/cgroupsPath", path)?;
        scope.call("create").fails_with(words)?;
    }
    scope.0.left_no_trace()
}

fn annotated(name: &str, value: &str) -> Bundle {
    Bundle::busybox().sleeping().set("/annotations", json!({name: value}))
}

fn a_property_may_be_annotated() -> Result {
    chapter!("config.md#annotations");
    for (name, value, told) in
        [("TimeoutStopUSec", "uint64 7000000", "7s"), ("TimeoutStopSec", "8", "8s")]
    {
        let annotation = format!("org.systemd.property.{name}");
        let scope = Scope::create(annotated(&annotation, value))?;
        assert_eq!(scope.property("TimeoutStopUSec")?, told, "{name}");
    }
    Ok(())
}

fn cve_2024_3154_an_annotation_cannot_run_programs() -> Result {
    chapter!("config.md#annotations");
    for name in ["ExecStartPre", "FailureAction", "Conflicts"] {
        let value = "['sshd.service']";
        let annotation = format!("org.systemd.property.{name}");
        let scope = Scope::build(annotated(&annotation, value))?;
        scope.call("create").fails_with(name)?;
        scope.0.left_no_trace()?;
    }
    Ok(())
}

fn groups_below_the_scope_are_made() -> Result {
    chapter!("config.md#annotations");
    host::cgroup_v2()?;
    let annotations =
        json!({"run.oci.systemd.subgroup": "outer", "run.oci.delegate-cgroup": "inner"});
    let bundle = Bundle::busybox().sleeping().namespace("cgroup");
    let scope = Scope::start(bundle.set("/annotations", annotations))?;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", scope.0.pid()?))?;
    assert!(groups.trim().ends_with(&format!("{}/outer/inner", scope.unit())), "{groups}");
    scope.0.exec(["cat", "/proc/self/cgroup"]).says("0::/inner")?;
    scope.0.delete_by_force().ok()?;
    scope.0.left_no_trace()
}

fn a_user_has_a_scope_of_his_own_systemd() -> Result {
    chapter!("config-linux.md#cgroups-path");
    host::systemd()?;
    host::cgroup_v2()?;
    let uid = host::user_with_systemd()?;
    let map = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
    let bundle = Bundle::busybox().sleeping().namespace("user").owned_by(uid);
    let bundle = bundle.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map);
    let bundle = bundle.terminals_of_one_group();
    let bundle = bundle.set("/linux/resources/pids", json!({"limit": 20}));
    let container = bundle.build()?;
    container.reconfigure("/linux/cgroupsPath", format!("user.slice:spec:{}", container.id()))?;
    let call = |command: &str| {
        let id = uid.to_string();
        let words = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"];
        let call = container.bare_call().at_last_under(words);
        let call = call.env("XDG_RUNTIME_DIR", format!("/run/user/{uid}"));
        call.arg("--systemd-cgroup").arg("--root").arg(container.state_root()).arg(command)
    };
    let made = call("run").arg("--detach").arg("--bundle").arg(container.bundle());
    made.streams("container").arg(container.id()).run().ok()?;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", container.pid()?))?;
    let scope = format!("user@{uid}.service/user.slice/spec-{}.scope", container.id());
    assert!(groups.trim().ends_with(&scope), "{groups}");
    let path = format!("/sys/fs/cgroup/{}", groups.trim().trim_start_matches("0::/"));
    assert_eq!(fs::read_to_string(format!("{path}/pids.max"))?.trim(), "20");
    // From a session of the machine's, where the user has no right to leave it.
    let added = call("exec").arg("--detach").args([container.id(), "sleep", "7654"]).run();
    added.ok()?;
    let count = fs::read_to_string(format!("{path}/cgroup.procs"))?.lines().count();
    assert!(count >= 2, "{count} processes are in {path}");
    call("delete").args(["--force", container.id()]).run().ok()?;
    assert!(!PathBuf::from(&path).exists(), "{path} is left");
    container.left_no_trace()
}
