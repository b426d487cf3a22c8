//! run, list, ps, pause and resume.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::{Bundle, Result, chapter, host, tests};

tests![
    run_gives_the_programs_exit_code,
    run_passes_the_three_streams_through,
    run_of_a_program_that_a_signal_ended_adds_128,
    run_forwards_signals,
    run_leaves_no_trace,
    run_keep_leaves_a_stopped_container,
    run_of_a_missing_program_fails,
    run_detached_returns_at_once,
    run_writes_the_pid_file,
    list_has_a_table,
    list_quiet_has_the_ids,
    list_json_has_an_object_per_container,
    list_of_nothing_is_an_empty_list,
    list_of_another_format_is_refused,
    list_steps_over_what_is_no_container,
    ps_has_the_containers_processes,
    ps_passes_its_options_to_ps,
    ps_json_has_the_hosts_pids,
    ps_of_another_format_is_refused,
    a_paused_container_stands_still_until_resumed,
    pause_of_a_paused_or_stopped_container_is_refused,
    resume_of_a_running_container_is_refused,
    start_of_a_paused_container_is_refused,
    a_created_container_can_be_paused,
    kill_of_a_paused_container_ends_it,
];

fn run_gives_the_programs_exit_code() -> Result {
    chapter!("cli#run");
    for code in [0, 1, 42, 255] {
        Bundle::busybox().sh(&format!("exit {code}")).run()?.exits(code)?;
    }
    Ok(())
}

fn run_passes_the_three_streams_through() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh("cat; echo err >&2").build()?;
    let output = container.run_call().arg(container.id()).stdin("in\n").run().ok()?;
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("in\n", "err\n"));
    Ok(())
}

fn run_of_a_program_that_a_signal_ended_adds_128() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().args(["sleep", "1000"]).build()?;
    let running = container.run_call().arg(container.id()).spawn()?;
    container.wait_for("running")?;
    container.kill("KILL").ok()?;
    running.wait().exits(137)?;
    Ok(())
}

fn run_forwards_signals() -> Result {
    chapter!("cli#run");
    let script = "trap 'exit 5' USR1; trap 'exit 6' TERM; echo ready > /ready; \
                  while :; do sleep 0.01; done";
    for (signal, code) in [(Signal::USR1, 5), (Signal::TERM, 6)] {
        let container = Bundle::busybox().sh(script).build()?;
        let running = container.run_call().arg(container.id()).spawn()?;
        container.wait_for_file("ready")?;
        kill_process(Pid::from_raw(running.pid()).expect("a pid is not 0"), signal)?;
        running.wait().exits(code)?;
    }
    Ok(())
}

fn run_leaves_no_trace() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh("echo ran").build()?;
    container.run().says("ran")?;
    container.left_no_trace()
}

fn run_keep_leaves_a_stopped_container() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh("exit 3").build()?;
    container.run_with(["--keep"]).exits(3)?;
    assert_eq!(container.status()?, "stopped");
    container.delete().ok()?;
    container.left_no_trace()
}

fn run_of_a_missing_program_fails() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().args(["nowhere"]).build()?;
    container.run().exits(1)?.fails_with("executable file not found in $PATH")?;
    container.left_no_trace()
}

fn run_detached_returns_at_once() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sleeping().build()?;
    container.run_detached().ok()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn run_writes_the_pid_file() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sleeping().build()?;
    let path = container.directory().join("pid");
    let call = container.run_call().args(["-d", "--pid-file"]).arg(&path);
    call.arg(container.id()).streams("container").run().ok()?;
    assert_eq!(fs::read_to_string(path)?, container.pid()?.to_string());
    Ok(())
}

fn list_has_a_table() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().sleeping().start()?;
    let output = container.call("list").run().ok()?;
    let rows: Vec<Vec<_>> = output.stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
    let (pid, bundle) = (container.pid()?.to_string(), container.bundle());
    assert_eq!(rows[1][..4], [container.id(), &pid, "running", &bundle.to_string_lossy()]);
    assert_eq!((rows.len(), rows[1][5]), (2, "root"));
    Ok(())
}

fn list_quiet_has_the_ids() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().create()?;
    for option in ["-q", "--quiet"] {
        container.call("list").arg(option).run().says(container.id())?;
    }
    Ok(())
}

fn list_json_has_an_object_per_container() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().create()?;
    for options in [["-f", "json"].as_slice(), &["--format", "json"], &["--format=json"]] {
        let output = container.call("list").args(options).run().ok()?;
        let list: Value = serde_json::from_str(&output.stdout)?;
        assert_eq!(list.as_array().map(Vec::len), Some(1));
        assert_eq!(list[0]["id"], container.id());
        assert_eq!(list[0]["status"], "created");
        assert_eq!(list[0]["pid"], container.pid()?);
        assert_eq!(list[0]["bundle"], container.bundle().to_string_lossy().as_ref());
        assert_eq!(list[0]["owner"], "root");
    }
    Ok(())
}

