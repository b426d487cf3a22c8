//! checkpoint and restore, through criu(8).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Context;
use spec_tests::container::{PATIENCE, namespace_of};
use spec_tests::holder::Holder;
use spec_tests::runtime::{Call, Output, Runtime, wait_until};
use spec_tests::scratch::Scratch;
use spec_tests::terminal::{DescriptorSocket, read_until, type_into};
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    a_restored_container_goes_on_where_it_was,
    a_container_is_gone_once_it_is_written_down,
    a_container_may_be_left_running,
    a_paused_container_is_written_down,
    a_restored_container_is_written_down_again,
    only_a_running_container_is_written_down,
    mounts_are_as_they_were,
    the_cgroup_hierarchies_are_mounted_again,
    a_mount_point_that_the_image_lacks_is_made,
    a_joined_network_namespace_is_joined_again,
    the_cgroup_and_its_limits_are_those_of_the_configuration,
    hooks_run_with_the_restored_process,
    a_failing_hook_fails_the_restore,
    a_foreground_restore_gives_the_exit_code,
    a_terminal_is_sent_to_the_socket,
    a_pipe_is_replaced_by_the_callers,
    a_failing_dump_leaves_the_container_and_says_why,
    a_failing_restore_leaves_no_trace_and_says_why,
    cve_2024_8676_a_made_up_list_of_descriptors_is_refused,
    cve_2024_8676_a_link_in_the_logs_place_is_not_followed,
    what_changed_since_a_dump_of_memory_is_dumped,
    a_wrong_option_is_refused,
];

/// Counts in the root, for as long as it lives.
const COUNT: &str =
    "i=0; while :; do i=$((i+1)); echo $i >/tmp/n; mv /tmp/n /count; sleep 0.05; done";
/// Without files of the host as standard streams, which no dump could name.
const QUIET: [&str; 4] = ["sh", "-c", "exec \"$@\" </dev/null >/dev/null 2>&1", "sh"];

/// Skips where the runtime has no such commands, or CRIU does not work.
fn possible(container: &Container) -> Result {
    static CRIU: OnceLock<String> = OnceLock::new();
    let help = container.bare_call().arg("--help").run();
    host::needs(help.text().contains("checkpoint"), "the runtime does not checkpoint")?;
    let why = CRIU.get_or_init(|| match Command::new("criu").arg("check").output() {
        Ok(output) if output.status.success() => String::new(),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("criu check: {}", text.lines().last().unwrap_or("it fails"))
        }
        Err(error) => format!("criu: {error}"),
    });
    host::needs(why.is_empty(), why)
}

/// A container that runs and can be written down.
fn running(bundle: Bundle) -> Result<Container> {
    let container = bundle.build()?;
    possible(&container)?;
    run_quietly(&container)?;
    Ok(container)
}

/// Runs it, until its program is there.
fn run_quietly(container: &Container) -> Result {
    container.run_call().args(["--detach", container.id()]).under(QUIET).run().ok()?;
    container.proc_file("status").map(drop)
}

fn images(container: &Container) -> PathBuf {
    container.directory().join("images")
}

fn checkpoint_call(container: &Container, options: &[&str]) -> Call {
    let call = container.call("checkpoint").arg("--image-path").arg(images(container));
    call.args(options).arg(container.id())
}

fn checkpoint(container: &Container, options: &[&str]) -> Output {
    checkpoint_call(container, options).run()
}

fn restore_call(container: &Container, options: &[&str]) -> Call {
    let call = container.call("restore").arg("--image-path").arg(images(container));
    call.arg("--bundle").arg(container.bundle()).args(options).arg(container.id())
}

fn restore(container: &Container) -> Output {
    restore_call(container, &["--detach"]).streams("container").run()
}

fn count(container: &Container) -> Result<u32> {
    let path = container.in_root("count");
    let read = || fs::read_to_string(&path).ok()?.trim().parse().ok();
    wait_until(PATIENCE, read).context("nobody counts")
}

/// Waits until it counts on from there.
fn counts_on(container: &Container, from: u32) -> Result {
    wait_until(PATIENCE, || count(container).ok().filter(|now| *now > from + 1))
        .with_context(|| format!("it does not count on from {from}"))?;
    Ok(())
}

