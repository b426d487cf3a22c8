//! The workbench, and the way back from where a mount has to be made.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::super::{Reach, detach, mount};
use super::{DIRECTORY, What};
use crate::sys::fd::{here, open_at, stat};
use crate::sys::namespace::change_root;
use crate::sys::path::make_directory;
use crate::sys::process::change_directory_to;
use crate::sys::procfs::Procfs;

const PATH_ONLY: i32 = libc::O_PATH | libc::O_NOFOLLOW;

/// The name of a descriptor's link.
pub(super) fn number(fd: BorrowedFd<'_>) -> String {
    fd.as_raw_fd().to_string()
}

/// The directory of these links.
pub(super) fn links_of(procfs: &Procfs) -> io::Result<OwnedFd> {
    procfs.open("self/fd", DIRECTORY)
}

/// The process's root and working directory, to come back to.
pub(super) struct Home {
    root: OwnedFd,
    directory: OwnedFd,
}

impl Home {
    pub(super) fn note() -> io::Result<Home> {
        let open = |path| open_at(here(), path, DIRECTORY, 0);
        Ok(Home { root: open("/")?, directory: open(".")? })
    }

    /// Does something in a directory, and comes back however it ends.
    pub(super) fn leave_for<T>(
        &self,
        directory: BorrowedFd<'_>,
        action: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let done = change_directory_to(directory).and_then(|()| action());
        change_directory_to(self.root.as_fd())?;
        change_root(".")?;
        change_directory_to(self.directory.as_fd())?;
        done
    }
}

/// What is mounted over the working directory: `..` of a root is itself, and what covers it.
/// Leaves the process there.
pub(super) fn topmost_here() -> io::Result<OwnedFd> {
    change_root(".")?;
    open_at(here(), "/..", DIRECTORY, 0)
}

/// A tmpfs over a directory; gone when dropped.
struct Cover<'a> {
    over: BorrowedFd<'a>,
    home: Home,
}

impl<'a> Cover<'a> {
    /// With its root.
    fn put(over: BorrowedFd<'a>) -> io::Result<(Cover<'a>, OwnedFd)> {
        let home = Home::note()?;
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let tmpfs =
            || mount(Some("none"), ".", Some("tmpfs"), (flags, Some("mode=700,nr_inodes=8")));
        home.leave_for(over, tmpfs)?;
        let cover = Cover { over, home };
        let root = cover.home.leave_for(over, topmost_here)?;
        Ok((cover, root))
    }
}

impl Drop for Cover<'_> {
    fn drop(&mut self) {
        // The topmost mount there: what was made on it has been moved, or goes as well.
        let _ = self.home.leave_for(self.over, || detach("."));
    }
}

/// A procfs, a directory and a file, on a cover; all gone when dropped.
pub(super) struct Workbench<'a> {
    root: OwnedFd,
    links: OwnedFd,
    cover: Cover<'a>,
}

impl<'a> Workbench<'a> {
    pub(super) fn over(over: BorrowedFd<'a>) -> io::Result<Workbench<'a>> {
        let (cover, root) = Cover::put(over)?;
        let procfs = cover.home.leave_for(root.as_fd(), || {
            // Neither copied with what lies around it, nor told to anybody.
            mount(None, ".", None, (libc::MS_UNBINDABLE, None))?;
            make_directory(root.as_fd(), "d", 0o700)?;
            open_at(root.as_fd(), "f", libc::O_CREAT | libc::O_EXCL, 0o600)?;
            // A user namespace may have no right to a new procfs.
            procfs_in(root.as_fd()).or_else(|_| Procfs::of_this_process())
        })?;
        Ok(Workbench { links: links_of(&procfs)?, root, cover })
    }

    /// Makes a mount here; gives its descriptor.
    pub(super) fn make(&self, what: &What) -> io::Result<OwnedFd> {
        let root = self.root.as_fd();
        let shown = match what {
            What::Copy(source, _) => stat(source.as_fd())?.st_mode & libc::S_IFMT,
            What::New(_) => libc::S_IFDIR,
        };
        let place = if shown == libc::S_IFDIR { "d" } else { "f" };
        match what {
            What::Copy(source, reach) => {
                let place = open_at(root, place, PATH_ONLY, 0)?;
                let recursive = if *reach == Reach::All { libc::MS_REC } else { 0 };
                let (source, place) = (number(source.as_fd()), number(place.as_fd()));
                let flags = libc::MS_BIND | recursive;
                self.at_links(|| mount(Some(&source), &place, None, (flags, None)))?;
            }
            What::New(new) => self.cover.home.leave_for(root, || new.mount(place))?,
        }
        open_at(root, place, PATH_ONLY, 0)
    }

    /// Does something where the numbers of descriptors are names.
    pub(super) fn at_links(&self, action: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.cover.home.leave_for(self.links.as_fd(), action)
    }
}

/// A new procfs below a workbench, which the process is in.
fn procfs_in(root: BorrowedFd<'_>) -> io::Result<Procfs> {
    make_directory(root, "p", 0o700)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    mount(Some("proc"), "p", Some("proc"), (flags, None))?;
    Procfs::verified(open_at(root, "p", DIRECTORY, 0)?)
}
