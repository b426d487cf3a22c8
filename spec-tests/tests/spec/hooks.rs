//! hooks: six kinds, in order, with the state on stdin.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    hooks_run_in_the_order_of_the_lifecycle,
    hooks_of_a_kind_run_in_the_listed_order,
    each_hook_has_the_state_on_its_stdin,
    a_hook_may_leave_its_stdin_unread,
    a_hook_has_the_configured_environment,
    a_hook_without_environment_has_the_callers,
    a_hook_with_an_empty_environment_has_none,
    create_container_runs_in_the_containers_namespaces,
    create_container_can_mount_by_a_relative_path,
    start_container_runs_in_the_containers_root,
    start_container_runs_before_the_program,
    poststart_runs_before_start_returns,
    a_failing_hook_of_create_fails_it,
    a_hook_after_a_failing_one_does_not_run,
    a_missing_hook_program_fails_create,
    a_failing_start_container_hook_stops_the_container,
    a_start_container_hook_that_a_signal_ends_names_it,
    a_failing_poststart_hook_ends_the_container,
    a_failing_poststop_hook_fails_nothing,
    a_hook_that_takes_too_long_is_killed,
    a_hook_that_leaves_a_long_state_unread_is_killed_in_time,
    a_long_state_arrives_whole,
    a_hook_of_a_foreground_run_has_no_signal_blocked,
    poststop_runs_once,
    poststop_runs_after_a_foreground_run,
    poststop_runs_after_the_container_is_gone,
    a_hook_path_must_be_absolute,
];

/// Writes a word to a file that the host and the container see, as a hook of the host.
fn note(word: &str) -> String {
    format!("echo {word} >> $1/rootfs/order")
}

/// A startContainer hook sees the container's root.
fn inside(bundle: Bundle, script: &str) -> Bundle {
    let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", script]});
    bundle.set("/hooks/startContainer/-", hook)
}

fn order(container: &Container) -> String {
    let text = fs::read_to_string(container.in_root("order")).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn hooks_run_in_the_order_of_the_lifecycle() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let mut bundle = Bundle::busybox().sleeping();
    for kind in ["poststop", "poststart", "createContainer", "createRuntime", "prestart"] {
        bundle = bundle.hook(kind, &note(kind));
    }
    let container = inside(bundle, "echo startContainer >> /order").create()?;
    assert_eq!(order(&container), "prestart createRuntime createContainer");
    container.start().ok()?;
    let started = "prestart createRuntime createContainer startContainer poststart";
    assert_eq!(order(&container), started);
    container.delete_by_force().ok()?;
    assert_eq!(order(&container), format!("{started} poststop"));
    Ok(())
}

fn hooks_of_a_kind_run_in_the_listed_order() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().hook("createRuntime", &format!("sleep 0.1; {}", note("1")));
    let bundle = bundle.hook("createRuntime", &note("2")).hook("createRuntime", &note("3"));
    assert_eq!(order(&bundle.create()?), "1 2 3");
    Ok(())
}

fn each_hook_has_the_state_on_its_stdin() -> Result {
    chapter!("runtime.md#state");
    let mut bundle = Bundle::busybox().sleeping().set("/annotations", json!({"org.x": "a/b"}));
    let on_host = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    for kind in on_host {
        bundle = bundle.hook(kind, &format!("cat > $1/rootfs/{kind}.json"));
    }
    let container = inside(bundle, "cat > /startContainer.json").start()?;
    let pid = container.pid()?;
    container.delete_by_force().ok()?;
    let before: &[&str] = &["creating", "created"];
    let statuses = [before, before, before, &["running"], &["stopped"]];
    for (kind, statuses) in on_host.iter().zip(statuses) {
        let state = state_of(&container, kind)?;
        assert_eq!(state["id"], container.id(), "{kind}");
        assert_eq!(state["bundle"], container.bundle().to_string_lossy().as_ref(), "{kind}");
        assert_eq!(state["annotations"]["org.x"], "a/b", "{kind}");
        assert!(state["ociVersion"].is_string(), "{kind}");
        let status = state["status"].as_str().unwrap_or_default();
        assert!(statuses.contains(&status), "{kind}: {status}");
    }
    for kind in ["prestart", "createRuntime", "poststart"] {
        assert_eq!(state_of(&container, kind)?["pid"], pid, "{kind}");
    }
    let state = state_of(&container, "startContainer")?;
    assert_eq!((&state["id"], &state["status"]), (&json!(container.id()), &json!("created")));
    Ok(())
}

