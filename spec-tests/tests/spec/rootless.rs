//! The runtime as an ordinary user, with one id of its own, and with helpers for more.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::{Value, json};
use spec_tests::runtime::{Call, Output};
use spec_tests::terminal::DescriptorSocket;
use spec_tests::{Bundle, Container, Result, chapter, host, shim, tests};

tests![
    a_container_runs_with_one_id,
    a_configuration_without_a_user_namespace_gets_one,
    a_container_lives_and_is_deleted,
    exec_works,
    exec_works_in_the_user_namespace_of_an_engine,
    a_mount_of_cgroups_works_without_the_right_to_one,
    the_exit_code_is_the_programs,
    files_belong_to_the_user,
    the_one_id_need_not_be_root_inside,
    several_ids_are_mapped_by_the_helpers,
    ids_that_the_user_does_not_have_are_refused,
    several_ids_without_the_helpers_are_refused,
    another_user_of_the_container_is_mapped,
    additional_groups_are_refused,
    groups_without_helpers_cannot_be_changed,
    the_default_devices_are_the_hosts,
    cve_2023_25809_the_hosts_sysfs_is_read_only,
    neither_a_cgroup_nor_a_pid_namespace_is_warned_of,
    limits_without_the_right_are_refused,
    a_cgroup_without_the_right_is_refused,
    a_mount_with_an_unmapped_id_is_refused,
    a_bind_mount_keeps_the_flags_that_are_locked,
    the_default_state_directory_is_the_users,
    a_terminal_works,
    processes_are_found_without_a_cgroup,
    a_seccomp_listener_is_handed_over,
    a_runtime_that_is_told_so_demands_its_cgroup,
];

/// Nobody of the host's.
const USER: u32 = 61_234;
/// Where the user's subordinate ids begin.
const SUBORDINATE: u32 = 700_000;

fn maps(sizes: &[(u32, u32, u32)]) -> Value {
    let line = |size: &(u32, u32, u32)| {
        let (inside, outside, size) = size;
        json!({"containerID": inside, "hostID": outside, "size": size})
    };
    sizes.iter().map(line).collect()
}

/// What an engine writes for such a user: no network or cgroup of its own.
fn bundle(maps_: &[(u32, u32, u32)]) -> Bundle {
    let sys = ["rbind", "nosuid", "noexec", "nodev", "ro"];
    let bundle = Bundle::busybox()
        .namespace("user")
        .without_namespace("network")
        .set("/linux/uidMappings", maps(maps_))
        .set("/linux/gidMappings", maps(maps_))
        .remove("/linux/resources")
        .remove("/linux/cgroupsPath")
        .remove("/mounts/5");
    bundle.terminals_of_one_group().mount("/sys", ("none", "/sys"), &sys).owned_by(USER)
}

fn alone() -> Bundle {
    bundle(&[(0, USER, 1)])
}

fn with_helpers() -> Bundle {
    bundle(&[(0, USER, 1), (1, SUBORDINATE, 1000)])
}

/// The words that make root the user.
fn drop_to_user() -> Vec<String> {
    let id = USER.to_string();
    let words = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--inh-caps=-all"];
    words.map(String::from).to_vec()
}

/// The call becomes the user's, with own files of subordinate ids.
fn as_user(container: &Container, call: Call) -> Result<Call> {
    host::program("setpriv")?;
    let directory = container.directory();
    let write = |name: &str, text: String| fs::write(directory.join(name), text);
    write("passwd", format!("root:x:0:0::/:/bin/sh\nspec:x:{USER}:{USER}::/:/bin/sh\n"))?;
    write("subid", format!("spec:{SUBORDINATE}:1000\n"))?;
    fs::create_dir_all(directory.join("run"))?;
    std::os::unix::fs::chown(directory.join("run"), Some(USER), Some(USER))?;
    let place = directory.to_string_lossy();
    let script = format!(
        "mount --bind {place}/passwd /etc/passwd; for name in subuid subgid; do \
         [ -e /etc/$name ] && mount --bind {place}/subid /etc/$name; done; exec \"$@\""
    );
    Ok(call
        .under(["unshare", "-m", "sh", "-c", &script, "sh"])
        .at_last_under(drop_to_user())
        .env("XDG_RUNTIME_DIR", directory.join("run")))
}

fn needs_user_namespaces() -> Result {
    host::program("setpriv")?;
    let id = USER.to_string();
    let status = std::process::Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .args(["unshare", "--user", "--map-root-user", "true"])
        .status()?;
    host::needs(status.success(), "needs user namespaces for ordinary users")
}

fn run(bundle: Bundle) -> Result<(Container, Output)> {
    needs_user_namespaces()?;
    let container = bundle.build()?;
    let output = as_user(&container, container.run_call().arg(container.id()))?.run();
    Ok((container, output))
}

