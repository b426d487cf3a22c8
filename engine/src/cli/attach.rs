//! `dok attach CONTAINER`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::console::{self, Left, Part};
use super::flags::{container, is_set, switch, text, value};
use super::{Globals, exit_code, run};
use crate::error::Result;
use crate::service::attach::Wanted;

pub(super) fn definition() -> Command {
    Command::new("attach")
        .about("Attach local standard input, output, and error streams to a running container")
        .arg(value("detach-keys", "KEYS", "Override the key sequence for detaching a container"))
        .arg(switch("no-stdin", "Do not attach STDIN"))
        .arg(switch("sig-proxy", "Proxy all received signals to the process").default_value("true"))
        .arg(container())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut container = engine.store.container(&text(matches, "container").unwrap_or_default())?;
    let config = &mut container.config;
    config.attach_stdin = config.open_stdin && !is_set(matches, "no-stdin");
    run::refuse_pipe(config)?;
    let part = Part {
        stdin: config.attach_stdin,
        tty: config.tty,
        signals: is_set(matches, "sig-proxy") && !config.tty,
        keys: globals.detach_keys(matches)?,
    };
    let wanted = Wanted::STDOUT.and(Wanted::STDERR, true).and(Wanted::STDIN, part.stdin);
    let signals = console::hold_signals(&part)?;
    let session = engine.attach(&container, wanted)?;
    match console::take_part(&engine, &container, session, part, &signals)? {
        Left::Ended(code) => Ok(exit_code(code)),
        Left::Detached => Ok(ExitCode::SUCCESS),
        Left::HangUp => Ok(exit_code(engine.wait(&container)?)),
    }
}
