//! `dok`: the engine's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    onggi_engine::cli::main(std::env::args_os().collect())
}
