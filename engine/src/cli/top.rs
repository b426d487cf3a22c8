//! `dok top`: what runs in a container.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::flags::{container, texts};
use super::{Globals, print, required};
use crate::error::Result;

/// No column but the last is narrower.
const LEAST_WIDTH: usize = 20;

pub(super) fn definition() -> Command {
    Command::new("top").about("Display the running processes of a container").arg(container()).arg(
        Arg::new("options")
            .value_name("ps OPTIONS")
            .action(ArgAction::Append)
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
    )
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let options = texts(matches, "options");
    let found = globals.engine()?.processes(required(matches, "container"), &options)?;
    let rows = || std::iter::once(&found.titles).chain(&found.processes);
    let last = found.titles.len().saturating_sub(1);
    let width = |at: usize| {
        let cells = rows().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count() + 3).max().unwrap_or(0).max(LEAST_WIDTH)
    };
    let widths: Vec<usize> = (0..last).map(width).collect();
    let mut text = String::new();
    for row in rows() {
        for (at, cell) in row.iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or(0);
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push('\n');
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
