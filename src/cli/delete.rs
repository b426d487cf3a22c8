//! `onggi delete ID`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch};
use super::globals::Globals;
use super::regex;
use crate::container::{self, Force};

const ABOUT: &str = "Remove a container and all that belongs to it";

pub(super) fn definition() -> clap::Command {
    flags::command("delete", ABOUT)
        .arg(
            switch("force", "Kill it first if it runs; one that does not exist is no error")
                .short('f'),
        )
        .arg(switch("regex", "ID is a regular expression that names containers").short('r'))
        .arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let force = match matches.get_flag("force") {
        true => Force::Yes,
        false => Force::No,
    };
    let store = globals.store();
    let delete = |id: &_| container::delete(&store, id, force);
    match matches.get_flag("regex") {
        true => regex::for_each(matches, globals, delete)?,
        false => delete(&flags::container(matches)?)?,
    }
    Ok(ExitCode::DONE)
}
