//! What a container may be in, and what may be asked of it then.

use crate::error::{Code, Error, Result};

/// A container's status (runtime.md#state, and `paused`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It is being created.
    Creating,
    /// It waits for `start`.
    Created,
    /// Its program runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its first process has ended.
    Stopped,
}

impl Status {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }

    /// # Errors
    /// Why a container that is not `created` cannot be started.
    pub(super) fn check_start(self) -> Result<()> {
        match self {
            Status::Created => Ok(()),
            Status::Running => {
                Err(Error::of(Code::WrongStatus, "cannot start an already running container"))
            }
            Status::Stopped => {
                Err(Error::of(Code::NotRunning, "cannot start a container that has stopped"))
            }
            other => {
                let word = other.word();
                Err(Error::of(
                    Code::WrongStatus,
                    format!("cannot start a container in the {word} state"),
                ))
            }
        }
    }

    /// # Errors
    /// Why nothing can be run in it.
    pub(super) fn check_exec(self, paused_is_fine: bool) -> Result<()> {
        match self {
            Status::Created | Status::Running => Ok(()),
            Status::Paused if paused_is_fine => Ok(()),
            Status::Paused => Err(Error::of(
                Code::WrongStatus,
                "cannot exec in a paused container (use --ignore-paused to override)",
            )),
            Status::Stopped => {
                Err(Error::of(Code::NotRunning, "cannot exec in a stopped container"))
            }
            Status::Creating => Err(Error::of(
                Code::WrongStatus,
                "cannot exec in a container in the creating state",
            )),
        }
    }

    /// # Errors
    /// `Container cannot be checkpointed in STATUS state`, for what has no running program.
    pub(super) fn check_checkpoint(self) -> Result<()> {
        match self {
            Status::Running | Status::Paused => Ok(()),
            other => {
                let word = other.word();
                let words = format!("Container cannot be checkpointed in {word} state");
                Err(Error::of(Code::WrongStatus, words))
            }
        }
    }

    /// # Errors
    /// `container not running`, for what needs its processes.
    pub(super) fn check_alive(self) -> Result<()> {
        match self {
            Status::Created | Status::Running | Status::Paused => Ok(()),
            Status::Creating | Status::Stopped => {
                Err(Error::of(Code::NotRunning, "container not running"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_container_can_only_be_deleted() {
        let status = Status::Stopped;
        assert!(status.check_start().is_err());
        assert!(status.check_exec(true).is_err());
        assert!(status.check_alive().is_err());
    }

    #[test]
    fn only_a_created_container_starts() {
        for status in [Status::Creating, Status::Running, Status::Paused, Status::Stopped] {
            assert!(status.check_start().is_err(), "{status:?}");
        }
        assert!(Status::Created.check_start().is_ok());
    }

    #[test]
    fn a_paused_container_is_entered_on_request_only() {
        assert!(Status::Paused.check_exec(false).is_err());
        assert!(Status::Paused.check_exec(true).is_ok());
    }
}
