//! One run of the program: its streams are made, the runtime starts it, and its end is waited for.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, wait, waitid};
use rustix::termios::{Winsize, tcsetwinsize};

use super::relay::{End, Program, pipe, set_nonblocking};
use super::wire::Kind;
use super::{Monitor, gift, short_path};
use crate::bundle;
use crate::cgroup::oom;
use crate::error::{Context, Result};
use crate::model::{Event, Status};
use crate::runtime::{self, NotRun, Streams};
use crate::store::durable::Durability;
use crate::time::Time;

/// Runs the program once. Its exit code, or why it could not be executed.
pub(super) fn run(monitor: &mut Monitor) -> Result<Result<i32, NotRun>> {
    // A former run may have ended while it was frozen; this one is not.
    let _ = fs::remove_file(monitor.store.pause_mark(&monitor.container.id));
    let (program, started) = if monitor.container.config.tty {
        let console = Console::listen(monitor)?;
        let started = start(monitor, console.streams())?;
        let terminal = started.is_ok().then(|| console.receive(monitor)).transpose()?;
        (terminal, started)
    } else {
        let (program, streams) = pipes(monitor)?;
        (Some(program), start(monitor, streams)?)
    };
    let pid = match started {
        Ok(pid) => pid,
        Err(not_run) => return Ok(Err(not_run)),
    };
    check_child(pid)?;
    let mounts = hold_mounts(pid);
    monitor.state.status = Status::Running;
    monitor.state.pid = pid;
    monitor.state.pid_begun = crate::store::begun(pid).unwrap_or_default();
    monitor.state.started_at = Time::now();
    monitor.state.error.clear();
    monitor.state.oom_killed = false;
    monitor.begin_checks();
    monitor.save(Durability::Passing)?;
    monitor.store.tell(&Event::of_container(&monitor.container, "start"));
    // Before the first byte of output, which the one who started it waits for after this.
    monitor.streams.tell(Kind::Started, &pid.to_be_bytes());
    monitor.streams.connect(program.unwrap_or_default());
    let exit_code = wait_for_end(monitor, pid)?;
    // Its group, which goes now, has counted it.
    monitor.state.oom_killed = oom::has_killed(&bundle::cgroup(&monitor.container));
    monitor.deletion = Some(monitor.runtime.begin_delete(&monitor.container.id));
    drop(mounts);
    monitor.streams.drain();
    Ok(Ok(exit_code))
}

/// Has the runtime start the program; the process that moves its bytes gets ready meanwhile.
fn start(monitor: &mut Monitor, streams: Streams) -> Result<Result<u32, NotRun>> {
    let id = &monitor.container.id;
    let starting = monitor.runtime.begin_run(&monitor.bundle, id, streams)?;
    let begun = monitor.streams.begin();
    // Also where the other cannot be started: what is half made could not be removed.
    let started = starting.finish()?;
    begun.map(|()| started)
}

/// The program's mounts, which outlast it by this: else the kernel takes them down before anybody
/// hears of its end. `None` where it has ended already.
fn hold_mounts(pid: u32) -> Option<File> {
    File::open(format!("/proc/{pid}/ns/mnt")).ok()
}

/// Serves everybody until the process has ended; reaps orphans that become ours.
fn wait_for_end(monitor: &mut Monitor, pid: u32) -> Result<i32> {
    // The process may have ended before its number was known.
    let mut children = true;
    loop {
        while let Some((child, status)) = next_ended(&mut children)? {
            if child == pid {
                return Ok(runtime::code(status));
            }
            monitor.check_ended(child, runtime::code(status));
            monitor.streams.child_ended(child, runtime::code(status));
        }
        let next = monitor.check();
        children = monitor.streams.turn(next)?;
        if std::mem::take(&mut monitor.streams.names_requested) {
            monitor.answer_names();
        }
    }
}

/// Without a child nobody hears of its end: a runtime that keeps it for itself is of no use here.
fn check_child(pid: u32) -> Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).context("name the program")?;
    match waitid(WaitId::Pid(number), options) {
        Err(rustix::io::Errno::CHILD) => {
            anyhow::bail!("the container's process is not our child: its exit code is not known")
        }
        other => other.map(drop).context("look for the container's process"),
    }
}

/// The next child that has ended; clears the mark when there is none.
fn next_ended(children: &mut bool) -> Result<Option<(u32, ExitStatus)>> {
    use std::os::unix::process::ExitStatusExt;
    if !*children {
        return Ok(None);
    }
    match wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => {
            let pid = u32::try_from(pid.as_raw_nonzero().get()).unwrap_or_default();
            Ok(Some((pid, ExitStatus::from_raw(status.as_raw()))))
        }
        Ok(None) => {
            *children = false;
            Ok(None)
        }
        Err(error) => Err(error).context("wait for children"),
    }
}

fn pipes(monitor: &Monitor) -> Result<(Program, Streams)> {
    let config = &monitor.container.config;
    let (input, stdin) = if config.open_stdin {
        let (ours, theirs) = pipe(End::Write).context("make a pipe")?;
        (Some(ours), Stdio::from(theirs))
    } else {
        (None, Stdio::null())
    };
    let (out, stdout) = pipe(End::Read).context("make a pipe")?;
    let (err, stderr) = pipe(End::Read).context("make a pipe")?;
    let program = Program {
        input,
        outputs: [Some(out), Some(err)],
        terminal: false,
        stdin_once: config.stdin_once,
    };
    Ok((program, Streams::Files { stdin, stdout, stderr }))
}

/// The socket over which the runtime sends the terminal.
struct Console {
    listener: UnixListener,
    folder: File,
}

/// The socket's name in the bundle.
const CONSOLE: &str = "tty";

impl Console {
    fn listen(monitor: &Monitor) -> Result<Console> {
        let folder = File::open(&monitor.bundle).context("open the bundle")?;
        // A former run of the program may have left it.
        let _ = fs::remove_file(monitor.bundle.join(CONSOLE));
        let listener =
            UnixListener::bind(short_path(&folder, CONSOLE)).context("listen for the terminal")?;
        Ok(Console { listener, folder })
    }

    fn streams(&self) -> Streams {
        let (own, folder) = (std::process::id(), self.folder.as_raw_fd());
        Streams::Terminal { socket: PathBuf::from(format!("/proc/{own}/fd/{folder}/{CONSOLE}")) }
    }

    fn receive(self, monitor: &Monitor) -> Result<Program> {
        let (stream, _) = self.listener.accept().context("accept the terminal")?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut name = [0; 4096];
        let mut parts = [std::io::IoSliceMut::new(&mut name)];
        recvmsg(stream.as_fd(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
            .context("receive the terminal")?;
        let master = gift::received(&mut control).next();
        let master = master.context("receive the terminal: none was sent")?;
        set_nonblocking(&master).context("set up the terminal")?;
        let [rows, columns] = monitor.container.host_config.console_size;
        if let (Ok(ws_row @ 1..), Ok(ws_col @ 1..)) = (u16::try_from(rows), u16::try_from(columns))
        {
            let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
            tcsetwinsize(&master, size).context("set the terminal's size")?;
        }
        let input = master.try_clone().context("duplicate the terminal")?;
        let stdin_once = monitor.container.config.stdin_once;
        let input = monitor.container.config.open_stdin.then_some(input);
        Ok(Program { input, outputs: [Some(master), None], terminal: true, stdin_once })
    }
}
