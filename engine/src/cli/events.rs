//! `dok events`: what happens, as it happens.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use super::filters::{filter, filters};
use super::flags::{text, value};
use super::listing::{BadFormat, template};
use super::{Globals, format_flag, logs, print};
use crate::error::Result;
use crate::model::Event;
use crate::service::events::EventRequest;
use crate::template::Template;

pub(super) fn definition() -> Command {
    Command::new("events")
        .about("Get real time events")
        .arg(filter().short('f'))
        .arg(format_flag())
        .arg(value("since", "TIME", "Show all events created since a time, or so long ago (42m)"))
        .arg(value("until", "TIME", "Stream events until a time, or so long ago (42m)"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let (since, until) = (logs::instant(matches, "since")?, logs::instant(matches, "until")?);
    let shape = Shape::read(text(matches, "format").as_deref())?;
    let request = EventRequest { since, until, filters: filters(matches)? };
    let mut events = globals.engine()?.events(request)?;
    loop {
        let lines =
            events.take()?.iter().map(|event| shape.line(event)).collect::<Result<String>>();
        let lines = lines?;
        if !lines.is_empty() {
            print(&lines)?;
        }
        if !events.wait()? {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// How an event is told.
enum Shape {
    Words,
    Json,
    Template(Template),
}

impl Shape {
    fn read(format: Option<&str>) -> Result<Shape> {
        Ok(match format {
            None | Some("") => Shape::Words,
            Some("json" | "{{json .}}") => Shape::Json,
            Some(format) => {
                let template = template(format)?;
                // Who asks for a field that no event has is told at once, and not by the first.
                let any = Event::of_volume(&"0".repeat(64), "create");
                template.render(&fields(&any)).map_err(BadFormat::from)?;
                Shape::Template(template)
            }
        })
    }

    fn line(&self, event: &Event) -> Result<String> {
        let line = match self {
            Shape::Words => words(event),
            Shape::Json => serde_json::to_string(event)?,
            Shape::Template(template) => template.render(&fields(event))?,
        };
        Ok(line + "\n")
    }
}

/// `TIME TYPE ACTION ID (NAME=VALUE, …)`
fn words(event: &Event) -> String {
    let time = logs::nine_digits(event.time);
    let (subject, action, id) = (event.subject.word(), &event.action, &event.id);
    let known = event.attributes.iter().map(|(name, value)| format!("{name}={value}"));
    let known = known.collect::<Vec<_>>().join(", ");
    match known.is_empty() {
        true => format!("{time} {subject} {action} {id}"),
        false => format!("{time} {subject} {action} {id} ({known})"),
    }
}

/// What a template may name.
fn fields(event: &Event) -> Value {
    let wire = serde_json::to_value(event).unwrap_or_default();
    json!({
        "Status": wire.get("status").cloned().unwrap_or_else(|| "".into()),
        "ID": wire.get("id").cloned().unwrap_or_else(|| "".into()),
        "From": wire.get("from").cloned().unwrap_or_else(|| "".into()),
        "Type": wire["Type"],
        "Action": wire["Action"],
        "Actor": wire["Actor"],
        "Scope": wire["scope"],
        "Time": wire["time"],
        "TimeNano": wire["timeNano"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn an_event_is_told_in_dockers_words_or_by_a_template() {
        let time = Time { seconds: 1_795_225_218, nanos: 5_000_000 };
        let event = Event { time, ..Event::of_volume("data", "create") };
        for (format, line) in [
            (None, "2026-11-21T01:40:18.005000000Z volume create data (driver=local)\n"),
            (Some("{{.Type}} {{.Actor.ID}} {{.Actor.Attributes.driver}}"), "volume data local\n"),
            (Some("{{.TimeNano}}"), "1795225218005000000\n"),
        ] {
            assert_eq!(Shape::read(format).unwrap().line(&event).unwrap(), line, "{format:?}");
        }
        let json = Shape::read(Some("json")).unwrap().line(&event).unwrap();
        assert!(json.starts_with(r#"{"Type":"volume""#), "{json}");
        let labels = "{{.Actor.Attributes.Owner}}{{index .Actor.Attributes \"Owner\"}}\\n";
        let line = Shape::read(Some(labels)).unwrap().line(&event).unwrap();
        assert_eq!(line, "<no value>\\n\n");
        for wrong in ["{{.Type", "{{.Bad}}", "{{.Actor.Bad}}"] {
            let error = Shape::read(Some(wrong)).err().expect(wrong);
            assert!(error.is::<BadFormat>(), "{wrong}: {error}");
        }
    }
}
