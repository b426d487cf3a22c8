//! The runtime's answer to each thing that init asks for.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::options::CreateOptions;
use super::saved::{Phase, Saved};
use super::store::Directory;
use super::user_namespace;
use crate::error::{Doing, Error, Result};
use crate::hooks::{self, Setting};
use crate::launch::{Child, FromInit, RuntimeEnd, ToInit};
use crate::log;
use crate::plan::{Kind, MountSource, Plan, PropagationKind};
use crate::spec::{OCI_VERSION, Pairs, State};
use crate::sys::mount::{Attributes, Reach, copy_tree, set_attributes};
use crate::sys::procfs::{self, Procfs};
use crate::sys::socket::{self, Style};
use crate::sys::{fd, pidfd, process};

/// What the answers need.
pub(super) struct Talk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) saved: &'a mut Saved,
    pub(super) directory: &'a Directory,
    pub(super) options: &'a CreateOptions,
    pub(super) child: &'a Child,
}

/// What came out of the talk.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The terminal's multiplexer, where no console socket was given.
    pub(super) terminal: Option<OwnedFd>,
}

/// Answers until init hangs up.
///
/// # Errors
/// What init says of its failure, or that it died.
pub(super) fn serve(channel: &RuntimeEnd, talk: &mut Talk<'_>) -> Result<Served> {
    let mut served = Served::default();
    let mut is_ready = false;
    let adjust = talk.plan.process.oom_score_adj;
    set_oom_score(talk.child.pid, adjust, talk.saved.rootless)?;
    while let Some((message, fd)) = channel.receive()? {
        match message {
            FromInit::Warn(words) => log::warning(&words),
            FromInit::Failed(failure) => {
                return Err(Error::told(failure.words, failure.errno)).doing(|| failure.step);
            }
            FromInit::Terminal => served.terminal = hand_over_terminal(talk.options, fd)?,
            FromInit::MapIds => {
                user_namespace::write_maps(talk.child.pid, talk.plan)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::OpenMount(number) => {
                let mount = open_mount(talk, number)?;
                channel.send_with(&ToInit::Opened, mount.as_fd())?;
            }
            FromInit::RunHooks => {
                run_hooks(talk)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::SeccompListener(number) => {
                send_listener(talk, number)?;
                channel.send(&ToInit::Continue)?;
            }
            FromInit::Ready => {
                is_ready = true;
                save(talk)?;
                channel.send(&ToInit::Continue)?;
            }
        }
    }
    if is_ready { Ok(served) } else { Err(died(talk.child)) }
}

/// Why init hung up without a word.
pub(super) fn died(child: &Child) -> Error {
    match pidfd::wait_end(child.pidfd.as_fd(), Some(std::time::Duration::from_secs(1))) {
        Ok(true) => Error::new("init died before it was ready (memory limit too low?)"),
        _ => Error::new("init hung up before it was ready"),
    }
}

/// From outside: inside a user namespace the right to lower it is gone.
pub(super) fn set_oom_score(pid: i32, adjust: Option<i32>, rootless: bool) -> Result<()> {
    let Some(adjust) = adjust else { return Ok(()) };
    let written = Procfs::of_this_process()
        .and_then(|proc| proc.write(&format!("{pid}/oom_score_adj"), &adjust.to_string()));
    match written {
        Err(error) if rootless && error.raw_os_error() == Some(libc::EACCES) => Ok(()),
        other => other.doing(|| format!("set process.oomScoreAdj {adjust}")),
    }
}

fn hand_over_terminal(options: &CreateOptions, fd: Option<OwnedFd>) -> Result<Option<OwnedFd>> {
    let terminal = fd.ok_or_else(|| Error::new("init sent no terminal"))?;
    match &options.console_socket {
        None => Ok(Some(terminal)),
        Some(path) => send_to(path, b"/dev/ptmx", terminal.as_fd())
            .doing(|| format!("send the terminal to {}", path.display()))
            .map(|()| None),
    }
}

/// One message with one descriptor, as the callers of runc expect it.
pub(super) fn send_to(
    path: &Path,
    text: &[u8],
    fd: std::os::fd::BorrowedFd<'_>,
) -> std::io::Result<()> {
    let socket = socket::connect_to(path, Style::Stream)?;
    socket::send(socket.as_fd(), text, Some(fd))
}

/// A mount's source as the runtime reaches it, with its ids mapped.
fn open_mount(talk: &Talk<'_>, number: usize) -> Result<OwnedFd> {
    let mount = talk.plan.mounts.get(number).ok_or_else(|| Error::new("no such mount"))?;
    let MountSource::Bind { from, recursive } = &mount.what else {
        return Err(Error::new("only a bind mount has a source"));
    };
    let text = from.to_str().ok_or_else(|| Error::new("the source is not UTF-8"))?;
    let copy = copy_tree(fd::here(), text, Reach::recursive(*recursive))
        .doing(|| format!("open {text}"))?;
    if talk.plan.root.host_propagation.kind != PropagationKind::Shared {
        // As in init's own mount namespace: events of the host come in, none go out.
        let slave = Attributes { propagation: libc::MS_SLAVE, ..Attributes::default() };
        set_attributes(copy.as_fd(), slave, Reach::All).doing(|| format!("detach {text}"))?;
    }
    if let Some(map) = &mount.idmap {
        user_namespace::map_mount(copy.as_fd(), map, talk.child.pid)?;
    }
    Ok(copy)
}

fn run_hooks(talk: &mut Talk<'_>) -> Result<()> {
    let state = hook_state(talk, "creating");
    let plan = &talk.plan.hooks;
    for (kind, list) in [("prestart", &plan.prestart), ("createRuntime", &plan.create_runtime)] {
        hooks::run(list, Setting { kind, state: &state, directory: None, env: &[] })?;
    }
    Ok(())
}

fn hook_state(talk: &Talk<'_>, status: &'static str) -> Vec<u8> {
    let own = &talk.saved.onggi;
    let annotations = Pairs(
        own.annotations
            .iter()
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect(),
    );
    let state = State {
        oci_version: OCI_VERSION,
        id: &talk.saved.id,
        status,
        pid: talk.child.pid,
        bundle: &own.bundle,
        annotations: &annotations,
    };
    state.to_json()
}

/// Limits that only the runtime may raise, and the state: from here on `delete` can clean up.
fn save(talk: &mut Talk<'_>) -> Result<()> {
    let pid = talk.child.pid;
    set_limits(pid, talk.plan)?;
    let life = procfs::life(pid)?.ok_or_else(|| Error::new("init has died"))?;
    talk.saved.init_process_pid = pid;
    talk.saved.init_process_start = life.start;
    talk.saved.namespace_paths = namespace_paths(pid);
    talk.saved.onggi.phase = Phase::Created;
    talk.directory.save(talk.saved)?;
    if let Some(path) = &talk.options.pidfd_socket {
        send_to(path, b"pidfd", talk.child.pidfd.as_fd())
            .doing(|| format!("send a pidfd to {}", path.display()))?;
    }
    match &talk.options.pid_file {
        Some(path) => write_pid_file(path, pid),
        None => Ok(()),
    }
}

pub(super) fn set_limits(pid: i32, plan: &Plan) -> Result<()> {
    for limit in &plan.process.rlimits {
        process::set_limit(pid, limit.resource, limit.soft, limit.hard)
            .doing(|| format!("set rlimit {limit:?}"))?;
    }
    Ok(())
}

fn namespace_paths(pid: i32) -> std::collections::BTreeMap<String, std::path::PathBuf> {
    Kind::ALL
        .iter()
        .map(|(kind, ..)| {
            let name = match kind {
                Kind::Mount => "NEWNS".to_owned(),
                kind => format!("NEW{}", kind.file().to_uppercase()),
            };
            (name, format!("/proc/{pid}/ns/{}", kind.file()).into())
        })
        .collect()
}

/// Aside and renamed, without a line feed: callers read the whole file as a number.
pub(super) fn write_pid_file(path: &Path, pid: i32) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}"));
    let _ = std::fs::remove_file(&aside);
    std::fs::write(&aside, pid.to_string())
        .and_then(|()| std::fs::rename(&aside, path))
        .doing(|| format!("write the pid file {}", path.display()))
}

/// The agent gets the filter's descriptor with the container's state, in one connection.
fn send_listener(talk: &Talk<'_>, number: i32) -> Result<()> {
    let listener = talk.plan.process.seccomp.as_ref().and_then(|filter| filter.listener.as_ref());
    let listener = listener.ok_or_else(|| Error::new("no listenerPath in linux.seccomp"))?;
    let fd = pidfd::take_fd(talk.child.pidfd.as_fd(), number)
        .doing(|| "take the seccomp listener".into())?;
    let state: serde_json::Value = serde_json::from_slice(&hook_state(talk, "creating"))?;
    let message = serde_json::json!({
        "ociVersion": OCI_VERSION,
        "fds": ["seccompFd"],
        "pid": talk.child.pid,
        "metadata": listener.metadata,
        "state": state,
    });
    send_to(Path::new(&listener.path), &serde_json::to_vec(&message)?, fd.as_fd())
        .doing(|| format!("send the seccomp listener to {}", listener.path))
}
