//! `dok`: the engine's command line.

use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    onggi_engine::cli::main(std::env::args_os().collect())
}
