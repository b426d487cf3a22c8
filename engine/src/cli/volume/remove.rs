//! `dok volume rm`: removes volumes that no container has.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use crate::cli::flags::{is_set, switch, texts};
use crate::cli::{Globals, print, tell};
use crate::error::{Kind, Result, kind};

pub(in crate::cli) fn definition() -> Command {
    Command::new("volume rm")
        .about("Remove one or more volumes")
        .arg(Arg::new("volume").value_name("VOLUME").num_args(1..).required(true))
        .arg(switch("force", "Force the removal of one or more volumes").short('f'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut code = ExitCode::SUCCESS;
    for name in texts(matches, "volume") {
        match engine.remove_volume(&name) {
            Err(error) if !is_set(matches, "force") || kind(&error) != Some(Kind::NotFound) => {
                code = tell(&error);
            }
            _ => print(&format!("{name}\n"))?,
        }
    }
    Ok(code)
}
