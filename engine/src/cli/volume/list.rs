//! `dok volume ls`: the volumes.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use crate::cli::filters::{filter, filters};
use crate::cli::flags::{is_set, switch};
use crate::cli::listing::{Column, Row, is_table, list, or_raw};
use crate::cli::refused::{self, Refused, Takes};
use crate::cli::{Globals, format_flag, print};
use crate::error::Result;
use crate::store::volumes::Volume;

/// The first two are shown where nothing else is asked for.
const COLUMNS: &[Column] = &[
    ("Driver", "DRIVER"),
    ("Name", "VOLUME NAME"),
    ("Availability", "AVAILABILITY"),
    ("Group", "GROUP"),
    ("Labels", "LABELS"),
    ("Links", "LINKS"),
    ("Mountpoint", "MOUNTPOINT"),
    ("Scope", "SCOPE"),
    ("Size", "SIZE"),
    ("Status", "STATUS"),
];

const REFUSED: &[Refused] = &[Refused {
    flag: "cluster",
    takes: Takes::Nothing,
    reason: "volumes of a cluster need a swarm",
}];

const RAW: &str = "name: {{.Name}}\ndriver: {{.Driver}}\n";

pub(in crate::cli) fn definition() -> Command {
    Command::new("volume ls")
        .about("List volumes")
        .arg(filter().short('f'))
        .arg(format_flag())
        .arg(switch("quiet", "Only display volume names").short('q'))
        .args(refused::args(REFUSED))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let volumes = globals.engine()?.list_volumes(&filters(matches)?)?;
    let labels = |volume: &Volume| volume.labels.clone().unwrap_or_default();
    let rows = volumes.iter().map(|volume| Row::new(row(volume), labels(volume)));
    let given = globals.format(matches, "volumesFormat");
    let quiet = is_set(matches, "quiet");
    let format = match quiet && is_table(given.as_deref()) {
        true => Some("{{.Name}}"),
        false => or_raw(given.as_deref(), if quiet { "name: {{.Name}}" } else { RAW }),
    };
    print(&list(rows, COLUMNS, 2, format)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(volume: &Volume) -> Value {
    let labels = volume.labels.iter().flatten();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "Driver": volume.driver,
        "Name": volume.name,
        "Availability": "N/A",
        "Group": "N/A",
        "Labels": labels.join(","),
        "Links": "N/A",
        "Mountpoint": volume.mountpoint,
        "Scope": volume.scope,
        "Size": "N/A",
        "Status": "N/A",
    })
}
