//! The `onggi` binary.
fn main() {}