fn needs_helpers() -> Result {
    host::program("newuidmap")?;
    let there = fs::exists("/etc/subuid")? && fs::exists("/etc/subgid")?;
    host::needs(there, "needs /etc/subuid and /etc/subgid to bind over")
}

fn a_container_runs_with_one_id() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let (_, output) = run(alone().sh("id -u; cat /proc/self/uid_map; hostname"))?;
    let output = output.ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    assert_eq!(words, ["0", "0", &USER.to_string(), "1", "spec"]);
    // Nothing is missed without a cgroup that nobody asked for.
    assert_eq!(output.stderr, "");
    Ok(())
}

fn a_configuration_without_a_user_namespace_gets_one() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let bundle = alone().remove("/linux/uidMappings").remove("/linux/gidMappings");
    let bundle = bundle.without_namespace("user").sh("cat /proc/self/uid_map; sleep 1000");
    let container = start(bundle)?;
    let words = ["sh", "-c", "id -u; cat /proc/self/uid_map"];
    let call = container.call("exec").arg(container.id()).args(words);
    let output = as_user(&container, call)?.run().ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    assert_eq!(words, ["0", "0", &USER.to_string(), "1"]);
    Ok(())
}

fn start(bundle: Bundle) -> Result<Container> {
    needs_user_namespaces()?;
    let container = bundle.build()?;
    as_user(&container, container.create_call().arg(container.id()))?.run().ok()?;
    as_user(&container, container.call("start").arg(container.id()))?.run().ok()?;
    Ok(container)
}

fn a_container_lives_and_is_deleted() -> Result {
    chapter!("runtime.md#lifecycle");
    let container = start(alone().sleeping())?;
    let call = |command: &str, words: &[&str]| -> Result<Output> {
        let call = container.call(command).arg(container.id()).args(words);
        as_user(&container, call)?.run().ok()
    };
    assert!(call("state", &[])?.stdout.contains("\"running\""));
    call("kill", &["KILL"])?;
    container.wait_for("stopped")?;
    call("delete", &[])?;
    container.left_no_trace()
}

fn exec_works() -> Result {
    chapter!("cli#exec");
    let container = start(alone().sleeping())?;
    let call = container.call("exec").args([container.id(), "id", "-u"]);
    as_user(&container, call)?.run().says("0")?;
    Ok(())
}

/// Engines of ordinary users call the runtime as the root of a user namespace that they made, in
/// a pid namespace that is not theirs.
fn exec_works_in_the_user_namespace_of_an_engine() -> Result {
    chapter!("cli#exec");
    needs_user_namespaces()?;
    let bundle = alone().sleeping().without_namespace("user");
    let bundle = bundle.remove("/linux/uidMappings").remove("/linux/gidMappings");
    let container = bundle.build()?;
    let root = container.state_root().to_string_lossy().into_owned();
    let id = container.id();
    // `run` returns a moment before the program is there.
    let script = format!(
        "\"$0\" \"$@\" >/dev/null && \
         until \"$0\" --root {root} exec {id} cat /proc/1/comm | grep -x sh; do :; done && \
         \"$0\" --root {root} delete --force {id}"
    );
    let engine = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &script];
    let words = drop_to_user().into_iter().chain(engine.map(String::from));
    let call = container.run_call().args(["--detach", id]);
    as_user(&container, call)?.at_last_under(words).run().says("sh")?;
    container.left_no_trace()
}

fn a_mount_of_cgroups_works_without_the_right_to_one() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let options = ["nosuid", "noexec", "nodev", "ro", "relatime"];
    let bundle = alone().namespace("cgroup");
    let bundle = bundle.mount("/sys/fs/cgroup", ("cgroup", "cgroup"), &options);
    let (_, output) = run(bundle.sh("test -d /sys/fs/cgroup && echo there"))?;
    output.says("there")?;
    Ok(())
}

fn the_exit_code_is_the_programs() -> Result {
    chapter!("cli#run");
    run(alone().sh("exit 42"))?.1.exits(42)?;
    Ok(())
}

fn files_belong_to_the_user() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let (container, output) = run(alone().sh("touch /made"))?;
    output.ok()?;
    assert_eq!(container.in_root("made").metadata()?.uid(), USER);
    Ok(())
}

fn the_one_id_need_not_be_root_inside() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let bundle = bundle(&[(1000, USER, 1)]).set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let (container, output) = run(bundle.sh("id -u; id -g; touch /made"))?;
    output.says("1000\n1000")?;
    assert_eq!(container.in_root("made").metadata()?.uid(), USER);
    Ok(())
}

