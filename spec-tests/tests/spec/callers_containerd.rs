//! The command lines of containerd's shim (go-runc) and of buildkit, word by word, and what they
//! read of the answers.

use std::fs;

use anyhow::Context;
use serde_json::{Value, json};
use spec_tests::container::PATIENCE;
use spec_tests::runtime::{Call, wait_until};
use spec_tests::{Bundle, Container, Result, chapter, tests};

use crate::callers::{ends_as_gone, is_a_bare_pid, is_rfc3339, sleeping_process};

tests![
    the_shim_creates_and_starts,
    the_shim_execs_from_a_process_file,
    the_shim_reads_the_state,
    the_shim_kills_by_number,
    the_shim_deletes_what_is_there_and_what_is_not,
    the_shim_pauses_and_resumes,
    the_shim_lists_processes,
    the_shim_updates_from_stdin,
    the_shim_reads_stats_and_events,
    the_shim_lists_containers,
    the_shim_reads_the_last_error_of_the_log,
    the_shim_takes_go_s_single_dash,
    buildkit_runs_keeps_and_deletes,
    buildkit_execs_in_the_foreground,
];

/// What is in front of every command: `--root ROOT --log BUNDLE/log.json --log-format json`.
fn go_runc(container: &Container) -> Call {
    let call = container.rooted_call();
    call.arg("--log").arg(container.bundle().join("log.json")).args(["--log-format", "json"])
}

fn go_runc_create(container: &Container) -> Call {
    let call = go_runc(container).arg("create").arg("--bundle").arg(container.bundle());
    let call = call.arg("--pid-file").arg(container.bundle().join("init.pid"));
    call.arg(container.id()).streams("container")
}

fn running() -> Result<Container> {
    let container = Bundle::busybox().sleeping().build()?;
    go_runc_create(&container).run().ok()?;
    go_runc(&container).args(["start", container.id()]).run().ok()?;
    Ok(container)
}

fn the_shim_creates_and_starts() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let output = go_runc_create(&container).run().ok()?;
    assert_eq!(output.text(), "", "what is printed is told as an error");
    let pid = is_a_bare_pid(&container.bundle().join("init.pid"))?;
    assert_eq!(pid, container.pid()?);
    for cgroup in container.cgroups() {
        let inside = fs::read_to_string(cgroup.join("cgroup.procs"))?;
        assert!(inside.lines().any(|line| line == pid.to_string()), "{}", cgroup.display());
    }
    assert_eq!(container.status()?, "created");
    let output = go_runc(&container).args(["start", container.id()]).run().ok()?;
    assert_eq!(output.text(), "");
    assert_eq!(container.status()?, "running");
    assert!(!container.bundle().join("log.json").exists() || log(&container)?.is_empty());
    Ok(())
}

/// The log is a stream of JSON objects.
fn log(container: &Container) -> Result<Vec<Value>> {
    let text = fs::read_to_string(container.bundle().join("log.json"))?;
    let records = serde_json::Deserializer::from_str(&text).into_iter();
    records.collect::<std::result::Result<_, _>>().with_context(|| format!("read {text:?}"))
}

fn the_shim_execs_from_a_process_file() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    let file = container.directory().join("runc-process123");
    fs::write(&file, sleeping_process("while :; do sleep 0.05; done").to_string())?;
    let pid_file = container.bundle().join("exec-1.pid");
    let call = go_runc(&container).arg("exec").arg("--process").arg(&file).arg("--detach");
    let call = call.arg("--pid-file").arg(&pid_file).arg(container.id());
    let output = call.streams("container").run().ok()?;
    assert_eq!(output.text(), "");
    let pid = is_a_bare_pid(&pid_file)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    assert!(status.contains("NSpid:"), "{status}");
    let output = go_runc(&container).args(["ps", "--format", "json", container.id()]).run().ok()?;
    assert!(serde_json::from_str::<Vec<i32>>(&output.stdout)?.contains(&pid), "{output}");
    Ok(())
}

fn the_shim_reads_the_state() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sleeping().set("/annotations", json!({"a": "b"})).build()?;
    go_runc_create(&container).run().ok()?;
    let output = go_runc(&container).args(["state", container.id()]).run().ok()?;
    let state: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!(state["id"], container.id());
    assert_eq!(state["pid"], container.pid()?);
    assert_eq!(state["status"], "created");
    assert_eq!(state["bundle"], container.bundle().to_string_lossy().as_ref());
    assert!(state["rootfs"].as_str().is_some_and(|path| path.ends_with("/rootfs")), "{state}");
    assert!(is_rfc3339(state["created"].as_str().unwrap_or_default()), "{state}");
    assert_eq!(state["annotations"], json!({"a": "b"}));
    go_runc(&container).args(["state", "nobody"]).run().fails_with("does not exist")?;
    Ok(())
}

fn the_shim_kills_by_number() -> Result {
    chapter!("cli#kill");
    let container = running()?;
    go_runc(&container).args(["kill", container.id(), "9"]).run().ok()?;
    container.wait_for("stopped")?;
    ends_as_gone(&go_runc(&container).args(["kill", container.id(), "9"]).run().fails()?)?;
    go_runc(&container).args(["kill", "nobody", "9"]).run().fails_with("does not exist")?;
    let container = running()?;
    go_runc(&container).args(["kill", "--all", container.id(), "9"]).run().ok()?;
    container.wait_for("stopped")?;
    go_runc(&container).args(["kill", "--all", container.id(), "9"]).run().ok()?;
    Ok(())
}

