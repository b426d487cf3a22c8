//! Processes by descriptor: no id that was given to another process in the meantime is hit.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::check;
use super::fd::wait_readable;

/// `pidfd_open(2)`. Older kernels have another errno for a process that is gone while its id lives
/// on as that of a session or process group; here it is `ESRCH` as ever.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) });
    let fd = fd.map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) if pid > 0 => io::Error::from_raw_os_error(libc::ESRCH),
        _ => error,
    })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// `pidfd_send_signal(2)`
pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: a null siginfo makes the kernel fill one in, as for kill(2).
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, 0usize, 0) };
    check(result).map(drop)
}

/// `pidfd_getfd(2)`: a copy of another process's descriptor.
pub fn take_fd(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0) })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Waits until the process has ended, for so long at the most; tells whether it has.
pub fn wait_end(pidfd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<bool> {
    wait_readable(pidfd, limit)
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// exit(2) with this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl End {
    /// The exit code as a shell tells it: 128 + n for a signal.
    pub fn code(self) -> i32 {
        match self {
            End::Code(code) => code,
            End::Signal(signal) => 128 + signal,
        }
    }
}

/// `waitid(2)`: waits for a child's end and takes its exit status.
///
/// # Errors
/// ECHILD when it is not a child of this process or was taken already.
pub fn reap(pidfd: impl AsFd) -> io::Result<End> {
    let fd = pidfd.as_fd().as_raw_fd();
    loop {
        // SAFETY: all zero bytes are a valid siginfo_t.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` lives over the call.
        let result = unsafe {
            libc::waitid(libc::P_PIDFD, fd as u32, &raw mut info, libc::WEXITED | libc::__WALL)
        };
        match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        // SAFETY: waitid succeeded with WEXITED, so the SIGCHLD fields are filled in.
        let status = unsafe { info.si_status() };
        return Ok(match info.si_code {
            libc::CLD_EXITED => End::Code(status),
            _ => End::Signal(status),
        });
    }
}
