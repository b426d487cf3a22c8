//! `dok network rm`: removes networks that nobody is in.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::networks;
use crate::cli::flags::{is_set, switch, texts};
use crate::cli::{Globals, print, tell};
use crate::error::{Kind, Result, kind};

pub(in crate::cli) fn definition() -> Command {
    Command::new("network rm")
        .about("Remove networks")
        .arg(networks())
        .arg(switch("force", "That a network is not there is no error").short('f'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut code = ExitCode::SUCCESS;
    for name in texts(matches, "network") {
        match engine.remove_network(&name) {
            Ok(_) => print(&format!("{name}\n"))?,
            Err(error) if is_set(matches, "force") && kind(&error) == Some(Kind::NotFound) => {}
            Err(error) => code = tell(&error),
        }
    }
    Ok(code)
}
