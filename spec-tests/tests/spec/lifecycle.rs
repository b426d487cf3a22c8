//! create, start, state: from a bundle to a running program.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use spec_tests::suite::under_subreaper;
use spec_tests::{Bundle, Result, chapter, host, shim, tests};

tests![
    a_created_container_has_not_run_its_program,
    a_started_container_runs_its_program,
    start_does_not_wait_for_the_programs_end,
    the_pid_file_holds_the_pid_and_no_newline,
    an_id_in_use_is_refused_and_its_container_untouched,
    an_id_of_other_characters_is_refused,
    an_id_that_begins_with_a_dot_is_refused,
    an_empty_id_is_refused,
    an_id_may_have_plus_dot_dash_and_underscore,
    a_bundle_without_config_is_refused,
    a_broken_config_is_refused,
    a_missing_root_directory_is_refused,
    a_relative_root_is_relative_to_the_bundle,
    an_absolute_root_is_used,
    unknown_properties_are_ignored,
    the_default_bundle_is_the_working_directory,
    a_later_change_of_the_config_has_no_effect,
    a_cgroup_with_processes_is_refused,
    a_frozen_cgroup_is_refused,
    the_process_is_left_to_the_callers_subreaper,
    a_runtime_killed_in_create_leaves_nothing_that_force_cannot_delete,
    of_two_creates_with_one_id_one_wins,
    start_of_a_container_whose_process_was_killed_fails,
    a_session_keyring_is_made_unless_declined,
    start_of_an_unknown_container_fails,
    start_of_a_running_container_fails,
    start_of_a_stopped_container_fails,
    state_tells_what_the_specification_lists,
    state_follows_the_container_to_its_end,
    state_tells_the_annotations,
    state_of_an_unknown_container_fails,
];

fn a_created_container_has_not_run_its_program() -> Result {
    chapter!("runtime.md#create");
    let container = Bundle::busybox().args(["touch", "/ran"]).create()?;
    assert_eq!(container.status()?, "created");
    assert!(!container.in_root("ran").exists());
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn a_started_container_runs_its_program() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().sh("echo hi").start()?;
    assert_eq!(container.log_at_end()?, "hi\n");
    Ok(())
}

fn start_does_not_wait_for_the_programs_end() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().sleeping().start()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn the_pid_file_holds_the_pid_and_no_newline() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let path = container.directory().join("pid");
    container.create_call().arg("--pid-file").arg(&path).arg(container.id()).run().ok()?;
    assert_eq!(fs::read_to_string(path)?, container.pid()?.to_string());
    Ok(())
}

fn an_id_in_use_is_refused_and_its_container_untouched() -> Result {
    chapter!("runtime.md#create");
    let container = Bundle::busybox().sleeping().start()?;
    let pid = container.pid()?;
    container.create().fails_with("container with given ID already exists")?;
    assert_eq!((container.status()?.as_str(), container.pid()?), ("running", pid));
    Ok(())
}

fn an_id_of_other_characters_is_refused() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    for id in ["a/b", "a b", "a:b", "..", ".", "../x", "ä"] {
        container.create_call().arg(id).run().fails_with("invalid container ID format")?;
    }
    container.left_no_trace()
}

fn an_id_that_begins_with_a_dot_is_refused() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    container.create_call().arg(".x").run().fails_with("invalid container ID format")?;
    container.left_no_trace()
}

fn an_empty_id_is_refused() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    container.create_call().arg("").run().fails_with("container id cannot be empty")?;
    container.left_no_trace()
}

fn an_id_may_have_plus_dot_dash_and_underscore() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    let id = format!("{}-A_b+c.d", container.id());
    container.create_call().arg(&id).run().ok()?;
    container.call("list").arg("-q").run().says(&id)?;
    container.call("delete").args(["--force", &id]).run().ok()?;
    container.left_no_trace()
}

fn a_bundle_without_config_is_refused() -> Result {
    chapter!("bundle.md#container-format");
    let container = Bundle::busybox().build()?;
    fs::remove_file(container.bundle().join("config.json"))?;
    container.create().fails_with("config.json")?;
    container.left_no_trace()
}

