//! `dok run IMAGE`

use std::io;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::console::{self, Left, Part};
use super::flags::{is_set, switch, value};
use super::{Globals, container, create, exit_code, print, proxies};
use crate::error::Result;
use crate::model::{Config, Container};
use crate::service::Engine;
use crate::service::attach::Wanted;

pub(super) fn definition() -> Command {
    container::with_flags(Command::new("run").about("Create and run a new container from an image"))
        .arg(switch("detach", "Run container in background and print container ID").short('d'))
        .arg(value("detach-keys", "KEYS", "Override the key sequence for detaching a container"))
        .arg(switch("sig-proxy", "Proxy received signals to the process").default_value("true"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let detached = is_set(matches, "detach");
    let mut request = container::request(matches, detached)?;
    proxies::add(globals, &mut request.config);
    // A program that reads what nobody is there to write would wait for ever.
    request.config.open_stdin &= detached || request.config.attach_stdin;
    let part = part(globals, matches, &request.config)?;
    if let Err(refusal) = refuse_pipe(&request.config) {
        // 125 is for what is asked of the engine; Docker's client has not asked yet.
        return Ok(super::tell(&refusal));
    }
    if let (true, Some((rows, columns))) = (request.config.tty, console::size()) {
        request.host_config.console_size = [rows.into(), columns.into()];
    }
    let container = create::create(&engine, matches, request)?;
    if detached {
        let started = engine.start(&container, Wanted::NOTHING);
        // Whoever runs it can then look at what has failed, and remove it.
        print(&format!("{}\n", container.id))?;
        started?;
        return Ok(ExitCode::SUCCESS);
    }
    if !container.config.attach_stdout && !container.config.attach_stderr {
        // Whoever sees nothing of it is told which one it is.
        print(&format!("{}\n", container.id))?;
    }
    attached(&engine, &container, part)
}

/// How the one who runs takes part.
fn part(globals: &Globals, matches: &ArgMatches, config: &Config) -> Result<Part> {
    Ok(Part {
        stdin: config.attach_stdin,
        tty: config.tty,
        signals: is_set(matches, "sig-proxy"),
        keys: globals.detach_keys(matches)?,
    })
}

/// A terminal inside needs one outside to type at.
pub(super) fn refuse_pipe(config: &Config) -> Result<()> {
    let pipe = config.tty && config.attach_stdin && !rustix::termios::isatty(io::stdin());
    anyhow::ensure!(!pipe, "the input device is not a TTY");
    Ok(())
}

/// Starts a container and stays with it to its end.
pub(super) fn attached(engine: &Engine, container: &Container, part: Part) -> Result<ExitCode> {
    let config = &container.config;
    let wanted = Wanted::NOTHING
        .and(Wanted::STDIN, part.stdin)
        .and(Wanted::STDOUT, config.attach_stdout)
        .and(Wanted::STDERR, config.attach_stderr);
    let signals = console::hold_signals(&part)?;
    let session = match engine.start(container, wanted)? {
        Some(session) => session,
        None => engine.attach(container, wanted)?,
    };
    match console::take_part(engine, container, session, part, &signals)? {
        Left::Ended(code) => Ok(exit_code(code)),
        Left::Detached => Ok(ExitCode::SUCCESS),
        Left::HangUp => Ok(exit_code(engine.wait(container)?)),
    }
}
