//! `dok stop CONTAINER…`

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::Globals;
use super::each::each_at_once;
use super::flags::{containers, text, value};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("stop")
        .about("Stop one or more running containers")
        .arg(value("signal", "SIGNAL", "Signal to send to the container").short('s'))
        .arg(grace())
        .arg(containers())
}

/// The seconds before a kill.
pub(super) fn grace() -> Arg {
    value("timeout", "SECONDS", "Seconds to wait before killing the container")
        .short('t')
        .alias("time")
        .value_parser(value_parser!(i64))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let (signal, grace) = (text(matches, "signal"), matches.get_one("timeout").copied());
    each_at_once(&engine, matches, |container| engine.stop(container, signal.as_deref(), grace))
}
