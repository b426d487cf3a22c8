//! `dok system df`: how much room everything takes.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use super::flags::{text, value};
use super::listing::{Column, list};
use super::{Globals, human, print};
use crate::error::Result;
use crate::service::usage::Usage;

const COLUMNS: &[Column] = &[
    ("Type", "TYPE"),
    ("TotalCount", "TOTAL"),
    ("Active", "ACTIVE"),
    ("Size", "SIZE"),
    ("Reclaimable", "RECLAIMABLE"),
];

pub(super) fn definition() -> Command {
    Command::new("system df").about("Show disk usage").arg(value(
        "format",
        "FORMAT",
        "table, table TEMPLATE, json, or a template of Go",
    ))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let rows = [
        row("Images", engine.usage_of_images()?),
        row("Containers", engine.usage_of_containers()?),
        row("Local Volumes", engine.usage_of_volumes()?),
        row("Build Cache", Usage::default()),
    ];
    print(&list(&rows, COLUMNS, COLUMNS.len(), text(matches, "format").as_deref())?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(kind: &str, usage: Usage) -> Value {
    let reclaimable = human::size(usage.reclaimable, 4);
    let reclaimable = match (usage.reclaimable * 100).checked_div(usage.bytes) {
        Some(share) => format!("{reclaimable} ({share}%)"),
        None => reclaimable,
    };
    json!({
        "Type": kind,
        "TotalCount": usage.total.to_string(),
        "Active": usage.active.to_string(),
        "Size": human::size(usage.bytes, 4),
        "Reclaimable": reclaimable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_to_go_has_its_share() {
        let usage = Usage { total: 2, active: 1, bytes: 646_722_683, reclaimable: 323_000_000 };
        let told = row("Images", usage);
        assert_eq!(
            (&told["Size"], &told["Reclaimable"]),
            (&"646.7MB".into(), &"323MB (49%)".into())
        );
        assert_eq!(row("Containers", Usage::default())["Reclaimable"], "0B");
    }
}
