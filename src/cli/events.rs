//! `onggi events ID`

use std::time::Duration;

use clap::ArgMatches;
use serde_json::json;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch, value};
use super::globals::Globals;
use super::{print, value as values};
use crate::container::{self, ContainerId, Event};
use crate::error::{Code, Error, Result};

const ABOUT: &str = "Print what a container uses, and when memory runs out, as JSON";
const MORE: &str = "\
Prints one JSON object on a line for each event: {\"type\":\"stats\",\"id\":ID,\"data\":{...}} at \
each interval, and {\"type\":\"oom\",\"id\":ID} whenever the kernel kills a process for want of \
memory. Ends when the container stops.";

pub(super) fn definition() -> clap::Command {
    flags::command("events", ABOUT)
        .after_help(MORE)
        .arg(
            value("interval", "DURATION", "How often, like 5s, 100ms or 1m30s")
                .value_parser(values::duration)
                .default_value("5s"),
        )
        .arg(switch("stats", "Print the numbers of now and end"))
        .arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    let interval = matches.get_one("interval").copied().unwrap_or(Duration::ZERO);
    if interval.is_zero() {
        return Err(
            Error::of(Code::InvalidArgument, "duration interval must be greater than 0").into()
        );
    }
    let store = globals.store();
    match matches.get_flag("stats") {
        true => tell(&id, Event::Stats(container::stats(&store, &id)?))?,
        false => container::events(&store, &id, interval, &mut |event| tell(&id, event))?,
    }
    Ok(ExitCode::DONE)
}

fn tell(id: &ContainerId, event: Event) -> Result<()> {
    print(&format!("{}\n", line(id, event)))
}

/// An event in runc's envelope.
fn line(id: &ContainerId, event: Event) -> String {
    match event {
        Event::Stats(data) => format!(r#"{{"type":"stats","id":{},"data":{data}}}"#, json!(id)),
        Event::OutOfMemory => format!(r#"{{"type":"oom","id":{}}}"#, json!(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_runcs_envelope() {
        let id = ContainerId::new("web").unwrap();
        assert_eq!(
            line(&id, Event::Stats(json!({"pids": {"current": 1}}))),
            r#"{"type":"stats","id":"web","data":{"pids":{"current":1}}}"#
        );
        assert_eq!(line(&id, Event::OutOfMemory), r#"{"type":"oom","id":"web"}"#);
    }
}
