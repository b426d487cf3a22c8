//! What stays on disk. Two folders: the **root**, which survives a reboot, and the **run folder**,
//! which does not (sockets, the runtime's state).
//!
//! Every object is a file or a folder of its own. It is made under `staging`, made durable, and
//! renamed into its place: what has a name is whole. What is in `staging` or `trash` belongs to
//! nobody once its maker has ended.

mod containers;
pub mod durable;
mod liveness;
mod lock;
mod names;
pub mod networks;

use std::path::{Path, PathBuf};

pub use liveness::{begun, boot};
pub use lock::Lock;
pub use names::check_name;

use crate::error::{Context, Result};

/// The two folders.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    run: PathBuf,
}

impl Store {
    /// Opens the store, and makes the two folders, for their owner alone, where they are not there.
    ///
    /// # Errors
    /// Names the folder that cannot be made.
    pub fn open(root: PathBuf, run: PathBuf) -> Result<Store> {
        let store = Store { root, run };
        for folder in [&store.root, &store.run, &store.staging()] {
            durable::make_private_folder(folder)
                .with_context(|| format!("make the folder {}", folder.display()))?;
        }
        Ok(store)
    }

    /// The folder that survives a reboot.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that does not.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Where objects are made before they have a name.
    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}
