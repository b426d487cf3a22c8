//! `pause` and `resume`

use super::status::Status;
use super::{Container, ContainerId, Store};
use crate::error::{Code, Error, Result};

/// Freezes every process of a container.
///
/// # Errors
/// `container not running` for one that is not created or running.
pub fn pause(store: &Store, id: &ContainerId) -> Result<()> {
    let container = Container::find_and_lock(store, id)?;
    match container.status()? {
        Status::Created | Status::Running => container.cgroup().freeze(),
        _ => Err(Error::of(Code::NotRunning, "container not running")),
    }
}

/// Lets a paused container go on.
///
/// # Errors
/// `container not paused`
pub fn resume(store: &Store, id: &ContainerId) -> Result<()> {
    let container = Container::find_and_lock(store, id)?;
    match container.status()? {
        Status::Paused => container.cgroup().thaw(),
        _ => Err(Error::of(Code::WrongStatus, "container not paused")),
    }
}