fn state_of(container: &Container, kind: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(container.in_root(&format!("{kind}.json")))?)?)
}

fn a_hook_may_leave_its_stdin_unread() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let annotations = json!({"long": "x".repeat(200_000)});
    let bundle = Bundle::busybox().set("/annotations", annotations);
    bundle.hook("createRuntime", "exec <&-; exit 0").create()?;
    Ok(())
}

const SHOW_ENVIRONMENT: &str = "tr '\\0' '\\n' < /proc/$$/environ > $1/rootfs/environment";

fn a_hook_has_the_configured_environment() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().hook("createRuntime", SHOW_ENVIRONMENT);
    let container = bundle.set("/hooks/createRuntime/0/env", ["A=1", "B=2"].to_vec()).create()?;
    assert_eq!(fs::read_to_string(container.in_root("environment"))?, "A=1\nB=2\n");
    Ok(())
}

fn a_hook_without_environment_has_the_callers() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let container = Bundle::busybox().hook("createRuntime", SHOW_ENVIRONMENT).build()?;
    let call = container.create_call().arg(container.id()).env("PLACE", "of the caller");
    call.run().ok()?;
    let shown = fs::read_to_string(container.in_root("environment"))?;
    assert!(shown.lines().any(|line| line == "PLACE=of the caller"), "{shown}");
    Ok(())
}

fn a_hook_with_an_empty_environment_has_none() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().hook("createRuntime", SHOW_ENVIRONMENT);
    let container = bundle.set("/hooks/createRuntime/0/env", Vec::<String>::new()).build()?;
    let call = container.create_call().arg(container.id()).env("PLACE", "of the caller");
    call.run().ok()?;
    assert_eq!(fs::read_to_string(container.in_root("environment"))?, "");
    Ok(())
}

fn create_container_runs_in_the_containers_namespaces() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let script = "readlink /proc/self/ns/net > $1/rootfs/$0.net";
    let bundle = Bundle::busybox().sleeping();
    let container = bundle.hook("createContainer", script).hook("createRuntime", script);
    let container = container
        .set("/hooks/createContainer/0/args/3", "container")
        .set("/hooks/createRuntime/0/args/3", "runtime")
        .create()?;
    let read = |name| fs::read_to_string(container.in_root(name));
    let inside = fs::read_link(format!("/proc/{}/ns/net", container.pid()?))?;
    let outside = fs::read_link("/proc/self/ns/net")?;
    assert_eq!(read("container.net")?.trim(), inside.to_string_lossy());
    assert_eq!(read("runtime.net")?.trim(), outside.to_string_lossy());
    Ok(())
}

fn create_container_can_mount_by_a_relative_path() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().file("empty", "", 0o644).args(["cat", "/empty"]);
    let hook = "mount --bind $1/config.json ./empty";
    let output = bundle.hook("createContainer", hook).run()?.ok()?;
    assert!(output.stdout.contains("ociVersion"), "{output}");
    Ok(())
}

fn start_container_runs_in_the_containers_root() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = inside(Bundle::busybox(), "/only-here");
    let tool = "#!/bin/sh\necho ran $(hostname) > /hook\n";
    let container = bundle.file("only-here", tool, 0o755).start()?;
    container.wait_for("stopped")?;
    assert_eq!(fs::read_to_string(container.in_root("hook"))?, "ran spec\n");
    Ok(())
}

