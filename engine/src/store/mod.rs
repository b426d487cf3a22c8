//! What stays on disk. Two folders: the **root**, which survives a reboot, and the **run folder**,
//! which does not (sockets, the runtime's state).
//!
//! Every object is a file or a folder of its own. It is made under `staging`, made durable, and
//! renamed into its place: what has a name is whole. What is in `staging` or `trash` belongs to
//! nobody once its maker has ended.

pub mod blobs;
pub mod check;
mod containers;
pub mod durable;
mod events;
pub mod gc;
pub mod images;
pub mod layers;
mod litter;
mod liveness;
mod lock;
mod mount_points;
mod names;
pub mod networks;
mod tree;
pub mod volumes;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

pub use containers::Remains;
pub use events::{Begin, Events};
pub use gc::Busy;
pub use images::Image;
pub use litter::EXEC;
pub use liveness::{begun, boot};
pub use lock::Lock;
pub use names::check_name;

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
        let own = [store.staging(), store.blobs(), store.layers()];
        let records = [store.images_folder(), store.references_folder()];
        for folder in [&store.root, &store.run].into_iter().chain(&own).chain(&records) {
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

    /// The runtime's own state.
    pub fn runtime_state(&self) -> PathBuf {
        self.run.join("runtime")
    }

    /// Where objects are made before they have a name.
    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    fn images_folder(&self) -> PathBuf {
        self.root.join("images")
    }

    fn references_folder(&self) -> PathBuf {
        self.root.join("references")
    }

    /// A new folder under `staging`. Its maker holds a [`Busy`], so that nobody takes it for left.
    ///
    /// # Errors
    /// Of `mkdir(2)`.
    pub fn stage_folder(&self, what: &str) -> Result<PathBuf> {
        self.stage_as(what, |path| fs::DirBuilder::new().mode(0o700).create(path))
            .map(|(path, ())| path)
    }

    /// A new file under `staging`, for its maker as [`Store::stage_folder`].
    ///
    /// # Errors
    /// Of `open(2)`.
    pub fn stage_file(&self, what: &str) -> Result<(PathBuf, File)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        self.stage_as(what, |path| options.open(path))
    }

    /// Tries names until one is free: that of a process that had our number may be left.
    fn stage_as<T>(
        &self,
        what: &str,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(PathBuf, T)> {
        let mut number = 0_u64;
        loop {
            let name = format!("{what}-{}-{number}", std::process::id());
            let path = self.staging().join(name);
            match make(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => {
                    let made = made.with_context(|| format!("make {}", path.display()))?;
                    return Ok((path, made));
                }
            }
        }
    }
}

/// Sixty-four hexadecimal digits that nobody else has.
///
/// # Errors
/// Of `getrandom(2)`.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 32];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .context("draw a random number")?;
    Ok(id_of_bytes(&bytes))
}

fn id_of_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
