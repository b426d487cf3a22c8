//! The command lines of conmon, conmon-rs and CRI-O, word by word, and what they read of the
//! answers.

use std::fs;

use serde_json::Value;
use spec_tests::runtime::Call;
use spec_tests::terminal::DescriptorSocket;
use spec_tests::{Bundle, Container, Result, chapter, tests};

use crate::callers::{checkpoint, ends_as_gone, is_a_bare_pid, sleeping_process, systemd};

tests![
    conmon_creates,
    conmon_gets_the_terminal,
    conmon_shows_what_a_failing_create_says,
    conmon_execs,
    conmon_sees_a_failing_exec_by_the_missing_pid_file,
    conmon_rs_names_the_root_twice,
    conmon_rs_names_systemd_twice,
    conmon_rs_execs,
    crio_drives_the_life,
    crio_updates_in_two_words,
    crio_execs_with_pipes,
    crio_asks_what_there_is,
    crio_and_podman_ask_for_checkpoints,
];

/// `RT [runtime-args…] create --bundle B --pid-file P [opts] CID`
fn conmon_create(container: &Container, options: &[&str]) -> Call {
    let call = container.call("create").arg("--bundle").arg(container.bundle());
    let call = call.arg("--pid-file").arg(container.directory().join("pidfile"));
    call.args(options).arg(container.id()).streams("container")
}

fn running() -> Result<Container> {
    let container = Bundle::busybox().sleeping().build()?;
    conmon_create(&container, &[]).run().ok()?;
    crio(&container, &["start"]).run().ok()?;
    Ok(container)
}

fn conmon_creates() -> Result {
    chapter!("cli#create");
    let options = [&[][..], &["--no-pivot"], &["--no-new-keyring"], &["--preserve-fds", "0"]];
    for options in options {
        let container = Bundle::busybox().sleeping().build()?;
        let output = conmon_create(&container, options).run().ok()?;
        assert_eq!(output.text(), "", "{options:?}");
        let pid = is_a_bare_pid(&container.directory().join("pidfile"))?;
        assert_eq!((pid, container.status()?.as_str()), (container.pid()?, "created"));
    }
    Ok(())
}

fn conmon_gets_the_terminal() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().set("/process/terminal", true).build()?;
    let socket = DescriptorSocket::new(container.directory(), "console.sock")?;
    let path = socket.path().to_string_lossy().into_owned();
    conmon_create(&container, &["--console-socket", &path]).run().ok()?;
    let (name, _terminal) = socket.receive()?;
    assert_ne!(name, "");
    Ok(())
}

fn conmon_shows_what_a_failing_create_says() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().args(["nowhere"]).build()?;
    let output = conmon_create(&container, &[]).run().exits(1)?;
    let shown = &output.stderr[..output.stderr.len().min(8191)];
    assert!(shown.contains("executable file not found in $PATH"), "{output}");
    assert!(!container.directory().join("pidfile").exists());
    container.left_no_trace()
}

/// `RT [runtime-args] exec --pid-file P --process SPEC --detach CID`
fn conmon_exec(container: &Container, script: &str) -> Result<Call> {
    let file = container.directory().join("exec-process");
    fs::write(&file, sleeping_process(script).to_string())?;
    let mut root = std::ffi::OsString::from("--root=");
    root.push(container.state_root());
    let call = container.bare_call().arg(root).arg("exec");
    let call = call.arg("--pid-file").arg(container.directory().join("exec-pidfile"));
    let call = call.arg("--process").arg(file).arg("--detach");
    Ok(call.arg(container.id()).streams("container"))
}

fn conmon_execs() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    conmon_exec(&container, "while :; do sleep 0.05; done")?.run().ok()?;
    is_a_bare_pid(&container.directory().join("exec-pidfile"))?;
    Ok(())
}

fn conmon_sees_a_failing_exec_by_the_missing_pid_file() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    let call = conmon_exec(&container, "")?;
    let mut process = sleeping_process("");
    process["args"] = serde_json::json!(["nowhere"]);
    fs::write(container.directory().join("exec-process"), process.to_string())?;
    call.run().exits(255)?.fails_with("executable file not found in $PATH")?;
    assert!(!container.directory().join("exec-pidfile").exists());
    Ok(())
}