fn start_container_runs_before_the_program() -> Result {
    chapter!("runtime.md#lifecycle");
    let bundle = Bundle::busybox().sh("echo program >> /order");
    let container = inside(bundle, "sleep 0.1; echo hook >> /order").create()?;
    assert_eq!(order(&container), "");
    container.start().ok()?;
    container.wait_for("stopped")?;
    assert_eq!(order(&container), "hook program");
    Ok(())
}

fn poststart_runs_before_start_returns() -> Result {
    chapter!("runtime.md#lifecycle");
    let bundle = Bundle::busybox().sleeping();
    let container =
        bundle.hook("poststart", &format!("sleep 0.2; {}", note("poststart"))).create()?;
    assert_eq!(order(&container), "");
    container.start().ok()?;
    assert_eq!(order(&container), "poststart");
    Ok(())
}

fn a_failing_hook_of_create_fails_it() -> Result {
    chapter!("runtime.md#lifecycle");
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let script = "echo words-of-the-hook >&2; exit 3";
        let container = Bundle::busybox().hook(kind, script).build()?;
        let output = container.create().fails_with("words-of-the-hook")?;
        assert!(output.stderr.contains("exit status 3"), "{output}");
        container.left_no_trace()?;
    }
    Ok(())
}

fn a_hook_after_a_failing_one_does_not_run() -> Result {
    chapter!("runtime.md#lifecycle");
    let bundle = Bundle::busybox().hook("createRuntime", "exit 1");
    let bundle = bundle.hook("createRuntime", &note("second"));
    let container = bundle.hook("createContainer", &note("third")).build()?;
    container.create().fails()?;
    assert_eq!(order(&container), "");
    Ok(())
}

fn a_missing_hook_program_fails_create() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let hook = json!({"path": "/nowhere/hook"});
    Bundle::busybox().set("/hooks/createRuntime/-", hook).is_refused("/nowhere/hook")
}

fn a_failing_start_container_hook_stops_the_container() -> Result {
    chapter!("runtime.md#lifecycle");
    let container = inside(Bundle::busybox().sh("echo ran > /ran"), "exit 1").create()?;
    // Whether start itself fails depends on who notices first.
    drop(container.start());
    container.wait_for("stopped")?;
    assert!(!container.in_root("ran").exists());
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_start_container_hook_that_a_signal_ends_names_it() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().set("/process/args", json!(["true"]));
    let container = inside(bundle, "kill -SYS $$").build()?;
    let output = container.run().fails_with("error running startContainer hook")?;
    output.fails_with("signal: bad system call")?;
    container.left_no_trace()
}

fn a_failing_poststart_hook_ends_the_container() -> Result {
    chapter!("runtime.md#lifecycle");
    let bundle = Bundle::busybox().sleeping().hook("poststop", &note("poststop"));
    let container = bundle.hook("poststart", "echo words-of-the-hook >&2; exit 1").create()?;
    container.start().fails_with("words-of-the-hook")?;
    assert_eq!(order(&container), "poststop");
    container.left_no_trace()
}

fn a_failing_poststop_hook_fails_nothing() -> Result {
    chapter!("runtime.md#lifecycle");
    let bundle = Bundle::busybox().hook("poststop", "exit 1").hook("poststop", &note("second"));
    let container = bundle.start()?;
    container.wait_for("stopped")?;
    let told = container.delete().ok()?.stderr;
    assert!(told.contains("poststop hook failed with exit code 1"), "{told}");
    assert_eq!(order(&container), "second");
    container.left_no_trace()
}

fn a_hook_that_takes_too_long_is_killed() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = Bundle::busybox().hook("createRuntime", "exec sleep 1000");
    let container = bundle.set("/hooks/createRuntime/0/timeout", 1).build()?;
    let start = Instant::now();
    container.create().fails_with("hook ran past specified timeout of 1.0s")?;
    assert!(start.elapsed() >= Duration::from_secs(1));
    container.left_no_trace()
}

