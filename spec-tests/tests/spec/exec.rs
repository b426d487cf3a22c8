//! exec: one more process in a running container.

use std::fs;
use std::time::Duration;

use serde_json::json;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    the_process_is_in_the_containers_namespaces_and_cgroup,
    the_three_streams_pass_through,
    the_exit_code_is_the_programs,
    a_program_that_a_signal_ended_adds_128,
    a_failure_of_the_runtime_is_255,
    a_failing_exec_leaves_the_container_alone,
    options_after_the_id_belong_to_the_program,
    a_double_dash_ends_the_options,
    no_program_is_refused,
    exec_in_an_unknown_container_fails,
    exec_in_a_stopped_container_fails,
    exec_in_a_paused_container_is_refused,
    exec_may_ignore_that_the_container_is_paused,
    exec_in_a_created_container_runs,
    the_containers_process_is_the_base,
    the_process_has_a_session_of_its_own,
];

fn sleeping() -> Result<Container> {
    Bundle::busybox().sleeping().start()
}

fn the_process_is_in_the_containers_namespaces_and_cgroup() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let pid = container.pid()?;
    for kind in ["pid", "net", "ipc", "uts", "mnt"] {
        let expected = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
        let link = format!("/proc/self/ns/{kind}");
        container.exec(["readlink", &link]).says(&expected.to_string_lossy())?;
    }
    let output = container.exec(["cat", "/proc/self/cgroup"]).ok()?;
    assert_eq!(output.stdout, container.proc_file("cgroup")?);
    Ok(())
}

fn the_three_streams_pass_through() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let call = container.call("exec").args([container.id(), "sh", "-c", "cat; echo err >&2"]);
    let output = call.stdin("in\n").run().ok()?;
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("in\n", "err\n"));
    Ok(())
}

fn the_exit_code_is_the_programs() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    for code in [0, 1, 42, 254] {
        container.exec_sh(&format!("exit {code}")).exits(code)?;
    }
    Ok(())
}

fn a_program_that_a_signal_ended_adds_128() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_sh("kill -KILL $$").exits(137)?;
    container.exec_sh("kill -TERM $$").exits(143)?;
    Ok(())
}

fn a_failure_of_the_runtime_is_255() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let output = container.exec(["nowhere"]).exits(255)?;
    assert!(output.stderr.contains("exec failed: "), "{output}");
    output.fails_with("executable file not found in $PATH")?;
    container.exec(["/nowhere"]).exits(255)?.fails_with("no such file or directory")?;
    let output = container.exec(["/etc"]).exits(255)?.text().to_lowercase();
    assert!(output.contains("permission denied") || output.contains("is a directory"), "{output}");
    Ok(())
}

fn a_failing_exec_leaves_the_container_alone() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().args(["sleep", "1000"]).start()?;
    container.proc_file("status")?;
    let before = container.processes();
    container.exec(["nowhere"]).fails()?;
    container.exec_with(["--cwd", "relative"], ["true"]).fails()?;
    assert_eq!(container.status()?, "running");
    assert_eq!(container.processes(), before);
    Ok(())
}

fn options_after_the_id_belong_to_the_program() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec(["echo", "-t", "--detach", "--cwd=/x", "-e"]).says("-t --detach --cwd=/x -e")?;
    Ok(())
}

fn a_double_dash_ends_the_options() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_with(["--cwd", "/tmp", "--"], ["echo", "-d"]).says("-d")?;
    Ok(())
}

fn no_program_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec([""; 0]).fails()?;
    container.exec_with(["--unheard-of"], ["true"]).fails()?;
    Ok(())
}

fn exec_in_an_unknown_container_fails() -> Result {
    chapter!("cli#exec");
    Bundle::busybox().build()?.exec(["true"]).fails_with("does not exist")?;
    Ok(())
}

fn exec_in_a_stopped_container_fails() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.exec(["true"]).fails_with("cannot exec in a stopped container")?;
    Ok(())
}

fn exec_in_a_paused_container_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.pause().ok()?;
    let words = "cannot exec in a paused container (use --ignore-paused to override)";
    container.exec(["true"]).fails_with(words)?;
    Ok(())
}

fn exec_may_ignore_that_the_container_is_paused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.pause().ok()?;
    let call = container.call("exec").args(["--ignore-paused", container.id(), "echo", "ran"]);
    let running = call.spawn()?;
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(container.status()?, "paused");
    container.resume().ok()?;
    running.wait().says("ran")?;
    Ok(())
}

fn exec_in_a_created_container_runs() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().create()?;
    container.exec(["echo", "ran"]).says("ran")?;
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn the_containers_process_is_the_base() -> Result {
    chapter!("cli#exec");
    let user = json!({"uid": 1000, "gid": 2000, "additionalGids": [5]});
    let bundle = Bundle::busybox().sleeping().set("/process/user", user).env("OWN=1");
    let container = bundle.directory("work").set("/process/cwd", "/work").start()?;
    let script =
        "echo $OWN; pwd; id -u; id -g; grep -E 'Groups|NoNewPrivs|CapBnd' /proc/self/status";
    let output = container.exec_sh(script).ok()?;
    let lines = output.lines();
    assert_eq!(lines[..4], ["1", "/work", "1000", "2000"]);
    for (line, name) in lines[4..].iter().zip(["Groups", "CapBnd", "NoNewPrivs"]) {
        assert_eq!(host::field(line, name), Some(container.proc_status(name)?.as_str()), "{line}");
    }
    Ok(())
}

fn the_process_has_a_session_of_its_own() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let output = container.exec(["cat", "/proc/self/stat"]).ok()?;
    let fields: Vec<_> = output.stdout.split_whitespace().collect();
    assert_eq!(fields[5], fields[0]);
    Ok(())
}
