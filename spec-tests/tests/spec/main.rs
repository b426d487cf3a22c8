//! `RUNTIME=runc cargo test -p spec-tests [-- FILTER]`: one file per chapter.

mod commands;
mod descriptors;
mod endings;
mod exec;
mod lifecycle;
mod mount_options;
mod mounts;
mod namespaces;
mod process;
mod terminal;
mod user;
mod user_namespace;

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
        namespaces::TESTS,
        user_namespace::TESTS,
        mounts::TESTS,
        mount_options::TESTS,
    ])
}
