//! The verbs. Both doors hold one [`Engine`]; nothing here knows which door was used, prints, or
//! reads the environment.

pub mod attach;
pub mod check;
mod confined;
mod conflicts;
pub mod connect;
pub mod copy;
mod copy_up;
pub mod create;
mod driven;
pub mod events;
pub mod exec;
mod files;
mod files_of;
pub mod filters;
mod host;
pub mod image;
mod image_parts;
pub mod info;
mod inside;
pub mod inspect;
mod leftovers;
mod limits;
mod links;
pub mod list;
pub mod logs;
mod merge;
mod mounts;
mod names;
mod networking;
pub mod networks;
mod outer_mounts;
pub mod processes;
mod propagation;
pub mod prune;
pub mod remove;
mod rename;
mod shared_memory;
pub mod signal;
mod start;
pub mod stats;
mod stop;
pub mod update;
pub mod usage;
pub mod volumes;

use std::path::PathBuf;

use crate::runtime::Runtime;
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

impl Engine {
    /// The runtime with its place for state.
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime { program: self.runtime.clone(), state: self.store.runtime_state() }
    }
}
