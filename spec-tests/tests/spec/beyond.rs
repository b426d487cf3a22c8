//! What a runtime may offer beyond runc: waiting, watching, judging a configuration, codes for
//! failures, times. A runtime without it is not asked.

use std::fs;

use anyhow::Context;
use serde_json::{Value, json};
use spec_tests::container::PATIENCE;
use spec_tests::runtime::{Running, wait_until};
use spec_tests::{Bundle, Container, Result, chapter, host, shim, tests};

tests![
    wait_ends_with_the_container_and_has_its_exit_code,
    wait_for_several_has_a_line_for_each,
    wait_for_what_ended_before_knows_no_code,
    wait_for_running_ends_at_start,
    wait_for_what_comes_no_more_fails,
    watch_has_a_line_for_each_status,
    watch_ends_when_the_container_is_deleted,
    validate_only_tells_every_problem_with_its_chapter,
    validate_only_makes_nothing,
    a_failure_has_a_code_in_the_json_log,
    the_debug_log_has_the_time_of_each_step,
    doctor_tells_what_the_host_offers,
    a_start_that_was_killed_leaves_no_created_container,
    a_container_whose_state_was_lost_can_be_killed_and_deleted,
];

/// Needs a word in the help of a command.
fn offers(container: &Container, command: &str, word: &str) -> Result<()> {
    let help = container.bare_call().args([command, "--help"]).run();
    let offered = help.code() == Some(0) && help.text().contains(word);
    host::needs(offered, &format!("the runtime does not offer {command} {word}"))
}

/// Needs a kernel that tells an exit code to anyone (Linux 6.15).
fn kernel_tells_exit_codes() -> Result<()> {
    host::linux(6, 15)
}

fn ends_with(code: i32) -> Result<Container> {
    let script = format!("trap 'exit {code}' TERM; while :; do sleep 1000 & wait $!; done");
    let container = Bundle::busybox().sh(&script).create()?;
    offers(&container, "wait", "--condition")?;
    container.start().ok()?;
    Ok(container)
}

fn waiting(container: &Container, options: &[&str]) -> Result<Running> {
    let running = container.call("wait").args(options).arg(container.id()).spawn()?;
    is_watching(&running)?;
    Ok(running)
}

/// It has looked once when it has its watches and sleeps.
fn is_watching(running: &Running) -> Result<()> {
    let place = format!("/proc/{}", running.pid());
    let sleeps = || {
        let opened = fs::read_dir(format!("{place}/fd")).ok()?.flatten();
        let mut opened = opened.filter_map(|entry| fs::read_link(entry.path()).ok());
        opened.find(|file| file.starts_with("anon_inode:inotify"))?;
        let status = fs::read_to_string(format!("{place}/status")).ok()?;
        status.contains("\nState:\tS").then_some(())
    };
    wait_until(PATIENCE, sleeps).context("it never watched")
}

fn wait_ends_with_the_container_and_has_its_exit_code() -> Result {
    chapter!("cli#wait");
    for (signal, code) in [("TERM", "7"), ("KILL", "137")] {
        let container = ends_with(7)?;
        kernel_tells_exit_codes()?;
        shim::needs(shim::EXIT_CODE)?;
        container.wait_for_handler()?;
        let running = waiting(&container, &[])?;
        assert_eq!(running.stdout(), "");
        container.kill(signal).ok()?;
        running.wait().says(code)?;
    }
    Ok(())
}

fn wait_for_several_has_a_line_for_each() -> Result {
    chapter!("cli#wait");
    let container = ends_with(0)?;
    let wait = container.call("wait").args([container.id(), container.id()]).spawn()?;
    is_watching(&wait)?;
    container.kill("KILL").ok()?;
    let output = wait.wait().ok()?;
    assert_eq!(output.lines().len(), 2, "{output}");
    Ok(())
}

fn wait_for_what_ended_before_knows_no_code() -> Result {
    chapter!("cli#wait");
    let container = ends_with(0)?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.call("wait").arg(container.id()).run().says("unknown")?;
    container.call("wait").arg("nobody").run().fails_with("container does not exist")?;
    Ok(())
}

fn wait_for_running_ends_at_start() -> Result {
    chapter!("cli#wait");
    let container = Bundle::busybox().sleeping().create()?;
    offers(&container, "wait", "--condition")?;
    container.call("wait").args(["--condition", "created", container.id()]).run().says("")?;
    let running = waiting(&container, &["--condition", "running"])?;
    container.start().ok()?;
    running.wait().says("")?;
    Ok(())
}

fn wait_for_what_comes_no_more_fails() -> Result {
    chapter!("cli#wait");
    let container = ends_with(0)?;
    let running = waiting(&container, &["--condition", "paused"])?;
    container.kill("KILL").ok()?;
    running.wait().exits(1)?.fails_with("has stopped")?;
    Ok(())
}

/// The status of each line.
fn statuses(text: &str) -> Result<Vec<String>> {
    let status = |line: &str| {
        let state: Value = serde_json::from_str(line)?;
        Ok(state["status"].as_str().context("a status")?.to_owned())
    };
    text.lines().map(status).collect()
}

