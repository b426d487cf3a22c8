//! The process that `exec` adds, as the command line describes it.

use std::path::PathBuf;

use clap::ArgMatches;

use super::super::flags::{self, path, switch, value, values};
use crate::container::ExecProcess;
use crate::error::{Code, Error, Result};
use crate::log;
use crate::plan::ExecOverrides;

/// The options that say what is run.
pub(super) fn with_flags(command: clap::Command) -> clap::Command {
    command
        .arg(
            path("process", "FILE", "Read the whole process, a JSON object, from a file")
                .short('p'),
        )
        .arg(value("cwd", "DIR", "The working directory inside"))
        .arg(values("env", "NAME=VALUE", "Add a variable to the environment").short('e'))
        .arg(switch("tty", "Give it a terminal").short('t'))
        .arg(value("user", "UID[:GID]", "The user inside").short('u'))
        .arg(values("additional-gids", "GID", "Add a group").short('g'))
        .arg(value("process-label", "LABEL", "The SELinux context"))
        .arg(value("apparmor", "PROFILE", "The AppArmor profile"))
        .arg(switch("no-new-privs", "Let it gain no privileges"))
        .arg(
            switch("new-privs", "Let it gain privileges: --no-new-privs=false")
                .overrides_with("no-new-privs")
                .hide(true),
        )
        .arg(
            values("cap", "CAPABILITY", "Add a capability: bounding, effective and permitted")
                .short('c'),
        )
}

/// What was said.
pub(super) fn read(matches: &ArgMatches) -> Result<ExecProcess> {
    let command = ExecOverrides {
        args: list(matches, "COMMAND"),
        cwd: matches.get_one("cwd").cloned(),
        env: list(matches, "env"),
        terminal: matches.get_flag("tty"),
        user: matches.get_one("user").cloned(),
        additional_gids: list(matches, "additional-gids"),
        process_label: matches.get_one("process-label").cloned(),
        apparmor: matches.get_one("apparmor").cloned(),
        no_new_privileges: match (matches.get_flag("no-new-privs"), matches.get_flag("new-privs")) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        },
        capabilities: list(matches, "cap"),
    };
    match flags::absolute(matches, "process")? {
        Some(file) => Ok(whole(file, &command)),
        None if command.args.is_empty() => {
            Err(Error::of(Code::InvalidArgument, "process args cannot be empty"))
        }
        None => Ok(ExecProcess::Command(Box::new(command))),
    }
}

/// A file holds the whole process: as in runc, what else is said about it does not count.
fn whole(file: PathBuf, command: &ExecOverrides) -> ExecProcess {
    if *command != ExecOverrides::default() {
        log::debug(|| "--process holds the whole process: what else is said does not count".into());
    }
    ExecProcess::File(file)
}

/// The values of an option that may be repeated.
pub(super) fn list<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches.get_many(name).unwrap_or_default().cloned().collect()
}
