//! `dok volume prune`: removes volumes that no container has.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::cli::filters::{filter, filters};
use crate::cli::flags::{is_set, switch};
use crate::cli::{Globals, confirm, container_prune};
use crate::error::Result;

pub(in crate::cli) fn definition() -> Command {
    Command::new("volume prune")
        .about("Remove unused local volumes")
        .arg(switch("all", "Remove all unused volumes, not just anonymous ones").short('a'))
        .arg(filter())
        .arg(switch("force", "Do not prompt for confirmation").short('f'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let mut filters = filters(matches)?;
    let all = is_set(matches, "all");
    if all {
        filters.insert("all".to_owned(), vec!["true".to_owned()]);
    }
    let which = if all { "local" } else { "anonymous local" };
    let warning = format!("This will remove {which} volumes not used by at least one container.");
    if !is_set(matches, "force") && !confirm(&warning)? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = globals.engine()?.prune_volumes(&filters)?;
    container_prune::report("Deleted Volumes:", &pruned)
}
