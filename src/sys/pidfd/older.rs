//! Without pidfd_open(2) and its relatives: a process is known by its directory in /proc, which
//! is empty once the process is gone and never becomes that of another one.
//!
//! pidfd_send_signal(2) takes such a directory too; poll(2) does not, so that its end is asked for
//! again and again.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::fd::{open_at, poll as kernel_poll, read_all, stat};
use super::super::namespace::NAMES;
use super::super::procfs::{Place, Procfs, parse_life, place};
use super::super::{check, errno};

/// How long a process may have ended before it is noticed (milliseconds).
const STEP: i32 = 10;

const DIRECTORY: i32 = libc::O_RDONLY | libc::O_DIRECTORY;

/// Whether some of this process's descriptors of processes are directories.
static USED: AtomicBool = AtomicBool::new(false);

pub(super) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// # Errors
/// ESRCH where there is no such process.
pub(super) fn open(pid: i32) -> io::Result<OwnedFd> {
    let procfs = Procfs::of_this_process()?;
    let status = procfs.read("self/status")?;
    let found = match ids(&status).count() {
        // The usual procfs: its ids are ours.
        1 => pid,
        level => find(&procfs, pid, level)?,
    };
    match procfs.open(&found.to_string(), DIRECTORY) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Err(errno(libc::ESRCH)),
        opened => {
            USED.store(true, Ordering::Relaxed);
            opened
        }
    }
}

/// The id that a process of our pid namespace has in a procfs of one above.
fn find(procfs: &Procfs, pid: i32, level: usize) -> io::Result<i32> {
    let namespace = |directory: &OwnedFd| {
        let file = open_at(directory.as_fd(), "ns/pid", libc::O_RDONLY, 0)?;
        Ok::<_, io::Error>(stat(file.as_fd())?.st_ino)
    };
    let own = namespace(&procfs.open("self", DIRECTORY)?)?;
    let is_it = |id: &i32| {
        let Ok(directory) = procfs.open(&id.to_string(), DIRECTORY) else { return false };
        let status = procfs.read(&format!("{id}/status")).unwrap_or_default();
        ids(&status).nth(level - 1) == Some(pid)
            && namespace(&directory).is_ok_and(|other| other == own)
    };
    let names = std::fs::read_dir("/proc")?.flatten();
    let numbers = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.into_iter().find(is_it).ok_or_else(|| errno(libc::ESRCH))
}

/// What the kernel tells of a process: its id in the procfs's pid namespace and in each one below
/// that, down to its own.
fn ids(status: &str) -> impl Iterator<Item = i32> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_ascii_whitespace().filter_map(|id| id.parse().ok())
}

pub(super) fn is_directory(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(stat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR)
}

/// The id of a process that is there still, by its directory or its pidfd.
///
/// # Errors
/// ESRCH where it is gone, EBADF where this is no descriptor of a process.
pub(super) fn id(fd: BorrowedFd<'_>) -> io::Result<i32> {
    let procfs = Procfs::of_this_process()?;
    let about = match is_directory(fd)? {
        true => file_of(fd, "status")?,
        false => procfs.read(&format!("self/fdinfo/{}", fd.as_raw_fd()))?,
    };
    if !about.contains("\nPid:") {
        return Err(errno(libc::EBADF));
    }
    let level = ids(&procfs.read("self/status")?).count().max(1);
    ids(&about).nth(level - 1).filter(|id| *id > 0).ok_or_else(|| errno(libc::ESRCH))
}

