//! kill and delete: how a container ends, and what is left of it.

use std::fs;

use anyhow::Context;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    run_removes_the_groups_that_the_program_made,
    kill_sends_term_by_default,
    a_signal_has_a_name_or_a_number,
    a_real_time_signal_has_a_number,
    an_unknown_signal_is_refused,
    kill_of_a_created_container_ends_it,
    a_created_container_ends_of_a_signal_to_end,
    kill_of_a_stopped_container_fails,
    kill_all_of_a_stopped_container_is_nothing_new,
    kill_of_an_unknown_container_fails,
    kill_all_ends_the_container,
    kill_in_the_hosts_pid_namespace_ends_every_process,
    kill_in_the_hosts_pid_namespace_reaches_who_outlived_init,
    delete_of_a_stopped_container_leaves_no_trace,
    a_deleted_id_is_free_again,
    delete_of_a_created_container_ends_it,
    delete_of_a_running_container_is_refused,
    delete_of_a_paused_container_is_refused,
    delete_of_an_unknown_container_fails,
    delete_by_force_of_an_unknown_container_is_silent,
    delete_by_force_ends_a_running_container,
    delete_by_force_ends_a_paused_container,
    delete_by_force_ends_a_container_that_ignores_signals,
    delete_by_force_ends_leftovers_in_the_hosts_pid_namespace,
    delete_removes_cgroups_that_the_container_made,
    delete_keeps_what_create_has_not_made,
    delete_clears_a_state_directory_without_state,
    a_failing_create_leaves_no_trace,
    kill_and_delete_take_a_regular_expression,
];

/// Writes down each USR1 and dies of TERM with 3.
const LISTENING: &str = "trap 'echo usr1 >> /got' USR1; trap 'echo term >> /got; exit 3' TERM; \
     echo ready > /ready; while :; do sleep 0.01; done";

fn kill_sends_term_by_default() -> Result {
    chapter!("cli#kill");
    let container = Bundle::busybox().sh(LISTENING).start()?;
    container.wait_for_file("ready")?;
    container.call("kill").arg(container.id()).run().ok()?;
    assert_eq!(container.wait_for_file("got")?, "term\n");
    container.wait_for("stopped")
}

fn a_signal_has_a_name_or_a_number() -> Result {
    chapter!("runtime.md#kill");
    let container = Bundle::busybox().sh(LISTENING).start()?;
    container.wait_for_file("ready")?;
    for signal in ["USR1", "SIGUSR1", "usr1", "sigusr1", "10"] {
        container.kill(signal).ok()?;
        assert_eq!(container.wait_for_file("got")?, "usr1\n", "{signal}");
        fs::remove_file(container.in_root("got"))?;
    }
    Ok(())
}

fn a_real_time_signal_has_a_number() -> Result {
    chapter!("runtime.md#kill");
    let script = "trap 'echo got > /got' 40; echo ready > /ready; while :; do sleep 0.01; done";
    let container = Bundle::busybox().sh(script).start()?;
    container.wait_for_file("ready")?;
    container.kill("40").ok()?;
    container.wait_for_file("got")?;
    Ok(())
}

fn an_unknown_signal_is_refused() -> Result {
    chapter!("runtime.md#kill");
    let container = Bundle::busybox().sleeping().start()?;
    for signal in ["BOGUS", "SIG", "SIGSIGTERM", "9x", "999"] {
        container.kill(signal).fails()?;
    }
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn kill_of_a_created_container_ends_it() -> Result {
    chapter!("runtime.md#kill");
    let container = Bundle::busybox().create()?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_created_container_ends_of_a_signal_to_end() -> Result {
    chapter!("cli#kill");
    for signal in ["HUP", "INT", "TERM"] {
        let container = Bundle::busybox().create()?;
        container.kill(signal).ok()?;
        container.wait_for("stopped").with_context(|| signal)?;
    }
    Ok(())
}

fn kill_of_a_stopped_container_fails() -> Result {
    chapter!("runtime.md#kill");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.kill("KILL").exits(1)?.fails_with("container not running")?;
    Ok(())
}

fn kill_all_of_a_stopped_container_is_nothing_new() -> Result {
    chapter!("cli#kill");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.call("kill").args(["--all", container.id(), "KILL"]).run().ok()?;
    Ok(())
}

fn kill_of_an_unknown_container_fails() -> Result {
    chapter!("runtime.md#kill");
    let container = Bundle::busybox().build()?;
    container.kill("KILL").exits(1)?.fails_with("does not exist")?;
    Ok(())
}

fn kill_all_ends_the_container() -> Result {
    chapter!("cli#kill");
    for option in ["--all", "-a"] {
        let container = Bundle::busybox().sleeping().start()?;
        container.call("kill").args([option, container.id(), "9"]).run().ok()?;
        container.wait_for("stopped")?;
    }
    Ok(())
}

fn kill_in_the_hosts_pid_namespace_ends_every_process() -> Result {
    chapter!("cli#kill");
    let script = "sleep 1000 & sleep 1000 & echo ready > /ready; wait";
    let container = Bundle::busybox().without_namespace("pid").sh(script).start()?;
    container.wait_for_file("ready")?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    nobody_lives_on(&container)
}

fn nobody_lives_on(container: &Container) -> Result {
    let gone = || container.processes().is_empty().then_some(());
    let gone = wait_until(PATIENCE, gone);
    assert!(gone.is_some(), "processes {:?} live on", container.processes());
    Ok(())
}

fn kill_in_the_hosts_pid_namespace_reaches_who_outlived_init() -> Result {
    chapter!("cli#kill");
    let script = "sleep 1000 & sleep 1000 & echo ready > /ready; exit";
    let container = Bundle::busybox().without_namespace("pid").sh(script).start()?;
    container.wait_for("stopped")?;
    assert_eq!(container.processes().len(), 2, "{:?}", container.processes());
    container.kill("TERM").fails_with("container not running")?;
    container.kill("KILL").ok()?;
    nobody_lives_on(&container)?;
    let refused = || container.kill("KILL").fails_with("container not running").ok();
    assert!(wait_until(PATIENCE, refused).is_some(), "{}", container.kill("KILL"));
    Ok(())
}

fn delete_of_a_stopped_container_leaves_no_trace() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_deleted_id_is_free_again() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.create().ok()?;
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn delete_of_a_created_container_ends_it() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().create()?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn delete_of_a_running_container_is_refused() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().sleeping().start()?;
    let words = format!("cannot delete container {} that is not stopped: running", container.id());
    container.delete().fails_with(&words)?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn delete_of_a_paused_container_is_refused() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    let words = format!("cannot delete container {} that is not stopped: paused", container.id());
    container.delete().fails_with(&words)?;
    assert_eq!(container.status()?, "paused");
    Ok(())
}

fn delete_of_an_unknown_container_fails() -> Result {
    chapter!("runtime.md#delete");
    Bundle::busybox().build()?.delete().exits(1)?.fails_with("does not exist")?;
    Ok(())
}

fn delete_by_force_of_an_unknown_container_is_silent() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().build()?;
    let output = container.delete_by_force().ok()?;
    assert_eq!(output.text(), "");
    Ok(())
}

