//! Entering and leaving namespaces.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::fd::{here, open_at};
use super::process::change_directory_to;
use super::{c_string, check};

/// `CLONE_NEW*`, and the file below /proc/PID.
pub(super) const NAMES: [(u64, &str); 8] = [
    (libc::CLONE_NEWUSER as u64, "ns/user"),
    (libc::CLONE_NEWNS as u64, "ns/mnt"),
    (libc::CLONE_NEWPID as u64, "ns/pid"),
    (libc::CLONE_NEWNET as u64, "ns/net"),
    (libc::CLONE_NEWIPC as u64, "ns/ipc"),
    (libc::CLONE_NEWUTS as u64, "ns/uts"),
    (libc::CLONE_NEWCGROUP as u64, "ns/cgroup"),
    (libc::CLONE_NEWTIME as u64, "ns/time"),
];

/// `setns(2)`: joins the namespace of a file under /proc/PID/ns, or all of those in `flags` of a
/// process by its pidfd (Linux 5.8).
pub fn join(fd: BorrowedFd<'_>, flags: u64) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::setns(fd.as_raw_fd(), flags as libc::c_int) }).map(drop)
}

/// `unshare(2)`
pub fn leave(flags: u64) -> io::Result<()> {
    // SAFETY: takes no pointers; the process has one thread.
    check(unsafe { libc::syscall(libc::SYS_unshare, flags) }).map(drop)
}

/// Does something in another mount namespace, and comes back to this one's root and working
/// directory.
///
/// # Errors
/// Those of what is done; `setns(2)`, `chroot(2)`, `fchdir(2)`
pub fn among_mounts_of<T>(
    theirs: BorrowedFd<'_>,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let kind = libc::CLONE_NEWNS as u64;
    let directory = |path| open_at(here(), path, libc::O_PATH | libc::O_DIRECTORY, 0);
    let own = open_at(here(), "/proc/self/ns/mnt", libc::O_RDONLY, 0)?;
    let (root, working) = (directory("/")?, directory(".")?);
    join(theirs, kind)?;
    let done = work();
    join(own.as_fd(), kind)?;
    change_directory_to(root.as_fd())?;
    change_root(".")?;
    change_directory_to(working.as_fd())?;
    done
}

/// `sethostname(2)`
pub fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length are those of one string.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// `setdomainname(2)`
pub fn set_domain_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length are those of one string.
    check(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// `chroot(2)`
pub fn change_root(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is a C string that lives over the call.
    check(unsafe { libc::chroot(path.as_ptr()) }).map(drop)
}
