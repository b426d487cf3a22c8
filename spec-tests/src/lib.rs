//! A suite that drives any OCI runtime binary on the real kernel.
//!
//! | file | what it is |
//! |---|---|
//! | [`suite`] | a test, its chapter, skipping, known failures, the run |
//! | [`bundle`] | a bundle in three lines, from [`config`]'s default |
//! | [`container`] | the container of that bundle: create, start, exec, … and its clean-up |
//! | [`runtime`] | the binary under test, and one call of it with a time limit |
//! | [`output`] | what came of it, and what a test may demand of it |
//! | [`cgroup`] | the directories of a cgroup, and their removal |
//! | [`host`] | what this machine can do, and the words for skipping |
//! | [`terminal`] | ptys, console sockets and descriptors sent over them |
//! | [`holder`] | a process in namespaces of its own, to be joined |
//! | [`mountinfo`] | what is mounted where, and how |
//! | [`machine_code`] | programs of one system call |
//! | [`canary`] | something of the host that no container may touch |
//! | [`racer`] | a thread that exchanges names at the wrong moment |
//! | [`shim`] | an older kernel: system calls that are refused |
//! | [`scratch`] | a directory that is gone afterwards |

#![forbid(unsafe_code)]

pub mod bundle;
pub mod canary;
pub mod cgroup;
pub mod config;
pub mod container;
pub mod holder;
pub mod host;
pub mod machine_code;
pub mod mountinfo;
pub mod output;
pub mod racer;
pub mod runtime;
pub mod scratch;
pub mod shim;
pub mod suite;
pub mod terminal;

pub use bundle::Bundle;
pub use container::Container;
pub use suite::{Result, Test};
