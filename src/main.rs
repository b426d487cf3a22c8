//! The `onggi` binary.

#![no_main]

onggi::entry!(onggi::cli::main);
