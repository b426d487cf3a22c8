//! `onggi state ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::globals::Globals;
use super::{flags, print};
use crate::container;
use crate::error::Error;

const ABOUT: &str = "Print the state of a container as JSON";
const MORE: &str = "\
Prints the state that the specification describes: ociVersion, id, pid, status (created, running, \
paused or stopped), bundle, rootfs, created, annotations and owner.";

pub(super) fn definition() -> clap::Command {
    flags::command("state", ABOUT).after_help(MORE).arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let state = container::state(&globals.store(), &flags::container(matches)?)?;
    print(&(serde_json::to_string_pretty(&state).map_err(Error::from)? + "\n"))?;
    Ok(ExitCode::DONE)
}
