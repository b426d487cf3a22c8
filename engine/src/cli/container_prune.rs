//! `dok container prune`: removes the containers that do not run.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::filters::{filter, filters};
use super::flags::{is_set, switch};
use super::{Globals, confirm, human, print};
use crate::error::Result;
use crate::service::prune::Pruned;

pub(super) fn definition() -> Command {
    Command::new("prune")
        .about("Remove all stopped containers")
        .arg(filter())
        .arg(switch("force", "Do not prompt for confirmation").short('f'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let warning = "This will remove all stopped containers.";
    if !is_set(matches, "force") && !confirm(warning)? {
        return Ok(ExitCode::SUCCESS);
    }
    report("Deleted Containers:", &globals.engine()?.prune_containers(&filters(matches)?)?)
}

/// What was removed, and how much that was.
pub(super) fn report(head: &str, pruned: &Pruned) -> Result<ExitCode> {
    let total = format!("Total reclaimed space: {}\n", human::size(pruned.bytes, 4));
    print(&(removed(head, &pruned.removed) + &total))?;
    Ok(ExitCode::SUCCESS)
}

/// A list below its head; nothing, where it is empty.
pub(super) fn removed(head: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("{head}\n{}\n\n", names.join("\n")) }
}