fn a_broken_config_is_refused() -> Result {
    chapter!("bundle.md#container-format");
    let container = Bundle::busybox().build()?;
    for text in ["", "{", "[]", r#"{"ociVersion":"1.0.2","process":7}"#] {
        fs::write(container.bundle().join("config.json"), text)?;
        container.create().fails()?;
        container.left_no_trace()?;
    }
    Ok(())
}

fn a_missing_root_directory_is_refused() -> Result {
    chapter!("config.md#root");
    Bundle::busybox().set("/root/path", "nowhere").is_refused("nowhere")
}

fn a_relative_root_is_relative_to_the_bundle() -> Result {
    chapter!("config.md#root");
    let container = Bundle::busybox().sh("cat /mark").file("mark", "mine", 0o644).build()?;
    container.reconfigure("/root/path", "./rootfs")?;
    container.run().says("mine")?;
    Ok(())
}

fn an_absolute_root_is_used() -> Result {
    chapter!("config.md#root");
    let bundle = Bundle::busybox().sh("cat /mark").file("mark", "mine", 0o644);
    bundle.set("/root/path", "@BUNDLE@/rootfs").run()?.says("mine")?;
    Ok(())
}

fn unknown_properties_are_ignored() -> Result {
    chapter!("config.md#extensibility");
    let bundle = Bundle::busybox().sh("echo hi").set("/unknown", "x").set("/linux/unheardOf", 1);
    bundle.set("/process/unheardOf", true).run()?.says("hi")?;
    Ok(())
}

fn the_default_bundle_is_the_working_directory() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    container.call("create").arg(container.id()).in_directory(&container.bundle()).run().ok()?;
    assert_eq!(container.state()?["bundle"], container.bundle().to_string_lossy().as_ref());
    Ok(())
}

fn a_later_change_of_the_config_has_no_effect() -> Result {
    chapter!("runtime.md#create");
    let container = Bundle::busybox().sh("echo first").create()?;
    container.reconfigure("/process/args", ["echo", "second"].as_slice())?;
    container.start().ok()?;
    assert_eq!(container.log_at_end()?, "first\n");
    Ok(())
}

fn a_cgroup_with_processes_is_refused() -> Result {
    chapter!("cli#create");
    let first = Bundle::busybox().sleeping().start()?;
    let path = host::cgroups_path(first.id());
    let second = Bundle::busybox().set("/linux/cgroupsPath", path).build()?;
    let words = match host::systemd_makes_cgroups() {
        true => "was already loaded",
        false => "container's cgroup is not empty",
    };
    second.create().fails_with(words)?;
    assert_eq!(first.status()?, "running");
    Ok(())
}

fn a_frozen_cgroup_is_refused() -> Result {
    chapter!("cli#create");
    host::cgroupfs_driver()?;
    let container = Bundle::busybox().build()?;
    let name = container.id();
    let (cgroup, file, word) = match host::cgroups() {
        host::Cgroups::V2 => (format!("/sys/fs/cgroup/{name}"), "cgroup.freeze", "1"),
        _ => (format!("/sys/fs/cgroup/freezer/{name}"), "freezer.state", "FROZEN"),
    };
    fs::create_dir(&cgroup)?;
    fs::write(format!("{cgroup}/{file}"), word)?;
    container.create().fails_with("container's cgroup unexpectedly frozen")?;
    Ok(())
}

fn the_process_is_left_to_the_callers_subreaper() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let call = container.create_call().arg(container.id()).under(under_subreaper()?);
    let left = call.streams("shim").run().ok()?;
    assert_eq!(left.stdout.trim(), container.pid()?.to_string());
    Ok(())
}

fn a_runtime_killed_in_create_leaves_nothing_that_force_cannot_delete() -> Result {
    chapter!("cli#delete");
    let script = "echo in > $1/rootfs/hook; exec sleep 1000";
    let container = Bundle::busybox().hook("createRuntime", script).build()?;
    let call = container.create_call().arg(container.id());
    let running = call.spawn()?;
    container.wait_for_file("hook")?;
    drop(running);
    container.delete_by_force().ok()?;
    assert!(!container.state_root().join(container.id()).exists());
    Ok(())
}