fn list_of_nothing_is_an_empty_list() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().build()?;
    fs::create_dir(container.state_root())?;
    let output = container.call("list").args(["-f", "json"]).run().ok()?;
    assert!(["null", "[]"].contains(&output.stdout.trim()), "{output}");
    container.call("list").arg("-q").run().says("")?;
    Ok(())
}

fn list_of_another_format_is_refused() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().create()?;
    container.call("list").args(["-f", "yaml"]).run().fails()?;
    Ok(())
}

fn list_steps_over_what_is_no_container() -> Result {
    chapter!("cli#list");
    let container = Bundle::busybox().create()?;
    fs::write(container.state_root().join("file"), "no container")?;
    fs::create_dir(container.state_root().join("empty"))?;
    container.call("list").arg("-q").run().says(container.id())?;
    Ok(())
}

fn ps_has_the_containers_processes() -> Result {
    chapter!("cli#ps");
    host::success("ps", &["-ef"])?;
    let container = Bundle::busybox().args(["sleep", "12321"]).start()?;
    container.proc_file("status")?;
    let output = container.call("ps").arg(container.id()).run().ok()?;
    let lines = output.lines();
    assert!(lines[0].contains("PID") && lines.len() == 2, "{output}");
    assert!(lines[1].contains("sleep 12321"), "{output}");
    assert!(lines[1].contains(&container.pid()?.to_string()), "{output}");
    Ok(())
}

fn ps_passes_its_options_to_ps() -> Result {
    chapter!("cli#ps");
    host::success("ps", &["-ef"])?;
    let container = Bundle::busybox().args(["sleep", "12321"]).start()?;
    container.proc_file("status")?;
    let output = container.call("ps").args([container.id(), "-e", "-o", "pid,args"]).run().ok()?;
    let lines = output.lines();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["PID", "COMMAND"]);
    assert_eq!(lines[1].trim(), format!("{} sleep 12321", container.pid()?));
    Ok(())
}

fn ps_json_has_the_hosts_pids() -> Result {
    chapter!("cli#ps");
    let container = Bundle::busybox().sh("sleep 1000 & echo ready > /ready; wait").start()?;
    container.wait_for_file("ready")?;
    let output = container.call("ps").args(["--format", "json", container.id()]).run().ok()?;
    let mut pids: Vec<i32> = serde_json::from_str(&output.stdout)?;
    let mut expected = container.processes();
    pids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(pids, expected);
    assert!(pids.contains(&container.pid()?) && pids.len() == 2);
    Ok(())
}

fn ps_of_another_format_is_refused() -> Result {
    chapter!("cli#ps");
    let container = Bundle::busybox().sleeping().start()?;
    container.call("ps").args(["--format", "yaml", container.id()]).run().fails()?;
    Ok(())
}

fn a_paused_container_stands_still_until_resumed() -> Result {
    chapter!("cli#pause");
    let script = "while :; do echo x >> /beats; sleep 0.01; done";
    let container = Bundle::busybox().sh(script).start()?;
    container.wait_for_file("beats")?;
    container.pause().ok()?;
    assert_eq!(container.status()?, "paused");
    let beats = || fs::metadata(container.in_root("beats")).map_or(0, |file| file.len());
    let before = beats();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(beats(), before);
    container.resume().ok()?;
    assert_eq!(container.status()?, "running");
    let goes_on = wait_until(PATIENCE, || (beats() > before).then_some(()));
    assert!(goes_on.is_some(), "stands still after resume");
    Ok(())
}

fn pause_of_a_paused_or_stopped_container_is_refused() -> Result {
    chapter!("cli#pause");
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    container.pause().fails_with("container not running")?;
    assert_eq!(container.status()?, "paused");
    container.resume().ok()?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.pause().fails_with("container not running")?;
    Ok(())
}

fn resume_of_a_running_container_is_refused() -> Result {
    chapter!("cli#resume");
    let container = Bundle::busybox().sleeping().start()?;
    container.resume().fails_with("container not paused")?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn start_of_a_paused_container_is_refused() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    container.start().fails_with("cannot start a container in the paused state")?;
    Ok(())
}

fn a_created_container_can_be_paused() -> Result {
    chapter!("cli#pause");
    let container = Bundle::busybox().sleeping().create()?;
    container.pause().ok()?;
    assert_eq!(container.status()?, "paused");
    container.resume().ok()?;
    assert_eq!(container.status()?, "created");
    container.start().ok()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn kill_of_a_paused_container_ends_it() -> Result {
    chapter!("cli#kill");
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")
}
