//! The runtime's answer to each thing that init asks for.

use std::cell::Cell;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use super::saved::Saved;
use super::{Container, network, sources, state_for_hooks, user_namespace};
use crate::cgroup::{Cgroup, Entry};
use crate::error::{Code, Doing, Error, Result};
use crate::hooks::{self, Output, Setting};
use crate::init::set_limits;
use crate::launch::{Child, FromInit, MADE_NODE, RuntimeEnd, ToInit};
use crate::log;
use crate::plan::{Hooks, IdMap, Plan, Process};
use crate::spec::OCI_VERSION;
use crate::sys::mount::{Filesystem, either_way};
use crate::sys::pidfd::End;
use crate::sys::process::WholeModes;
use crate::sys::procfs::Procfs;
use crate::sys::socket::{self, Style};
use crate::sys::{self, fd, needs, pidfd, pty};

/// What the answers need.
pub(super) struct Talk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) process: &'a Process,
    pub(super) child: &'a Child,
    pub(super) handles: Handles<'a>,
    pub(super) role: Role<'a>,
    /// The mount of the runtime's program. The kernel takes its time to take it apart: that is
    /// while init makes its mounts, or the program of `exec` runs already.
    pub(super) program: Option<OwnedFd>,
}

/// Where the caller wants to get hold of the process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handles<'a> {
    pub(super) console_socket: Option<&'a Path>,
    pub(super) pidfd_socket: Option<&'a Path>,
    pub(super) pid_file: Option<&'a Path>,
}

/// What the process is to the container.
pub(super) enum Role<'a> {
    /// Its init.
    Create { saved: &'a Saved, cgroup: &'a Cgroup },
    /// One more.
    Exec { container: &'a Container },
}

impl Talk<'_> {
    fn saved(&self) -> &Saved {
        match &self.role {
            Role::Create { saved, .. } => saved,
            Role::Exec { container } => &container.saved,
        }
    }

    /// The way into the groups that init was not born in.
    fn entry(&self) -> Result<Entry> {
        match &self.role {
            Role::Create { cgroup, .. } => cgroup.later_entry().doing(|| "open the cgroup".into()),
            Role::Exec { .. } => Ok(Entry::default()),
        }
    }

    /// A process that comes to nothing leaves no file that names it.
    fn take_back_pid_file(&self) {
        let Some(path) = self.handles.pid_file else { return };
        let own = self.child.pid.to_string();
        if std::fs::read_to_string(path).is_ok_and(|text| text == own) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// The container's state as an agent or a hook is told it.
    fn state(&self) -> Vec<u8> {
        match &self.role {
            Role::Create { saved, .. } => state_for_hooks(saved, "creating", self.child.pid),
            Role::Exec { container } => {
                state_for_hooks(&container.saved, "running", container.saved.init_process_pid)
            }
        }
    }
}

/// What came out of the talk.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The terminal's multiplexer, where no console socket was given.
    pub(super) terminal: Option<OwnedFd>,
    /// Whether init has come to where it waits for `start`.
    pub(super) waits: bool,
}

/// Answers until init hangs up. Where it is on its way is logged in runc's words, by which those
/// who read the logs of both look for it.
///
/// # Errors
/// What init says of its failure, or that it died.
pub(super) fn serve(channel: &RuntimeEnd, talk: &mut Talk<'_>) -> Result<Served> {
    answer(channel, talk).inspect_err(|_| talk.take_back_pid_file())
}