/// Writes it down and makes it again.
fn cycle(container: &Container) -> Result {
    checkpoint(container, &[]).ok()?;
    restore(container).ok()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn a_restored_container_goes_on_where_it_was() -> Result {
    chapter!("cli#restore");
    let container = running(Bundle::busybox().sh(COUNT))?;
    counts_on(&container, 20)?;
    checkpoint(&container, &[]).ok()?;
    let reached = count(&container)?;
    fs::remove_file(container.in_root("count"))?;
    let pid_file = container.directory().join("pid");
    let pid_option = format!("--pid-file={}", pid_file.display());
    restore_call(&container, &["--detach", &pid_option]).streams("container").run().ok()?;
    assert!(count(&container)? >= reached, "it starts anew");
    counts_on(&container, reached)?;
    assert_eq!(fs::read_to_string(pid_file)?, container.pid()?.to_string());
    let output = container.exec(["/bin/cat", "/proc/1/cmdline"]).ok()?;
    assert!(output.stdout.contains("count"), "{output}");
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn a_container_is_gone_once_it_is_written_down() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sleeping().hook("poststop", "touch $1/poststop"))?;
    checkpoint(&container, &[]).ok()?;
    container.call("state").arg(container.id()).run().fails_with("does not exist")?;
    assert!(container.bundle().join("poststop").exists());
    container.left_no_trace()
}

fn a_container_may_be_left_running() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sh(COUNT))?;
    let pid = container.pid()?;
    checkpoint(&container, &["--leave-running", "--leave-running"]).ok()?;
    assert_eq!((container.status()?.as_str(), container.pid()?), ("running", pid));
    let now = count(&container)?;
    counts_on(&container, now)?;
    assert!(images(&container).join("pstree.img").exists());
    Ok(())
}

fn a_paused_container_is_written_down() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sh(COUNT))?;
    count(&container)?;
    container.pause().ok()?;
    checkpoint(&container, &["--leave-running"]).ok()?;
    assert_eq!(container.status()?, "paused");
    cycle(&container)?;
    let now = count(&container)?;
    counts_on(&container, now)
}

fn a_restored_container_is_written_down_again() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sh(COUNT))?;
    for _ in 0..2 {
        let now = count(&container)?;
        cycle(&container)?;
        counts_on(&container, now)?;
    }
    container.pause().ok()?;
    container.resume().ok()?;
    Ok(())
}

fn only_a_running_container_is_written_down() -> Result {
    chapter!("cli#checkpoint");
    let container = Bundle::busybox().sh("true").create()?;
    possible(&container)?;
    let words = "Container cannot be checkpointed in";
    checkpoint(&container, &[]).fails_with(&format!("{words} created state"))?;
    container.start().ok()?;
    container.wait_for("stopped")?;
    checkpoint(&container, &[]).fails_with(&format!("{words} stopped state"))?;
    checkpoint_call(&container, &["nobody"]).run().fails()?;
    assert!(!images(&container).exists());
    Ok(())
}

/// Where mounts are and their own options, in order of their places.
fn mounts(container: &Container) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{}/mountinfo", container.pid()?))?;
    let mount = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (place, options) = (words[4], words[5]);
        // What hides a file is another null device afterwards.
        let options = options.replace(",relatime", "").replace(",nosuid", "");
        format!("{place} {options}")
    };
    let mut mounts: Vec<String> = text.lines().map(mount).collect();
    mounts.sort();
    Ok(mounts)
}

/// A container whose program has written /tmp/ready.
fn ready(bundle: Bundle) -> Result<Container> {
    let container = running(bundle)?;
    wait_until(PATIENCE, || fs::read(container.in_root("tmp/ready")).ok())
        .context("it never ran")?;
    Ok(container)
}

