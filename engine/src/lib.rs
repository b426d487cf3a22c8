//! `dok`: images and containers without a daemon, on top of the onggi runtime, which it reaches by
//! running its program and in no other way.
//!
//! A room uses only rooms on floors below its own:
//!
//! ```text
//!   cli   api (later)                  two doors: words typed, requests of Docker's API
//!   service                            the verbs; it never knows which door was used
//!                                      (later: build, by run and commit for each step)
//!   monitor                            small processes beside each container
//!   registry  layer   network          fetch and push │ pack and unpack │ bridges, ports, names
//!   cgroup                             control groups: what they count, what is left of them
//!   runtime   bundle  rootfs           the runtime's command line │ pure: what is asked for →
//!                                      config.json │ layers mounted over one another
//!   store                              what stays on disk
//!   model   image   recipe (later)     data: what a container is asked to be │ references,
//!                                      digests, manifests │ a Dockerfile's steps
//!   template                           pure: Go's templates, of --format and of a log's tag
//!   error  progress  time             how it failed │ how far it is │ instants and durations
//! ```
#![forbid(unsafe_code)]

pub mod bundle;
pub mod cgroup;
pub mod cli;
pub mod error;
pub mod image;
pub mod layer;
pub mod model;
pub mod monitor;
pub mod network;
pub mod progress;
pub mod registry;
pub mod rootfs;
pub mod runtime;
pub mod service;
pub mod store;
pub mod template;
pub mod time;
