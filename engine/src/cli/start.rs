//! `dok start CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::console::Part;
use super::each::each_failing;
use super::flags::{containers, is_set, switch, texts, value};
use super::refused::{self, Refused, Takes};
use super::{Globals, complain, run};
use crate::error::Result;
use crate::model::Container;
use crate::service::Engine;
use crate::service::attach::Wanted;

const REFUSED: &[Refused] = &[
    Refused {
        flag: "checkpoint",
        takes: Takes::One("NAME", &[""]),
        reason: "there are no checkpoints of containers",
    },
    Refused {
        flag: "checkpoint-dir",
        takes: Takes::One("DIR", &[""]),
        reason: "there are no checkpoints of containers",
    },
];

pub(super) fn definition() -> Command {
    Command::new("start")
        .about("Start one or more stopped containers")
        .arg(switch("attach", "Attach STDOUT/STDERR and forward signals").short('a'))
        .arg(switch("interactive", "Attach container's STDIN").short('i'))
        .arg(value("detach-keys", "KEYS", "Override the key sequence for detaching a container"))
        .args(refused::args(REFUSED))
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let engine = globals.engine()?;
    let interactive = is_set(matches, "interactive");
    if !interactive && !is_set(matches, "attach") {
        return several(&engine, matches);
    }
    let names = texts(matches, "container");
    let [name] = &names[..] else {
        anyhow::bail!("you cannot start and attach multiple containers at once");
    };
    let mut container = engine.store.container(name)?;
    // Who attaches at a start sees both, whatever was said at the creation.
    container.config.attach_stdout = true;
    container.config.attach_stderr = true;
    container.config.attach_stdin = interactive && container.config.open_stdin;
    run::refuse_pipe(&container.config)?;
    let part = Part {
        stdin: container.config.attach_stdin,
        tty: container.config.tty,
        signals: !container.config.tty,
        keys: globals.detach_keys(matches)?,
    };
    run::attached(&engine, &container, part)
}

/// One after the other; those that could not be started are named once more at the end.
fn several(engine: &Engine, matches: &ArgMatches) -> Result<ExitCode> {
    let start = |container: &Container| engine.start(container, Wanted::NOTHING).map(drop);
    let failed = each_failing(engine, matches, start)?;
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&format!("Error: failed to start containers: {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}
