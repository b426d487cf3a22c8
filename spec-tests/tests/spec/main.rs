//! `RUNTIME=runc cargo test -p spec-tests [-- FILTER]`: one file per chapter.

mod lifecycle;

fn main() -> std::process::ExitCode {
    spec_tests::suite::main(&[lifecycle::TESTS])
}
