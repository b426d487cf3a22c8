//! `delete`: processes, cgroup, state, and then the poststop hooks, once.

use std::os::fd::AsFd;
use std::time::Duration;

use super::options::Force;
use super::poststop::run_poststop;
use super::saved::Phase;
use super::start::hooks_of;
use super::status::Status;
use super::{Container, ContainerId, Store, state_for_hooks};
use crate::cgroup::Cgroup;
use crate::error::{Code, Error, Result};
use crate::failpoint;
use crate::log;
use crate::plan::Hooks;
use crate::sys::pidfd;

/// How long a killed init may take to vanish.
const LIMIT: Duration = Duration::from_secs(10);

/// Removes a container and all that belongs to it.
///
/// # Errors
/// `cannot delete container ID that is not stopped: STATUS`; a container that does not exist is
/// an error unless it is forced.
pub fn delete(store: &Store, id: &ContainerId, force: Force) -> Result<()> {
    let container = match Container::find_and_lock(store, id) {
        Ok(container) => container,
        Err(error) => return delete_remains(store, id, force, error),
    };
    let status = container.status()?;
    match (status, force) {
        (Status::Stopped | Status::Created, _) | (_, Force::Yes) => {}
        (other, Force::No) => {
            let word = other.word();
            return Err(Error::of(
                Code::WrongStatus,
                format!("cannot delete container {id} that is not stopped: {word}"),
            ));
        }
    }
    // A creation that was cut short may have left no configuration.
    let hooks = hooks_of(&container).unwrap_or_default();
    end(container, &hooks)
}

/// What a command that died left behind has no readable state.
fn delete_remains(store: &Store, id: &ContainerId, force: Force, error: Error) -> Result<()> {
    let Ok(directory) = store.find(id) else {
        return if force == Force::Yes { Ok(()) } else { Err(error) };
    };
    if directory.state().is_ok_and(|state| state.is_none()) || force == Force::Yes {
        directory.remove()?;
    }
    if force == Force::Yes { Ok(()) } else { Err(error) }
}

/// Ends a container, whatever it is doing.
pub(super) fn end(container: Container, hooks: &Hooks) -> Result<()> {
    end_processes(&container)?;
    destroy(container, hooks)
}

/// Ends a container because of an error, and gives that back: of what goes wrong meanwhile only
/// the log is told.
pub(super) fn end_after(error: Error, container: Container, hooks: &Hooks) -> Error {
    let id = container.saved.id.clone();
    if let Err(other) = end(container, hooks) {
        log::warning(&format!("end container {id}: {other}"));
    }
    error
}

/// Kills what is left, init first, then whoever shares its cgroup, and waits for init's end.
fn end_processes(container: &Container) -> Result<()> {
    failpoint::reach("end the processes")?;
    if let Some(init) = container.init()? {
        match pidfd::signal(init.as_fd(), libc::SIGKILL) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error.into()),
            _ => {}
        }
    }
    let cgroup = container.cgroup();
    if !cgroup.is_none() {
        cgroup.kill_all()?;
    }
    match container.wait_end(LIMIT)? {
        true => Ok(()),
        false => Err(Error::of(Code::InUse, "container init still running")),
    }
}

/// Removes cgroup and state of a container without processes, then runs its poststop hooks.
fn destroy(container: Container, hooks: &Hooks) -> Result<()> {
    let state = state_for_hooks(&container.saved, "stopped", 0);
    let cgroup = Cgroup::open(&container.saved.onggi.cgroup);
    failpoint::reach("remove the cgroup")?;
    match container.saved.onggi.phase {
        Phase::Preparing => cgroup.remove_unused(),
        _ => cgroup.remove()?,
    }
    if let Some(rdt) = &container.saved.onggi.rdt {
        rdt.remove()?;
    }
    failpoint::reach("remove the state")?;
    container.directory.remove()?;
    failpoint::reach("run poststop hooks")?;
    run_poststop(hooks, &state);
    Ok(())
}
