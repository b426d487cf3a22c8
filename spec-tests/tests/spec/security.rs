//! Attacks on runtimes that were published, tried for real: an image, a volume or a process inside
//! that reaches for the host.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::{Value, json};
use spec_tests::bundle::install;
use spec_tests::canary::Canary;
use spec_tests::config::mount;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    cve_2024_21626_a_program_below_a_descriptor_is_not_run,
    cve_2024_21626_an_interpreter_below_a_descriptor_is_not_run,
    cve_2024_21626_exec_does_not_start_below_a_descriptor,
    cve_2019_5736_the_runtime_is_not_overwritten,
    cve_2016_9962_a_joining_process_shows_no_descriptor,
    cve_2019_16884_nothing_covers_the_files_of_labels,
    cve_2019_19921_proc_and_sys_are_no_links,
    cve_2026_41579_a_link_instead_of_dev_leads_nowhere,
    cve_2025_31133_a_replaced_null_hides_nothing_writable,
    cve_2019_18837_links_of_the_root_lead_inside,
    cve_2025_52881_a_covered_proc_gets_no_writes,
    cve_2022_0811_sysctls_of_the_host_are_refused,
    ghsa_w2j5_a_joined_network_of_the_host_takes_no_sysctls,
    cve_2021_43784_fields_that_hold_a_nul_are_refused,
    cve_2021_43784_huge_fields_are_refused,
    cve_2025_24965_a_handler_writes_no_file,
    hardening_ids_that_lead_elsewhere_are_refused,
    hardening_groups_that_lead_elsewhere_are_refused,
    hardening_a_descriptor_of_the_runtime_is_not_passed_for_the_callers,
    a_long_answer_of_a_hook_is_told,
    a_volume_stays_shared_when_the_host_goes,
];

/// Beyond what a runtime has open by then.
const DESCRIPTORS: std::ops::RangeInclusive<u32> = 3..=24;

/// The host's busybox through a descriptor that a runtime may have left open: as high as it goes,
/// and then down again.
fn below_descriptor(number: u32, path: &str) -> String {
    format!("/proc/self/fd/{number}{}{path}", "/..".repeat(12))
}

/// A busybox of the host where no container has one.
fn host_program(container: &Container) -> Result<String> {
    let path = container.directory().join("host/busybox");
    fs::create_dir(container.directory().join("host"))?;
    install(&container.in_root("bin/busybox"), &path)?;
    Ok(path.to_string_lossy().into_owned())
}

fn cve_2024_21626_a_program_below_a_descriptor_is_not_run() -> Result {
    chapter!("config.md#process");
    let running = Bundle::busybox().sleeping().start()?;
    let program = host_program(&running)?;
    let container = Bundle::busybox().build()?;
    for number in DESCRIPTORS {
        let program = below_descriptor(number, &program);
        container.reconfigure("/process/args", vec![program.as_str(), "echo", "escaped"])?;
        container.run().fails()?;
        running.exec([program.as_str(), "echo", "escaped"]).fails()?;
    }
    container.left_no_trace()
}

fn cve_2024_21626_an_interpreter_below_a_descriptor_is_not_run() -> Result {
    chapter!("config.md#process");
    let container = Bundle::busybox().build()?;
    let program = host_program(&container)?;
    // The kernel reads no more of the first line.
    assert!(below_descriptor(10, &program).len() < 250);
    for number in DESCRIPTORS {
        let script = format!("#!{} echo\n", below_descriptor(number, &program));
        fs::write(container.in_root("script"), script)?;
        fs::set_permissions(container.in_root("script"), Permissions::from_mode(0o755))?;
        container.reconfigure("/process/args", vec!["/script"])?;
        container.run().fails()?;
    }
    container.left_no_trace()
}

