//! `dok network rm`: removes networks that nobody is in.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{named, networks};
use crate::cli::{Globals, print, tell};
use crate::error::{Kind, Result, kind};

pub(in crate::cli) fn definition() -> Command {
    Command::new("network rm").about("Remove networks").arg(networks()).arg(
        Arg::new("force")
            .long("force")
            .short('f')
            .action(ArgAction::SetTrue)
            .help("That a network is not there is no error"),
    )
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut code = ExitCode::SUCCESS;
    for name in named(matches, "network") {
        match engine.remove_network(name) {
            Ok(_) => print(&format!("{name}\n"))?,
            Err(error) if matches.get_flag("force") && kind(&error) == Some(Kind::NotFound) => {}
            Err(error) => code = tell(&error),
        }
    }
    Ok(code)
}
