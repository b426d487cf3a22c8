//! `dok restart CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::each::each;
use super::flags::{containers, text, value};
use super::{Globals, stop};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("restart")
        .about("Restart one or more containers")
        .arg(value("signal", "SIGNAL", "Signal to send to the container").short('s'))
        .arg(stop::grace())
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let (signal, grace) = (text(matches, "signal"), matches.get_one("timeout").copied());
    each(&engine, matches, |container| engine.restart(container, signal.as_deref(), grace))
}
