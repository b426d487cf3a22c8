//! process.terminal: console sockets, and the foreground on a terminal of the caller's.

use std::fs::File;

use rustix::termios::tcgetattr;
use serde_json::json;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::terminal::{DescriptorSocket, Terminal, read_to_end, read_until, type_into};
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    a_terminal_without_a_socket_is_refused,
    a_socket_without_a_terminal_is_refused,
    a_socket_that_nobody_listens_on_fails,
    the_socket_receives_the_terminal,
    the_terminal_controls_the_session,
    the_console_is_the_terminal,
    the_terminal_has_the_configured_size,
    the_terminal_belongs_to_the_user,
    the_terminal_outlives_nothing_but_its_program,
    run_forwards_the_callers_terminal,
    run_gives_the_exit_code_of_a_program_on_a_terminal,
    run_gives_the_size_of_the_callers_terminal,
    run_follows_a_change_of_size,
    run_restores_the_callers_terminal,
    run_without_any_terminal_of_the_caller_fails,
    exec_forwards_the_callers_terminal,
    exec_sends_the_terminal_to_a_socket,
    exec_without_tty_has_no_terminal,
    a_process_file_may_ask_for_a_terminal,
];

fn on_terminal(script: &str) -> Bundle {
    Bundle::busybox().sh(script).set("/process/terminal", true)
}

/// Creates the container with a console socket and starts it.
fn start_with_socket(bundle: Bundle) -> Result<(Container, File)> {
    let container = bundle.build()?;
    let socket = DescriptorSocket::new(container.directory(), "tty.sock")?;
    container
        .create_call()
        .arg("--console-socket")
        .arg(socket.path())
        .arg(container.id())
        .run()
        .ok()?;
    let (name, controller) = socket.receive()?;
    assert!(!name.is_empty());
    container.start().ok()?;
    Ok((container, controller))
}

fn a_terminal_without_a_socket_is_refused() -> Result {
    chapter!("cli#create");
    on_terminal("true").is_refused("will detach without setting console socket")?;
    let container = on_terminal("true").build()?;
    container.run_detached().fails_with("cannot allocate tty if")?;
    container.left_no_trace()
}

fn a_socket_without_a_terminal_is_refused() -> Result {
    chapter!("cli#create");
    let words = "cannot use console socket if";
    let container = Bundle::busybox().build()?;
    let socket = DescriptorSocket::new(container.directory(), "tty.sock")?;
    let path = socket.path().to_string_lossy();
    container.create_with(["--console-socket", &path]).fails_with(words)?;
    container.reconfigure("/process/terminal", true)?;
    container.run_with(["--console-socket", &path]).fails_with(words)?;
    container.left_no_trace()
}

fn a_socket_that_nobody_listens_on_fails() -> Result {
    chapter!("cli#create");
    let container = on_terminal("true").build()?;
    let path = container.directory().join("nobody.sock");
    container.create_call().arg("--console-socket").arg(path).arg(container.id()).run().fails()?;
    container.left_no_trace()
}

fn the_socket_receives_the_terminal() -> Result {
    chapter!("cli#create");
    let script = "test -t 0 && test -t 1 && test -t 2 && echo three; read line; echo got-$line";
    let (_container, controller) = start_with_socket(on_terminal(script))?;
    read_until(&controller, "three")?;
    type_into(&controller, "words\n")?;
    read_until(&controller, "got-words")?;
    Ok(())
}

fn the_terminal_controls_the_session() -> Result {
    chapter!("config.md#process");
    let script = "trap 'echo interrupted' INT; echo ready; while :; do sleep 0.01; done";
    let (container, controller) = start_with_socket(on_terminal(script))?;
    read_until(&controller, "ready")?;
    type_into(&controller, "\x03")?;
    read_until(&controller, "interrupted")?;
    container.delete_by_force().ok()?;
    Ok(())
}

fn the_console_is_the_terminal() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "echo console > /dev/console; echo tty > /dev/tty; readlink /proc/self/fd/0";
    let (_container, controller) = start_with_socket(on_terminal(script))?;
    let text = read_to_end(&controller)?;
    for words in ["console\r\n", "tty\r\n", "/dev/pts/0\r\n"] {
        assert!(text.contains(words), "{words:?} in {text:?}");
    }
    Ok(())
}

fn the_terminal_has_the_configured_size() -> Result {
    chapter!("config.md#process");
    let size = json!({"height": 33, "width": 99});
    let bundle = on_terminal("stty size").set("/process/consoleSize", size);
    let (_container, controller) = start_with_socket(bundle)?;
    assert_eq!(read_to_end(&controller)?.trim(), "33 99");
    Ok(())
}

fn the_terminal_belongs_to_the_user() -> Result {
    chapter!("config.md#process");
    let bundle = on_terminal("echo open > /dev/pts/0; stat -c %u /dev/pts/0");
    let (_container, controller) = start_with_socket(bundle.set("/process/user/uid", 1000))?;
    let text = read_to_end(&controller)?;
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["open", "1000"]);
    Ok(())
}

fn the_terminal_outlives_nothing_but_its_program() -> Result {
    chapter!("cli#create");
    // A copy of the terminal that the runtime forgot would keep this from ending.
    let (container, controller) = start_with_socket(on_terminal("echo bye"))?;
    assert_eq!(read_to_end(&controller)?.trim(), "bye");
    container.wait_for("stopped")
}