fn delete_by_force_ends_a_running_container() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().sleeping().start()?;
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn delete_by_force_ends_a_paused_container() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn delete_by_force_ends_a_container_that_ignores_signals() -> Result {
    chapter!("cli#delete");
    let script = "trap '' TERM INT HUP; echo ready > /ready; while :; do sleep 1000; done";
    let container = Bundle::busybox().sh(script).start()?;
    container.wait_for_file("ready")?;
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn delete_by_force_ends_leftovers_in_the_hosts_pid_namespace() -> Result {
    chapter!("cli#delete");
    let script = "sleep 1000 & echo ready > /ready";
    let container = Bundle::busybox().without_namespace("pid").sh(script).start()?;
    container.wait_for("stopped")?;
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn delete_removes_cgroups_that_the_container_made() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().sleeping().start()?;
    for cgroup in container.cgroups() {
        fs::create_dir_all(cgroup.join("inner/most"))?;
    }
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn delete_keeps_what_create_has_not_made() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().file("mark", "mine", 0o644).start()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    assert_eq!(fs::read_to_string(container.in_root("mark"))?, "mine");
    assert!(container.bundle().join("config.json").exists());
    Ok(())
}

fn delete_clears_a_state_directory_without_state() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().build()?;
    let state = container.state_root().join(container.id());
    fs::create_dir_all(&state)?;
    container.delete_by_force().ok()?;
    assert!(!state.exists());
    fs::create_dir_all(&state)?;
    container.delete().fails_with("does not exist")?;
    assert!(!state.exists());
    Ok(())
}

fn a_failing_create_leaves_no_trace() -> Result {
    chapter!("runtime.md#errors");
    let missing = "/nowhere/at/all";
    Bundle::busybox().args(["/nowhere"]).is_refused("/nowhere")?;
    Bundle::busybox().bind(missing, "/mnt", &[]).is_refused(missing)?;
    Bundle::busybox().hook("createRuntime", "exit 1").is_refused("hook")?;
    Bundle::busybox().hook("createContainer", "exit 1").is_refused("hook")?;
    Bundle::busybox().set("/linux/sysctl/kernel.core_pattern", "x").is_refused("core_pattern")?;
    Bundle::busybox().set("/linux/namespaces/0/path", missing).is_refused(missing)
}

fn kill_and_delete_take_a_regular_expression() -> Result {
    chapter!("cli#delete");
    let container = Bundle::busybox().build()?;
    for command in ["kill", "delete"] {
        let help = container.bare_call().args([command, "--help"]).run();
        host::needs(help.text().contains("--regex"), "the runtime does not offer --regex")?;
    }
    let ids = ["-a1", "-a2", "-b"].map(|end| format!("{}{end}", container.id()));
    for id in &ids {
        container.reconfigure("/linux/cgroupsPath", host::cgroups_path(id))?;
        container.create_call().arg(id).run().ok()?;
    }
    let pattern = format!("{}-a[0-9]", container.id());
    container.call("kill").args(["--regex", &pattern, "KILL"]).run().ok()?;
    container.call("delete").args(["--force", "--regex", &pattern]).run().ok()?;
    container.call("list").arg("-q").run().says(&ids[2])?;
    container.call("delete").args(["--force", &ids[2]]).run().ok()?;
    container.left_no_trace()
}

fn run_removes_the_groups_that_the_program_made() -> Result {
    chapter!("config-linux.md#control-groups");
    let script = "cd /sys/fs/cgroup; [ ! -d pids ] || cd pids; mkdir below && echo made";
    let bundle = Bundle::busybox().sh(script).namespace("cgroup");
    let bundle = bundle.mount("/sys/fs/cgroup", ("cgroup", "cgroup"), &["nosuid", "nodev"]);
    let container = bundle.build()?;
    container.run().says("made")?;
    container.left_no_trace()
}
