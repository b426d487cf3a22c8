//! `dok top`: what runs in a container.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::flags::{container, texts};
use super::listing::align;
use super::{Globals, print, required};
use crate::error::Result;

/// No column but the last is narrower.
const LEAST_WIDTH: usize = 20;

pub(super) fn definition() -> Command {
    Command::new("top").about("Display the running processes of a container").arg(container()).arg(
        Arg::new("options")
            .value_name("ps OPTIONS")
            .action(ArgAction::Append)
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
    )
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let options = texts(matches, "options");
    let found = globals.engine()?.processes(required(matches, "container"), &options)?;
    let rows = std::iter::once(&found.titles).chain(&found.processes);
    let lines: Vec<String> = rows.map(|row| row.join("\t")).collect();
    print(&align(&lines, LEAST_WIDTH))?;
    Ok(ExitCode::SUCCESS)
}
