//! `onggi pause ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags;
use super::globals::Globals;
use crate::container;

pub(super) fn definition() -> clap::Command {
    flags::command("pause", "Freeze every process of a container").arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    container::pause(&globals.store(), &flags::container(matches)?)?;
    Ok(ExitCode::DONE)
}