fn several_ids_are_mapped_by_the_helpers() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    needs_helpers()?;
    let (_, output) = run(with_helpers().sh("cat /proc/self/uid_map /proc/self/gid_map"))?;
    let output = output.ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    let (user, first) = (USER.to_string(), SUBORDINATE.to_string());
    let map = ["0", &user, "1", "1", &first, "1000"];
    assert_eq!(words, [map, map].concat());
    Ok(())
}

fn ids_that_the_user_does_not_have_are_refused() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    needs_helpers()?;
    let (container, output) = run(bundle(&[(0, USER, 1), (1, 900_000, 10)]))?;
    output.fails()?;
    container.left_no_trace()
}

fn several_ids_without_the_helpers_are_refused() -> Result {
    chapter!("cli#create");
    needs_user_namespaces()?;
    let container = with_helpers().build()?;
    let call = as_user(&container, container.run_call().arg(container.id()))?;
    let without_path = [&drop_to_user()[..], &["env", "PATH=/nowhere"].map(String::from)].concat();
    call.at_last_under(without_path).run().fails()?;
    container.left_no_trace()
}

fn another_user_of_the_container_is_mapped() -> Result {
    chapter!("config.md#posix-platform-user");
    needs_helpers()?;
    let user = json!({"uid": 7, "gid": 8});
    let (_, output) = run(with_helpers().sh("id -u; id -g").set("/process/user", user))?;
    assert_eq!(output.ok()?.lines(), ["7", "8"]);
    Ok(())
}

fn additional_groups_are_refused() -> Result {
    chapter!("config.md#posix-platform-user");
    let groups = [0].to_vec();
    let (_, output) = run(alone().set("/process/user/additionalGids", groups))?;
    output.fails()?;
    Ok(())
}

fn groups_without_helpers_cannot_be_changed() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    run(alone().sh("cat /proc/self/setgroups"))?.1.says("deny")?;
    Ok(())
}

fn the_default_devices_are_the_hosts() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "echo x > /dev/null; head -c 3 /dev/zero | wc -c; stat -c '%F %t %T' /dev/null";
    let (_, output) = run(alone().sh(script))?;
    assert_eq!(output.ok()?.lines(), ["3", "character special file 1 3"]);
    Ok(())
}

fn cve_2023_25809_the_hosts_sysfs_is_read_only() -> Result {
    chapter!("config.md#linux-mount-options");
    let (_, output) = run(alone().sh("grep ' /sys ' /proc/self/mountinfo"))?;
    let output = output.ok()?;
    let mount = spec_tests::mountinfo::at(&output.stdout, "/sys")?;
    for word in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(word), "{word} {mount:?}");
    }
    Ok(())
}

fn neither_a_cgroup_nor_a_pid_namespace_is_warned_of() -> Result {
    chapter!("cli#create");
    host::cgroupfs_driver()?;
    const WORDS: &str = "Such configuration is strongly discouraged";
    let (_, output) = run(alone().args(["true"]))?;
    assert!(!output.ok()?.stderr.contains(WORDS));
    let options = json!(["rbind", "nosuid", "nodev", "noexec"]);
    let proc =
        json!({"destination": "/proc", "type": "none", "source": "/proc", "options": options});
    let bundle = alone().without_namespace("pid").set("/mounts/0", proc).args(["true"]);
    let (_, output) = run(bundle)?;
    let output = output.ok()?;
    assert!(output.stderr.contains(WORDS), "{output}");
    Ok(())
}

fn limits_without_the_right_are_refused() -> Result {
    chapter!("cli#create");
    let limit = json!({"memory": {"limit": 64 << 20}});
    let (container, output) =
        run(alone().set("/linux/resources", limit).set("/linux/cgroupsPath", ""))?;
    output.fails()?;
    assert!(container.cgroups().is_empty());
    Ok(())
}

fn a_cgroup_without_the_right_is_refused() -> Result {
    chapter!("cli#create");
    host::cgroupfs_driver()?;
    let (container, output) = run(alone().set("/linux/cgroupsPath", "/spec-of-nobody/a"))?;
    let output = output.fails_with("unable to apply cgroup configuration")?;
    assert!(output.stderr.contains("permission denied"), "{output}");
    container.left_no_trace()
}

fn a_mount_with_an_unmapped_id_is_refused() -> Result {
    chapter!("cli#create");
    let (container, output) = run(alone().mount("/mnt", ("tmpfs", "tmpfs"), &["uid=1000"]))?;
    output.fails()?;
    container.left_no_trace()
}

