//! What the caller passes to the container's process: descriptors and a terminal's socket.

use crate::error::{Code, Doing, Error, Result};
use crate::sys::fd;

/// Descriptors from 3 on that the process keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// How many: those of socket activation, then those of `--preserve-fds`.
    pub(super) count: u32,
    /// How many of them are of socket activation.
    activated: u32,
}

impl Passed {
    /// Finds them.
    ///
    /// # Errors
    /// A descriptor that is not open.
    pub(super) fn take(preserve: u32) -> Result<Passed> {
        let activated = activated();
        let count = activated.saturating_add(preserve);
        for number in (3..).take(count as usize) {
            if !fd::is_passed(number) {
                let index = number - 3;
                let words = format!(
                    "preserved-fd {index} (of {count}), descriptor {number}, is not open \
                     (--preserve-fds {preserve})"
                );
                return Err(Error::of(Code::InvalidArgument, words));
            }
        }
        // Nothing else of what the caller had open goes into the container.
        fd::end_at_exec_from(3).doing(|| "mark descriptors".into())?;
        Ok(Passed { count, activated })
    }

    /// What the process is told of them (sd_listen_fds(3)).
    pub(super) fn env(self) -> Vec<String> {
        match self.activated {
            0 => Vec::new(),
            count => vec![format!("LISTEN_FDS={count}"), "LISTEN_PID=1".into()],
        }
    }
}

/// Meant for this process, by its id.
fn activated() -> u32 {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    match (number("LISTEN_PID"), number("LISTEN_FDS")) {
        (Some(pid), Some(count)) if pid == std::process::id() => count,
        _ => 0,
    }
}

/// A terminal needs somebody who holds its other end.
pub(super) fn check_terminal(wants: bool, detaches: bool, has_socket: bool) -> Result<()> {
    match (wants && detaches, has_socket) {
        (true, false) => Err(Error::of(
            Code::InvalidArgument,
            "cannot allocate tty if runc will detach without setting console socket",
        )),
        (false, true) => Err(Error::of(
            Code::InvalidArgument,
            "cannot use console socket if runc will not detach or allocate tty",
        )),
        _ => Ok(()),
    }
}
