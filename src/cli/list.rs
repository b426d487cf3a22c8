//! `onggi list`

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

const HEADER: [&str; 6] = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

/// Columns as wide as their widest cell and three blanks, but at least twelve.
fn table(containers: &[StateView]) -> String {
    let row = |one: &StateView| {
        let pid = one.pid.to_string();
        let (id, status) = (one.id.to_string(), one.status.to_owned());
        [id, pid, status, one.bundle.clone(), one.created.clone(), one.owner.clone()]
    };
    let rows: Vec<[String; 6]> =
        [HEADER.map(String::from)].into_iter().chain(containers.iter().map(row)).collect();
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        (widest + 3).max(12)
    };
    let widths: Vec<usize> = (0..HEADER.len() - 1).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<String>() + &row[HEADER.len() - 1] + "\n"
    };
    rows.iter().map(line).collect()
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