/// More than a pipe holds.
fn with_long_state(bundle: Bundle) -> Bundle {
    bundle.set("/annotations", json!({"org.x": "x".repeat(200 << 10)}))
}

fn a_hook_that_leaves_a_long_state_unread_is_killed_in_time() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle = with_long_state(Bundle::busybox()).hook("createRuntime", "exec sleep 1000");
    let container = bundle.set("/hooks/createRuntime/0/timeout", 1).build()?;
    let start = Instant::now();
    container.create().fails_with("hook ran past specified timeout of 1.0s")?;
    assert!(start.elapsed() < Duration::from_secs(20));
    container.left_no_trace()
}

fn a_long_state_arrives_whole() -> Result {
    chapter!("runtime.md#state");
    let script = "echo before; cat > $1/rootfs/state.json";
    let container = with_long_state(Bundle::busybox()).hook("createRuntime", script).create()?;
    let state: Value = serde_json::from_slice(&fs::read(container.in_root("state.json"))?)?;
    assert_eq!(state["annotations"]["org.x"].as_str().map(str::len), Some(200 << 10));
    Ok(())
}

fn a_hook_of_a_foreground_run_has_no_signal_blocked() -> Result {
    chapter!("config.md#posix-platform-hooks");
    // A shell lets go of what is blocked only in its children: these words are its own.
    let own = "while read -r line; do case $line in SigBlk*) echo $line;; esac; done";
    let blocked = format!("{own} < /proc/self/status");
    let bundle = Bundle::busybox().hook("createRuntime", &format!("{blocked} > $1/rootfs/host"));
    let container = inside(bundle, &format!("{blocked} > /inside")).sh("true").build()?;
    container.run().ok()?;
    for name in ["host", "inside"] {
        let line = fs::read_to_string(container.in_root(name))?;
        assert_eq!(line.trim(), "SigBlk: 0000000000000000", "{name}");
    }
    Ok(())
}

fn poststop_runs_once() -> Result {
    chapter!("runtime.md#lifecycle");
    let container = Bundle::busybox().hook("poststop", &note("poststop")).start()?;
    container.wait_for("stopped")?;
    assert_eq!(order(&container), "");
    container.delete().ok()?;
    container.delete().fails()?;
    container.delete_by_force().ok()?;
    assert_eq!(order(&container), "poststop");
    Ok(())
}

fn poststop_runs_after_a_foreground_run() -> Result {
    chapter!("runtime.md#lifecycle");
    let container = Bundle::busybox().sh("exit 3").hook("poststop", &note("poststop")).build()?;
    container.run().exits(3)?;
    assert_eq!(order(&container), "poststop");
    Ok(())
}

fn poststop_runs_after_the_container_is_gone() -> Result {
    chapter!("runtime.md#lifecycle");
    // A zombie is its parent's business.
    let script = "echo ran >> $1/rootfs/order; \
                  grep '^State' /proc/$(cat $1/pid)/status | grep -v '[ZX]' >> $1/rootfs/order; \
                  ls -d /sys/fs/cgroup/$0 /sys/fs/cgroup/*/$0 >> $1/rootfs/order; true";
    let container = Bundle::busybox().sleeping().hook("poststop", script).build()?;
    container.reconfigure("/hooks/poststop/0/args/3", container.cgroup())?;
    let path = container.bundle().join("pid");
    container.create_call().arg("--pid-file").arg(path).arg(container.id()).run().ok()?;
    container.start().ok()?;
    container.delete_by_force().ok()?;
    assert_eq!(order(&container), "ran");
    Ok(())
}

fn a_hook_path_must_be_absolute() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let hook = json!({"path": "bin/sh", "args": ["sh", "-c", "true"]});
    let container = Bundle::busybox().set("/hooks/createRuntime/-", hook).build()?;
    container.create().fails()?;
    container.left_no_trace()
}
