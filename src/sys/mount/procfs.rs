//! A procfs as a mount: made where nobody sees it, and mounts taken off through its links.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::{Detached, Filesystem, Reach, can_stay_detached, copy_tree, detach};
use crate::sys::errno;
use crate::sys::fd::here;
use crate::sys::process::change_directory_to;
use crate::sys::procfs::Procfs;
use crate::weakness;

impl Procfs {
    /// A new instance that is mounted nowhere; where the kernel does not allow that, a copy of the
    /// one at /proc without what is mounted over it, or /proc itself.
    pub fn private() -> io::Result<Procfs> {
        if weakness::leaves_out("a private procfs") {
            return Procfs::of_this_process();
        }
        Filesystem::open("proc")
            .and_then(|mut proc| descriptor(proc.mount(0)?))
            .or_else(|_| descriptor(copy_tree(here(), "/proc", Reach::One)?))
            .and_then(Procfs::verified)
            .or_else(|_| Procfs::of_this_process())
    }

    /// The one at /proc, for a process that is about to leave it for a root in which it could not
    /// get a private one.
    pub fn before_leaving() -> io::Result<Option<Procfs>> {
        if can_stay_detached() { Ok(None) } else { Procfs::of_this_process().map(Some) }
    }

    /// `umount2(2)` with MNT_DETACH of the mount whose root a descriptor of this process refers to.
    /// Leaves the working directory in the procfs.
    pub fn detach_mount(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let links = self.open("self/fd", libc::O_PATH | libc::O_DIRECTORY)?;
        change_directory_to(links.as_fd())?;
        detach(&fd.as_raw_fd().to_string())
    }
}

/// # Errors
/// EXDEV where it is made only when it is attached.
fn descriptor(mount: Detached) -> io::Result<OwnedFd> {
    mount.into_descriptor().ok_or_else(|| errno(libc::EXDEV))
}