fn run_forwards_the_callers_terminal() -> Result {
    chapter!("cli#run");
    let container = on_terminal("tty; read line; echo got-$line").build()?;
    let terminal = Terminal::new(24, 80)?;
    let call = container.run_call().arg(container.id()).on_terminal(terminal.user.try_clone()?);
    let running = call.spawn()?;
    read_until(&terminal.controller, "/dev/pts/0")?;
    type_into(&terminal.controller, "words\r")?;
    read_until(&terminal.controller, "got-words")?;
    running.wait().ok()?;
    container.left_no_trace()
}

fn run_gives_the_exit_code_of_a_program_on_a_terminal() -> Result {
    chapter!("cli#run");
    let container = on_terminal("exit 42").build()?;
    let terminal = Terminal::new(24, 80)?;
    let call = container.run_call().arg(container.id()).on_terminal(terminal.user.try_clone()?);
    call.run().exits(42)?;
    Ok(())
}

const UNTIL_SIZE: &str = "until [ \"$(stty size)\" = '31 97' ]; do sleep 0.01; done; echo grown";

fn run_gives_the_size_of_the_callers_terminal() -> Result {
    chapter!("cli#run");
    let container = on_terminal(UNTIL_SIZE).build()?;
    let terminal = Terminal::new(31, 97)?;
    let call = container.run_call().arg(container.id()).on_terminal(terminal.user.try_clone()?);
    let running = call.spawn()?;
    read_until(&terminal.controller, "grown")?;
    running.wait().ok()?;
    Ok(())
}

fn run_follows_a_change_of_size() -> Result {
    chapter!("cli#run");
    host::program("setsid")?;
    let container = on_terminal(&format!("echo ready; {UNTIL_SIZE}")).build()?;
    let terminal = Terminal::new(24, 80)?;
    // Only the foreground of a session is told of a new size.
    let call = container.run_call().arg(container.id()).under(["setsid", "--ctty", "--wait"]);
    let running = call.on_terminal(terminal.user.try_clone()?).spawn()?;
    read_until(&terminal.controller, "ready")?;
    terminal.resize(31, 97)?;
    read_until(&terminal.controller, "grown")?;
    running.wait().ok()?;
    Ok(())
}

fn run_restores_the_callers_terminal() -> Result {
    chapter!("cli#run");
    let container = on_terminal("echo ready; read line").build()?;
    let terminal = Terminal::new(24, 80)?;
    let modes = || tcgetattr(&terminal.user).map(|modes| (modes.local_modes, modes.output_modes));
    let before = modes()?;
    let call = container.run_call().arg(container.id()).on_terminal(terminal.user.try_clone()?);
    let running = call.spawn()?;
    read_until(&terminal.controller, "ready")?;
    let raw = wait_until(PATIENCE, || (modes().ok()? != before).then_some(()));
    assert!(raw.is_some(), "the caller's terminal was never made raw");
    type_into(&terminal.controller, "\r")?;
    running.wait().ok()?;
    assert_eq!(modes()?, before);
    Ok(())
}

fn run_without_any_terminal_of_the_caller_fails() -> Result {
    chapter!("cli#run");
    host::program("setsid")?;
    let container = on_terminal("true").build()?;
    let call = container.run_call().arg(container.id()).under(["setsid", "--wait"]);
    call.run().fails()?;
    container.left_no_trace()
}

fn exec_forwards_the_callers_terminal() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    for option in ["-t", "--tty"] {
        let terminal = Terminal::new(24, 80)?;
        let words = [option, container.id(), "sh", "-c", "tty; read line; exit $line"];
        let call = container.call("exec").args(words).on_terminal(terminal.user.try_clone()?);
        let running = call.spawn()?;
        read_until(&terminal.controller, "/dev/pts/0")?;
        type_into(&terminal.controller, "7\r")?;
        running.wait().exits(7)?;
    }
    Ok(())
}

fn exec_sends_the_terminal_to_a_socket() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let socket = DescriptorSocket::new(container.directory(), "tty.sock")?;
    let call = container.call("exec").args(["-t", "-d", "--console-socket"]).arg(socket.path());
    call.args([container.id(), "sh", "-c", "tty; read line; echo got-$line"]).run().ok()?;
    let (_, controller) = socket.receive()?;
    read_until(&controller, "/dev/pts/0")?;
    type_into(&controller, "words\n")?;
    read_until(&controller, "got-words")?;
    Ok(())
}

fn exec_without_tty_has_no_terminal() -> Result {
    chapter!("cli#exec");
    let (container, _controller) = start_with_socket(on_terminal("while :; do sleep 1; done"))?;
    container.exec_sh("test -t 0 || test -t 1 || echo none").says("none")?;
    Ok(())
}

fn a_process_file_may_ask_for_a_terminal() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let socket = DescriptorSocket::new(container.directory(), "tty.sock")?;
    let path = container.directory().join("process.json");
    let process = json!({
        "terminal": true, "consoleSize": {"height": 12, "width": 34}, "cwd": "/",
        "args": ["/bin/stty", "size"], "user": {"uid": 0, "gid": 0}
    });
    std::fs::write(&path, process.to_string())?;
    let call = container.call("exec").args(["--detach", "--console-socket"]).arg(socket.path());
    call.arg("--process").arg(path).arg(container.id()).run().ok()?;
    let (_, controller) = socket.receive()?;
    assert_eq!(read_to_end(&controller)?.trim(), "12 34");
    Ok(())
}
