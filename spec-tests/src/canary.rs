//! Something of the host that no container may touch.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::container::Container;

/// A directory outside of any root, with one file whose content and mode are known.
#[derive(Debug)]
pub struct Canary(PathBuf);

/// The file: what a runtime replaces in a `/dev`.
const FILE: &str = "ptmx";
const CONTENT: &str = "canary";
const MODE: u32 = 0o600;

impl Canary {
    /// Makes it beside the container's bundle.
    pub fn new(container: &Container) -> Result<Canary> {
        let path = container.directory().join("canary");
        fs::create_dir(&path)?;
        fs::write(path.join(FILE), CONTENT)?;
        fs::set_permissions(path.join(FILE), Permissions::from_mode(MODE))?;
        Ok(Canary(path))
    }

    /// Where it is, for a link that is absolute.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where it is seen from a directory of the root, for a link that climbs.
    pub fn from(&self, container: &Container, directory: &str) -> PathBuf {
        let up = "../".repeat(container.in_root(directory).components().count());
        Path::new(&up).join(self.0.strip_prefix("/").unwrap_or(&self.0))
    }

    /// Demands that it is as it was: nothing was made, removed, written or given another mode.
    pub fn lives(&self) -> Result<()> {
        let names: Vec<_> = fs::read_dir(&self.0)
            .context("the canary is gone")?
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        ensure!(names == [FILE], "beside the canary: {names:?}");
        let file = self.0.join(FILE);
        let (content, mode) = (fs::read_to_string(&file)?, fs::metadata(&file)?.mode() & 0o7777);
        ensure!(content == CONTENT && mode == MODE, "the canary is {content:?}, mode {mode:o}");
        Ok(())
    }
}
