//! onggi: an OCI container runtime.
pub mod cgroup;
pub mod error;
pub mod host;
pub mod plan;
pub mod seccomp;
pub mod spec;
pub mod sys;
