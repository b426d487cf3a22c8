//! onggi: an OCI container runtime.
