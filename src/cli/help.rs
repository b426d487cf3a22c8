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

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    match flags::text(matches, "COMMAND") {
        Some(name) => print_help(find(OsStr::new(name))?, globals.program),
        None => print_overview(globals.program),
    }
}

/// Under which name the program was called: callers of runc know one name only, under which the
/// binary may be installed.
pub(super) fn name_of(program: Option<&OsString>) -> &'static str {
    let file = program.and_then(|program| Path::new(program).file_name());
    if file == Some(OsStr::new("runc")) { "runc" } else { "onggi" }
}

/// The command of this name.
pub(super) fn find(name: &OsStr) -> Result<&'static Command, super::Failure> {
    let name = if name == "h" { OsStr::new("help") } else { name };
    COMMANDS.iter().find(|command| name == command.name).ok_or_else(|| {
        let words = format!("unknown command: No help topic for '{}'", name.to_string_lossy());
        argv::wrong(&globals::definition(), words)
    })
}

/// What a command is for, and its options.
pub(super) fn print_help(command: &Command, program: &str) -> Outcome {
    let name = format!("{program} {}", command.name);
    print_definition((command.definition)().bin_name(&name).display_name(name))
}

/// The global options and the list of commands.
pub(super) fn print_overview(program: &str) -> Outcome {
    let usage = format!("{program} {}", globals::USAGE);
    print_definition(overview().override_usage(usage).display_name(program))
}

fn print_definition(definition: clap::Command) -> Outcome {
    let template = template(&definition);
    print(&definition.help_template(template).render_help().to_string())?;
    Ok(ExitCode::DONE)
}

/// How help begins is what callers of runc look for: the name, and what it is.
fn template(definition: &clap::Command) -> String {
    let mut text = "NAME:\n   {name} - {about}\n\nUSAGE:\n   {usage}\n".to_owned();
    let parts = [
        (definition.get_positionals().next().is_some(), "\nARGUMENTS:\n{positionals}\n"),
        (definition.has_subcommands(), "\nCOMMANDS:\n{subcommands}\n"),
        (true, "\nOPTIONS:\n{options}{after-help}"),
    ];
    text.extend(parts.into_iter().filter_map(|(there, part)| there.then_some(part)));
    text
}

/// The whole program as one definition.
fn overview() -> clap::Command {
    let commands = COMMANDS.iter().map(|command| (command.definition)());
    globals::definition().disable_help_subcommand(true).subcommands(commands)
}

/// Three lines, of which callers parse the first by its words and the others by their key.
pub(super) fn print_version(program: &str) -> Outcome {
    print(&format!("{program} version {VERSION}\ncommit: {COMMIT}\nspec: {OCI_VERSION}\n"))?;
    Ok(ExitCode::DONE)
}