/// Of a mount that the host's root has made; the user may add flags, and take none back.
fn a_bind_mount_keeps_the_flags_that_are_locked() -> Result {
    chapter!("cli#create");
    needs_user_namespaces()?;
    let run = |word: &str| -> Result<Output> {
        let bundle = alone().sh("cat /proc/self/mountinfo").directory("../host");
        let container = bundle.bind("host", "/mnt", &[word]).build()?;
        let call = as_user(&container, container.run_call().arg(container.id()))?;
        Ok(call.after_shell("mount -t tmpfs -o nosuid,nodev,noexec none bundle/host;").run())
    };
    let table = run("ro")?.ok()?.stdout;
    let mount = spec_tests::mountinfo::at(&table, "/mnt")?;
    for flag in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(flag), "{flag}: {mount:?}");
    }
    run("exec")?.fails()?;
    Ok(())
}

fn the_default_state_directory_is_the_users() -> Result {
    chapter!("cli#create");
    needs_user_namespaces()?;
    let container = alone().sleeping().build()?;
    let id = container.id();
    let call = container.bare_call().args(["create", "--bundle"]);
    let call = call.arg(container.bundle()).arg(id).streams("container");
    as_user(&container, call)?.run().ok()?;
    let run = container.directory().join("run");
    let places = fs::read_dir(&run)?.flatten();
    let found = places.map(|entry| entry.path().join(id)).any(|path| path.exists());
    let call = container.bare_call().args(["delete", "--force", id]);
    as_user(&container, call)?.run().ok()?;
    assert!(found, "nothing of {id} below {}", run.display());
    container.left_no_trace()
}

fn a_terminal_works() -> Result {
    chapter!("config.md#process");
    needs_user_namespaces()?;
    let container =
        alone().sh("test -t 1 && echo terminal").set("/process/terminal", true).build()?;
    let terminal = spec_tests::terminal::Terminal::new(24, 80)?;
    let call = container.run_call().arg(container.id());
    as_user(&container, call)?.on_terminal(terminal.user).run().ok()?;
    let text = spec_tests::terminal::read_to_end(&terminal.controller)?;
    assert!(text.contains("terminal\r\n"), "{text}");
    Ok(())
}

fn processes_are_found_without_a_cgroup() -> Result {
    chapter!("cli#ps");
    let container = start(alone().sleeping())?;
    let call = |command: &str, words: &[&str]| -> Result<Output> {
        let call = container.call(command).args(words);
        as_user(&container, call)?.run().ok()
    };
    let pid = container.pid()?;
    let pids = call("ps", &["--format", "json", container.id()])?;
    let pids: Vec<i32> = serde_json::from_str(&pids.stdout)?;
    assert!(pids.contains(&pid), "{pids:?} {pid}");
    container.wait_for_handler()?;
    call("kill", &["--all", container.id(), "TERM"])?;
    container.wait_for("stopped")?;
    call("delete", &[container.id()])?;
    Ok(())
}

fn a_seccomp_listener_is_handed_over() -> Result {
    chapter!("config-linux.md#seccomp");
    shim::needs(shim::LISTENER)?;
    needs_user_namespaces()?;
    let container = alone().sleeping().build()?;
    let socket = DescriptorSocket::new(container.directory(), "seccomp.sock")?;
    fs::set_permissions(socket.path(), fs::Permissions::from_mode(0o777))?;
    let filter = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": socket.path(),
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}],
    });
    container.reconfigure("/linux/seccomp", filter)?;
    let create = container.create_call().arg(container.id());
    as_user(&container, create)?.run().ok()?;
    let start = container.call("start").arg(container.id());
    as_user(&container, start)?.run().ok()?;
    let (message, _listener) = socket.receive()?;
    let message: Value = serde_json::from_str(&message)?;
    assert_eq!(message["pid"], container.pid()?);
    let exec = container.call("exec").args([container.id(), "true"]);
    as_user(&container, exec)?.run().ok()?;
    let (message, _listener) = socket.receive()?;
    let message: Value = serde_json::from_str(&message)?;
    assert_eq!(message["state"]["status"], "running");
    as_user(&container, container.call("delete").args(["--force", container.id()]))?.run().ok()?;
    Ok(())
}

/// `--rootless=false`: what an ordinary user has no right to is an error again.
fn a_runtime_that_is_told_so_demands_its_cgroup() -> Result {
    chapter!("cli#global");
    needs_user_namespaces()?;
    let container = alone().args(["true"]).build()?;
    let run = |value: &str| -> Result<Output> {
        let root = container.directory().join("run").join("state");
        let call = container.bare_call().arg("--root").arg(root).args(["--rootless", value]);
        let call = call.args(["run", "--bundle"]).arg(container.bundle()).arg(container.id());
        Ok(as_user(&container, call)?.run())
    };
    run("auto")?.ok()?;
    run("true")?.ok()?;
    run("false")?.fails()?;
    Ok(())
}
