//! `inotify(7)`: the kernel tells what happens to files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

pub use nix::sys::inotify::AddWatchFlags as Kinds;
use nix::sys::inotify::{InitFlags, Inotify};

/// Files that are watched.
#[derive(Debug)]
pub struct Watcher(Inotify);

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What it was.
    pub kinds: Kinds,
    /// Whether it happened to the watched file itself, and not to an entry of it.
    pub to_itself: bool,
}

impl Watcher {
    /// Nothing is watched yet.
    ///
    /// # Errors
    /// `inotify_init1(2)`
    pub fn new() -> io::Result<Watcher> {
        Ok(Watcher(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?))
    }

    /// Watches a file or a directory with its entries.
    ///
    /// # Errors
    /// `inotify_add_watch(2)`
    pub fn add(&self, path: &Path, kinds: Kinds) -> io::Result<()> {
        Ok(self.0.add_watch(path, kinds).map(drop)?)
    }

    /// What has happened since.
    ///
    /// # Errors
    /// `read(2)`
    pub fn take(&self) -> io::Result<Vec<Event>> {
        match self.0.read_events() {
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => Ok(Vec::new()),
            events => Ok(events?
                .into_iter()
                .map(|event| Event { kinds: event.mask, to_itself: event.name.is_none() })
                .collect()),
        }
    }
}

impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