fn cve_2024_21626_exec_does_not_start_below_a_descriptor() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let inside = fs::metadata(container.in_root("/"))?.ino().to_string();
    for number in DESCRIPTORS {
        for path in [format!("/proc/self/fd/{number}"), below_descriptor(number, "")] {
            let output = container.exec_with(["--cwd", &path], ["stat", "-c", "%i", "."]);
            // It may have been the container's own root.
            assert!(output.code() != Some(0) || output.stdout.trim() == inside, "{path}: {output}");
        }
    }
    Ok(())
}

/// A process inside that is the runtime, as its image wants it; and another one that takes hold of
/// the first one's program file, and writes to it when nobody runs it any more.
fn cve_2019_5736_the_runtime_is_not_overwritten() -> Result {
    chapter!("cli#exec");
    let own = &spec_tests::runtime::Runtime::get()?.program;
    let bundle = Bundle::busybox().sleeping().directory("bundle").remove("/linux/maskedPaths");
    let container = bundle.start()?;
    // The victim is a copy, in case it falls.
    let victim = container.directory().join("victim");
    install(own, &victim)?;
    let fifo = container.in_root("bundle/config.json");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let words = ["exec", container.id(), "/proc/self/exe", "--root", "/tmp", "run", "-b"];
    let mut exec = Command::new(&victim)
        .arg("--root")
        .arg(container.state_root())
        .args(words)
        .args(["/bundle", "inner"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Where the runtime refuses to run inside, nothing is ever found.
    let attack = "while [ ! -e /bundle/refused ]; do
          for exe in /proc/[0-9]*/exe; do
            case $(readlink $exe) in
              /bin/*|'') ;;
              *) command exec 3<$exe || continue; echo {} > /bundle/config.json;
                 while [ -e $exe ]; do usleep 1000; done;
                 for try in $(seq 50); do
                   echo overwritten > /proc/self/fd/3 && exit 0; usleep 2000; done; exit 1;;
            esac; done; usleep 5000; done 2>/dev/null; exit 2";
    let call = container.call("exec").args([container.id(), "sh", "-c", attack]);
    let mut attacker = call.streams("attack").spawn()?;
    let end = wait_until(PATIENCE, || match exec.try_wait() {
        Ok(None) if !attacker.has_ended() => None,
        end => Some(end),
    });
    fs::write(container.in_root("bundle/refused"), "")?;
    let output = attacker.wait();
    let refused = end.transpose()?.flatten().is_some_and(|status| !status.success());
    exec.kill()?;
    exec.wait()?;
    assert!(fs::read(own)? == fs::read(&victim)?, "it was overwritten: {output}");
    // It was found and could not be written, or the runtime does not run inside.
    assert!(output.code() == Some(1) || refused, "{output}");
    Ok(())
}

/// What the new process has open is not to be seen before it is the container's program.
fn cve_2016_9962_a_joining_process_shows_no_descriptor() -> Result {
    chapter!("cli#exec");
    let spy = "cd /proc; while [ ! -e /end ]; do
          for fd in [0-9]*/fd/[3-9] [0-9]*/fd/1[0-9]; do
            case $fd in 1/*) ;; *) [ -e $fd ] && readlink $fd;; esac; done; done; echo end";
    let container = Bundle::busybox().sh(spy).start()?;
    for _ in 0..200 {
        container.exec(["true"]).ok()?;
    }
    fs::write(container.in_root("end"), "")?;
    let seen = container.log_at_end()?;
    assert!(seen == "end\n", "{}", &seen[..seen.len().min(500)]);
    Ok(())
}

/// A volume with files like those that labels and limits are written to.
fn cve_2019_16884_nothing_covers_the_files_of_labels() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox().file("fake/exec", "fake", 0o666);
    let bundle = bundle.file("fake/attr/exec", "fake", 0o666);
    let container = bundle.file("fake/self/attr/exec", "fake", 0o666).build()?;
    symlink("proc", container.in_root("link"))?;
    let config: Value = serde_json::from_slice(&fs::read(container.bundle().join("config.json"))?)?;
    for target in [
        "/proc/self/attr",
        "/proc/self",
        "/proc/thread-self/attr",
        "/proc/1/attr",
        "/proc/../proc/self/attr",
        "//proc/./self/attr",
        "/link/self/attr",
        "/proc/sys/kernel",
    ] {
        for what in [("tmpfs", "tmpfs"), ("bind", "rootfs/fake"), ("bind", "rootfs/fake/attr")] {
            let mut mounts = config["mounts"].clone();
            let mount = mount(target, what, if what.0 == "bind" { &["bind"] } else { &[] });
            mounts.as_array_mut().into_iter().for_each(|list| list.push(mount.clone()));
            container.reconfigure("/mounts", mounts)?;
            let refused = container.create().fails();
            refused.map_err(|error| error.context(format!("{what:?} at {target}")))?;
            container.left_no_trace()?;
        }
    }
    container.reconfigure("/mounts", json!([mount("/proc", ("tmpfs", "tmpfs"), &[])]))?;
    container.create().fails()?;
    container.left_no_trace()
}

fn cve_2019_19921_proc_and_sys_are_no_links() -> Result {
    chapter!("config.md#mounts");
    let own = || Bundle::busybox().directory("volume");
    for (name, bundle) in [
        ("proc", own()),
        ("sys", own()),
        (
            "sys",
            own()
                .set("/mounts/5/type", "none")
                .set("/mounts/5/source", "/sys")
                .set("/mounts/5/options", json!(["rbind", "ro"])),
        ),
    ] {
        let container = bundle.build()?;
        fs::remove_dir(container.in_root(name))?;
        symlink("/volume", container.in_root(name))?;
        let output = container.create().fails()?;
        if name == "proc" {
            output.fails_with("must be mounted on ordinary directory")?;
        }
        container.left_no_trace()?;
        assert_eq!(fs::read_dir(container.in_root("volume"))?.count(), 0);
    }
    Ok(())
}

/// `/dev` without a mount of its own, and a link that would lead to the host.
fn cve_2026_41579_a_link_instead_of_dev_leads_nowhere() -> Result {
    chapter!("config-linux.md#default-devices");
    let mount = json!({"destination": "/proc", "type": "proc", "source": "proc"});
    let container = Bundle::busybox().set("/mounts", json!([mount])).build()?;
    let canary = Canary::new(&container)?;
    for target in [canary.path().to_owned(), canary.from(&container, "/")] {
        let dev = container.in_root("dev");
        fs::remove_dir(&dev).or_else(|_| fs::remove_file(&dev))?;
        symlink(&target, &dev)?;
        drop(container.run());
        canary.lives()?;
    }
    container.left_no_trace()
}

/// What is put over a hidden file is looked at before: it could be another one to write to.
fn cve_2025_31133_a_replaced_null_hides_nothing_writable() -> Result {
    chapter!("config-linux.md#masked-paths");
    let script = "cat /secret; echo written > /secret; true";
    for kind in ["link", "file", "device"] {
        let bundle = Bundle::busybox().sh(script).file("secret", "secret", 0o644);
        let bundle = bundle.file("victim", "victim", 0o644).file("volume/full", "", 0o644);
        let container = bundle.set("/linux/maskedPaths", json!(["/secret"])).build()?;
        let null = container.in_root("volume/null");
        match kind {
            "link" => symlink("/victim", &null)?,
            "file" => fs::write(&null, "victim")?,
            _ => mknodat(CWD, &null, FileType::CharacterDevice, Mode::RUSR, makedev(1, 5))?,
        }
        let volume = mount("/dev", ("bind", "rootfs/volume"), &["bind"]);
        let proc = mount("/proc", ("proc", "proc"), &[]);
        container.reconfigure("/mounts", json!([proc, volume]))?;
        let output = container.run();
        assert!(!output.stdout.contains("secret"), "{kind}: {output}");
        assert!(!output.stdout.contains('\0'), "{kind}: {output}");
        assert_eq!(fs::read_to_string(container.in_root("victim"))?, "victim", "{kind}");
        if kind == "file" {
            assert_eq!(fs::read_to_string(&null)?, "victim", "{kind}");
        }
        container.left_no_trace()?;
    }
    Ok(())
}

/// Links on the way to the target of a mount: absolute, upwards, dangling, and long chains.
fn cve_2019_18837_links_of_the_root_lead_inside() -> Result {
    chapter!("config.md#mounts");
    let container = Bundle::busybox().directory("source").directory("long").build()?;
    let canary = Canary::new(&container)?;
    symlink(canary.path(), container.in_root("absolute"))?;
    symlink(canary.from(&container, "/"), container.in_root("upwards"))?;
    symlink(canary.path().join("none/below"), container.in_root("dangling"))?;
    for number in 0..60 {
        let next = if number == 59 {
            canary.path().to_owned()
        } else {
            format!("chain{}", number + 1).into()
        };
        symlink(next, container.in_root(&format!("chain{number}")))?;
    }
    // As much as a link can hold.
    symlink("./".repeat(2040) + "../absolute", container.in_root("long/link"))?;
    let config: Value = serde_json::from_slice(&fs::read(container.bundle().join("config.json"))?)?;
    let source = container.in_root("source").to_string_lossy().into_owned();
    for target in ["absolute", "upwards", "dangling", "chain0", "chain30", "long/link"] {
        for below in ["", "/x", "/ptmx", "/../y"] {
            let target = format!("/{target}{below}");
            let mut mounts = config["mounts"].clone();
            let mount = mount(&target, ("bind", &source), &["rbind"]);
            mounts.as_array_mut().into_iter().for_each(|list| list.push(mount.clone()));
            container.reconfigure("/mounts", mounts)?;
            drop(container.run());
            canary.lives()?;
        }
    }
    container.left_no_trace()
}

/// A volume over /proc/sys, by way of a link: what the runtime writes must not land in it.
fn cve_2025_52881_a_covered_proc_gets_no_writes() -> Result {
    chapter!("config-linux.md#sysctl");
    let bundle = Bundle::busybox().file("volume/ip_forward", "canary", 0o644);
    let bundle = bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
    let container = bundle.bind("rootfs/volume", "/link/sys/net/ipv4", &["bind"]).build()?;
    symlink("proc", container.in_root("link"))?;
    drop(container.run());
    assert_eq!(fs::read_to_string(container.in_root("volume/ip_forward"))?, "canary");
    container.left_no_trace()
}

fn cve_2022_0811_sysctls_of_the_host_are_refused() -> Result {
    chapter!("config-linux.md#sysctl");
    let core_pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    for key in [
        "kernel.core_pattern",
        "kernel/core_pattern",
        "net/../kernel/core_pattern",
        "net.ipv4/../../kernel/core_pattern",
        "kernel.shm_rmid_forced=1+kernel.core_pattern",
        "kernel.shm_rmid_forced\nkernel.core_pattern",
        "/kernel/core_pattern",
        "vm.overcommit_memory",
        "kernel.hostname",
    ] {
        let container = Bundle::busybox().build()?;
        // What it is already, in case it is written.
        let value = match key.contains("overcommit") {
            true => fs::read_to_string("/proc/sys/vm/overcommit_memory")?,
            false => core_pattern.clone(),
        };
        container.reconfigure("/linux/sysctl", json!({key: value.trim()}))?;
        container.create().fails().map_err(|error| error.context(key))?;
        container.left_no_trace()?;
    }
    for (kind, key) in [("network", "net.ipv4.ip_forward"), ("ipc", "kernel.shmmni")] {
        let bundle = Bundle::busybox().without_namespace(kind);
        let container = bundle.build()?;
        container.reconfigure("/linux/sysctl", json!({key: "1"}))?;
        container.create().fails()?;
    }
    Ok(())
}

fn ghsa_w2j5_a_joined_network_of_the_host_takes_no_sysctls() -> Result {
    chapter!("config-linux.md#sysctl");
    let own = "/proc/sys/net/ipv4/ip_default_ttl";
    let before = fs::read_to_string(own)?;
    let bundle = Bundle::busybox().without_namespace("network");
    let namespace = json!({"type": "network", "path": "/proc/self/ns/net"});
    let container = bundle.set("/linux/namespaces/-", namespace).build()?;
    // What it is already, in case it is written.
    container.reconfigure("/linux/sysctl", json!({"net.ipv4.ip_default_ttl": before.trim()}))?;
    container.create().fails_with("host network namespace")?;
    container.left_no_trace()
}

fn cve_2021_43784_fields_that_hold_a_nul_are_refused() -> Result {
    chapter!("config.md#process");
    let mount = |part: &str| {
        let mut mount = mount("/tmp", ("tmpfs", "tmpfs"), &["ro"]);
        mount[part] = match part {
            "options" => json!(["mode=755\0"]),
            _ => "/tmp\0".into(),
        };
        mount
    };
    for (pointer, value) in [
        ("/process/args", json!(["true\0x"])),
        ("/process/env/-", json!("A=\0")),
        ("/process/cwd", json!("/tmp\0")),
        ("/root/path", json!("rootfs\0x")),
        ("/hostname", json!("a\0b")),
        ("/mounts/-", mount("destination")),
        ("/mounts/-", mount("source")),
        ("/mounts/-", mount("type")),
        ("/mounts/-", mount("options")),
        ("/linux/maskedPaths/-", json!("/proc/kcore\0")),
        ("/linux/readonlyPaths/-", json!("/proc/sys\0")),
        ("/linux/namespaces/0", json!({"type": "pid", "path": "/proc/self/ns/pid\0"})),
        ("/linux/sysctl", json!({"net.ipv4.ip_forward": "1\0"})),
        ("/hooks/createRuntime/-", json!({"path": "/bin/true\0"})),
    ] {
        let container = Bundle::busybox().set(pointer, value).build()?;
        let output = container.create();
        output.fails().map_err(|error| error.context(pointer))?;
        container.left_no_trace()?;
    }
    Ok(())
}

fn cve_2021_43784_huge_fields_are_refused() -> Result {
    chapter!("config.md#process");
    let huge = "a".repeat(70_000);
    let maps: Vec<_> = (0..400)
        .map(|id| json!({"containerID": id, "hostID": 100_000 + 2 * id, "size": 1}))
        .collect();
    for (pointer, value) in [
        ("/process/cwd", json!(format!("/{huge}"))),
        ("/hostname", json!(huge)),
        ("/root/path", json!(huge)),
        ("/mounts/-", mount(&format!("/{huge}"), ("tmpfs", "tmpfs"), &[])),
        ("/linux/namespaces/0", json!({"type": "pid", "path": format!("/{huge}")})),
        ("/linux/cgroupsPath", json!(format!("/{huge}"))),
        ("/process/args", json!([format!("/{huge}")])),
        ("/linux/uidMappings", json!(maps)),
    ] {
        let container = Bundle::busybox().set(pointer, value).build()?;
        if pointer == "/linux/uidMappings" {
            container.reconfigure("/linux/gidMappings", json!([maps[0]]))?;
            container.reconfigure("/linux/namespaces/5", json!({"type": "user"}))?;
        }
        let output = container.create();
        output.fails().map_err(|error| error.context(pointer))?;
        container.left_no_trace()?;
    }
    Ok(())
}

/// Where crun has handlers it writes a file for them into the root.
fn cve_2025_24965_a_handler_writes_no_file() -> Result {
    chapter!("config.md#annotations");
    for handler in ["krun", "wasm", "wasmtime", "dotnet", "python"] {
        let bundle = Bundle::busybox().set("/annotations", json!({"run.oci.handler": handler}));
        let container = bundle.build()?;
        let canary = Canary::new(&container)?;
        let target = canary.from(&container, "/").join("new");
        symlink(target, container.in_root(".krun_config.json"))?;
        let before = fs::read_dir(container.in_root("/"))?.count();
        drop(container.run());
        canary.lives()?;
        assert_eq!(fs::read_dir(container.in_root("/"))?.count(), before, "{handler}");
    }
    Ok(())
}

fn hardening_ids_that_lead_elsewhere_are_refused() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    let canary = Canary::new(&container)?;
    for id in ["../canary", "a/../../canary", "/canary", ".", "..", "", "a/b", "a\nb"] {
        let created = container.create_call().arg(id).run();
        canary.lives()?;
        created.fails()?;
        for command in ["state", "start", "delete"] {
            container.call(command).arg(id).run().fails()?;
        }
        drop(container.call("delete").args(["--force", id]).run());
        canary.lives()?;
    }
    container.left_no_trace()
}

/// crun's hardening of 2025 and 2026: a group below the container's may not be one above it.
fn hardening_groups_that_lead_elsewhere_are_refused() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    for group in ["..", "../..", "a/../..", "/../x", "../x"] {
        let exec = container.exec_with(["--cgroup", group], ["true"]);
        exec.fails().map_err(|error| error.context(group))?;
    }
    let words = ["--systemd-cgroup", "--root"];
    for (key, value) in [
        ("run.oci.systemd.subgroup", "../x"),
        ("run.oci.systemd.subgroup", "a/../../x"),
        ("run.oci.delegate-cgroup", "../x"),
    ] {
        let annotations = json!({"run.oci.systemd.subgroup": "a", key: value});
        let container = Bundle::busybox().set("/annotations", annotations).build()?;
        let path = format!("system.slice:spec:{}", container.id());
        container.reconfigure("/linux/cgroupsPath", path)?;
        let call = container.bare_call().args(words).arg(container.state_root()).arg("create");
        let call = call.arg("--bundle").arg(container.bundle()).arg(container.id());
        call.run().fails().map_err(|error| error.context(key))?;
        container.left_no_trace()?;
    }
    Ok(())
}

/// The caller promises a descriptor that it has not: the runtime has opened one of that number.
fn hardening_a_descriptor_of_the_runtime_is_not_passed_for_the_callers() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    for count in 1..12 {
        let words =
            ["--preserve-fds", &count.to_string(), container.id(), "ls", "-l", "/proc/self/fd"];
        container.call("exec").args(words).after_shell("exec 3<&-;").run().fails()?;
    }
    Ok(())
}

/// Init tells the runtime of it, in one message.
fn a_long_answer_of_a_hook_is_told() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let script = "echo begin; head -c 60000 /dev/zero | tr '\\0' '\\1'; exit 3";
    let container = Bundle::busybox().hook("createContainer", script).build()?;
    container.create().fails_with("exit status 3, stdout: begin")?;
    container.left_no_trace()
}

fn a_volume_stays_shared_when_the_host_goes() -> Result {
    chapter!("config-linux.md#rootfs-mount-propagation");
    let bundle = Bundle::busybox().args(["cat", "/proc/self/mountinfo"]);
    let bundle = bundle.set("/linux/rootfsPropagation", "shared").directory("volume");
    let container = bundle.bind("rootfs/volume", "/shared", &["rbind", "rshared"]).build()?;
    let volume = container.in_root("volume").to_string_lossy().into_owned();
    let script = "mount --make-rprivate / && mount -t tmpfs none $0 && mount --make-shared $0 && \
                  exec \"$@\"";
    let call = container.run_call().arg(container.id());
    let output = call.under(["unshare", "-m", "sh", "-c", script, &volume]).run().ok()?;
    let line = output.lines().into_iter().find(|line| line.contains(" /shared "));
    assert!(line.is_some_and(|line| line.contains(" shared:")), "{output}");
    Ok(())
}
