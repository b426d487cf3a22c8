//! `onggi restore ID`

use clap::ArgMatches;

use super::checkpoint::{criu_options, with_criu_flags};
use super::create;
use super::exit::{ExitCode, Outcome};
use super::flags::{self, value};
use super::globals::Globals;
use super::run::{how, with_run_flags};
use crate::container::{self, RestoreOptions};
use crate::criu::Switch;
use crate::error::{Error, Result};

const ABOUT: &str = "Make a container from the images of a checkpoint";
const MORE: &str = "\
Makes a container from a bundle, as `onggi run` does, but its processes are those that `onggi \
checkpoint` wrote down: CRIU makes them again, and they go on where they were. Mounts, namespaces \
with a path, hooks and cgroup are those of the bundle's config.json. Pipes that were standard \
streams are replaced by those of the caller. CRIU's log is restore.log in the work directory.";

/// Switches of `restore` alone.
const OWN: [(&str, Switch, &str); 1] =
    [("tcp-close", Switch::TcpClose, "Restore established TCP connections as closed ones")];

pub(super) fn definition() -> clap::Command {
    let command = flags::command("restore", ABOUT).after_help(MORE);
    let command = create::with_bundle_flags(command);
    with_criu_flags(with_run_flags(command), &OWN)
        .arg(value("lsm-profile", "TYPE:NAME", "An apparmor profile or selinux label for all"))
        .arg(value("lsm-mount-context", "CONTEXT", "The SELinux context of mounts"))
        .arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    let (options, run) = (create::options(matches, globals)?, how(matches));
    let code =
        container::restore(&globals.store(), &id, &restore_options(matches)?, &options, &run)?;
    Ok(ExitCode::of_process(code))
}

fn restore_options(matches: &ArgMatches) -> Result<RestoreOptions> {
    Ok(RestoreOptions {
        criu: criu_options(matches, &OWN)?,
        lsm_profile: flags::text(matches, "lsm-profile").map(profile).transpose()?,
        lsm_mount_context: flags::text(matches, "lsm-mount-context").map(str::to_owned),
    })
}

fn profile(typed: &str) -> Result<String> {
    match typed.split_once(':') {
        Some(("apparmor" | "selinux", name)) if !name.is_empty() => Ok(typed.to_owned()),
        _ => Err(Error::new(format!(
            "invalid --lsm-profile {typed:?}: expected apparmor:PROFILE or selinux:LABEL"
        ))),
    }
}
