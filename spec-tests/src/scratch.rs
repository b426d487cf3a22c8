//! A directory of one test, removed with everything mounted below it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use rustix::mount::{UnmountFlags, unmount};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh directory with a name that no other test of this machine has.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    name: String,
}

impl Scratch {
    /// Makes the directory (0755, so that users of a container can pass through it).
    pub fn new() -> Result<Self> {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            // No name is the beginning of another: processes and cgroups are found by it.
            let name = format!("spec-{}-{number:04}", std::process::id());
            let path = std::env::temp_dir().join(&name);
            match fs::create_dir(&path) {
                // Left by a suite that was killed, whose process id is ours now.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => {
                    made.with_context(|| format!("make {}", path.display()))?;
                    return Ok(Self { path, name });
                }
            }
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The unique name: also the container's id and its cgroup.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for mount in mounts_below(&self.path).iter().rev() {
            let _ = unmount(mount.as_path(), UnmountFlags::DETACH);
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} stays: {error}", self.path.display());
        }
    }
}

/// Mount points of this process at or below `path`, in the order they were mounted.
pub fn mounts_below(path: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .filter(|mount| mount.starts_with(path))
        .collect()
}
