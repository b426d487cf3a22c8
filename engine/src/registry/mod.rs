//! Registries: the distribution protocol of OCI over HTTP.
//!
//! Plain threads and blocking calls: a pull has a handful of connections, and a program that only
//! starts a container carries no event loop.

pub mod address;
mod broken;
mod certificates;
mod client;
pub mod credentials;
mod fetch;
mod names;
mod search;
mod send;
pub mod settings;

pub use client::{Access, Client};
pub use credentials::{Credential, Credentials};
pub use fetch::Fetched;
pub use search::{Found, search};
pub use send::Sent;
pub use settings::Settings;
