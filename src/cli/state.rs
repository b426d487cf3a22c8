//! `onggi state ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch};
use super::globals::Globals;
use super::print;
use crate::container::{self, StateView};
use crate::error::{Error, Result};

const ABOUT: &str = "Print the state of a container as JSON";
const MORE: &str = "\
Prints the state that the specification describes: ociVersion, id, pid, status (created, running, \
paused or stopped), bundle, rootfs, created, annotations, systemd-scope and owner. With --watch it \
prints an object on a line now and at each change of the status, and ends when the container has \
stopped.";

pub(super) fn definition() -> clap::Command {
    flags::command("state", ABOUT)
        .after_help(MORE)
        .arg(switch("watch", "Print each change too, until the container has stopped").short('w'))
        .arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let (store, id) = (globals.store(), flags::container(matches)?);
    if matches.get_flag("watch") {
        container::watch(&store, &id, &mut |state| print_line(&state))?;
        return Ok(ExitCode::DONE);
    }
    let state = container::state(&store, &id)?;
    print(&(serde_json::to_string_pretty(&state).map_err(Error::from)? + "\n"))?;
    Ok(ExitCode::DONE)
}

fn print_line(state: &StateView) -> Result<()> {
    print(&(serde_json::to_string(state)? + "\n"))
}
