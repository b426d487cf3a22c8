//! `onggi start ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags;
use super::globals::Globals;
use crate::container;

pub(super) fn definition() -> clap::Command {
    flags::command("start", "Run the program of a created container").arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    container::start(&globals.store(), &flags::container(matches)?)?;
    Ok(ExitCode::DONE)
}