fn start_of_an_unknown_container_fails() -> Result {
    chapter!("runtime.md#start");
    Bundle::busybox().build()?.start().exits(1)?.fails_with("does not exist")?;
    Ok(())
}

fn start_of_a_running_container_fails() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().sleeping().start()?;
    container.start().fails_with("cannot start an already running container")?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn start_of_a_stopped_container_fails() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.start().fails_with("cannot start a container that has stopped")?;
    assert_eq!(container.status()?, "stopped");
    Ok(())
}

fn state_tells_what_the_specification_lists() -> Result {
    chapter!("runtime.md#state");
    let container = Bundle::busybox().sleeping().create()?;
    let state = container.state()?;
    assert!(state["ociVersion"].as_str().is_some_and(|version| version.starts_with("1.")));
    assert_eq!(state["id"], container.id());
    assert_eq!(state["status"], "created");
    assert_eq!(state["bundle"], container.bundle().to_string_lossy().as_ref());
    assert_eq!(state["rootfs"], container.in_root("").to_string_lossy().trim_end_matches('/'));
    assert_eq!(state["owner"], "");
    let created = state["created"].as_str().unwrap_or_default();
    assert!(created.contains('T') && created.ends_with('Z') && created.contains('.'), "{created}");
    let command = fs::read_to_string(format!("/proc/{}/status", state["pid"]))?;
    assert!(command.contains("NSpid"));
    Ok(())
}

fn state_follows_the_container_to_its_end() -> Result {
    chapter!("runtime.md#state");
    let container = Bundle::busybox().sleeping().create()?;
    assert_eq!(container.status()?, "created");
    container.start().ok()?;
    assert_eq!(container.status()?, "running");
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    assert_eq!(container.state()?["pid"], 0);
    container.delete().ok()?;
    container.call("state").arg(container.id()).run().fails()?;
    Ok(())
}

fn state_tells_the_annotations() -> Result {
    chapter!("config.md#annotations");
    let bundle = Bundle::busybox().set("/annotations", serde_json::json!({"org.x": "a/b <&> c"}));
    let container = bundle.create()?;
    assert_eq!(container.state()?["annotations"]["org.x"], "a/b <&> c");
    Ok(())
}

fn state_of_an_unknown_container_fails() -> Result {
    chapter!("runtime.md#query-state");
    let container = Bundle::busybox().build()?;
    let output = container.call("state").arg("nobody").run().exits(1)?;
    output.fails_with("does not exist")?;
    Ok(())
}

fn of_two_creates_with_one_id_one_wins() -> Result {
    chapter!("runtime.md#create");
    let container = Bundle::busybox().sleeping().build()?;
    let spawn = || container.create_call().arg(container.id()).spawn();
    let racers = [spawn()?, spawn()?, spawn()?];
    let winners = racers.into_iter().map(|racer| racer.wait().code());
    let winners = winners.filter(|code| *code == Some(0)).count();
    assert_eq!(winners, 1);
    container.start().ok()?;
    assert_eq!(container.status()?, "running");
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn start_of_a_container_whose_process_was_killed_fails() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().create()?;
    let pid = Pid::from_raw(container.pid()?).expect("a created container has a process");
    kill_process(pid, Signal::KILL)?;
    container.start().fails()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_session_keyring_is_made_unless_declined() -> Result {
    chapter!("cli#create");
    shim::needs(&["keyctl"])?;
    let bundle = || Bundle::busybox().sh("cat /proc/keys").remove("/linux/maskedPaths");
    let container = bundle().build()?;
    let name = format!("_ses.{}", container.id());
    assert!(container.run().ok()?.stdout.contains(&name));
    let container = bundle().build()?;
    let name = format!("_ses.{}", container.id());
    assert!(!container.run_with(["--no-new-keyring"]).ok()?.stdout.contains(&name));
    Ok(())
}
