//! `dok image prune`: takes away the images that nobody uses.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::filters::{filter, filters};
use super::flags::{is_set, switch};
use super::{Globals, confirm, human, print};
use crate::error::Result;
use crate::service::image::{Pruned, Removed};

pub(super) fn definition() -> Command {
    Command::new("prune")
        .about("Remove unused images")
        .arg(switch("all", "Remove all unused images, not just dangling ones").short('a'))
        .arg(switch("force", "Do not prompt for confirmation").short('f'))
        .arg(filter())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let all = is_set(matches, "all");
    let warning = match all {
        true => {
            "This will remove all images without at least one container associated to \
             them."
        }
        false => "This will remove all dangling images.",
    };
    if !is_set(matches, "force") && !confirm(warning)? {
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = globals.engine()?.prune_images(all, &filters(matches)?)?;
    let total = format!("Total reclaimed space: {}\n", human::size(pruned.bytes, 4));
    print(&(deleted(&pruned) + &total))?;
    Ok(ExitCode::SUCCESS)
}

/// What was taken away, below its head; nothing, where that is nothing.
pub(super) fn deleted(pruned: &Pruned) -> String {
    if pruned.removed.is_empty() {
        return String::new();
    }
    let line = |removed: &Removed| match removed {
        Removed::Untagged(name) => format!("untagged: {name}\n"),
        Removed::Deleted(digest) => format!("deleted: {digest}\n"),
    };
    format!("Deleted Images:\n{}\n", pruned.removed.iter().map(line).collect::<String>())
}
