//! `dok`: the engine's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!("dok: no command is built yet; use `onggi` on a bundle");
    ExitCode::from(125)
}
