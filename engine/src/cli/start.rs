//! `dok start CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::console::Part;
use super::detach;
use super::each::each;
use super::flags::{containers, is_set, switch, text, texts, value};
use super::refused::{self, Refused, Takes};
use super::{Globals, run};
use crate::error::Result;
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
        return each(&engine, matches, |container| {
            engine.start(container, Wanted::NOTHING).map(drop)
        });
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
    let keys = text(matches, "detach-keys");
    let part = Part {
        stdin: container.config.attach_stdin,
        tty: container.config.tty,
        signals: !container.config.tty,
        keys: detach::keys(globals, keys)?,
    };
    run::attached(&engine, &container, part)
}
