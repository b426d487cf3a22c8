//! What the caller passes to the container's process: descriptors and a terminal's socket.

use std::os::fd::RawFd;

use crate::error::{Code, Doing, Error, Result};
use crate::log;
use crate::sys::fd;

/// What comes after the three streams.
const FIRST: RawFd = 3;

/// Descriptors from 3 on that the process keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    /// Those of socket activation, then those of `--preserve-fds`, as far as they are open.
    pub(super) numbers: Vec<RawFd>,
    /// How many are of socket activation.
    activated: u32,
}

impl Passed {
    /// Finds them. Listening sockets that are not there are told and left out.
    ///
    /// # Errors
    /// A preserved descriptor that is not open.
    pub(super) fn take(preserve: u32) -> Result<Passed> {
        let activated = activated();
        let mut numbers = listening(activated)?;
        let count = u64::from(activated) + u64::from(preserve);
        for index in u64::from(activated)..count {
            let number = index + FIRST as u64;
            match RawFd::try_from(number) {
                Ok(open) if fd::is_passed(open) => numbers.push(open),
                _ => {
                    let words = format!(
                        "preserved-fd {index} (of {count}), descriptor {number}, is not open \
                         (--preserve-fds {preserve})"
                    );
                    return Err(Error::of(Code::InvalidArgument, words));
                }
            }
        }
        // Nothing else of what the caller had open goes into the container.
        fd::end_at_exec_from(FIRST).doing(|| "mark descriptors".into())?;
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

/// Those of the first `count` that are open. The number is the caller's: it may be any.
fn listening(count: u32) -> Result<Vec<RawFd>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let last = RawFd::try_from(i64::from(FIRST) + i64::from(count) - 1).unwrap_or(RawFd::MAX);
    let open = fd::passed_in(FIRST..=last).doing(|| "look for the sockets of LISTEN_FDS".into())?;
    let others = match count as usize - open.len() {
        0 => return Ok(open),
        1 => String::new(),
        2 => ", nor is another one".to_owned(),
        missing => format!(", nor are {} others", missing - 1),
    };
    let in_a_row = open.iter().zip(FIRST..).take_while(|(fd, next)| *fd == next).count();
    let missing = in_a_row + FIRST as usize;
    log::warning(&format!("LISTEN_FDS is {count}, but {missing} is not open{others}"));
    Ok(open)
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
