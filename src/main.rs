//! The `onggi` binary.

fn main() -> std::process::ExitCode {
    onggi::cli::main(std::env::args_os()).into()
}
