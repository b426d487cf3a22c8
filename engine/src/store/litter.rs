//! What is left of a process that was killed while it wrote: files under a name of their own that
//! never got their true one, names of what was never made, folders of commands that have ended.
//!
//! Images, layers and blobs have their own collection; see [`super::gc`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Store, tree};
use crate::error::{Context, IfThere, Result};

/// How the folder of a command that runs a program in a container begins, in its bundle; the
/// number of the command's process follows.
pub const EXEC: &str = "exec-";

impl Store {
    /// Files and folders that belong to nobody, removed where `remove` says so.
    ///
    /// # Errors
    /// Names what cannot be listed or removed.
    pub fn litter(&self, remove: bool) -> Result<Vec<PathBuf>> {
        let mut found = self.half_written()?;
        found.extend(self.ended_commands()?);
        let names = self.lock_names()?;
        found.extend(self.names_of_nobody()?);
        let networks = self.networks();
        let locked = networks.lock()?;
        found.extend(networks.litter()?);
        if remove {
            for path in &found {
                tree::remove(path)
                    .if_there()
                    .with_context(|| format!("remove {}", path.display()))?;
            }
        }
        drop((names, locked));
        Ok(found)
    }

    /// What [`super::durable::put`] writes before it renames it: the writer's number is its end.
    fn half_written(&self) -> Result<Vec<PathBuf>> {
        let mut folders = vec![self.root().join("networks"), self.root().join("volumes")];
        for id in self.container_ids()? {
            folders.push(self.container_folder(&id));
        }
        let mut found = Vec::new();
        for folder in folders {
            found.extend(list(&folder)?.into_iter().filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let writer = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
                writer.is_some_and(|(_, writer)| has_ended(writer))
            }));
        }
        Ok(found)
    }

    fn ended_commands(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for id in self.bundle_ids()? {
            found.extend(list(&self.bundle(&id))?.into_iter().filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let command = name.strip_prefix(EXEC).and_then(|rest| rest.split_once('-'));
                command.is_some_and(|(command, _)| has_ended(command))
            }));
        }
        Ok(found)
    }
}

/// Whether a number is that of no process. That another has got it meanwhile only means that what
/// is left is found later.
fn has_ended(pid: &str) -> bool {
    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !Path::new("/proc").join(pid).exists()
}

/// What is in a folder; one that is not there is empty.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = || format!("list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(listing)?,
    };
    entries.map(|entry| Ok(entry.with_context(listing)?.path())).collect()
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Mode, OFlags};

    use super::*;

    const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

    #[test]
    fn only_what_belongs_to_nobody_is_litter() {
        let root = std::env::temp_dir().join(format!("dok-litter-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let store = Store::open(root.clone(), root.join("run")).unwrap();
        let networks = root.join("networks");
        let bundle = store.bundle(&"a".repeat(64));
        for folder in [&networks, &bundle.join("exec-4194999-x"), &bundle.join("exec-1-x")] {
            fs::create_dir_all(folder).unwrap();
        }
        drop(store.lock_names().unwrap());
        // As deep as no path and no number of descriptors reaches.
        let mut at =
            rustix::fs::open(bundle.join("exec-4194999-x"), FOLDER, Mode::empty()).unwrap();
        for _ in 0..2000 {
            rustix::fs::mkdirat(&at, "a", Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, "a", FOLDER, Mode::empty()).unwrap();
        }
        std::os::unix::fs::symlink("b".repeat(64), root.join("names/ghost")).unwrap();
        for name in [".x.json.4194999", ".x.json.1", "x.json"] {
            fs::write(networks.join(name), "{}").unwrap();
        }
        let mut found = store.litter(true).unwrap();
        found.sort();
        let expected = [
            root.join("names/ghost"),
            networks.join(".x.json.4194999"),
            bundle.join("exec-4194999-x"),
        ];
        assert_eq!(found, expected);
        assert!(store.litter(true).unwrap().is_empty());
        assert!(networks.join(".x.json.1").exists() && bundle.join("exec-1-x").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
