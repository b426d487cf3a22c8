//! `dok stats`: what containers use, again every second.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::flags::{is_set, switch, texts};
use super::human::{memory, size};
use super::listing::{Column, list};
use super::{Globals, format_flag, print};
use crate::error::{Kind, Result, kind};
use crate::model::{Container, Sample};
use crate::service::Engine;
use crate::service::list::Selection;

/// Between two samples: what is told of CPUs is the share of this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The last is for templates only.
const COLUMNS: &[Column] = &[
    ("ID", "CONTAINER ID"),
    ("Name", "NAME"),
    ("CPUPerc", "CPU %"),
    ("MemUsage", "MEM USAGE / LIMIT"),
    ("MemPerc", "MEM %"),
    ("NetIO", "NET I/O"),
    ("BlockIO", "BLOCK I/O"),
    ("PIDs", "PIDS"),
    ("Container", "CONTAINER"),
];

pub(super) fn definition() -> Command {
    Command::new("stats")
        .about("Display a live stream of container(s) resource usage statistics")
        .arg(switch("all", "Show all containers (default shows just running)").short('a'))
        .arg(switch("no-stream", "Disable streaming stats and only pull the first result"))
        .arg(switch("no-trunc", "Do not truncate output"))
        .arg(format_flag())
        .arg(Arg::new("container").value_name("CONTAINER").num_args(0..))
}

/// A container with what it had used at first sight.
type Seen = BTreeMap<String, Sample>;

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let names = texts(matches, "container");
    // A name that nobody has is told before anything else.
    for name in &names {
        engine.store.container(name)?;
    }
    let is_screen = rustix::termios::isatty(io::stdout()) && !is_set(matches, "no-stream");
    let format = globals.format(matches, "statsFormat");
    let mut before = samples(&engine, &chosen(&engine, &names, matches)?)?;
    loop {
        sleep(INTERVAL);
        let containers = chosen(&engine, &names, matches)?;
        let now = samples(&engine, &containers)?;
        let rows = rows(&containers, &before, &now, is_set(matches, "no-trunc"));
        let table = list(rows, COLUMNS, 8, format.as_deref())?;
        print(&if is_screen { over_the_last(&table) } else { table })?;
        if is_set(matches, "no-stream") {
            return Ok(ExitCode::SUCCESS);
        }
        before = now;
    }
}

/// In place of what the screen shows, without blinking.
fn over_the_last(table: &str) -> String {
    format!("\x1b[H{}\x1b[J", table.replace('\n', "\x1b[K\n"))
}

/// Those that were named, as they were named, as long as they are there; else those that run, or
/// all.
fn chosen(
    engine: &Engine,
    names: &[String],
    matches: &ArgMatches,
) -> Result<Vec<(String, Container)>> {
    if names.is_empty() {
        let selection = Selection { all: is_set(matches, "all"), ..Selection::default() };
        let listed = engine.list_containers(&selection)?.into_iter();
        return Ok(listed.map(|l| (l.container.short_id().to_owned(), l.container)).collect());
    }
    let mut found = Vec::new();
    for name in names {
        match engine.store.container(name) {
            Err(error) if kind(&error) == Some(Kind::NotFound) => {}
            container => found.push((name.clone(), container?)),
        }
    }
    Ok(found)
}

fn samples(engine: &Engine, containers: &[(String, Container)]) -> Result<Seen> {
    let mut seen = Seen::new();
    for (_, container) in containers {
        if let Some(sample) = engine.sample(container)? {
            seen.insert(container.id.clone(), sample);
        }
    }
    Ok(seen)
}

fn rows(containers: &[(String, Container)], before: &Seen, now: &Seen, whole: bool) -> Vec<Value> {
    // One that does not run uses nothing.
    let nothing = Sample::default();
    let row = |(typed, container): &(String, Container)| {
        let id = if whole { &container.id } else { container.short_id() };
        let now = now.get(&container.id).unwrap_or(&nothing);
        let before = before.get(&container.id).unwrap_or(now);
        let both =
            |(first, second): (u64, u64)| format!("{} / {}", size(first, 3), size(second, 3));
        json!({
            "Container": typed,
            "ID": id,
            "Name": container.name,
            "CPUPerc": format!("{:.2}%", now.cpu_percent(before)),
            "MemUsage": format!("{} / {}", memory(now.working_memory()), memory(now.memory.limit)),
            "MemPerc": format!("{:.2}%", now.memory_percent()),
            "NetIO": both(now.network_bytes()),
            "BlockIO": both(now.block_bytes()),
            "PIDs": now.pids.current.to_string(),
        })
    };
    containers.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CpuTime;

    #[test]
    fn a_row_has_dockers_units_and_one_that_does_not_run_has_zeros() {
        let container =
            Container { id: "a".repeat(64), name: "web".into(), ..Container::default() };
        let containers = [("web".to_owned(), container)];
        let cells = |row: &Value| -> Vec<String> {
            COLUMNS.iter().map(|(name, _)| row[*name].as_str().unwrap().to_owned()).collect()
        };
        let idle = rows(&containers, &Seen::new(), &Seen::new(), false);
        let id = "a".repeat(12);
        let expected = [&*id, "web", "0.00%", "0B / 0B", "0.00%", "0B / 0B", "0B / 0B", "0", "web"];
        assert_eq!(cells(&idle[0]), expected);
        let mut busy = Sample { machine_cpu: 2_000, online_cpus: 2, ..Sample::default() };
        let first = Seen::from([("a".repeat(64), Sample::default())]);
        busy.cpu = CpuTime { total: 1_500, ..CpuTime::default() };
        busy.memory.usage = 3 << 20;
        busy.memory.limit = 64 << 20;
        let now = Seen::from([("a".repeat(64), busy)]);
        let told = cells(&rows(&containers, &first, &now, false)[0]);
        assert_eq!(told[2..5], ["150.00%", "3MiB / 64MiB", "4.69%"]);
    }
}
