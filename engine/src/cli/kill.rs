//! `dok kill CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::each::each_at_once;
use super::flags::containers;
use super::stop::{signal, signal_flag};
use crate::error::Result;
use crate::service::signal::Signal;

pub(super) fn definition() -> Command {
    Command::new("kill")
        .about("Kill one or more running containers")
        .arg(signal_flag())
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let signal = signal(matches)?.unwrap_or(Signal::KILL);
    let engine = globals.engine()?;
    each_at_once(&engine, matches, |container| engine.kill(container, signal))
}
