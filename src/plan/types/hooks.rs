//! Programs of the caller's, run on the way.

use std::path::PathBuf;

use serde::Serialize;

/// A hook as it is run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hook {
    /// The program.
    pub path: PathBuf,
    /// Its arguments, the name first.
    pub args: Vec<String>,
    /// Its environment, where the spec does not leave it out.
    pub env: Option<Vec<String>>,
    /// Seconds until it is killed.
    pub timeout: Option<u64>,
}

/// The six lists of hooks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Hooks {
    /// In the runtime's namespaces, once all namespaces and mounts are there.
    pub prestart: Vec<Hook>,
    /// The same, after `prestart`.
    pub create_runtime: Vec<Hook>,
    /// In the container's namespaces, before the root is entered.
    pub create_container: Vec<Hook>,
    /// In the container, right before the program.
    pub start_container: Vec<Hook>,
    /// In the runtime's namespaces, once the program runs.
    pub poststart: Vec<Hook>,
    /// In the runtime's namespaces, once the container is gone.
    pub poststop: Vec<Hook>,
    /// The file of the host that gets what they print, instead of an error's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<PathBuf>,
    /// The same for what they print to standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<PathBuf>,
}
