//! `dok rename`: gives a container another name.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::container;
use super::{Globals, complain, required, tell};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("rename")
        .about("Rename a container")
        .arg(container())
        .arg(Arg::new("name").value_name("NEW_NAME").required(true))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let name = required(matches, "container");
    Ok(engine.rename(name, required(matches, "name")).map_or_else(
        |error| {
            let code = tell(&error);
            complain(&format!("Error: failed to rename container named {name}"));
            code
        },
        |()| ExitCode::SUCCESS,
    ))
}
