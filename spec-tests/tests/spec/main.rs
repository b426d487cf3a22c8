//! `RUNTIME=runc cargo test -p spec-tests [-- FILTER]`: one file per chapter.

mod apparmor;
mod beyond;
mod callers;
mod callers_conmon;
mod callers_containerd;
mod callers_engines;
mod callers_words;
mod cgroups;
mod checkpoint;
mod command_line;
mod commands;
mod descriptors;
mod device_access;
mod devices;
mod endings;
mod exec;
mod exec_options;
mod extensions;
mod features_more;
mod hooks;
mod kernel_settings;
mod lifecycle;
mod live_mounts;
mod mount_options;
mod mounts;
mod namespaces;
mod paths;
mod process;
mod races;
mod reports;
mod root;
mod rootless;
mod seccomp;
mod security;
mod security_engines;
mod systemd;
mod terminal;
mod update;
mod user;
mod user_namespace;
mod validation;
mod weakened;
mod without;

fn main() -> std::process::ExitCode {
    let rooms = &[
        lifecycle::TESTS,
        endings::TESTS,
        commands::TESTS,
        process::TESTS,
        user::TESTS,
        exec::TESTS,
        exec_options::TESTS,
        terminal::TESTS,
        descriptors::TESTS,
        namespaces::TESTS,
        user_namespace::TESTS,
        mounts::TESTS,
        mount_options::TESTS,
        root::TESTS,
        paths::TESTS,
        devices::TESTS,
        cgroups::TESTS,
        device_access::TESTS,
        update::TESTS,
        seccomp::TESTS,
        validation::TESTS,
        kernel_settings::TESTS,
        rootless::TESTS,
        features_more::TESTS,
        extensions::TESTS,
        live_mounts::TESTS,
        hooks::TESTS,
        checkpoint::TESTS,
        reports::TESTS,
        command_line::TESTS,
        security::TESTS,
        security_engines::TESTS,
        races::TESTS,
        weakened::TESTS,
        apparmor::TESTS,
        systemd::TESTS,
        beyond::TESTS,
        callers_containerd::TESTS,
        callers_conmon::TESTS,
        callers_engines::TESTS,
        callers_words::TESTS,
        // The longest: a machine whose time is over has done all else.
        without::TESTS,
    ];
    spec_tests::suite::main(rooms, "known-failures")
}
