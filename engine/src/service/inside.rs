//! Looking into a container's root file system from outside: no path and no link in it leads out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::bundle::user::Accounts;
use crate::error::{Context, Result};

/// A file that says who is who is read up to this size.
const LARGEST: u64 = 4 << 20;

/// A root file system.
pub(super) struct Inside {
    root: File,
}

impl Inside {
    pub(super) fn open(root: &Path) -> Result<Inside> {
        let root = File::open(root).with_context(|| format!("open {}", root.display()))?;
        Ok(Inside { root })
    }

    /// Opens a file or folder for reading.
    pub(super) fn open_path(&self, path: &str) -> rustix::io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, flags, Mode::empty(), within).map(File::from)
    }

    /// Whether something is there that is no folder.
    pub(super) fn is_other_than_folder(&self, path: &str) -> bool {
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = path.trim_start_matches('/');
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let found = openat2(&self.root, path, flags, Mode::empty(), within).map(File::from);
        found.is_ok_and(|found| found.metadata().is_ok_and(|about| !about.is_dir()))
    }

    /// A text file; empty where it is not there or is something else.
    fn text(&self, path: &str) -> String {
        let mut text = String::new();
        let file = self.open_path(path).ok().filter(|file| {
            file.metadata().is_ok_and(|about| about.is_file() && about.len() <= LARGEST)
        });
        // What is no text names nobody.
        let read = file.is_some_and(|file| file.take(LARGEST).read_to_string(&mut text).is_ok());
        if read { text } else { String::new() }
    }

    pub(super) fn accounts(&self) -> Accounts {
        Accounts { passwd: self.text("etc/passwd"), group: self.text("etc/group") }
    }
}
