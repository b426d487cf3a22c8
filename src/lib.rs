//! onggi: an OCI container runtime.
pub mod error;
pub mod hooks;
pub mod host;
pub mod launch;
pub mod plan;
pub mod seccomp;
pub mod spec;
pub mod sys;
pub mod validate;
