//! What the caller passes to the container's process: descriptors and a terminal's socket.

use std::os::fd::RawFd;

use crate::error::{Code, Doing, Error, Result};
use crate::log;
use crate::sys::fd;

/// Descriptors from 3 on that the process keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    /// Those of socket activation, then those of `--preserve-fds`, as far as they are open.
    pub(super) numbers: Vec<RawFd>,
    /// How many are of socket activation.
    activated: u32,
}

impl Passed {
    /// Finds them. A listening socket that is not there is told and left out.
    ///
    /// # Errors
    /// A preserved descriptor that is not open.
    pub(super) fn take(preserve: u32) -> Result<Passed> {
        let activated = activated();
        let count = activated.saturating_add(preserve);
        let mut numbers = Vec::new();
        for (index, number) in (0..count).zip(3..) {
            if fd::is_passed(number) {
                numbers.push(number);
            } else if index < activated {
                log::warning(&format!("LISTEN_FDS is {activated}, but {number} is not open"));
            } else {
                let words = format!(
                    "preserved-fd {index} (of {count}), descriptor {number}, is not open \
                     (--preserve-fds {preserve})"
                );
                return Err(Error::of(Code::InvalidArgument, words));
            }
        }
        // Nothing else of what the caller had open goes into the container.
        fd::end_at_exec_from(3).doing(|| "mark descriptors".into())?;
        Ok(Passed { numbers, activated })
    }

    /// What the process is told of them (sd_listen_fds(3)).
    pub(super) fn env(&self) -> Vec<String> {
        match self.activated {
            0 => Vec::new(),
            count => vec![format!("LISTEN_FDS={count}"), "LISTEN_PID=1".into()],
        }
    }
}

/// Meant for this process: by its id, or by whoever started it and could not know its id.
fn activated() -> u32 {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let is_ours = match std::env::var_os("LISTEN_PID") {
        Some(_) => number("LISTEN_PID") == Some(std::process::id()),
        None => true,
    };
    number("LISTEN_FDS").filter(|_| is_ours).unwrap_or(0)
}

/// A terminal needs somebody who holds its other end.
pub(super) fn check_terminal(wants: bool, detaches: bool, has_socket: bool) -> Result<()> {
    match (wants && detaches, has_socket) {
        (true, false) => Err(Error::of(
            Code::InvalidArgument,
            "cannot allocate tty if runc will detach without setting console socket: \
             use --console-socket",
        )),
        (false, true) => Err(Error::of(
            Code::InvalidArgument,
            "cannot use console socket if runc will not detach or allocate tty",
        )),
        _ => Ok(()),
    }
}
