//! The `onggi` binary.

#![no_main]

onggi::entry!(onggi::cli::main);

#[global_allocator]
static HEAP: onggi::sys::heap::Heap = onggi::sys::heap::Heap::new();
