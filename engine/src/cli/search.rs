//! `dok search`: images in a registry.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::filters::{filter, filters};
use super::flags::{is_set, switch, value};
use super::listing::{self, Column};
use super::{Globals, print, required};
use crate::error::{Kind, Result, refuse};
use crate::registry::Found;

const COLUMNS: &[Column] = &[
    ("Name", "NAME"),
    ("Description", "DESCRIPTION"),
    ("StarCount", "STARS"),
    ("IsOfficial", "OFFICIAL"),
];
const WIDTH: usize = 45;

pub(super) fn definition() -> Command {
    Command::new("search")
        .about("Search a registry for images")
        .arg(Arg::new("term").value_name("TERM").required(true))
        .arg(
            value("limit", "NUMBER", "Max number of search results")
                .value_parser(value_parser!(u32))
                .default_value("25"),
        )
        .arg(switch("no-trunc", "Don't truncate output"))
        .arg(filter().short('f'))
        .arg(super::format_flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let limit = match matches.get_one("limit").copied() {
        None | Some(0) => 25,
        Some(limit @ 1..=100) => limit,
        Some(other) => {
            let words = format!("Limit {other} is outside the range of [1, 100]");
            return Err(refuse(Kind::Invalid, words));
        }
    };
    let filters = filters(matches)?;
    let mut found = globals.engine()?.search(required(matches, "term"), limit)?;
    for (key, values) in &filters {
        for value in values {
            match key.as_str() {
                "is-official" => found.retain(|image| image.is_official == (value == "true")),
                "stars" => {
                    let least: u64 = value.parse().map_err(|_| invalid(key, value))?;
                    found.retain(|image| image.star_count >= least);
                }
                _ => return Err(invalid(key, value)),
            }
        }
    }
    found.sort_by_key(|image| std::cmp::Reverse(image.star_count));
    let whole = is_set(matches, "no-trunc");
    let rows: Vec<Value> = found.iter().map(|image| row(image, whole)).collect();
    let format = matches.get_one::<String>("format").map(String::as_str);
    print(&listing::list(rows, COLUMNS, COLUMNS.len(), format)?)?;
    Ok(ExitCode::SUCCESS)
}

fn invalid(key: &str, value: &str) -> anyhow::Error {
    refuse(Kind::Invalid, format!("invalid filter '{key}={value}'"))
}

fn row(image: &Found, whole: bool) -> Value {
    let text = image.description.replace(['\n', '\r'], " ");
    let text = match text.char_indices().nth(WIDTH - 1) {
        Some((at, _)) if !whole && text.chars().count() > WIDTH => format!("{}…", &text[..at]),
        _ => text,
    };
    let official = if image.is_official { "[OK]" } else { "" };
    json!({
        "Name": image.name,
        "Description": text,
        "StarCount": image.star_count,
        "IsOfficial": official,
    })
}
