//! onggi: an OCI container runtime.
pub mod cgroup;
pub mod cli;
pub mod container;
pub mod error;
pub mod failpoint;
pub mod hooks;
pub mod host;
pub mod init;
pub mod launch;
pub mod log;
pub mod plan;
pub mod seccomp;
pub mod spec;
pub mod sys;
pub mod validate;
