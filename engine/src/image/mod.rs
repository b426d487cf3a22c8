//! Images as data: references, digests, manifests, configurations, platforms. Nothing here touches
//! the machine.

pub mod change;
pub mod config;
pub mod digest;
pub mod hello;
pub mod manifest;
pub mod platform;
pub mod reference;

pub use digest::{Digest, Hasher};
pub use reference::Reference;
