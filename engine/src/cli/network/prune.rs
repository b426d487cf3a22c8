//! `dok network prune`: removes the networks that nobody is in.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::{filter, filters};
use crate::cli::flags::{is_set, switch};
use crate::cli::{Globals, confirm, print};
use crate::error::Result;

pub(in crate::cli) fn definition() -> Command {
    Command::new("network prune")
        .about("Remove all networks that no container is in")
        .arg(filter())
        .arg(switch("force", "Do not ask whether it is meant").short('f'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let warning = "This will remove all custom networks not used by at least one container.";
    if !is_set(matches, "force") && !confirm(warning)? {
        return Ok(ExitCode::SUCCESS);
    }
    let removed = globals.engine()?.prune_networks(&filters(matches)?)?;
    if !removed.is_empty() {
        print(&format!("Deleted Networks:\n{}\n\n", removed.join("\n")))?;
    }
    Ok(ExitCode::SUCCESS)
}
