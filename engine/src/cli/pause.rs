//! `dok pause CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::each::each_at_once;
use super::flags::containers;
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("pause")
        .about("Pause all processes within one or more containers")
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    each_at_once(&engine, matches, |container| engine.pause(container))
}
