//! Pseudo-terminals (pty(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::termios;

use super::fd::{stat, stat_filesystem};
use super::{check, errno};

const DEVPTS_SUPER_MAGIC: i64 = 0x1cd1;

/// Makes sure that a descriptor is the multiplexer of a devpts: character device 5:2 there.
///
/// # Errors
/// ENODEV when it is something else.
pub fn verify_multiplexer(ptmx: BorrowedFd<'_>) -> io::Result<()> {
    let found = stat(ptmx)?;
    let is_ptmx = found.st_mode & libc::S_IFMT == libc::S_IFCHR
        && found.st_rdev == libc::makedev(5, 2)
        && stat_filesystem(ptmx)?.f_type as i64 == DEVPTS_SUPER_MAGIC;
    if is_ptmx { Ok(()) } else { Err(errno(libc::ENODEV)) }
}

/// `TIOCSPTLCK` and `TIOCGPTPEER`: the other end of a multiplexer's descriptor, without a path.
pub fn open_peer(ptmx: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let unlocked: libc::c_int = 0;
    // SAFETY: the number lives over the call.
    check(unsafe { libc::ioctl(ptmx.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes a number.
    let fd = check(unsafe { libc::ioctl(ptmx.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `TIOCSCTTY`: makes it the terminal of this session.
pub fn make_controlling(terminal: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: TIOCSCTTY takes a number.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// `TIOCGWINSZ`: rows and columns.
pub fn size(terminal: BorrowedFd<'_>) -> io::Result<(u16, u16)> {
    // SAFETY: all zero bytes are a valid struct winsize.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: the size lives over the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// `TIOCSWINSZ`
pub fn set_size(terminal: BorrowedFd<'_>, (rows, columns): (u16, u16)) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the size lives over the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

/// `isatty(3)`
pub fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: takes no pointers.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}

/// A terminal whose raw mode ends when this value does.
#[derive(Debug)]
pub struct Raw {
    terminal: OwnedFd,
    before: termios::Termios,
}

impl Raw {
    /// `cfmakeraw(3)` on a copy of the descriptor, except that output goes on to be processed: its
    /// line feeds are those of a program that takes this for a plain terminal.
    pub fn enter(terminal: BorrowedFd<'_>) -> io::Result<Raw> {
        let terminal = terminal.try_clone_to_owned()?;
        let before = termios::tcgetattr(&terminal)?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        raw.output_flags.insert(termios::OutputFlags::OPOST);
        termios::tcsetattr(&terminal, termios::SetArg::TCSANOW, &raw)?;
        Ok(Raw { terminal, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let now = termios::SetArg::TCSANOW;
        // The terminal may be gone by now, and then there is nothing to restore.
        let _ = termios::tcsetattr(self.terminal.as_fd(), now, &self.before);
    }
}

/// Stops a terminal from turning `\n` into `\r\n`, which its reader would do once more (ONLCR).
pub fn pass_line_feeds(terminal: BorrowedFd<'_>) -> io::Result<()> {
    let mut modes = termios::tcgetattr(terminal)?;
    modes.output_flags.remove(termios::OutputFlags::ONLCR);
    Ok(termios::tcsetattr(terminal, termios::SetArg::TCSANOW, &modes)?)
}
