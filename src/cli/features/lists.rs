//! The words that `features` lists and that no other room owns.

/// The six kinds, in the order they run.
pub(super) const HOOKS: &[&str] =
    &["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Keys, or beginnings of keys, that a caller must not take from strangers: `run.oci.` and
/// `org.onggi.` change what this runtime does, the others what runc does in its place.
pub(super) const UNSAFE_ANNOTATIONS: &[&str] =
    &["bundle", "org.criu.config", "org.onggi.", "org.systemd.property.", "run.oci."];
