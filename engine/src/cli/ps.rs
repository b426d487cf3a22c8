//! `dok ps`: the containers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::filters::{filter, filters};
use super::flags::{is_set, switch};
use super::human::since;
use super::listing::{Column, Row, list, or_raw};
use super::status::{ellipsis, ports, status};
use super::{Globals, format_flag, human, print};
use crate::error::Result;
use crate::model::Container;
use crate::service::list::{Listed, Selection};

/// The first seven are shown where nothing else is asked for, and the eighth with `-s`.
const COLUMNS: &[Column] = &[
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("RunningFor", "CREATED"),
    ("Status", "STATUS"),
    ("Ports", "PORTS"),
    ("Names", "NAMES"),
    ("Size", "SIZE"),
    ("CreatedAt", "CREATED AT"),
    ("Labels", "LABELS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Mounts", "MOUNTS"),
    ("Networks", "NETWORKS"),
    ("Platform", "PLATFORM"),
    ("State", "STATE"),
];

const RAW: &str = "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n\
                   created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\n\
                   status: {{- pad .Status 1 0}}\nnames: {{.Names}}\n\
                   labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";

pub(super) fn definition() -> Command {
    Command::new("ps")
        .about("List containers")
        .arg(switch("all", "Show all containers (default shows just running)").short('a'))
        .arg(filter().short('f'))
        .arg(format_flag())
        .arg(
            Arg::new("last")
                .long("last")
                .short('n')
                .value_name("NUMBER")
                .allow_negative_numbers(true)
                .value_parser(value_parser!(i64))
                .overrides_with("last")
                .help("Show n last created containers (includes all states)"),
        )
        .arg(switch("latest", "Show the latest created container (all states)").short('l'))
        .arg(switch("no-trunc", "Don't truncate output"))
        .arg(switch("quiet", "Only display container IDs").short('q'))
        .arg(switch("size", "Display total file sizes").short('s'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let given = globals.format(matches, "psFormat");
    let sized = is_set(matches, "size");
    let quiet = is_set(matches, "quiet") && given.is_none();
    let last = matches.get_one::<i64>("last").and_then(|last| usize::try_from(*last).ok());
    let latest = is_set(matches, "latest").then_some(1);
    let selection = Selection {
        all: is_set(matches, "all"),
        last: latest.or(last.filter(|last| *last > 0)),
        filters: filters(matches)?,
        sizes: !quiet && (sized || given.as_deref().is_some_and(shows_size)),
    };
    let listed = globals.engine()?.list_containers(&selection)?;
    let whole = is_set(matches, "no-trunc");
    let rows = listed.iter().map(|listed| Row::new(row(listed, whole), labels(listed)));
    let raw = if sized { RAW.to_owned() + "size: {{.Size}}\n" } else { RAW.to_owned() };
    let format = if quiet { Some("{{.ID}}") } else { or_raw(given.as_deref(), &raw) };
    let shown = if sized { 8 } else { 7 };
    print(&list(rows, COLUMNS, shown, format)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Sizes take their time: only where they are printed.
fn shows_size(format: &str) -> bool {
    format == "json" || format.contains(".Size") || format.contains("json .}}")
}

fn labels(listed: &Listed) -> BTreeMap<String, String> {
    listed.container.config.labels.clone().unwrap_or_default()
}

pub(super) fn row(listed: &Listed, whole: bool) -> Value {
    let container = &listed.container;
    let cut = |text: String, width| if whole { text } else { ellipsis(&text, width) };
    let labels = container.config.labels.iter().flatten();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let mounts = container.mounts.iter();
    let mounts =
        mounts.map(|mount| if mount.name.is_empty() { &mount.source } else { &mount.name });
    let mounts: Vec<String> = mounts.map(|name| cut(name.clone(), 15)).collect();
    let is_alive = listed.state.status.is_alive();
    let volumes = container.mounts.iter().filter(|mount| mount.kind == "volume").count();
    json!({
        "ID": if whole { &container.id } else { container.short_id() },
        "Image": image(&listed.image, whole),
        "Command": format!("{:?}", cut(command_line(container), 20)),
        "CreatedAt": human::moment(container.created),
        "RunningFor": format!("{} ago", since(container.created)),
        "Status": status(&listed.state, listed.health()),
        "State": listed.state.status.to_string(),
        "Ports": if is_alive { ports(listed) } else { String::new() },
        "Names": container.name,
        "Size": size(listed),
        "Labels": labels.join(","),
        "LocalVolumes": volumes.to_string(),
        "Mounts": mounts.join(","),
        "Networks": listed.networks().join(","),
        "Platform": null,
    })
}

/// The image as it was named; an id is shortened.
fn image(named: &str, whole: bool) -> String {
    let hex = named.strip_prefix("sha256:").filter(|_| !whole);
    hex.map_or(named, |hex| hex.get(..12).unwrap_or(hex)).to_owned()
}

/// Words with spaces are in quotes.
fn command_line(container: &Container) -> String {
    let words = container.command_line().into_iter().enumerate();
    let quoted = words.map(|(at, word)| match at > 0 && word.contains(' ') {
        true => format!("'{word}'"),
        false => word,
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn size(listed: &Listed) -> String {
    match listed.size {
        None => "0B".to_owned(),
        Some(size) => {
            let (own, all) = (human::size(size.own, 3), human::size(size.virtually, 3));
            if size.virtually > 0 { format!("{own} (virtual {all})") } else { own }
        }
    }
}
