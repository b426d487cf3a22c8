//! How the release's `onggi` is linked (docs/decisions/0041-layout.md).

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=hack/layout.d/layout.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // The names in the script are those of this processor's build with musl.
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("PROFILE", "release") {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/hack/layout.d/layout.ld");
        println!("cargo::rustc-link-arg-bin=onggi=-Wl,-T,{script},--no-eh-frame-hdr");
    }
}
