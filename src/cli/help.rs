//! `onggi help [COMMAND]`, `--help` and `--version`

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgMatches};

use super::exit::{ExitCode, Outcome};
use super::globals::Globals;
use super::{COMMANDS, Command, argv, flags, globals, print};
use crate::spec::OCI_VERSION;

/// The program's version.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the program was built from, as the release says.
pub(super) const COMMIT: &str = match option_env!("ONGGI_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

pub(super) fn definition() -> clap::Command {
    flags::command("help", "Show the help of a command, or this list")
        .arg(Arg::new("COMMAND").help("The command to explain"))
}

pub(super) fn run(matches: &ArgMatches, _: &Globals) -> Outcome {
    let Some(name) = flags::text(matches, "COMMAND") else { return print_overview() };
    let mut definition = (find(OsStr::new(name))?.definition)();
    print(&definition.render_help().to_string())?;
    Ok(ExitCode::DONE)
}

/// The command of this name.
pub(super) fn find(name: &OsStr) -> Result<&'static Command, super::Failure> {
    let name = if name == "h" { OsStr::new("help") } else { name };
    COMMANDS.iter().find(|command| name == command.name).ok_or_else(|| {
        let words = format!("unknown command \"{}\"", name.to_string_lossy());
        argv::wrong(&globals::definition(), words)
    })
}

/// The global options and the list of commands.
pub(super) fn print_overview() -> Outcome {
    print(&overview().render_help().to_string())?;
    Ok(ExitCode::DONE)
}

/// The whole program as one definition.
fn overview() -> clap::Command {
    let commands = COMMANDS.iter().map(|command| (command.definition)());
    globals::definition().disable_help_subcommand(true).subcommands(commands)
}

/// Three lines, of which callers parse the first by its words and the others by their key.
pub(super) fn print_version(program: Option<&OsString>) -> Outcome {
    // go-runc knows one name only, under which the binary may be installed.
    let file = program.and_then(|program| Path::new(program).file_name());
    let name = if file == Some(OsStr::new("runc")) { "runc" } else { "onggi" };
    print(&format!("{name} version {VERSION}\ncommit: {COMMIT}\nspec: {OCI_VERSION}\n"))?;
    Ok(ExitCode::DONE)
}
