//! eventfd(2)

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::check;

/// `eventfd(2)` that starts at 0 and never blocks.
pub fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and no pointer.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
    // SAFETY: the kernel has just made this descriptor for us, so that nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
