//! `dok diff`: what a container changed in its image's files.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::container;
use super::{Globals, print, required};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("diff")
        .about("Inspect changes to files or directories on a container's filesystem")
        .arg(container())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let changes = globals.engine()?.changes(required(matches, "container"))?;
    let line = |change: &crate::layer::Change| {
        format!("{} {}\n", change.kind.letter(), change.path.display())
    };
    print(&changes.iter().map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}