fn mounts_are_as_they_were() -> Result {
    chapter!("config.md#mounts");
    let outside = Scratch::new()?;
    let source = outside.path();
    fs::create_dir(source.join("directory"))?;
    fs::write(source.join("directory/word"), "outside\n")?;
    let path = |name: &str| source.join(name).to_string_lossy().into_owned();
    let bundle = Bundle::busybox()
        .sh("echo kept > /fresh/word; mount > /tmp/ready; while :; do sleep 1; done")
        .mount("/fresh", ("tmpfs", "tmpfs"), &["nosuid", "nodev"])
        .bind(&path("directory"), "/read-only", &["ro", "nosuid"])
        .bind(&path("directory"), "/fresh/below", &["nodev"])
        .bind(&path("directory/word"), "/etc/word", &[])
        .set("/linux/maskedPaths", ["/proc/keys", "/proc/acpi", "/sys/firmware"])
        .set("/linux/readonlyPaths", ["/proc/sys"]);
    let container = ready(bundle)?;
    let before = mounts(&container)?;
    cycle(&container)?;
    assert_eq!(mounts(&container)?, before);
    let script = "cat /fresh/word /read-only/word /fresh/below/word /etc/word";
    assert_eq!(container.exec_sh(script).ok()?.stdout, "kept\noutside\noutside\noutside\n");
    container.exec_sh("echo x > /read-only/word").fails()?;
    assert_eq!(container.exec_sh("cat /proc/keys").ok()?.stdout, "");
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn the_cgroup_hierarchies_are_mounted_again() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox()
        .sh("mount > /tmp/ready; while :; do sleep 1; done")
        .without_namespace("cgroup")
        .mount("/sys/fs/cgroup", ("cgroup", "cgroup"), &["nosuid", "noexec", "nodev", "ro"]);
    let container = ready(bundle)?;
    let before = mounts(&container)?;
    cycle(&container)?;
    assert_eq!(mounts(&container)?, before);
    Ok(())
}

fn a_mount_point_that_the_image_lacks_is_made() -> Result {
    chapter!("cli#restore");
    let container = Bundle::busybox().sleeping().directory("data").build()?;
    let data = container.in_root("data").to_string_lossy().into_owned();
    let mount = serde_json::json!({
        "destination": "/a/b", "type": "bind", "source": data, "options": ["bind"],
    });
    container.reconfigure("/mounts/-", mount)?;
    possible(&container)?;
    run_quietly(&container)?;
    checkpoint(&container, &[]).ok()?;
    fs::remove_dir_all(container.in_root("a"))?;
    restore(&container).ok()?;
    container.exec_sh("touch /a/b/new").ok()?;
    assert!(container.in_root("data/new").exists());
    Ok(())
}

fn a_joined_network_namespace_is_joined_again() -> Result {
    chapter!("config-linux.md#namespaces");
    let holder = Holder::new(&["--net"])?;
    let bundle = Bundle::busybox().sleeping().without_namespace("network");
    let joined = serde_json::json!({"type": "network", "path": holder.namespace("net")});
    let container = running(bundle.set("/linux/namespaces/-", joined))?;
    assert_eq!(container.namespace("net")?, namespace_of(holder.pid, "net")?);
    cycle(&container)?;
    assert_eq!(container.namespace("net")?, namespace_of(holder.pid, "net")?);
    Ok(())
}

fn the_cgroup_and_its_limits_are_those_of_the_configuration() -> Result {
    chapter!("config-linux.md#control-groups");
    let container = running(Bundle::busybox().sleeping().set("/linux/resources/pids/limit", 50))?;
    checkpoint(&container, &[]).ok()?;
    container.reconfigure("/linux/resources/pids/limit", 60)?;
    restore(&container).ok()?;
    let own = fs::read_to_string(format!("/proc/{}/cgroup", container.pid()?))?;
    let pids = own.lines().find(|line| line.contains(":pids:") || line.starts_with("0::/"));
    let groups = container.cgroups();
    let name = groups.first().and_then(|group| group.file_name()).unwrap_or_default();
    assert!(pids.is_some_and(|line| line.ends_with(&*name.to_string_lossy())), "{own}");
    let limits = groups.iter().map(|group| group.join("pids.max"));
    let limit = limits.filter_map(|file| fs::read_to_string(file).ok()).next();
    assert_eq!(limit.as_deref(), Some("60\n"));
    Ok(())
}

