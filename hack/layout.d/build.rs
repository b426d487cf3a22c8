//! How the release's `onggi` is linked (docs/decisions/0041-layout.md).

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=hack/layout.d/layout.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // The names of the C library's parts in the script are those of glibc for this processor.
    let is_known = is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if is_known && is("PROFILE", "release") {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/hack/layout.d/layout.ld");
        println!("cargo::rustc-link-arg-bin=onggi=-Wl,-T,{script},--no-eh-frame-hdr");
    }
}
