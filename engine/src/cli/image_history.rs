//! `dok history`: how an image was made.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::flags::{is_set, switch};
use super::listing::{self, Column};
use super::{Globals, human, platform, print, required};
use crate::error::Result;
use crate::service::image::Step;
use crate::time::Time;

const COLUMNS: &[Column] = &[
    ("ID", "IMAGE"),
    ("CreatedSince", "CREATED"),
    ("CreatedBy", "CREATED BY"),
    ("Size", "SIZE"),
    ("Comment", "COMMENT"),
    ("CreatedAt", "CREATED AT"),
];
const SHOWN: usize = 5;
/// The columns where dates are not to be for people.
const WITH_INSTANTS: &str =
    "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
/// Characters of a command that a table shows.
const WIDTH: usize = 45;

pub(super) fn definition() -> Command {
    Command::new("history")
        .about("Show the history of an image")
        .arg(Arg::new("image").value_name("IMAGE").required(true))
        .arg(switch("no-trunc", "Don't truncate output"))
        .arg(switch("quiet", "Only show image IDs").short('q'))
        .arg(
            switch("human", "Print sizes and dates in human readable format (default true)")
                .short('H')
                .default_value("true"),
        )
        .arg(super::format_flag())
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let platform = platform::asked(matches)?;
    engine.check_platform(required(matches, "image"), platform.as_ref())?;
    let steps = engine.history(required(matches, "image"))?;
    let whole = is_set(matches, "no-trunc");
    let human = is_set(matches, "human");
    let rows: Vec<Value> = steps.iter().map(|step| row(step, whole, human)).collect();
    let given = matches.get_one::<String>("format").map(String::as_str);
    let quiet = is_set(matches, "quiet").then_some("{{.ID}}");
    let format = given.or(quiet).or((!human).then_some(WITH_INSTANTS));
    print(&listing::list(rows, COLUMNS, SHOWN, format)?)?;
    Ok(ExitCode::SUCCESS)
}

/// An instant in RFC 3339 without what is below a second.
fn to_the_second(instant: &str) -> String {
    match instant.parse::<Time>() {
        Ok(time) => Time { nanos: 0, ..time }.to_string(),
        Err(_) => instant.to_owned(),
    }
}

fn row(step: &Step, whole: bool, human: bool) -> Value {
    let id = match step.id {
        Some(id) if whole => id.to_string(),
        Some(id) => id.short(),
        None => "<missing>".to_owned(),
    };
    let by = step.created_by.replace('\t', " ");
    let by = match by.char_indices().nth(WIDTH - 1) {
        Some((at, _)) if !whole && by.chars().count() > WIDTH => format!("{}…", &by[..at]),
        _ => by,
    };
    let created = step.created.as_deref();
    let at = created.map(to_the_second).unwrap_or_default();
    json!({
        "ID": id,
        "CreatedSince": if human { human::ago(created) } else { at.clone() },
        "CreatedAt": at,
        "CreatedBy": by,
        "Size": if human { human::size(step.size, 3) } else { step.size.to_string() },
        "Comment": step.comment,
    })
}
