//! `onggi resume ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags;
use super::globals::Globals;
use crate::container;

pub(super) fn definition() -> clap::Command {
    flags::command("resume", "Let a paused container go on").arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    container::resume(&globals.store(), &flags::container(matches)?)?;
    Ok(ExitCode::DONE)
}
