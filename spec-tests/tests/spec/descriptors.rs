//! What a container gets of its caller's descriptors, and what the caller gets of the container's.

use std::fs;
use std::os::fd::AsRawFd;

use anyhow::Context;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::terminal::DescriptorSocket;
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    a_container_has_only_the_three_streams,
    an_exec_has_only_the_three_streams,
    preserved_descriptors_are_passed,
    a_preserved_descriptor_must_be_open,
    listening_sockets_of_a_caller_that_knows_no_pid_are_passed,
    a_listening_socket_that_is_not_open_is_told,
    more_listening_sockets_than_there_can_be_are_told_once,
    exec_preserves_descriptors_too,
    listening_sockets_are_passed,
    listening_sockets_come_before_preserved_descriptors,
    run_sends_a_pidfd,
    create_sends_a_pidfd,
    exec_sends_a_pidfd,
];

/// The descriptors of a process that are there for a reason other than the standard streams.
/// There is none today: whoever adds a line here says why.
const ALLOWED: [&str; 0] = [];

/// The descriptors of a process beyond the standard streams: `6 -> /what/it/is`.
fn surplus_in(pid: i32) -> Result<Vec<String>> {
    // Until its execve the process is the runtime's, and may have what is closed by then.
    let command = || fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
    let started = || command().filter(|line| line.starts_with("sleep\0"));
    wait_until(PATIENCE, started).context("the program never ran")?;
    let mut surplus = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        let number = entry.file_name().to_string_lossy().into_owned();
        let target = fs::read_link(entry.path())?.to_string_lossy().into_owned();
        let is_stream = ["0", "1", "2"].contains(&number.as_str());
        if !is_stream && !ALLOWED.contains(&target.as_str()) {
            surplus.push(format!("{number} -> {target}"));
        }
    }
    Ok(surplus)
}

/// Open in the caller, and not meant for the container.
const STRAY: &str = "exec 3</dev/null 5</etc/passwd 9</;";

fn a_container_has_only_the_three_streams() -> Result {
    chapter!("runtime-linux.md#file-descriptors");
    let container = Bundle::busybox().args(["sleep", "1000"]).build()?;
    container.create_call().arg(container.id()).after_shell(STRAY).run().ok()?;
    container.call("start").arg(container.id()).after_shell(STRAY).run().ok()?;
    assert_eq!(surplus_in(container.pid()?)?, [""; 0]);
    Ok(())
}

fn an_exec_has_only_the_three_streams() -> Result {
    chapter!("runtime-linux.md#file-descriptors");
    let container = Bundle::busybox().sleeping().start()?;
    let path = container.directory().join("pid");
    let call = container.call("exec").args(["-d", "--pid-file"]).arg(&path).after_shell(STRAY);
    call.args([container.id(), "sleep", "1000"]).run().ok()?;
    assert_eq!(surplus_in(fs::read_to_string(path)?.parse()?)?, [""; 0]);
    Ok(())
}

/// Opens 3 and 4 on two files with a line each, and 5 as well.
fn with_lines(container: &Container) -> Result<String> {
    let place = |name: &str| container.directory().join(name);
    fs::write(place("third"), "third\n")?;
    fs::write(place("fourth"), "fourth\n")?;
    let (third, fourth) = (place("third"), place("fourth"));
    Ok(format!("exec 3<{} 4<{} 5</;", third.display(), fourth.display()))
}

const READ_BOTH: &str = "cat <&3; cat <&4; (true <&5) 2>/dev/null || echo closed";

fn preserved_descriptors_are_passed() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh(READ_BOTH).build()?;
    let call = container.run_call().args(["--preserve-fds", "2", container.id()]);
    let output = call.after_shell(&with_lines(&container)?).run().ok()?;
    assert_eq!(output.stdout, "third\nfourth\nclosed\n");
    Ok(())
}

fn a_preserved_descriptor_must_be_open() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().build()?;
    let call = container.run_call().args(["--preserve-fds", "2", container.id()]);
    let output = call.after_shell("exec 3</dev/null 4<&-;").run();
    output.fails_with("preserved-fd 1 (of 2)")?;
    container.left_no_trace()
}

fn listening_sockets_of_a_caller_that_knows_no_pid_are_passed() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh(&format!("echo $LISTEN_FDS $LISTEN_PID; {READ_BOTH}"));
    let container = container.build()?;
    let script = with_lines(&container)? + "unset LISTEN_PID; export LISTEN_FDS=2;";
    let output = container.run_call().arg(container.id()).after_shell(&script).run().ok()?;
    assert_eq!(output.stdout, "2 1\nthird\nfourth\nclosed\n");
    Ok(())
}

