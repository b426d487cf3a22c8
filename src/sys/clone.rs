//! clone3(2), and clone(2) where a filter or an old kernel refuses it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::fd::{here, open_at, read_all, write_once};
use super::{check, namespace, pidfd, process, socket};

/// `CLONE_INTO_CGROUP` (linux/sched.h)
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// The child as its parent sees it.
#[derive(Debug)]
pub struct Forked {
    /// Its id in the parent's pid namespace.
    pub pid: i32,
    /// pidfd_open(2)
    pub pidfd: OwnedFd,
}

/// Which of the two processes goes on here.
#[derive(Debug)]
pub enum Side {
    /// The new one.
    Child,
    /// The old one.
    Parent(Forked),
}

/// Copies this process into new namespaces (`CLONE_NEW*` in `flags`, `CLONE_PARENT` allowed) and,
/// where a cgroup directory is given, right into that cgroup.
///
/// # Errors
/// The kernel's.
pub fn fork(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    match clone3(flags, cgroup) {
        Err(error) if is_no_answer(&error) => match cgroup {
            None => clone(flags),
            Some(cgroup) => clone_then_enter(flags, cgroup),
        },
        other => other,
    }
}

/// The kernel has no clone3(2) (before 5.3) or no CLONE_INTO_CGROUP (5.7), or a filter says that
/// it has not. Where EPERM was the kernel's own, clone(2) gets it too.
fn is_no_answer(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::E2BIG | libc::EPERM))
}

fn clone3(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    let mut pidfd: i32 = -1;
    let into_cgroup = if cgroup.is_some() { INTO_CGROUP } else { 0 };
    let parent = flags & libc::CLONE_PARENT as u64 != 0;
    let arguments = libc::clone_args {
        flags: flags | libc::CLONE_PIDFD as u64 | into_cgroup,
        pidfd: &raw mut pidfd as u64,
        child_tid: 0,
        parent_tid: 0,
        // A sibling tells its parent what this process's own parent was asked to be told.
        exit_signal: if parent { 0 } else { libc::SIGCHLD as u64 },
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: cgroup.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    // SAFETY: without CLONE_VM the child gets a copy of all memory, and the runtime has only the
    // one thread that calls here, so no lock is held by a thread that the child lacks.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    })?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    // SAFETY: the kernel has just stored a new descriptor there, which nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Side::Parent(Forked { pid: pid as i32, pidfd }))
}

/// clone(2) has no room for a time namespace: this process's next children are put into a new one.
fn clone(flags: u64) -> io::Result<Side> {
    const TIME: u64 = libc::CLONE_NEWTIME as u64;
    if flags & TIME == 0 {
        return plain_clone(flags);
    }
    let own = open_at(here(), "/proc/self/ns/time", libc::O_RDONLY, 0)?;
    namespace::leave(TIME)?;
    let side = plain_clone(flags & !TIME);
    if !matches!(side, Ok(Side::Child)) {
        namespace::join(own.as_fd(), TIME)?;
    }
    side
}

fn plain_clone(flags: u64) -> io::Result<Side> {
    let mut pidfd: i32 = -1;
    let flags = flags | libc::SIGCHLD as u64 | libc::CLONE_PIDFD as u64;
    // SAFETY: as in clone3; a null stack makes the child go on with its copy of ours.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) })?;
    let pid = pid as i32;
    if pid == 0 {
        return Ok(Side::Child);
    }
    let pidfd = match pidfd {
        // Before Linux 5.2 the flag means nothing.
        -1 => pidfd::open(pid)?,
        // SAFETY: the kernel has just stored a new descriptor there, which nobody else owns.
        fd => unsafe { OwnedFd::from_raw_fd(fd) },
    };
    Ok(Side::Parent(Forked { pid, pidfd }))
}

/// The child waits until its parent has written it into the cgroup: none of its memory is charged
/// elsewhere, and nothing of it runs outside.
fn clone_then_enter(flags: u64, cgroup: BorrowedFd<'_>) -> io::Result<Side> {
    let processes = open_at(cgroup, "cgroup.procs", libc::O_WRONLY, 0)?;
    let (waiting, telling) = socket::pair()?;
    let forked = match clone(flags)? {
        Side::Parent(forked) => forked,
        Side::Child => {
            drop(telling);
            // A parent that dies, or cannot move it, hangs up without a word.
            return match read_all(waiting.as_fd(), 1).is_ok_and(|word| !word.is_empty()) {
                true => Ok(Side::Child),
                false => process::end(1),
            };
        }
    };
    drop(waiting);
    let moved = write_once(processes.as_fd(), forked.pid.to_string().as_bytes())
        .and_then(|()| write_once(telling.as_fd(), b"."));
    if let Err(error) = moved {
        drop(telling);
        // It ends by itself.
        let _ = pidfd::reap(&forked.pidfd);
        return Err(error);
    }
    Ok(Side::Parent(forked))
}