fn watch_has_a_line_for_each_status() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sleeping().create()?;
    offers(&container, "state", "--watch")?;
    let watch = container.call("state").args(["--watch", container.id()]).spawn()?;
    let reaches = |count: usize| {
        let enough = || (watch.stdout().lines().count() >= count).then_some(());
        wait_until(PATIENCE, enough).with_context(|| watch.stdout())
    };
    reaches(1)?;
    container.start().ok()?;
    reaches(2)?;
    container.pause().ok()?;
    reaches(3)?;
    container.resume().ok()?;
    reaches(4)?;
    container.kill("KILL").ok()?;
    let output = watch.wait().ok()?;
    let expected = ["created", "running", "paused", "running", "stopped"];
    assert_eq!(statuses(&output.stdout)?, expected);
    let last: Value = serde_json::from_str(output.lines().last().context("a line")?)?;
    assert_eq!(last["pid"], 0);
    Ok(())
}

fn watch_ends_when_the_container_is_deleted() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sleeping().create()?;
    offers(&container, "state", "--watch")?;
    let watch = container.call("state").args(["--watch", container.id()]).spawn()?;
    is_watching(&watch)?;
    container.delete_by_force().ok()?;
    assert_eq!(statuses(&watch.wait().ok()?.stdout)?, ["created", "stopped"]);
    Ok(())
}

fn validate(container: &Container, options: &[&str]) -> spec_tests::output::Output {
    let call = container.call("create").arg("--bundle").arg(container.bundle());
    call.arg("--validate-only").args(options).arg(container.id()).run()
}

fn validate_only_tells_every_problem_with_its_chapter() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().without_namespace("uts").set("/process/cwd", "here");
    let bundle = bundle.set("/process/env/-", "nothing");
    let container = bundle.set("/linux/seccomp", json!({"defaultAction": "SCMP_NO"})).build()?;
    offers(&container, "create", "--validate-only")?;
    let output = validate(&container, &["--format", "json"]).exits(1)?;
    let problems: Vec<Value> = serde_json::from_str(&output.stdout)?;
    for (chapter, field) in [
        ("config.md#hostname", "hostname"),
        ("config.md#process", "process.cwd"),
        ("config.md#process", "process.env[2]"),
        ("config-linux.md#seccomp", "linux.seccomp.defaultAction"),
    ] {
        let is = |problem: &&Value| problem["chapter"] == chapter && problem["field"] == field;
        assert_eq!(problems.iter().filter(is).count(), 1, "{chapter} {field}: {output}");
    }
    let output = validate(&container, &[]).exits(1)?;
    assert!(output.stdout.contains("config.md#process: process.cwd: "), "{output}");
    assert_eq!(output.stderr, "");
    container.left_no_trace()
}

fn validate_only_makes_nothing() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    offers(&container, "create", "--validate-only")?;
    validate(&container, &[]).says("")?;
    validate(&container, &["--format=json"]).says("[]")?;
    assert!(!container.state_root().exists());
    container.left_no_trace()?;
    container.reconfigure("/root/path", "nowhere")?;
    let output = validate(&container, &[]).exits(1)?;
    assert!(output.stdout.starts_with("config.md#root: root.path: "), "{output}");
    fs::write(container.bundle().join("config.json"), "{\"process\": 1}")?;
    let output = validate(&container, &[]).exits(1)?;
    assert!(output.stdout.starts_with("config.md: process: "), "{output}");
    fs::remove_file(container.bundle().join("config.json"))?;
    validate(&container, &[]).exits(1)?.fails_with("read config.json: No such file")?;
    Ok(())
}

fn a_failure_has_a_code_in_the_json_log() -> Result {
    chapter!("cli#log");
    let container = Bundle::busybox().sleeping().build()?;
    offers(&container, "wait", "--condition")?;
    let log = container.directory().join("log.json");
    let code_of = |words: &[&str]| -> Result<String> {
        let call = container.bare_call().arg("--log").arg(&log).args(["--log-format", "json"]);
        let call = call.arg("--root").arg(container.state_root()).args(words);
        call.in_directory(&container.bundle()).streams("container").run().fails()?;
        let text = fs::read_to_string(&log)?;
        fs::remove_file(&log)?;
        let record: Value = serde_json::from_str(&text)?;
        Ok(record["code"].as_str().with_context(|| record.to_string())?.to_owned())
    };
    let id = container.id();
    assert_eq!(code_of(&["state", id])?, "not-found");
    assert_eq!(code_of(&["state"])?, "invalid-argument");
    assert_eq!(code_of(&["nonsense"])?, "invalid-argument");
    container.create().ok()?;
    assert_eq!(code_of(&["create", id])?, "already-exists");
    assert_eq!(code_of(&["resume", id])?, "wrong-status");
    container.start().ok()?;
    assert_eq!(code_of(&["delete", id])?, "wrong-status");
    assert_eq!(code_of(&["exec", id, "nowhere"])?, "program-not-found");
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    assert_eq!(code_of(&["kill", id])?, "not-running");
    container.delete().ok()?;
    container.reconfigure("/process/cwd", "here")?;
    assert_eq!(code_of(&["create", id])?, "invalid-config");
    container.reconfigure("/process/cwd", "/")?;
    container.reconfigure("/process/args", json!(["nowhere"]))?;
    assert_eq!(code_of(&["create", id])?, "program-not-found");
    let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", "exit 1"]}]);
    container.reconfigure("/hooks", json!({"createContainer": hook}))?;
    assert_eq!(code_of(&["create", id])?, "hook-failed");
    container.left_no_trace()
}

