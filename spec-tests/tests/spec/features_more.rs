//! What a container tells its caller, and ends that come before the program runs.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::json;
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    run_tells_the_caller_that_the_program_is_ready,
    a_detached_run_waits_until_the_program_is_ready,
    start_tells_the_caller_that_the_program_is_ready,
    a_program_that_ends_unready_is_not_waited_for,
    a_container_without_a_listening_caller_has_no_notify_socket,
    a_memory_limit_that_is_too_low_is_named,
    an_init_that_its_own_filter_kills_fails_create,
    a_link_of_the_image_does_not_lead_a_mount_into_proc,
];

/// Says something, waits a moment, is ready: busybox can send a datagram to `/dev/log` only.
const GETS_READY: &str = "ln -s $NOTIFY_SOCKET /dev/log; logger 'a first message'; sleep 0.3; \
                          logger 'a second\nREADY=1\nSTATUS=not for the caller'";

/// A caller that listens, as systemd does for a service of `Type=notify`.
struct Caller {
    socket: UnixDatagram,
    path: String,
}

impl Caller {
    fn of(container: &Container) -> Result<Self> {
        let path = container.directory().join("caller.sock");
        let socket = UnixDatagram::bind(&path)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777))?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { socket, path: path.to_string_lossy().into_owned() })
    }

    fn next(&self) -> Result<String> {
        let mut buffer = [0; 4096];
        // The descriptor of the barrier is not taken: that closes it.
        let length = self.socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned())
    }

    /// Ready, the process to watch, and the barrier; nothing else before.
    fn is_told(&self) -> Result<i32> {
        assert_eq!(self.next()?, "READY=1");
        let main = self.next()?;
        assert_eq!(self.next()?, "BARRIER=1");
        let pid = main.strip_prefix("MAINPID=").and_then(|pid| pid.parse().ok());
        Ok(pid.unwrap_or_else(|| panic!("{main:?} names no process")))
    }
}

fn built(script: &str) -> Result<(Container, Caller)> {
    let container = Bundle::busybox().sh(script).build()?;
    let caller = Caller::of(&container)?;
    Ok((container, caller))
}

fn run_tells_the_caller_that_the_program_is_ready() -> Result {
    chapter!("cli#run");
    let (container, caller) = built(GETS_READY)?;
    let call = container.run_call().arg(container.id()).env("NOTIFY_SOCKET", &caller.path);
    let running = call.spawn()?;
    let runtime = running.pid();
    let main = caller.is_told()?;
    running.wait().ok()?;
    assert_eq!(main, runtime, "the runtime is the one to watch");
    Ok(())
}

fn a_detached_run_waits_until_the_program_is_ready() -> Result {
    chapter!("cli#run");
    let (container, caller) = built(&format!("{GETS_READY}; touch /ready; sleep 1000"))?;
    let call = container.run_call().args(["--detach", container.id()]);
    let running = call.streams("detached").env("NOTIFY_SOCKET", &caller.path).spawn()?;
    let main = caller.is_told()?;
    running.wait().ok()?;
    assert_eq!(main, container.pid()?);
    container.delete_by_force().ok()?;
    Ok(())
}

fn start_tells_the_caller_that_the_program_is_ready() -> Result {
    chapter!("cli#start");
    let (container, caller) = built(&format!("{GETS_READY}; sleep 1000"))?;
    let create = container.create_call().arg(container.id());
    create.env("NOTIFY_SOCKET", &caller.path).run().ok()?;
    let start = container.call("start").arg(container.id());
    let running = start.env("NOTIFY_SOCKET", &caller.path).spawn()?;
    let main = caller.is_told()?;
    running.wait().ok()?;
    assert_eq!(main, container.pid()?);
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn a_program_that_ends_unready_is_not_waited_for() -> Result {
    chapter!("cli#run");
    let (container, caller) = built("test -S $NOTIFY_SOCKET")?;
    let call = container.run_call().args(["--detach", container.id()]);
    call.streams("detached").env("NOTIFY_SOCKET", &caller.path).run().ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

fn a_container_without_a_listening_caller_has_no_notify_socket() -> Result {
    chapter!("cli#run");
    let script = "echo \"[$NOTIFY_SOCKET]\"; test ! -e /run/notify";
    Bundle::busybox().sh(script).run()?.says("[]")?;
    Ok(())
}

fn a_memory_limit_that_is_too_low_is_named() -> Result {
    chapter!("cli#create");
    super::cgroups::needs("memory", "memory.limit_in_bytes")?;
    let limit = json!({"limit": 4096, "swap": 4096});
    let bundle = Bundle::busybox().set("/linux/resources", json!({"memory": limit}));
    bundle.is_refused("OOM-killed")
}

fn an_init_that_its_own_filter_kills_fails_create() -> Result {
    chapter!("cli#create");
    let filter = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["chdir"], "action": "SCMP_ACT_KILL_PROCESS"}],
    });
    let bundle = Bundle::busybox().set("/linux/seccomp", filter);
    let container = bundle.set("/process/noNewPrivileges", false).build()?;
    container.create().fails()?;
    container.left_no_trace()
}

fn a_link_of_the_image_does_not_lead_a_mount_into_proc() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().mount("/link", ("tmpfs", "tmpfs"), &[]).build()?;
    symlink("/proc/sys", container.in_root("link"))?;
    container.create().fails_with("inside /proc")?;
    container.left_no_trace()
}