fn the_shim_deletes_what_is_there_and_what_is_not() -> Result {
    chapter!("cli#delete");
    let container = running()?;
    let words = "that is not stopped";
    go_runc(&container).args(["delete", container.id()]).run().fails_with(words)?;
    container.wait_for_handler()?;
    go_runc(&container).args(["kill", container.id(), "15"]).run().ok()?;
    container.wait_for("stopped")?;
    go_runc(&container).args(["delete", container.id()]).run().ok()?;
    container.left_no_trace()?;
    go_runc(&container).args(["delete", container.id()]).run().fails_with("does not exist")?;
    let output = go_runc(&container).args(["delete", "--force", container.id()]).run().ok()?;
    assert_eq!(output.text(), "");
    Ok(())
}

fn the_shim_pauses_and_resumes() -> Result {
    chapter!("cli#pause");
    let container = running()?;
    for (command, status) in [("pause", "paused"), ("resume", "running")] {
        let output = go_runc(&container).args([command, container.id()]).run().ok()?;
        assert_eq!((output.text().as_str(), container.status()?.as_str()), ("", status));
    }
    Ok(())
}

fn the_shim_lists_processes() -> Result {
    chapter!("cli#ps");
    let container = running()?;
    let pid = container.pid()?;
    let output = go_runc(&container).args(["ps", "--format", "json", container.id()]).run().ok()?;
    assert!(serde_json::from_str::<Vec<i32>>(&output.stdout)?.contains(&pid), "{output}");
    let top = ["ps", "--format", "table", container.id(), "-o", "pid,comm"];
    let output = go_runc(&container).args(top).run().ok()?;
    let (header, rows) = output.stdout.split_once('\n').context("a header")?;
    assert!(header.contains("PID"), "{output}");
    assert!(rows.lines().any(|row| row.trim().starts_with(&pid.to_string())), "{output}");
    Ok(())
}

fn the_shim_updates_from_stdin() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let call = go_runc(&container).args(["update", "--resources=-", container.id()]);
    call.stdin("{\"pids\":{\"limit\":33}}").run().ok()?;
    let limits = container.cgroups().into_iter().map(|path| path.join("pids.max"));
    let limits: Vec<String> = limits.filter_map(|path| fs::read_to_string(path).ok()).collect();
    assert_eq!(limits, ["33\n"]);
    Ok(())
}

fn the_shim_reads_stats_and_events() -> Result {
    chapter!("cli#events");
    let container = running()?;
    let output = go_runc(&container).args(["events", "--stats", container.id()]).run().ok()?;
    let event: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!((&event["type"], &event["id"]), (&json!("stats"), &json!(container.id())));
    assert!(event["data"]["pids"].is_object(), "{event}");
    let call = go_runc(&container).args(["events", "--interval=1s", container.id()]);
    let events = call.spawn()?;
    let two = || (events.stdout().lines().count() >= 2).then_some(());
    wait_until(PATIENCE, two).context("two events")?;
    // The shim kills it when it has read enough.
    for line in events.stdout().lines().take(2) {
        assert_eq!(serde_json::from_str::<Value>(line)?["type"], "stats", "{line}");
    }
    Ok(())
}

fn the_shim_lists_containers() -> Result {
    chapter!("cli#list");
    let container = running()?;
    let output = go_runc(&container).args(["list", "--format=json"]).run().ok()?;
    let list: Vec<Value> = serde_json::from_str(&output.stdout)?;
    assert_eq!(list.len(), 1, "{output}");
    assert_eq!((&list[0]["id"], &list[0]["status"]), (&json!(container.id()), &json!("running")));
    assert!(is_rfc3339(list[0]["created"].as_str().unwrap_or_default()), "{output}");
    Ok(())
}

fn the_shim_reads_the_last_error_of_the_log() -> Result {
    chapter!("cli#log");
    let container = Bundle::busybox().args(["nowhere"]).build()?;
    let output = go_runc_create(&container).run().exits(1)?;
    let records = log(&container)?;
    let mut errors = records.iter().filter(|record| record["level"] == "error");
    let last = errors.next_back().with_context(|| format!("no error in the log of {output}"))?;
    let words = last["msg"].as_str().unwrap_or_default();
    assert!(words.contains("executable file not found in $PATH"), "{last}");
    assert!(is_rfc3339(last["time"].as_str().unwrap_or_default()), "{last}");
    container.left_no_trace()
}

fn the_shim_takes_go_s_single_dash() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sleeping().build()?;
    let call = go_runc(&container).args(["run", "--detach", "-no-subreaper", "--bundle"]);
    call.arg(container.bundle()).arg(container.id()).streams("container").run().ok()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn buildkit_runs_keeps_and_deletes() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh("exit 42").build()?;
    let call = go_runc(&container).args(["--rootless=false", "run", "--bundle"]);
    call.arg(container.bundle()).args(["--keep", container.id()]).run().exits(42)?;
    assert_eq!(container.status()?, "stopped");
    go_runc(&container).args(["delete", container.id()]).run().ok()?;
    container.left_no_trace()
}

fn buildkit_execs_in_the_foreground() -> Result {
    chapter!("cli#exec");
    let container = running()?;
    let file = container.directory().join("process");
    fs::write(&file, sleeping_process("echo out; echo err >&2; exit 7").to_string())?;
    let call = go_runc(&container).arg("exec").arg("--process").arg(&file);
    let output = call.arg(container.id()).run().exits(7)?;
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    Ok(())
}
