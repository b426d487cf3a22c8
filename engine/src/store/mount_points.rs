//! `mountpoints`: the places of what is mounted into every container, as a layer below those of all
//! images. An image need not have them, and a container that gets them there has changed nothing.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Store;
use crate::error::{Context, Result};

const FOLDERS: [&str; 4] = ["dev", "proc", "sys", "etc"];
/// The last one is made last: where it is, all are.
const FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

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
    for file in FILES {
        File::create(root.join(file))?.set_permissions(Permissions::from_mode(0o644))?;
    }
    Ok(())
}