fn hooks_run_with_the_restored_process() -> Result {
    chapter!("cli#restore");
    let note = |word: &str| format!("echo {word} >> $1/order; cat > $1/{word}");
    let mut bundle = Bundle::busybox().sleeping();
    for kind in ["prestart", "createRuntime"] {
        bundle = bundle.hook(kind, &note(kind));
    }
    let container = running(bundle)?;
    checkpoint(&container, &[]).ok()?;
    fs::remove_file(container.bundle().join("order"))?;
    restore(&container).ok()?;
    assert_eq!(fs::read_to_string(container.bundle().join("order"))?, "prestart\ncreateRuntime\n");
    let state = fs::read(container.bundle().join("createRuntime"))?;
    let state: serde_json::Value = serde_json::from_slice(&state)?;
    assert_eq!(state["id"], container.id());
    assert_eq!(state["pid"], container.pid()?);
    Ok(())
}

fn a_failing_hook_fails_the_restore() -> Result {
    chapter!("cli#restore");
    let container = running(Bundle::busybox().sleeping())?;
    checkpoint(&container, &[]).ok()?;
    let hook =
        serde_json::json!([{"path": "/bin/sh", "args": ["sh", "-c", "echo no >&2; exit 3"]}]);
    container.reconfigure("/hooks/createRuntime", hook)?;
    restore(&container).fails()?;
    container.left_no_trace()
}

fn a_foreground_restore_gives_the_exit_code() -> Result {
    chapter!("cli#restore");
    let script = "while ! [ -e /go ]; do sleep 0.1; done; exit 7";
    let container = running(Bundle::busybox().sh(script))?;
    checkpoint(&container, &[]).ok()?;
    let call = restore_call(&container, &[]).spawn()?;
    wait_until(PATIENCE, || (container.status().ok()? == "running").then_some(()))
        .context("it never ran")?;
    fs::write(container.in_root("go"), "")?;
    call.wait().exits(7)?;
    container.left_no_trace()
}

fn a_terminal_is_sent_to_the_socket() -> Result {
    chapter!("cli#restore");
    let script = "while read line; do echo got-$line; done";
    let container = Bundle::busybox().sh(script).set("/process/terminal", true).build()?;
    possible(&container)?;
    let socket = DescriptorSocket::new(container.directory(), "first.sock")?;
    let option = format!("--console-socket={}", socket.path().display());
    container.run_with(["--detach", &option]).ok()?;
    let (_, controller) = socket.receive()?;
    type_into(&controller, "one\n")?;
    read_until(&controller, "got-one")?;
    checkpoint(&container, &[]).ok()?;
    drop(controller);
    let socket = DescriptorSocket::new(container.directory(), "second.sock")?;
    let option = format!("--console-socket={}", socket.path().display());
    restore_call(&container, &["--detach", &option]).run().ok()?;
    let (_, controller) = socket.receive()?;
    type_into(&controller, "two\n")?;
    read_until(&controller, "got-two")?;
    Ok(())
}

/// Standard output and error are a pipe, the end of which is a file.
fn into(file: &Path) -> [String; 4] {
    let script = format!("{{ \"$@\" </dev/null 2>&1; echo ended; }} | cat >{}", file.display());
    ["sh".into(), "-c".into(), format!("({script}) >/dev/null 2>&1 &\nsleep 1"), "sh".into()]
}

fn a_pipe_is_replaced_by_the_callers() -> Result {
    chapter!("cli#restore");
    let script = "while :; do echo word; sleep 0.1; done";
    let container = Bundle::busybox().sh(script).build()?;
    possible(&container)?;
    let [before, after] = ["before", "after"].map(|name| container.directory().join(name));
    let says = |file: &Path, word: &str| {
        let read = || fs::read_to_string(file).ok().filter(|text| text.contains(word));
        wait_until(PATIENCE, read).with_context(|| format!("no {word} in {}", file.display()))
    };
    container.run_call().args(["--detach", container.id()]).under(into(&before)).run().ok()?;
    says(&before, "word")?;
    checkpoint(&container, &[]).ok()?;
    restore_call(&container, &["--detach"]).under(into(&after)).run().ok()?;
    says(&after, "word")?;
    Ok(())
}

fn a_failing_dump_leaves_the_container_and_says_why() -> Result {
    chapter!("cli#checkpoint");
    let container = Bundle::busybox().sleeping().start()?;
    possible(&container)?;
    let work = container.directory().join("work");
    let option = format!("--work-path={}", work.display());
    // Its standard output is a file of the host.
    let output = checkpoint(&container, &[&option]).fails_with("dump.log")?;
    assert!(work.join("dump.log").exists());
    assert_eq!(container.status()?, "running");
    if Runtime::get()?.is_onggi() {
        assert!(output.text().contains("path="), "{output}");
    }
    Ok(())
}

