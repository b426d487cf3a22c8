//! libFuzzer's program: `FUZZ_TARGET` says what it runs; without it, the names are listed.

#![no_main]

use std::sync::OnceLock;

use fuzz::{Random, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

fn choose() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let Some(target) = fuzz::find(&name) else {
        fuzz::TARGETS.iter().for_each(|target| println!("{}", target.name));
        std::process::exit(i32::from(!name.is_empty()));
    };
    target
}

libfuzzer_sys::fuzz_target!(init: { TARGET.get_or_init(choose) }, |input: &[u8]| {
    (TARGET.get_or_init(choose).run)(input);
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    let shape = TARGET.get_or_init(choose).shape;
    let changed = shape.change(
        &data[..size],
        &mut random,
        |bytes, most| {
            let size = bytes.len();
            bytes.resize(most.max(size), 0);
            let size = libfuzzer_sys::fuzzer_mutate(bytes, size, most.max(1));
            bytes.truncate(size);
        },
        max_size,
    );
    match changed {
        Some(bytes) => {
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
});
