//! `dok stop CONTAINER…`

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::Globals;
use super::each::each_at_once;
use super::flags::{containers, text, value};
use crate::error::Result;
use crate::service::signal::Signal;

pub(super) fn definition() -> Command {
    Command::new("stop")
        .about("Stop one or more running containers")
        .arg(signal_flag())
        .arg(grace())
        .arg(containers())
}

/// What is sent; an empty word leaves it open.
pub(super) fn signal_flag() -> Arg {
    value("signal", "SIGNAL", "Signal to send to the container").short('s')
}

pub(super) fn signal(matches: &ArgMatches) -> Result<Option<Signal>> {
    let typed = text(matches, "signal").filter(|text| !text.is_empty());
    typed.map(|text| text.parse()).transpose()
}

/// The seconds before a kill.
pub(super) fn grace() -> Arg {
    value("timeout", "SECONDS", "Seconds to wait before killing the container")
        .short('t')
        .alias("time")
        .value_parser(value_parser!(i64))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let (signal, grace) = (signal(matches)?, matches.get_one("timeout").copied());
    let engine = globals.engine()?;
    each_at_once(&engine, matches, |container| engine.stop(container, signal, grace))
}
