//! `dok version`: which engine this is, and which runtime it uses.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::{Globals, print};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("version").about("Show the version of the engine and of the runtime")
}

pub(super) fn run(globals: &Globals, _: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    print(&format!(
        "dok version {}\nruntime: {}\n",
        env!("CARGO_PKG_VERSION"),
        engine.runtime.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
