//! `dok image prune`: takes away the images that nobody uses.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::filters::{filter, filters};
use super::{Globals, confirm, human, print};
use crate::error::Result;
use crate::service::image::{Pruned, Removed};

pub(super) fn definition() -> Command {
    let flag = |name: &'static str, short| {
        Arg::new(name).long(name).short(short).action(ArgAction::SetTrue)
    };
    Command::new("prune")
        .about("Remove unused images")
        .arg(flag("all", 'a').help("Remove all unused images, not just dangling ones"))
        .arg(flag("force", 'f').help("Do not prompt for confirmation"))
        .arg(filter())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let all = matches.get_flag("all");
    let warning = match all {
        true => {
            "This will remove all images without at least one container associated to \
             them."
        }
        false => "This will remove all dangling images.",
    };
    if !matches.get_flag("force") && !confirm(warning)? {
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
