//! The verbs. Both doors hold one [`Engine`]; nothing here knows which door was used, prints, or
//! reads the environment.

pub mod check;
pub mod image;

use std::path::PathBuf;

use crate::store::Store;

/// What the verbs work with.
#[derive(Debug, Clone)]
pub struct Engine {
    /// What stays on disk.
    pub store: Store,
    /// The runtime's program: `onggi`, or another with runc's command line.
    pub runtime: PathBuf,
    /// What is known about registries.
    pub registries: image::Registries,
}
