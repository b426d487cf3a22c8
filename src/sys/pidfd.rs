//! Processes by descriptor: no id that was given to another process in the meantime is hit. And the
//! wait for them and for other descriptors.

mod older;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::{check, errno};

/// `pidfd_open(2)`; where that is refused, the process's directory in /proc, which all functions
/// here take as well.
///
/// # Errors
/// ESRCH also where the id is but that of a process group or a session, whose leader is gone: older
/// kernels say EINVAL, or ENOENT.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = match check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) }) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
            return Err(errno(libc::ESRCH));
        }
        Err(error) if is_refused(&error) => return older::open(pid),
        other => other?,
    };
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Whether it is what pidfd_open(2) gives, and no directory.
pub fn is_pidfd(fd: BorrowedFd<'_>) -> bool {
    older::is_directory(fd).is_ok_and(|is| !is)
}

/// The kernel, or a filter, does not offer the call. Where EPERM was the kernel's own, what is done
/// instead gets it too.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// `pidfd_send_signal(2)`, or kill(2).
pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: a null siginfo makes the kernel fill one in, as for kill(2).
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, 0usize, 0) };
    match check(result) {
        Err(error) if is_refused(&error) => older::signal(pidfd, signal),
        sent => sent.map(drop),
    }
}

/// `pidfd_getfd(2)`: a copy of another process's descriptor.
pub fn take_fd(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0) })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// The files of those of a process's namespaces that are in `flags` (`CLONE_NEW*`), each with its
/// flag: before Linux 5.8 setns(2) takes nothing else.
///
/// # Errors
/// EBADF where this is no descriptor of a process.
pub fn namespaces(pidfd: BorrowedFd<'_>, flags: u64) -> io::Result<Vec<(u64, OwnedFd)>> {
    older::namespaces(pidfd, flags)
}

/// Waits until the process has ended, for so long at the most; tells whether it has.
pub fn wait_end(pidfd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<bool> {
    wait_readable(pidfd, limit)
}

/// `poll(2)` for one descriptor; tells whether it became readable (or hung up) in time.
pub fn wait_readable(fd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<bool> {
    let mut one = [libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    let limit = limit.map_or(-1, |limit| limit.as_millis().min(i32::MAX as u128) as i32);
    poll(&mut one, limit).map(|count| count > 0)
}

/// `poll(2)` until one of these is readable or has hung up, or the time is over.
pub fn wait_for_any(fds: &[Option<BorrowedFd<'_>>], limit: Option<Duration>) -> io::Result<()> {
    let mut all: Vec<libc::pollfd> = fds
        .iter()
        .flatten()
        .map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let limit = limit.map_or(-1, |limit| limit.as_millis().min(i32::MAX as u128) as i32);
    poll(&mut all, limit).map(drop)
}

/// `poll(2)`, also of what [`open`] gives where there are no pidfds; the limit is in milliseconds,
/// -1 for none. An interruption counts as nothing ready.
pub fn poll(fds: &mut [libc::pollfd], limit: i32) -> io::Result<usize> {
    if older::is_used() { older::poll(fds, limit) } else { super::fd::poll(fds, limit) }
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

/// `struct pidfd_info` as Linux 6.15 has it (linux/pidfd.h).
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    /// pid, tgid, ppid, and four pairs of ids.
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_INFO_EXIT`
const INFO_EXIT: u64 = 1 << 3;
/// `PIDFD_GET_INFO`: `_IOWR(0xFF, 11, struct pidfd_info)`.
const GET_INFO: libc::Ioctl = 0xC040_FF0B_u32 as libc::Ioctl;

/// How a process ended that somebody else has reaped, or reaps within `limit`; the kernel tells
/// anyone who held the pidfd before (Linux 6.15). Nothing where it does not.
///
/// # Errors
/// `poll(2)`
pub fn end_of_other(pidfd: BorrowedFd<'_>, limit: Duration) -> io::Result<Option<End>> {
    match info(pidfd) {
        None => return Ok(None),
        Some(info) if info.mask & INFO_EXIT == 0 => wait_reaped(pidfd, limit)?,
        Some(_) => {}
    }
    let info = info(pidfd).filter(|info| info.mask & INFO_EXIT != 0);
    Ok(info.map(|info| match libc::WIFEXITED(info.exit_code) {
        true => End::Code(libc::WEXITSTATUS(info.exit_code)),
        false => End::Signal(libc::WTERMSIG(info.exit_code)),
    }))
}

/// Whether the kernel tells anyone how a process ended (Linux 6.15): asked of one that lives.
pub fn tells_ends(pidfd: BorrowedFd<'_>) -> bool {
    info(pidfd).is_some()
}

/// A pidfd hangs up when its process has been reaped.
fn wait_reaped(pidfd: BorrowedFd<'_>, limit: Duration) -> io::Result<()> {
    let mut fds = [libc::pollfd { fd: pidfd.as_raw_fd(), events: 0, revents: 0 }];
    poll(&mut fds, limit.as_millis().min(i32::MAX as u128) as i32).map(drop)
}

/// Nothing on a kernel that tells nothing.
fn info(pidfd: BorrowedFd<'_>) -> Option<Info> {
    let mut info = Info { mask: INFO_EXIT, ..Info::default() };
    // SAFETY: the number holds the structure's size, 64 bytes, and `info` lives over the call.
    check(unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO, &raw mut info) }).ok()?;
    Some(info)
}

/// `waitid(2)`: waits for a child's end and takes its exit status.
///
/// # Errors
/// ECHILD when it is not a child of this process or was taken already.
pub fn reap(pidfd: impl AsFd) -> io::Result<End> {
    let mut who = (libc::P_PIDFD, pidfd.as_fd().as_raw_fd() as libc::id_t);
    loop {
        // SAFETY: all zero bytes are a valid siginfo_t.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` lives over the call.
        let result =
            unsafe { libc::waitid(who.0, who.1, &raw mut info, libc::WEXITED | libc::__WALL) };
        match check(result) {
            // Its directory, or a kernel before 5.4.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::EBADF | libc::EINVAL))
                    && who.0 == libc::P_PIDFD =>
            {
                who = (libc::P_PID, older::id(pidfd.as_fd())? as libc::id_t);
                continue;
            }
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
