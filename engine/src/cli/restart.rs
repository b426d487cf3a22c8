//! `dok restart CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::each::each;
use super::flags::containers;
use super::{Globals, stop};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("restart")
        .about("Restart one or more containers")
        .arg(stop::signal_flag())
        .arg(stop::grace())
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let (signal, grace) = (stop::signal(matches)?, matches.get_one("timeout").copied());
    let engine = globals.engine()?;
    each(&engine, matches, |container| engine.restart(container, signal, grace))
}