fn a_failing_restore_leaves_no_trace_and_says_why() -> Result {
    chapter!("cli#restore");
    let container = running(Bundle::busybox().sleeping())?;
    checkpoint(&container, &[]).ok()?;
    fs::write(images(&container).join("pstree.img"), "nonsense")?;
    restore(&container).fails_with("restore.log")?;
    container.left_no_trace()?;
    fs::remove_dir_all(images(&container))?;
    restore(&container).fails()?;
    container.left_no_trace()
}

fn cve_2024_8676_a_made_up_list_of_descriptors_is_refused() -> Result {
    chapter!("cli#restore");
    let container = running(Bundle::busybox().sleeping())?;
    host::needs(Runtime::get()?.is_onggi(), "what is refused differs between runtimes")?;
    checkpoint(&container, &[]).ok()?;
    let list = images(&container).join("descriptors.json");
    let good = fs::read(&list)?;
    for text in ["", "{}", r#"["a","b","c","d"]"#, r#"["pipe:[1]/../../etc/passwd"]"#] {
        fs::write(&list, text)?;
        restore(&container).fails_with("descriptors.json")?;
        container.left_no_trace()?;
    }
    fs::remove_file(&list)?;
    symlink("/etc/hostname", &list)?;
    restore(&container).fails_with("descriptors.json")?;
    fs::remove_file(&list)?;
    // What is no pipe is nothing to replace.
    fs::write(&list, r#"["/etc/shadow","/dev/null","socket:[1]"]"#)?;
    restore(&container).ok()?;
    let links = format!("/proc/{}/fd/0", container.pid()?);
    assert_eq!(fs::read_link(links)?, Path::new("/dev/null"));
    assert!(!good.is_empty());
    Ok(())
}

fn cve_2024_8676_a_link_in_the_logs_place_is_not_followed() -> Result {
    chapter!("cli#restore");
    let container = running(Bundle::busybox().sleeping())?;
    host::needs(Runtime::get()?.is_onggi(), "others follow it")?;
    checkpoint(&container, &[]).ok()?;
    let victim = container.directory().join("victim");
    fs::write(&victim, "untouched")?;
    for name in ["restore.log", "stats-restore"] {
        symlink(&victim, images(&container).join(name))?;
    }
    restore(&container).ok()?;
    assert_eq!(fs::read_to_string(&victim)?, "untouched");
    assert!(images(&container).join("restore.log").is_file());
    Ok(())
}

fn what_changed_since_a_dump_of_memory_is_dumped() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sh(COUNT))?;
    let check = Command::new("criu").args(["check", "--feature", "mem_dirty_track"]).output()?;
    host::needs(check.status.success(), "the kernel does not track changes of memory")?;
    let call = container.call("checkpoint").arg("--pre-dump");
    let before = container.directory().join("before");
    call.arg("--image-path").arg(&before).arg(container.id()).run().ok()?;
    assert_eq!(container.status()?, "running");
    let now = count(&container)?;
    checkpoint(&container, &["--parent-path", "../before"]).ok()?;
    restore(&container).ok()?;
    counts_on(&container, now)
}

fn a_wrong_option_is_refused() -> Result {
    chapter!("cli#checkpoint");
    let container = running(Bundle::busybox().sleeping())?;
    let rows: [&[&str]; 4] = [
        &["--manage-cgroups-mode", "none"],
        &["--empty-ns", "pid"],
        &["--page-server", "nowhere"],
        &["--parent-path", "/tmp"],
    ];
    for options in rows {
        checkpoint(&container, options).fails()?;
        assert_eq!(container.status()?, "running");
    }
    if Runtime::get()?.is_onggi() {
        checkpoint(&container, &["--network-lock", "glue"]).fails_with("--network-lock")?;
        checkpoint(&container, &["--status-fd", "1"]).fails_with("--lazy-pages")?;
        restore_call(&container, &["--lsm-profile", "x"]).run().fails_with("--lsm-profile")?;
    }
    Ok(())
}
