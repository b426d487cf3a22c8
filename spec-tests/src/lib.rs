//! A suite that drives any OCI runtime binary on the real kernel.