fn a_listening_socket_that_is_not_open_is_told() -> Result {
    chapter!("cli#run");
    let script =
        "echo $LISTEN_FDS; for fd in 3 4 5 6; do test -e /proc/self/fd/$fd && echo $fd; done";
    let container = Bundle::busybox().sh(&format!("{script}; true")).build()?;
    let listen = "exec 3</dev/null 4<&- 5</dev/null; export LISTEN_PID=$$ LISTEN_FDS=3;";
    let output = container.run_call().arg(container.id()).after_shell(listen).run().ok()?;
    assert_eq!(output.stdout, "3\n3\n5\n");
    assert!(output.stderr.contains("LISTEN_FDS is 3, but 4 is not open"), "{}", output.stderr);
    container.left_no_trace()
}

fn more_listening_sockets_than_there_can_be_are_told_once() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh("echo $LISTEN_FDS; test -e /proc/self/fd/4").build()?;
    let listen = "exec 3<&- 4</dev/null; export LISTEN_PID=$$ LISTEN_FDS=4294967295;";
    let output = container.run_call().arg(container.id()).after_shell(listen).run().ok()?;
    assert_eq!(output.stdout, "4294967295\n");
    let told = "LISTEN_FDS is 4294967295, but 3 is not open, nor are 42949";
    assert!(output.stderr.contains(told) && output.stderr.lines().count() == 1, "{output}");
    container.left_no_trace()
}

fn exec_preserves_descriptors_too() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let words = ["--preserve-fds=2", container.id(), "sh", "-c", READ_BOTH];
    let call = container.call("exec").args(words);
    let output = call.after_shell(&with_lines(&container)?).run().ok()?;
    assert_eq!(output.stdout, "third\nfourth\nclosed\n");
    Ok(())
}

fn listening_sockets_are_passed() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh(&format!("echo $LISTEN_FDS $LISTEN_PID; {READ_BOTH}"));
    let container = container.build()?;
    let listen = "export LISTEN_FDS=2 LISTEN_PID=$$;";
    let script = with_lines(&container)? + listen;
    let output = container.run_call().arg(container.id()).after_shell(&script).run().ok()?;
    assert_eq!(output.stdout, "2 1\nthird\nfourth\nclosed\n");
    Ok(())
}

fn listening_sockets_come_before_preserved_descriptors() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sh(&format!("echo $LISTEN_FDS; {READ_BOTH}")).build()?;
    let script = with_lines(&container)? + "export LISTEN_FDS=1 LISTEN_PID=$$;";
    let call = container.run_call().args(["--preserve-fds", "1", container.id()]);
    let output = call.after_shell(&script).run().ok()?;
    assert_eq!(output.stdout, "1\nthird\nfourth\nclosed\n");
    Ok(())
}

/// The process that a pidfd stands for.
fn pid_behind(pidfd: &fs::File) -> Result<i32> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    Ok(spec_tests::host::field(&info, "Pid").unwrap_or("no pidfd").parse()?)
}

fn run_sends_a_pidfd() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sleeping().build()?;
    let socket = DescriptorSocket::new(container.directory(), "pidfd.sock")?;
    let call = container.run_call().args(["-d", "--pidfd-socket"]).arg(socket.path());
    call.arg(container.id()).streams("container").run().ok()?;
    let (_, pidfd) = socket.receive()?;
    assert_eq!(pid_behind(&pidfd)?, container.pid()?);
    Ok(())
}

fn create_sends_a_pidfd() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let socket = DescriptorSocket::new(container.directory(), "pidfd.sock")?;
    container
        .create_call()
        .arg("--pidfd-socket")
        .arg(socket.path())
        .arg(container.id())
        .run()
        .ok()?;
    let (_, pidfd) = socket.receive()?;
    assert_eq!(pid_behind(&pidfd)?, container.pid()?);
    Ok(())
}

fn exec_sends_a_pidfd() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let socket = DescriptorSocket::new(container.directory(), "pidfd.sock")?;
    let path = container.directory().join("pid");
    let call = container.call("exec").arg("--pidfd-socket").arg(socket.path());
    let call = call.args(["-d", "--pid-file"]).arg(&path);
    call.args([container.id(), "sleep", "1000"]).run().ok()?;
    let (_, pidfd) = socket.receive()?;
    assert_eq!(pid_behind(&pidfd)?.to_string(), fs::read_to_string(path)?);
    Ok(())
}
