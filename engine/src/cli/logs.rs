//! `dok logs CONTAINER`

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::flags::{container, is_set, switch, text, value};
use crate::error::{Context, Result};
use crate::service::logs::{Entry, LogRequest};
use crate::template::urlquery;
use crate::time::{self, Time};

pub(super) fn definition() -> Command {
    Command::new("logs")
        .about("Fetch the logs of a container")
        .arg(switch("follow", "Follow log output").short('f'))
        .arg(value("since", "TIME", "Show logs since a time, or so long ago (42m)"))
        .arg(value("until", "TIME", "Show logs before a time, or so long ago (42m)"))
        .arg(value("tail", "N", "Number of lines to show from the end of the logs").short('n'))
        .arg(switch(
            "details",
            "Show the labels and variables that --log-opt names, before each line",
        ))
        .arg(switch("timestamps", "Show timestamps").short('t'))
        .arg(container())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let container = engine.store.container(&text(matches, "container").unwrap_or_default())?;
    let request = LogRequest {
        // A word that is no number is all of it, as for Docker.
        tail: text(matches, "tail").and_then(|word| word.parse().ok()),
        since: instant(matches, "since")?,
        until: instant(matches, "until")?,
        follow: is_set(matches, "follow"),
    };
    let timestamps = is_set(matches, "timestamps");
    let with_details = is_set(matches, "details");
    engine.logs(&container, request, &mut |entry| {
        let details = if with_details { details(&entry.attrs) } else { String::new() };
        say(entry, timestamps, &details)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `name=value,name=value` and a space, as Docker escapes them.
fn details(attributes: &BTreeMap<String, String>) -> String {
    let pair =
        |(name, value): (&String, &String)| format!("{}={}", urlquery(name), urlquery(value));
    attributes.iter().map(pair).collect::<Vec<_>>().join(",") + " "
}

fn say(entry: &Entry, timestamps: bool, details: &str) -> Result<()> {
    let out: &mut dyn Write =
        if entry.stream == "stderr" { &mut io::stderr() } else { &mut io::stdout() };
    let time = if timestamps { format!("{} ", nine_digits(entry.time)) } else { String::new() };
    out.write_all(time.as_bytes())
        .and_then(|()| out.write_all(details.as_bytes()))
        .and_then(|()| out.write_all(entry.log.as_bytes()))
        .and_then(|()| out.flush())
        .context("write the log")
}

/// Timestamps stand below one another.
pub(super) fn nine_digits(time: Time) -> String {
    let whole = Time { nanos: 0, ..time }.to_string();
    format!("{}.{:09}Z", whole.trim_end_matches('Z'), time.nanos)
}

/// An instant that was typed behind a flag.
pub(super) fn instant(matches: &ArgMatches, flag: &str) -> Result<Option<Time>> {
    let Some(word) = text(matches, flag) else { return Ok(None) };
    let read = time::instant(&word).map_err(|words| anyhow::anyhow!(words));
    let wrong = || {
        format!("invalid value for {flag:?}: failed to parse value as time or duration: {word:?}")
    };
    read.with_context(wrong).map(Some)
}
