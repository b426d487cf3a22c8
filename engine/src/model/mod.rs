//! Data: the shapes in which Docker's API speaks of things, and which stay on disk.

pub mod network;
