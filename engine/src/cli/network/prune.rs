//! `dok network prune`: removes the networks that nobody is in.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{filter, filters};
use crate::cli::{Globals, confirm, print};
use crate::error::Result;

pub(in crate::cli) fn definition() -> Command {
    Command::new("network prune")
        .about("Remove all networks that no container is in")
        .arg(filter())
        .arg(
            Arg::new("force")
                .long("force")
                .short('f')
                .action(ArgAction::SetTrue)
                .help("Do not ask whether it is meant"),
        )
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let warning = "This will remove all custom networks not used by at least one container.";
    if !matches.get_flag("force") && !confirm(warning)? {
        return Ok(ExitCode::SUCCESS);
    }
    let removed = globals.engine()?.prune_networks(&filters(matches)?)?;
    if !removed.is_empty() {
        print(&format!("Deleted Networks:\n{}\n\n", removed.join("\n")))?;
    }
    Ok(ExitCode::SUCCESS)
}
