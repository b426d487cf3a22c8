//! `kill`

use std::os::fd::AsFd;

use super::options::All;
use super::status::Status;
use super::{Container, ContainerId, Store, processes};
use crate::error::{Code, Doing, Error, Result};
use crate::plan::Kind;
use crate::sys::pidfd;

/// Sends a signal to init, or to all processes of the container.
///
/// # Errors
/// `container not running`, unless all are meant.
pub fn kill(store: &Store, id: &ContainerId, signal: i32, all: All) -> Result<()> {
    let container = Container::find(store, id)?;
    if all == All::Processes {
        return signal_all(&container, signal);
    }
    let reached = signal_init(&container, signal)?;
    let ended_others = signal == libc::SIGKILL && end_others(&container, reached)?;
    match reached || ended_others {
        true => Ok(()),
        false => Err(Error::of(Code::NotRunning, "container not running")),
    }
}

/// What ends a container that waits for `start`, as runc's init ends of them.
const ASKS_TO_END: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// Whether there was an init to get it.
fn signal_init(container: &Container, signal: i32) -> Result<bool> {
    let Some(init) = container.init()? else { return Ok(false) };
    // The first process of a pid namespace hears no signal that it has no handler for.
    let ends = ASKS_TO_END.contains(&signal) && container.status()? == Status::Created;
    match pidfd::signal(init.as_fd(), if ends { libc::SIGKILL } else { signal }) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
        other => other.map(|()| true).doing(|| format!("send signal {signal}")),
    }
}

/// What init's end does not bring with it; tells whether there was anybody.
fn end_others(container: &Container, had_init: bool) -> Result<bool> {
    let cgroup = container.cgroup();
    if cgroup.is_none() {
        return Ok(false);
    }
    if container.saved.onggi.namespaces.contains(&Kind::Pid) {
        // A frozen process of cgroup v1 dies only once it is thawed.
        if had_init && container.status()? == Status::Paused {
            cgroup.thaw()?;
        }
        return Ok(false);
    }
    // Without a pid namespace of its own the others live on, and may have outlived init.
    if !had_init && cgroup.processes()?.is_empty() {
        return Ok(false);
    }
    cgroup.kill_all().map(|()| true)
}

fn signal_all(container: &Container, signal: i32) -> Result<()> {
    let cgroup = container.cgroup();
    if signal == libc::SIGKILL && !cgroup.is_none() {
        return cgroup.kill_all();
    }
    for some in processes::of(container)?.chunks(AT_ONCE) {
        signal_some(container, some, signal)?;
    }
    Ok(())
}

/// How many are held by descriptor at a time.
const AT_ONCE: usize = 256;

/// Those that are still the container's once they are held: the id of one that has ended may be
/// another's by then.
fn signal_some(container: &Container, pids: &[i32], signal: i32) -> Result<()> {
    let held: Vec<_> = pids.iter().map(|pid| (*pid, pidfd::open(*pid))).collect();
    let mut still = processes::of(container)?;
    still.sort_unstable();
    for (pid, held) in held.into_iter().filter(|(pid, _)| still.binary_search(pid).is_ok()) {
        match held.and_then(|held| pidfd::signal(held.as_fd(), signal)) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            other => other.doing(|| format!("send signal {signal} to process {pid}"))?,
        }
    }
    Ok(())
}
