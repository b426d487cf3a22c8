//! `dok system check`: whether everything that is stored is whole and needed.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::{is_set, switch};
use super::{Globals, human, print};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("check")
        .about("Look for what is damaged, missing or left over")
        .arg(switch("repair", "Remove what is left over or damaged, unpack missing layers again"))
        .arg(switch("quick", "Do not read the blobs to compare their digests"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let repair = is_set(matches, "repair");
    let found = engine.check(!is_set(matches, "quick"), repair)?;
    let mut text = String::new();
    for problem in &found.problems {
        let end = if problem.repaired { "repaired" } else { "not repaired" };
        text.push_str(&format!("{}: {end}\n", problem.words));
    }
    let gone = if repair { "removed" } else { "left over" };
    for left in &found.leftovers {
        text.push_str(&format!("{gone}: {left}\n"));
    }
    let left = human::size(found.garbage, 4);
    text.push_str(&format!("{} problems, {left} {gone}\n", found.problems.len()));
    print(&text)?;
    let well = found.problems.iter().all(|p| p.repaired)
        && (found.garbage == 0 && found.leftovers.is_empty() || repair);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
