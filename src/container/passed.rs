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
    /// Finds them. One that is not open is told and left out, as a caller may say more than it has.
    pub(super) fn take(preserve: u32) -> Result<Passed> {
        let activated = activated();
        let wanted = (3..).take(activated.saturating_add(preserve) as usize);
        let (numbers, missing): (Vec<_>, Vec<_>) = wanted.partition(|fd| fd::is_passed(*fd));
        if let [first, ..] = missing[..] {
            log::warning(&format!(
                "{} descriptors that are to be passed are not open, {first} the first of them \
                 (--preserve-fds {preserve})",
                missing.len()
            ));
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
