//! `mountpoints`: the places of what is mounted into every container, and what tells programs that
//! they are in one, as a layer below those of all images. An image need not have them, and a
//! container that gets them there has changed nothing.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::Store;
use crate::error::{Context, Result};

const FOLDERS: [&str; 6] = ["dev", "dev/pts", "dev/shm", "proc", "sys", "etc"];
/// The last one is made last: where it is, all are.
const FILES: [&str; 5] =
    ["dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf", ".dockerenv"];

impl Store {
    /// The folder with the places, which are made where they are not there.
    ///
    /// # Errors
    /// Names the folder.
    pub fn mount_points(&self) -> Result<PathBuf> {
        let folder = self.root.join("mountpoints");
        if !folder.join(FILES[FILES.len() - 1]).exists() {
            // Several may do this at once: each finds what another has made.
            make(&folder).with_context(|| format!("fill {}", folder.display()))?;
        }
        Ok(folder)
    }
}

fn make(root: &Path) -> io::Result<()> {
    for folder in std::iter::once("").chain(FOLDERS) {
        let path = root.join(folder);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::set_permissions(&path, Permissions::from_mode(0o755))?,
        }
    }
    // For programs that ask for mounts as they did before there was /proc.
    match symlink("/proc/mounts", root.join("etc/mtab")) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for file in FILES {
        File::create(root.join(file))?.set_permissions(Permissions::from_mode(0o644))?;
    }
    Ok(())
}
