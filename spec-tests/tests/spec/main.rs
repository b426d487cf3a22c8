//! `RUNTIME=runc cargo test -p spec-tests [-- FILTER]`: one file per chapter.

mod command_line;
mod commands;
mod descriptors;
mod endings;
mod exec;
mod hooks;
mod lifecycle;
mod process;
mod reports;
mod security;
mod terminal;
mod user;

fn main() -> std::process::ExitCode {
    spec_tests::suite::main(&[
        lifecycle::TESTS,
        endings::TESTS,
        commands::TESTS,
        process::TESTS,
        user::TESTS,
        exec::TESTS,
        terminal::TESTS,
        descriptors::TESTS,
        hooks::TESTS,
        reports::TESTS,
        command_line::TESTS,
        security::TESTS,
    ])
}
