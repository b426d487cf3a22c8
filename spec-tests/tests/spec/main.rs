//! `RUNTIME=runc cargo test -p spec-tests [-- FILTER]`: one file per chapter.

mod command_line;
mod commands;
mod descriptors;
mod endings;
mod exec;
mod exec_options;
mod hooks;
mod lifecycle;
mod process;
mod reports;
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
        exec_options::TESTS,
        terminal::TESTS,
        descriptors::TESTS,
        hooks::TESTS,
        reports::TESTS,
        command_line::TESTS,
    ])
}
