//! Layers unpacked: `layers/HEX`, by the digest of the layer's tar archive. Each is one lower
//! folder of overlayfs, and does not depend on those below it.
//!
//! `layers/HEX/fs` is the layer's root, `layers/HEX/layer.json` what is known about it.

use std::fs;
use std::io;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, syncfs};
use serde::{Deserialize, Serialize};

use super::{Store, durable, tree};
use crate::error::{Context, Result};
use crate::image::Digest;

/// What is known about an unpacked layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The bytes of its files.
    pub size: u64,
    /// Its entries.
    pub entries: u64,
}

/// A layer that is being unpacked. Dropped, it is gone.
#[derive(Debug)]
pub struct StagedLayer {
    folder: PathBuf,
    kept: bool,
}

impl StagedLayer {
    /// Where its root is.
    pub fn root(&self) -> PathBuf {
        self.folder.join("fs")
    }
}

impl Drop for StagedLayer {
    fn drop(&mut self) {
        if !self.kept {
            // A leftover is removed by the next collection.
            let _ = tree::remove(&self.folder);
        }
    }
}

impl Store {
    /// The folder of a layer.
    pub fn layer(&self, diff_id: &Digest) -> PathBuf {
        self.layers().join(diff_id.hex())
    }

    /// Whether a layer is unpacked.
    pub fn has_layer(&self, diff_id: &Digest) -> bool {
        self.layer(diff_id).exists()
    }

    /// What is known about an unpacked layer.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn layer_facts(&self, diff_id: &Digest) -> Result<Facts> {
        let file = self.layer(diff_id).join("layer.json");
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", file.display()))
    }

    /// A place to unpack a layer into; its root is there.
    ///
    /// # Errors
    /// Of `mkdir(2)`.
    pub fn stage_layer(&self) -> Result<StagedLayer> {
        use std::os::unix::fs::DirBuilderExt;
        let folder = self.stage_folder("layer")?;
        let staged = StagedLayer { folder, kept: false };
        let root = fs::DirBuilder::new().mode(0o755).create(staged.root());
        root.with_context(|| format!("make the folder {}", staged.root().display()))?;
        Ok(staged)
    }

    /// Makes an unpacked layer durable and gives it its name. Where another process was faster,
    /// its layer stays.
    ///
    /// # Errors
    /// Of the calls that sync and rename.
    pub fn keep_layer(
        &self,
        mut staged: StagedLayer,
        diff_id: &Digest,
        facts: Facts,
    ) -> Result<()> {
        let place = || -> io::Result<bool> {
            fs::write(staged.folder.join("layer.json"), serde_json::to_vec(&facts)?)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::open(&staged.folder, flags, Mode::empty())?;
            syncfs(folder)?;
            match fs::rename(&staged.folder, self.layer(diff_id)) {
                Ok(()) => durable::sync_folder(&self.layers()).map(|()| true),
                Err(_) if self.has_layer(diff_id) => Ok(false),
                Err(error) => Err(error),
            }
        };
        staged.kept = place().with_context(|| format!("keep the layer {diff_id}"))?;
        Ok(())
    }
}
