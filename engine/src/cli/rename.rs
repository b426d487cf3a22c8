//! `dok rename`: gives a container another name.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::container;
use super::{Globals, required};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("rename")
        .about("Rename a container")
        .arg(container())
        .arg(Arg::new("name").value_name("NEW_NAME").required(true))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    engine.rename(required(matches, "container"), required(matches, "name"))?;
    Ok(ExitCode::SUCCESS)
}
