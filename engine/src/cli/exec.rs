//! `dok exec CONTAINER COMMAND`

use std::io;
use std::process::{ExitCode, Stdio};

use clap::{Arg, ArgMatches, Command};

use super::flags::{container, is_set, switch, text, texts, value, values};
use super::refused::{self, Refused, Takes};
use super::{Globals, complain, exit_code, own_terminal};
use crate::error::{Context, Result};
use crate::runtime::{self, NotRun};
use crate::service::exec::ExecRequest;

/// The program of an `exec` has the very terminal of whoever typed it.
const REFUSED: &[Refused] = &[Refused {
    flag: "detach-keys",
    takes: Takes::One("KEYS", &[""]),
    reason: "nobody would hold the terminal of what goes on: use --detach",
}];

pub(super) fn definition() -> Command {
    Command::new("exec")
        .about("Execute a command in a running container")
        .arg(switch("detach", "Detached mode: run command in the background").short('d'))
        .arg(values("env", "NAME=VALUE", "Set environment variables").short('e'))
        .arg(values("env-file", "FILE", "Read in a file of environment variables"))
        .arg(switch("interactive", "Keep STDIN open even if not attached").short('i'))
        .arg(switch("privileged", "Give extended privileges to the command"))
        .arg(switch("tty", "Allocate a pseudo-TTY").short('t'))
        .arg(value("user", "USER[:GROUP]", "Username or UID").short('u'))
        .arg(value("workdir", "DIR", "Working directory inside the container").short('w'))
        .args(refused::args(REFUSED))
        .arg(container())
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(1..)
                .required(true)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let engine = globals.engine()?;
    let container = engine.store.container(&text(matches, "container").unwrap_or_default())?;
    let request = ExecRequest {
        cmd: texts(matches, "command"),
        env: super::container::environment(matches)?,
        user: text(matches, "user"),
        working_dir: text(matches, "workdir"),
        tty: is_set(matches, "tty"),
        privileged: is_set(matches, "privileged"),
        detach: is_set(matches, "detach"),
    };
    let interactive = is_set(matches, "interactive");
    if request.tty && interactive && !request.detach && !rustix::termios::isatty(io::stdin()) {
        anyhow::bail!("the input device is not a TTY");
    }
    let mut exec = match engine.exec(&container, &request) {
        Err(error) => return not_run(error),
        Ok(exec) => exec,
    };
    if request.detach {
        exec.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    } else if !interactive && !request.tty {
        exec.command.stdin(Stdio::null());
    }
    let status = match request.tty && !request.detach && !own_terminal::is_there() {
        true => own_terminal::run(&mut exec.command)?,
        false => exec.command.status().context("run the runtime")?,
    };
    let code = match exec.refused().filter(|_| !status.success()) {
        None => runtime::code(status),
        Some(not_run) => {
            // Without detaching, the runtime has said it to the same standard error.
            if request.detach {
                complain(&not_run.words);
            }
            if not_run.exit_code == 125 { 126 } else { not_run.exit_code }
        }
    };
    // The end of one that nobody waits for is not heard of.
    if !request.detach || !status.success() {
        engine.exec_ended(&container, &exec, code);
    }
    Ok(exit_code(code))
}

/// Docker's client says what its daemon could not run without more words.
fn not_run(error: anyhow::Error) -> Result<ExitCode> {
    let not_run = error.downcast::<NotRun>()?;
    complain(&not_run.words);
    Ok(exit_code(not_run.exit_code))
}
