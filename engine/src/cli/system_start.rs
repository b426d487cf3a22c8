//! `dok system start`: what is to run by its restart policy, after the machine has started. There
//! is no daemon that would do it: a unit of the machine's init calls this once.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::{Globals, print, tell};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("start")
        .about("Start the containers that are to run by their restart policy, after a reboot")
}

pub(super) fn run(globals: &Globals, _: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut code = ExitCode::SUCCESS;
    for (name, started) in engine.start_by_policy()? {
        match started {
            Ok(()) => print(&format!("{name}\n"))?,
            Err(error) => {
                tell(&error.context(format!("start {name}")));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
