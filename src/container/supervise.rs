//! A foreground process: signals and the terminal go to it, its exit code comes back.

use std::os::fd::{AsFd, OwnedFd};

use super::notify::Notify;
use super::options::Attach;
use crate::error::{Doing, Error, Result};
use crate::launch::Child;
use crate::sys::fd::{here, open_at};
use crate::sys::pty::{self, Raw};
use crate::sys::relay::Relay;
use crate::sys::{pidfd, signal};

/// The signals that are held back from the runtime, to be passed on.
#[derive(Debug)]
pub(super) struct Signals(Option<OwnedFd>);

impl Signals {
    /// From now on they wait in a descriptor. Before the clone, so that none is lost.
    pub(super) fn hold(attach: Attach) -> Result<Signals> {
        if attach == Attach::Detached {
            return Ok(Signals(None));
        }
        let all = signal::Set::all();
        signal::block_only(&all).doing(|| "hold signals".into())?;
        signal::descriptor(&all).map(|fd| Signals(Some(fd))).doing(|| "open a signalfd".into())
    }
}

/// Waits for the process's end; gives its exit code, 128 + n for a signal. The caller is told once
/// that the program is ready, and that the runtime is the process to watch.
pub(super) fn until_the_end(
    child: &Child,
    terminal: Option<&OwnedFd>,
    signals: &Signals,
    mut notify: Option<Notify>,
) -> Result<i32> {
    let mut screen = terminal.map(Screen::open).transpose()?;
    loop {
        let relay = screen.as_mut().map(|screen| &mut screen.relay);
        let signals = signals.0.as_ref().map(|fd| fd.as_fd());
        let messages = notify.as_ref().map(Notify::as_fd);
        let has_ended = Relay::wait(relay, child.pidfd.as_fd(), signals, messages)?;
        if let Some(talk) = &notify
            && talk.pass_on(std::process::id())?.is_some()
        {
            notify = None;
        }
        if has_ended {
            break;
        }
        while let Some(number) = signals.map_or(Ok(None), signal::next)? {
            pass_on(number, child, screen.as_ref())?;
        }
    }
    if let Some(screen) = &mut screen {
        screen.relay.drain()?;
    }
    pidfd::reap(&child.pidfd).map(pidfd::End::code).doing(|| "wait for the container".into())
}

fn pass_on(number: i32, child: &Child, screen: Option<&Screen>) -> Result<()> {
    match (number, screen) {
        (libc::SIGCHLD | libc::SIGURG, _) | (libc::SIGWINCH, None) => Ok(()),
        (libc::SIGWINCH, Some(screen)) => screen.resize(),
        // It may have ended in the meantime.
        _ => match pidfd::signal(child.pidfd.as_fd(), number) {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => {
                Err(Error::from(error)).doing(|| format!("pass on signal {number}"))
            }
            _ => Ok(()),
        },
    }
}

/// The user's terminal in raw mode, joined to the container's.
struct Screen {
    own: OwnedFd,
    relay: Relay,
    _raw: Raw,
}

impl Screen {
    fn open(terminal: &OwnedFd) -> Result<Screen> {
        let own = own_terminal()?;
        let raw = Raw::enter(own.as_fd()).doing(|| "make the terminal raw".into())?;
        let relay = Relay::new(terminal.as_fd()).doing(|| "join the terminals".into())?;
        let screen = Screen { own, relay, _raw: raw };
        screen.resize()?;
        Ok(screen)
    }

    fn resize(&self) -> Result<()> {
        pty::size(self.own.as_fd())
            .and_then(|size| pty::set_size(self.relay.terminal(), size))
            .doing(|| "pass on the terminal's size".into())
    }
}

/// One of stdio, or the terminal of the session.
fn own_terminal() -> Result<OwnedFd> {
    for fd in [std::io::stderr().as_fd(), std::io::stdout().as_fd(), std::io::stdin().as_fd()] {
        if pty::is_terminal(fd) {
            return Ok(fd.try_clone_to_owned()?);
        }
    }
    open_at(here(), "/dev/tty", libc::O_RDWR, 0)
        .doing(|| "no terminal on stdin, stdout or stderr: open /dev/tty".into())
}