fn answer(channel: &RuntimeEnd, talk: &mut Talk<'_>) -> Result<Served> {
    let mut served = Served::default();
    let (mut is_ready, mut is_done) = (false, false);
    log::debug(|| format!("nsexec container setup: cloned process {}", talk.child.pid));
    set_oom_score(talk)?;
    if let Some(rdt) = &talk.saved().onggi.rdt {
        rdt.assign(talk.child.pid)?;
    }
    while let Some((message, mut fds)) = channel.receive()? {
        match message {
            FromInit::Done => is_done = true,
            FromInit::Warn(words) => log::warning(&words),
            FromInit::Took(step, microseconds) => log::took("init", &step, microseconds),
            FromInit::Failed(failure) => return Err(failure.into_error()),
            FromInit::Terminal => {
                served.terminal = hand_over_terminal(talk.handles, fds.pop())?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::Waits => served.waits = true,
            FromInit::MapIds => {
                user_namespace::write_maps(talk.child.pid, talk.plan)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::OpenMount(number) => {
                hand_over(channel, either_way(|| sources::open(talk, number))?)?;
            }
            FromInit::MakeNode(number) => hand_over(channel, make_node(talk, number)?)?,
            FromInit::MoveDevices => {
                network::move_devices(&talk.plan.net_devices, talk.child.pid)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::EnterCgroup => {
                let entry = talk.entry()?;
                let tasks: Vec<_> = entry.tasks().collect();
                channel.send_with(&ToInit::Tasks, &tasks)?;
                talk.program = None;
            }
            FromInit::RunHooks => {
                run_hooks(talk)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::SeccompListener(number) => {
                channel.send(&send_listener(talk, number)?)?;
            }
            FromInit::SetLimits => {
                set_limits(talk.child.pid, &talk.process.rlimits)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::Ready => {
                is_ready = true;
                log::debug(|| "child process in init() is ready".into());
            }
        }
    }
    if !is_ready || (!is_done && has_died(talk.child)?) {
        return Err(died(talk));
    }
    tell_the_caller(talk)?;
    Ok(served)
}

/// That the process is there.
fn tell_the_caller(talk: &Talk<'_>) -> Result<()> {
    let (made, words) = match &talk.role {
        Role::Create { saved, .. } => (Some(*saved), "init: closing the pipe to signal completion"),
        Role::Exec { .. } => (None, "setns_init: about to exec"),
    };
    log::debug(|| words.into());
    send_pidfd(talk.handles, talk.child, made)?;
    // Last of all: who reads it knows that all went well.
    talk.handles.pid_file.map_or(Ok(()), |path| write_pid_file(path, talk.child.pid))
}

/// What an init that has failed already says of it: then it is the cause of what fails for us.
pub(super) fn failure(channel: &RuntimeEnd) -> Option<Error> {
    while pidfd::wait_readable(channel.as_fd(), Some(Duration::ZERO)).ok()? {
        if let (FromInit::Failed(failure), _) = channel.receive().ok()?? {
            return Some(failure.into_error());
        }
    }
    None
}

/// A process that dies hangs up first.
fn has_died(child: &Child) -> Result<bool> {
    Ok(pidfd::wait_end(child.pidfd.as_fd(), Some(Duration::from_secs(1)))?)
}

/// Why init hung up without a word.
pub(super) fn died(talk: &Talk<'_>) -> Error {
    if !has_died(talk.child).unwrap_or(false) {
        return Error::of(Code::InitDied, "container init hung up before its program could run");
    }
    let kills = oom_kills(talk);
    match pidfd::reap(&talk.child.pidfd) {
        Ok(End::Signal(libc::SIGKILL)) if kills != Some(0) => {
            let words = match kills {
                Some(_) => "container init was OOM-killed (memory limit too low?)",
                None => "container init was perhaps OOM-killed (memory limit too low?)",
            };
            Error::of(Code::OutOfMemory, words)
        }
        Ok(End::Signal(number)) => Error::of(
            Code::InitDied,
            format!("container init was killed by signal {number} before its program could run"),
        ),
        Ok(End::Code(code)) => Error::of(
            Code::InitDied,
            format!("container init ended with code {code} before its program could run"),
        ),
        Err(_) => Error::of(Code::InitDied, "container init died before its program could run"),
    }
}

/// Of a new group, as one that is older may have counted others.
fn oom_kills(talk: &Talk<'_>) -> Option<u64> {
    match &talk.role {
        Role::Create { saved, .. } => Cgroup::open(&saved.onggi.cgroup).oom_kills(),
        Role::Exec { .. } => Some(0),
    }
}

/// Whether the runtime sets something of a process's before it answers, for which the process must
/// wait.
pub(super) fn awaits_runtime(process: &Process, has_rdt: bool) -> Cell<bool> {
    Cell::new(process.oom_score_adj.is_some() || has_rdt)
}

/// From outside: inside a user namespace the right to lower it is gone.
fn set_oom_score(talk: &Talk<'_>) -> Result<()> {
    let Some(adjust) = talk.process.oom_score_adj else { return Ok(()) };
    let file = format!("{}/oom_score_adj", talk.child.pid);
    let written = Procfs::of_this_process().and_then(|proc| proc.write(&file, &adjust.to_string()));
    match written {
        Err(error) if talk.saved().rootless && error.raw_os_error() == Some(libc::EACCES) => Ok(()),
        other => other.doing(|| format!("set process.oomScoreAdj {adjust}")),
    }
}

pub(super) fn hand_over_terminal(
    handles: Handles<'_>,
    fd: Option<OwnedFd>,
) -> Result<Option<OwnedFd>> {
    let terminal = fd.ok_or_else(|| Error::new("init sent no terminal"))?;
    match handles.console_socket {
        None => {
            // Before the program can write its first line.
            pty::pass_line_feeds(terminal.as_fd()).doing(|| "prepare the terminal".into())?;
            Ok(Some(terminal))
        }
        Some(path) => send_to(path, b"/dev/ptmx", terminal.as_fd())
            .doing(|| format!("send the terminal to {}", path.display()))
            .map(|()| None),
    }
}

/// One message with one descriptor, as the callers of runc expect it.
fn send_to(path: &Path, text: &[u8], fd: std::os::fd::BorrowedFd<'_>) -> std::io::Result<()> {
    let socket = socket::connect_to(path, Style::Stream)?;
    socket::send(socket.as_fd(), text, &[fd])
}

/// A mount; where there is none, it is left to init.
fn hand_over(channel: &RuntimeEnd, mount: Option<OwnedFd>) -> Result<()> {
    match mount {
        Some(mount) => channel.send_with(&ToInit::Opened, &[mount.as_fd()]),
        None => channel.send(&ToInit::Continue),
    }
}

/// A node of the plan, alone on a tmpfs: only one of the host's user namespace has nodes that can
/// be opened. Nothing where the runtime may not make nodes either.
fn make_node(talk: &Talk<'_>, number: usize) -> Result<Option<OwnedFd>> {
    let nodes = talk.plan.dev.as_ref().map_or(&[][..], |dev| &dev.nodes);
    let node = nodes.get(number).ok_or_else(|| Error::new("no such node"))?;
    let mut tmpfs = Filesystem::open("tmpfs")?;
    tmpfs.set("mode", "0755")?;
    let Some(place) = tmpfs.mount(0)?.into_descriptor() else { return Ok(None) };
    let _modes = WholeModes::begin();
    let device = libc::makedev(node.major, node.minor);
    match sys::path::make_node(place.as_fd(), MADE_NODE, node.kind | node.mode, device) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Ok(None),
        other => other?,
    }
    let spaces = &talk.plan.namespaces;
    let maps = spaces.id_maps.as_ref().or(spaces.joined_maps.as_ref());
    let outside = |lines: &[IdMap], id| lines.iter().find_map(|line| line.outside_of(id));
    let owner = maps
        .and_then(|maps| Some((outside(&maps.uids, node.uid)?, outside(&maps.gids, node.gid)?)));
    if let Some((uid, gid)) = owner {
        let made = fd::open_at(place.as_fd(), MADE_NODE, libc::O_PATH | libc::O_NOFOLLOW, 0)?;
        fd::set_owner(made.as_fd(), uid, gid)?;
    }
    Ok(Some(place))
}

fn run_hooks(talk: &mut Talk<'_>) -> Result<()> {
    run_runtime_hooks(&talk.plan.hooks, &talk.state())
}

/// The hooks between the namespaces and the program, in the runtime's own namespaces.
pub(super) fn run_runtime_hooks(plan: &Hooks, state: &[u8]) -> Result<()> {
    let output = &Output::open(plan)?;
    for (kind, list) in [("prestart", &plan.prestart), ("createRuntime", &plan.create_runtime)] {
        hooks::run(list, Setting { kind, state, directory: None, env: None, output })?;
    }
    Ok(())
}

/// An annotation of crun's: what `--pidfd-socket` is.
const PIDFD_RECEIVER: &str = "run.oci.pidfd_receiver";

/// To the socket that `--pidfd-socket` names, and to the one of a new container's annotation.
pub(super) fn send_pidfd(handles: Handles<'_>, child: &Child, made: Option<&Saved>) -> Result<()> {
    let annotations = made.map(|saved| &saved.onggi.annotations);
    let receiver = annotations.and_then(|pairs| pairs.get(PIDFD_RECEIVER)).map(Path::new);
    for path in [handles.pidfd_socket, receiver].into_iter().flatten() {
        send_to(path, b"pidfd", child.pidfd.as_fd())
            .doing(|| format!("send a pidfd to {}", path.display()))?;
    }
    Ok(())
}

/// Aside and renamed, without a line feed: callers read the whole file as a number. The directory
/// may be one where others put links.
pub(super) fn write_pid_file(path: &Path, pid: i32) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}"));
    let _ = std::fs::remove_file(&aside);
    std::fs::File::create_new(&aside)
        .and_then(|mut file| file.write_all(pid.to_string().as_bytes()))
        .and_then(|()| std::fs::rename(&aside, path))
        .inspect_err(|_| drop(std::fs::remove_file(&aside)))
        .doing(|| format!("write the pid file {}", path.display()))
}

/// The agent gets the filter's descriptor with the container's state, in one connection.
fn send_listener(talk: &Talk<'_>, number: i32) -> Result<ToInit> {
    let listener = talk.process.seccomp.as_ref().and_then(|filter| filter.listener.as_ref());
    let listener = listener
        .ok_or_else(|| Error::of(Code::InvalidConfig, "no listenerPath in linux.seccomp"))?;
    let fd = match pidfd::take_fd(talk.child.pidfd.as_fd(), number) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => return Ok(ToInit::Show),
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            return Err(needs("to take a seccomp listener (pidfd_getfd(2))", "5.6").into());
        }
        other => other.doing(|| "take the seccomp listener".into())?,
    };
    let state: serde_json::Value = serde_json::from_slice(&talk.state())?;
    let message = serde_json::json!({
        "ociVersion": OCI_VERSION,
        "fds": ["seccompFd"],
        "pid": talk.child.pid,
        "metadata": listener.metadata,
        "state": state,
    });
    send_to(Path::new(&listener.path), &serde_json::to_vec(&message)?, fd.as_fd())
        .doing(|| format!("failed to connect with seccomp agent {}", listener.path))?;
    Ok(ToInit::Continue)
}