/// # Errors
/// ESRCH where the process is gone.
fn file_of(directory: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    let text = open_at(directory, name, libc::O_RDONLY, 0)
        .and_then(|file| read_all(file.as_fd(), 64 << 10))
        .map_err(|_| errno(libc::ESRCH))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn has_ended(directory: BorrowedFd<'_>) -> bool {
    let life = file_of(directory, "stat").ok().and_then(|stat| parse_life(&stat));
    life.is_none_or(|life| life.has_ended())
}

/// kill(2), for a process that was there a moment ago.
pub(super) fn signal(fd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let pid = id(fd)?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// As [`super::namespaces`].
pub(super) fn namespaces(fd: BorrowedFd<'_>, flags: u64) -> io::Result<Vec<(u64, OwnedFd)>> {
    let opened;
    let directory = match is_directory(fd)? {
        true => fd,
        false => {
            opened = open(id(fd)?)?;
            opened.as_fd()
        }
    };
    let wanted = NAMES.iter().filter(|(flag, _)| flags & flag != 0);
    wanted.map(|(flag, name)| Ok((*flag, open_at(directory, name, libc::O_RDONLY, 0)?))).collect()
}

/// `poll(2)` in which directories of processes become readable when these have ended.
pub(super) fn poll(fds: &mut [libc::pollfd], limit: i32) -> io::Result<usize> {
    let end = Instant::now() + Duration::from_millis(limit.unsigned_abs().into());
    let processes: Vec<bool> = fds.iter().map(|one| is_process(one.fd)).collect();
    loop {
        let mut ended = 0;
        let mut others = fds.to_vec();
        for (at, one) in fds.iter_mut().enumerate().filter(|(at, _)| processes[*at]) {
            others[at].fd = -1;
            // SAFETY: `is_process` found it open, and whoever polls it keeps it so.
            let has_ended = has_ended(unsafe { BorrowedFd::borrow_raw(one.fd) });
            one.revents = if has_ended { libc::POLLIN } else { 0 };
            ended += usize::from(has_ended);
        }
        let left = end.saturating_duration_since(Instant::now()).as_millis() as i32;
        let left = if limit < 0 { STEP } else { left.min(STEP) };
        let ready = kernel_poll(&mut others, if ended > 0 { 0 } else { left })?;
        for (at, other) in others.iter().enumerate().filter(|(at, _)| !processes[*at]) {
            fds[at].revents = other.revents;
        }
        if ended + ready > 0 || (limit >= 0 && Instant::now() >= end) {
            return Ok(ended + ready);
        }
    }
}

fn is_process(number: i32) -> bool {
    if number < 0 {
        return false;
    }
    // SAFETY: whoever polls it keeps it open; a number that is not gives EBADF.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    is_directory(fd).is_ok_and(|is| is) && place(fd).is_ok_and(|place| place == Place::Below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clone::{Forked, Side, fork};
    use crate::sys::pidfd::{self, End};

    fn child(run: impl FnOnce() -> i32) -> Forked {
        match fork(0, None).unwrap() {
            Side::Child => crate::sys::process::end(run()),
            Side::Parent(child) => child,
        }
    }

    fn waiting() -> i32 {
        std::thread::sleep(Duration::from_secs(1000));
        0
    }

    #[test]
    fn a_directory_is_as_good_as_a_pidfd() {
        let child = child(waiting);
        let directory = open(child.pid).unwrap();
        assert_eq!(id(directory.as_fd()).unwrap(), child.pid);
        assert_eq!(id(child.pidfd.as_fd()).unwrap(), child.pid);
        assert!(!pidfd::wait_end(directory.as_fd(), Some(Duration::from_millis(30))).unwrap());
        pidfd::signal(directory.as_fd(), libc::SIGTERM).unwrap();
        assert!(pidfd::wait_end(directory.as_fd(), Some(Duration::from_secs(180))).unwrap());
        assert_eq!(pidfd::reap(&directory).unwrap(), End::Signal(libc::SIGTERM));
        let gone = signal(directory.as_fd(), 0).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
        assert!(pidfd::wait_end(directory.as_fd(), None).unwrap());
    }

    #[test]
    fn other_descriptors_are_polled_beside_it() {
        let child = child(waiting);
        let directory = open(child.pid).unwrap();
        let (mine, theirs) = crate::sys::socket::pair().unwrap();
        let watch = |fd: BorrowedFd<'_>| libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let mut fds = [watch(directory.as_fd()), watch(mine.as_fd())];
        assert_eq!(poll(&mut fds, 20).unwrap(), 0);
        drop(theirs);
        assert_eq!(poll(&mut fds, -1).unwrap(), 1);
        assert!(fds[0].revents == 0 && fds[1].revents != 0);
        signal(child.pidfd.as_fd(), libc::SIGKILL).unwrap();
        pidfd::reap(&child.pidfd).unwrap();
    }
}