/// `--root=R --root=R`
fn conmon_rs(container: &Container) -> Call {
    let mut root = std::ffi::OsString::from("--root=");
    root.push(container.state_root());
    container.bare_call().arg(&root).arg(&root)
}

fn conmon_rs_names_the_root_twice() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let call = conmon_rs(&container).arg("create").arg("--bundle").arg(container.bundle());
    let call = call.arg("--pid-file").arg(container.directory().join("pidfile"));
    call.arg(container.id()).streams("container").run().ok()?;
    is_a_bare_pid(&container.directory().join("pidfile"))?;
    Ok(())
}

fn conmon_rs_names_systemd_twice() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    systemd(&container)?;
    let path = format!("system.slice:spec:{}", container.id());
    container.reconfigure("/linux/cgroupsPath", path)?;
    let call = conmon_rs(&container).args(["--systemd-cgroup", "--systemd-cgroup", "create"]);
    let call = call.arg("--bundle").arg(container.bundle());
    call.arg(container.id()).streams("container").run().ok()?;
    container.delete_by_force().ok()?;
    Ok(())
}

fn conmon_rs_execs() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    let mut file = std::ffi::OsString::from("--pid-file=");
    file.push(container.directory().join("exec-pidfile"));
    let call = conmon_rs(&container).args(["exec", "-d"]).arg(file).arg(container.id());
    call.args(["sleep", "1000"]).streams("container").run().ok()?;
    is_a_bare_pid(&container.directory().join("exec-pidfile"))?;
    Ok(())
}

/// `RT --root R COMMAND… ID`, with the environment that CRI-O gives.
fn crio(container: &Container, command: &[&str]) -> Call {
    let call = container.bare_call().env_only(&[
        ("XDG_RUNTIME_DIR", "/run"),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("CRI_O_EXTERNAL", "1"),
    ]);
    call.arg("--root").arg(container.state_root()).args(command).arg(container.id())
}

fn crio_drives_the_life() -> Result {
    chapter!("cli#kill");
    let container = running()?;
    for (command, status) in [("pause", "paused"), ("resume", "running")] {
        crio(&container, &[command]).run().ok()?;
        let state: Value = serde_json::from_str(&crio(&container, &["state"]).run().ok()?.stdout)?;
        assert_eq!(state["status"], status);
    }
    container.wait_for_handler()?;
    crio(&container, &["kill"]).arg("15").run().ok()?;
    container.wait_for("stopped")?;
    ends_as_gone(&crio(&container, &["kill"]).arg("KILL").run().fails()?)?;
    crio(&container, &["kill", "-a"]).arg("9").run().ok()?;
    crio(&container, &["delete", "--force"]).run().ok()?;
    container.left_no_trace()?;
    crio(&container, &["delete", "--force"]).run().ok()?;
    crio(&container, &["state"]).run().fails_with("does not exist")?;
    Ok(())
}

fn crio_updates_in_two_words() -> Result {
    chapter!("cli#update");
    let container = running()?;
    crio(&container, &["update", "--resources", "-"])
        .stdin("{\"cpu\":{\"shares\":512}}")
        .run()
        .ok()?;
    Ok(())
}

fn crio_execs_with_pipes() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    let file = container.directory().join("exec-process");
    fs::write(&file, sleeping_process("cat; exit 3").to_string())?;
    let file = file.to_string_lossy().into_owned();
    let output = crio(&container, &["exec", "--process", &file]).stdin("in").run().exits(3)?;
    assert_eq!(output.stdout, "in");
    Ok(())
}

fn crio_asks_what_there_is() -> Result {
    chapter!("cli#features");
    let container = Bundle::busybox().build()?;
    let output = container.bare_call().arg("--version").run().ok()?;
    assert!(output.lines()[0].contains("version"), "{output}");
    // Both streams are read as one text.
    let output = container.bare_call().arg("features").run().ok()?;
    let features: Value = serde_json::from_str(&output.text())?;
    assert!(features["ociVersionMax"].is_string(), "{features}");
    Ok(())
}

fn crio_and_podman_ask_for_checkpoints() -> Result {
    chapter!("cli#checkpoint");
    let container = Bundle::busybox().build()?;
    checkpoint(&container)?;
    container.bare_call().args(["checkpoint", "--help"]).run().ok()?;
    let call = container.bare_call().args(["restore", "--lsm-mount-context"]);
    call.run().fails_with("flag needs an argument")?;
    Ok(())
}