fn the_debug_log_has_the_time_of_each_step() -> Result {
    chapter!("cli#log");
    let container = Bundle::busybox().sh("true").build()?;
    offers(&container, "wait", "--condition")?;
    let log = container.directory().join("log");
    let with_log = |options: &[&str]| {
        let call = container.bare_call().arg("--log").arg(&log).args(options);
        let call = call.arg("--root").arg(container.state_root()).arg("run");
        call.arg("--bundle").arg(container.bundle()).arg(container.id()).run()
    };
    with_log(&["--debug"]).ok()?;
    let text = fs::read_to_string(&log)?;
    for part in ["create: plan took ", "init: make mounts took ", "init: enter the root took "] {
        let (_, rest) = text.split_once(part).with_context(|| format!("{part}: {text}"))?;
        let number = rest.split(" us").next().unwrap_or_default();
        number.parse::<u64>().with_context(|| format!("{part}{number}"))?;
    }
    fs::remove_file(&log)?;
    with_log(&[]).ok()?;
    assert_eq!(fs::read_to_string(&log)?, "");
    Ok(())
}

fn doctor_tells_what_the_host_offers() -> Result {
    chapter!("cli#doctor");
    let container = Bundle::busybox().build()?;
    offers(&container, "doctor", "--format")?;
    let doctor = |format: &str| container.bare_call().args(["doctor", "--format", format]).run();
    let output = doctor("json").ok()?;
    let report: Value = serde_json::from_str(&output.stdout)?;
    assert_eq!(report["canRun"], true);
    let facts = report["facts"].as_array().context("facts")?;
    let there = |area: &str, name: &str| {
        let mut all = facts.iter();
        let fact = all.find(|fact| fact["area"] == area && fact["name"] == name);
        fact.and_then(|fact| fact["there"].as_bool()).with_context(|| format!("{area} {name}"))
    };
    assert!(there("kernel", "procfs")? && there("namespaces", "pid")?);
    let memory = match host::cgroups() {
        host::Cgroups::V2 => fs::read_to_string("/sys/fs/cgroup/cgroup.controllers")?,
        _ => fs::read_to_string("/proc/self/cgroup")?,
    };
    assert_eq!(there("cgroups", "memory")?, memory.contains("memory"));
    assert_eq!(there("cgroups", "systemd")?, host::systemd().is_ok());
    let text = doctor("text").ok()?;
    for fact in facts {
        let sign = if fact["there"] == true { "  + " } else { "  - " };
        let line = format!("{sign}{}", fact["name"].as_str().context("a name")?);
        assert!(text.stdout.contains(&line), "{line}: {text}");
    }
    doctor("xml").exits(1)?.fails_with("invalid format option")?;
    Ok(())
}

/// Killed after init was told, and before the socket's file was removed: the file comes back here.
fn a_start_that_was_killed_leaves_no_created_container() -> Result {
    chapter!("cli#start");
    let container = Bundle::busybox().sleeping().create()?;
    let socket = container.state_root().join(container.id()).join("start.sock");
    host::needs(socket.exists(), "the runtime starts by other means than a socket")?;
    let kept = container.directory().join("kept.sock");
    fs::hard_link(&socket, &kept)?;
    assert_eq!(container.status()?, "created");
    container.start().ok()?;
    container.proc_file("status")?;
    fs::rename(&kept, &socket)?;
    assert_eq!(container.status()?, "running");
    container.start().fails_with("cannot start an already running container")?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_container_whose_state_was_lost_can_be_killed_and_deleted() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sleeping().start()?;
    offers(&container, "wait", "--condition")?;
    host::capability(21, "CAP_SYS_ADMIN")?;
    let pid = container.pid()?;
    let mut before = container.state()?;
    fs::remove_dir_all(container.state_root())?;
    let mut after = container.state()?;
    assert_eq!(
        (before["status"].take(), after["status"].take()),
        ("running".into(), "running".into())
    );
    assert_eq!(before, after);
    fs::remove_dir_all(container.state_root())?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    assert_ne!(container.pid()?, pid);
    fs::remove_dir_all(container.state_root())?;
    // systemd takes its scope away with the last process, and with it what was left to find.
    let deleted = if host::systemd_makes_cgroups() {
        container.delete_by_force()
    } else {
        container.delete()
    };
    deleted.ok()?;
    container.left_no_trace()?;
    // Nothing is left that could come back, and another store knows nothing of it.
    container.call("state").arg(container.id()).run().fails_with("does not exist")?;
    container.create().ok()?;
    let elsewhere = container.bare_call().arg("--root").arg(container.directory().join("other"));
    elsewhere.args(["state", container.id()]).run().fails_with("does not exist")?;
    Ok(())
}
