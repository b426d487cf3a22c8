//! Copies between stdio and a terminal until its process ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::check;
use super::pidfd::poll;

/// How much may wait for a slow writer, in bytes.
const BOUND: usize = 64 * 1024;

/// A terminal's multiplexer between stdin and stdout.
#[derive(Debug)]
pub struct Relay {
    terminal: OwnedFd,
    /// Typed and not yet taken by the terminal.
    typed: VecDeque<u8>,
    stdin_is_open: bool,
    terminal_is_open: bool,
}

impl Relay {
    /// Takes a copy of the descriptor.
    pub fn new(terminal: BorrowedFd<'_>) -> io::Result<Relay> {
        let terminal = terminal.try_clone_to_owned()?;
        set_nonblocking(terminal.as_raw_fd())?;
        Ok(Relay { terminal, typed: VecDeque::new(), stdin_is_open: true, terminal_is_open: true })
    }

    /// The terminal's multiplexer.
    pub fn terminal(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }

    /// Waits for something to do and does it; tells whether the process has ended. A signal that
    /// is pending ends the wait too, as does a message.
    pub fn wait(
        relay: Option<&mut Relay>,
        process: BorrowedFd<'_>,
        signals: Option<BorrowedFd<'_>>,
        messages: Option<BorrowedFd<'_>>,
    ) -> io::Result<bool> {
        let watch = |fd: RawFd, events| libc::pollfd { fd, events, revents: 0 };
        let signals = signals.map_or(-1, |fd| fd.as_raw_fd());
        let mut fds = [
            watch(process.as_raw_fd(), libc::POLLIN),
            watch(signals, libc::POLLIN),
            watch(-1, libc::POLLIN),
            watch(-1, 0),
            watch(messages.map_or(-1, |fd| fd.as_raw_fd()), libc::POLLIN),
        ];
        if let Some(relay) = &relay {
            if relay.stdin_is_open && relay.typed.len() < BOUND {
                fds[2].fd = 0;
            }
            if relay.terminal_is_open {
                let writes = if relay.typed.is_empty() { 0 } else { libc::POLLOUT };
                fds[3] = watch(relay.terminal.as_raw_fd(), libc::POLLIN | writes);
            }
        }
        poll(&mut fds, -1)?;
        if let Some(relay) = relay {
            relay.copy(fds[2].revents != 0, fds[3].revents)?;
        }
        Ok(fds[0].revents != 0)
    }

    fn copy(&mut self, typed: bool, terminal: i16) -> io::Result<()> {
        if typed {
            let mut buffer = [0; 4096];
            match read(0, &mut buffer)? {
                Some(0) | None => self.stdin_is_open = false,
                Some(count) => self.typed.extend(&buffer[..count]),
            }
        }
        if terminal & libc::POLLOUT != 0 {
            let (front, _) = self.typed.as_slices();
            let count = write(self.terminal.as_raw_fd(), front)?;
            self.typed.drain(..count);
        }
        if terminal & (libc::POLLIN | libc::POLLHUP) != 0 {
            self.show()?;
        }
        Ok(())
    }

    /// Copies what the terminal has to stdout; tells whether there was something.
    fn show(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let count = match read(self.terminal.as_raw_fd(), &mut buffer)? {
            Some(count) if count > 0 => count,
            // All who had it open have closed it.
            _ => {
                self.terminal_is_open = false;
                return Ok(false);
            }
        };
        let mut left = &buffer[..count];
        while !left.is_empty() {
            let count = write(1, left)?;
            left = &left[count..];
            if count == 0 {
                let mut out = [libc::pollfd { fd: 1, events: libc::POLLOUT, revents: 0 }];
                poll(&mut out, -1)?;
            }
        }
        Ok(true)
    }

    /// What was printed before the end is still in the terminal.
    pub fn drain(&mut self) -> io::Result<()> {
        while self.terminal_is_open {
            let fd = self.terminal.as_raw_fd();
            let mut one = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
            if poll(&mut one, 0)? == 0 || !self.show()? {
                break;
            }
        }
        Ok(())
    }
}

fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: takes no pointers.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}

/// Nothing for EIO, which a multiplexer gives once the other end is closed.
fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: pointer and length are those of one slice.
    let count = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) };
    match check(count) {
        Ok(count) => Ok(Some(count as usize)),
        Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(None),
        Err(error) => Err(error),
    }
}

/// 0 when it would block.
fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: pointer and length are those of one slice.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    match check(count) {
        Ok(count) => Ok(count as usize),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}
