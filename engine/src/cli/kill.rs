//! `dok kill CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::each::each_at_once;
use super::flags::{containers, text, value};
use crate::error::Result;
use crate::service::signal;

pub(super) fn definition() -> Command {
    Command::new("kill")
        .about("Kill one or more running containers")
        .arg(value("signal", "SIGNAL", "Signal to send to the container").short('s'))
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let signal = text(matches, "signal").unwrap_or_else(|| "SIGKILL".into());
    signal::check(&signal)?;
    each_at_once(&engine, matches, |container| engine.kill(container, &signal))
}
