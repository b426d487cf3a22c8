//! Removing a container.

use super::Engine;
use crate::error::{Kind, Result, kind, refuse};
use crate::model::{Container, Status};
use crate::monitor::cleanup::{self, InRuntime, Volumes};

/// What happens to one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// It is not removed.
    Refuse,
    /// It is killed.
    Kill,
}

impl Engine {
    /// Removes a container.
    ///
    /// # Errors
    /// It runs; something of it cannot be removed.
    pub fn remove(&self, container: &Container, running: Running, volumes: Volumes) -> Result<()> {
        let id = &container.id;
        let lock = loop {
            let status = self.store.state(id)?.status;
            if status.is_up() {
                if running == Running::Refuse {
                    return Err(is_alive(container, status));
                }
                self.end_by_force(container)?;
            }
            let lock = match self.store.lock_container(id) {
                // It removed itself.
                Err(error) if kind(&error) == Some(Kind::NotFound) => return Ok(()),
                lock => lock?,
            };
            // Somebody may have started it before the lock was ours.
            if !self.store.state(id)?.status.is_up() && self.store.outwait_monitor(id)? {
                break lock;
            }
        };
        let Some(container) = self.store.read_container(id)? else { return Ok(()) };
        drop(cleanup::clear(&self.store, &self.runtime(), &container, self.in_runtime(id))?);
        cleanup::remove(&self.store, &container, volumes)?;
        drop(lock);
        Ok(())
    }

    pub(super) fn in_runtime(&self, id: &str) -> InRuntime {
        match self.store.is_in_runtime(id) {
            true => InRuntime::Perhaps,
            false => InRuntime::No,
        }
    }
}

fn is_alive(container: &Container, status: Status) -> anyhow::Error {
    let what = match status {
        Status::Paused => "paused and must be unpaused first",
        Status::Restarting => "restarting: stop the container before removing or force remove",
        _ => "running: stop the container before removing or force remove",
    };
    let words = format!("cannot remove container {:?}: container is {what}", container.name);
    refuse(Kind::Conflict, words)
}
