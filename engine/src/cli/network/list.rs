//! `dok network ls`: the networks.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use super::{filter, filters};
use crate::cli::flags::{is_set, switch};
use crate::cli::listing::{Column, Row, is_table, list, or_raw};
use crate::cli::{Globals, format_flag, human, print};
use crate::error::Result;
use crate::model::network::Network;

/// The first four are shown where nothing else is asked for.
const COLUMNS: &[Column] = &[
    ("ID", "NETWORK ID"),
    ("Name", "NAME"),
    ("Driver", "DRIVER"),
    ("Scope", "SCOPE"),
    ("IPv4", "IPV4"),
    ("IPv6", "IPV6"),
    ("Internal", "INTERNAL"),
    ("Labels", "LABELS"),
    ("CreatedAt", "CREATED AT"),
];

const RAW: &str = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n";

pub(in crate::cli) fn definition() -> Command {
    Command::new("network ls")
        .about("List networks")
        .arg(filter().short('f'))
        .arg(format_flag())
        .arg(switch("no-trunc", "Do not shorten the ids"))
        .arg(switch("quiet", "Only the ids").short('q'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let networks = globals.engine()?.list_networks(&filters(matches)?)?;
    let whole = is_set(matches, "no-trunc");
    let row = |network: &Network| Row::new(row(network, whole), network.labels.clone());
    let rows = networks.iter().map(row);
    let given = globals.format(matches, "networksFormat");
    let quiet = is_set(matches, "quiet");
    let format = match quiet && is_table(given.as_deref()) {
        true => Some("{{.ID}}"),
        false => or_raw(given.as_deref(), if quiet { "network_id: {{.ID}}" } else { RAW }),
    };
    print(&list(rows, COLUMNS, 4, format)?)?;
    Ok(ExitCode::SUCCESS)
}

fn row(network: &Network, whole: bool) -> Value {
    let id = if whole { &network.id } else { network.id.get(..12).unwrap_or(&network.id) };
    let labels: Vec<String> =
        network.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let created = human::moment(network.created);
    json!({
        "ID": id,
        "Name": network.name,
        "Driver": network.driver.to_string(),
        "Scope": network.scope,
        "IPv4": network.ipv4.to_string(),
        "IPv6": network.ipv6.to_string(),
        "Internal": network.internal.to_string(),
        "Labels": labels.join(","),
        "CreatedAt": created,
    })
}
