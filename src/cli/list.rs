//! `onggi list`

use std::iter;

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch, value};
use super::globals::Globals;
use super::print;
use crate::container::{self, StateView};
use crate::error::{Code, Error, Result};

const ABOUT: &str = "List the containers";

pub(super) fn definition() -> clap::Command {
    flags::command("list", ABOUT)
        .arg(value("format", "table|json", "The format").short('f').default_value("table"))
        .arg(switch("quiet", "Print only the containers' names").short('q'))
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let format = Format::read(flags::text(matches, "format").unwrap_or_default())?;
    if matches.get_flag("quiet") {
        let names = or_none(container::names(&globals.store()), globals)?;
        print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())?;
        return Ok(ExitCode::DONE);
    }
    let containers = containers(globals)?;
    match format {
        Format::Table => print(&table(&containers))?,
        // What runc prints of an empty list.
        Format::Json if containers.is_empty() => print("null\n")?,
        Format::Json => {
            print(&(serde_json::to_string(&containers).map_err(Error::from)? + "\n"))?;
        }
    }
    Ok(ExitCode::DONE)
}

/// Every container; a store that nobody named may be missing.
pub(super) fn containers(globals: &Globals) -> Result<Vec<StateView>> {
    or_none(container::list(&globals.store()), globals)
}

fn or_none<T>(found: Result<Vec<T>>, globals: &Globals) -> Result<Vec<T>> {
    match found {
        Err(error) if error.is(libc::ENOENT) && globals.store_may_be_missing() => Ok(Vec::new()),
        found => found,
    }
}

/// How a list is printed.
pub(super) enum Format {
    /// Columns for people.
    Table,
    /// An array for programs.
    Json,
}

impl Format {
    pub(super) fn read(typed: &str) -> Result<Format> {
        match typed {
            "table" => Ok(Format::Table),
            "json" => Ok(Format::Json),
            _ => Err(Error::of(Code::InvalidArgument, "invalid format option")),
        }
    }
}

const COLUMNS: usize = 6;
const HEADER: [&str; COLUMNS] = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

/// Columns as wide as their widest cell and three blanks, but at least twelve; nothing pads the
/// last.
fn table(containers: &[StateView]) -> String {
    let pids: Vec<String> = containers.iter().map(|one| one.pid.to_string()).collect();
    let rows = || [HEADER].into_iter().chain(containers.iter().zip(&pids).map(row));
    let widest = rows().fold([9; COLUMNS], |widest, row| {
        std::array::from_fn(|column| row[column].chars().count().max(widest[column]))
    });
    let mut table = String::new();
    for cells in rows() {
        let [padded @ .., last] = cells;
        for (cell, widest) in padded.iter().zip(widest) {
            table.push_str(cell);
            table.extend(iter::repeat_n(' ', widest + 3 - cell.chars().count()));
        }
        table.extend([last, "\n"]);
    }
    table
}

fn row<'a>((one, pid): (&'a StateView, &'a String)) -> [&'a str; COLUMNS] {
    [one.id.as_str(), pid, one.status, &one.bundle, &one.created, &one.owner]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_runcs_header() {
        assert_eq!(
            table(&[]),
            "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"
        );
    }
}
