//! `onggi create ID`

use std::path::PathBuf;

use clap::{ArgMatches, value_parser};

use super::exit::{ExitCode, Outcome};
use super::flags::{self, Format, path, switch, value};
use super::globals::Globals;
use super::print;
use crate::container::{self, ContainerId, CreateOptions};
use crate::error::{Code, Doing, Error, Result};
use crate::plan::{Keyring, RootSwitch};
use crate::validate::Problem;

const ABOUT: &str = "Create a container";
const MORE: &str = "\
Makes a container from a bundle, a directory with a root file system and a config.json, up to the \
point where its program would be run; `onggi start` runs it. Whatever can be wrong is told here. \
If anything fails, nothing is left behind.

With --validate-only nothing is made: every problem of the configuration is printed, on a line \
with its chapter of the specification, and the exit code is 1 if there is one. As JSON it is an \
array of objects with chapter, field and problem.";

pub(super) fn definition() -> clap::Command {
    with_create_flags(flags::command("create", ABOUT).after_help(MORE))
        .arg(switch("validate-only", "Print what is wrong with the bundle, and make nothing"))
        .arg(value("format", "text|json", "How --validate-only prints [default: text]"))
}

/// The options that `create` and `run` share.
pub(super) fn with_create_flags(command: clap::Command) -> clap::Command {
    with_bundle_flags(command)
        .arg(
            value("preserve-fds", "N", "Pass on N descriptors besides stdio and LISTEN_FDS")
                .value_parser(value_parser!(u32))
                .default_value("0"),
        )
        .arg(flags::id())
}

/// Those that `restore` has too.
pub(super) fn with_bundle_flags(command: clap::Command) -> clap::Command {
    command
        .arg(path("bundle", "DIR", "The bundle [default: the current directory]").short('b'))
        .arg(
            path("config", "FILE", "The configuration [default: the bundle's config.json]")
                .short('f'),
        )
        .arg(path("console-socket", "SOCKET", "A unix socket to send the terminal's master end to"))
        .arg(path("pid-file", "FILE", "Write the process id of the container's init to a file"))
        .arg(path("pidfd-socket", "SOCKET", "A unix socket to send a pidfd of init to"))
        .arg(switch("no-pivot", "Move the root instead of pivoting, for roots on an initramfs"))
        .arg(switch("no-new-keyring", "Keep the caller's session keyring"))
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    let options = options(matches, globals)?;
    let format = flags::text(matches, "format");
    match (matches.get_flag("validate-only"), format) {
        (true, format) => return validate(&id, &options, format.unwrap_or("text")),
        (false, Some(_)) => {
            let words = "--format is for --validate-only alone";
            return Err(Error::of(Code::InvalidArgument, words).into());
        }
        (false, None) => container::create(&globals.store(), &id, &options)?,
    }
    Ok(ExitCode::DONE)
}

fn validate(id: &ContainerId, options: &CreateOptions, format: &str) -> Outcome {
    let format = Format::read(format)?;
    let problems = container::problems(id, options)?;
    match format {
        Format::Json => print(&(serde_json::to_string(&problems).map_err(Error::from)? + "\n"))?,
        Format::Text => print(&problems.iter().map(line).collect::<String>())?,
    }
    Ok(if problems.is_empty() { ExitCode::DONE } else { ExitCode::FAILED })
}

fn line(problem: &Problem) -> String {
    format!("{}: {problem}\n", problem.chapter)
}

/// What the shared options say.
pub(super) fn options(matches: &ArgMatches, globals: &Globals) -> Result<CreateOptions> {
    let bundle = match flags::absolute(matches, "bundle")? {
        Some(bundle) => bundle,
        None => std::env::current_dir().doing(|| "find the bundle".into())?,
    };
    Ok(CreateOptions {
        bundle,
        config: config(matches)?,
        console_socket: flags::absolute(matches, "console-socket")?,
        pid_file: flags::absolute(matches, "pid-file")?,
        pidfd_socket: flags::absolute(matches, "pidfd-socket")?,
        root_switch: match matches.get_flag("no-pivot") {
            true => RootSwitch::Move,
            false => RootSwitch::Pivot,
        },
        keyring: match matches.get_flag("no-new-keyring") {
            true => Keyring::Keep,
            false => Keyring::New,
        },
        // Processes that are restored keep their own.
        preserve_fds: preserved(matches).unwrap_or(0),
        cgroup_manager: globals.cgroup_manager,
        rootless: globals.rootless,
    })
}

/// A relative path is from the current directory, as in runc, or else from the bundle, as in crun.
fn config(matches: &ArgMatches) -> Result<Option<PathBuf>> {
    let here = flags::absolute(matches, "config")?;
    Ok(here.filter(|here| here.exists()).or_else(|| matches.get_one("config").cloned()))
}

fn preserved(matches: &ArgMatches) -> Option<u32> {
    matches.try_get_one("preserve-fds").ok().flatten().copied()
}
