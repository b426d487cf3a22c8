//! `onggi wait ID…`

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, value};
use super::globals::Globals;
use super::print;
use crate::container::{self, Condition};
use crate::error::{Code, Error, Result};

const ABOUT: &str = "Wait until containers have stopped, and print their exit codes";
const MORE: &str = "\
Prints a line for each container, in the order of their names: the exit code of its init, 128 and \
the signal if one killed it, or `unknown`. The code is known only if the container ran when `wait` \
began, and the kernel is Linux 6.15 or newer; before that only the process's parent is told. With \
another condition than `stopped` nothing is printed, and a container that stops first is an error.";

pub(super) fn definition() -> clap::Command {
    flags::command("wait", ABOUT)
        .after_help(MORE)
        .arg(
            value("condition", "created|running|paused|stopped", "What to wait for")
                .default_value("stopped"),
        )
        .arg(flags::ids())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let condition = condition(flags::text(matches, "condition").unwrap_or_default())?;
    let ids = flags::containers(matches)?;
    let codes = container::wait(&globals.store(), &ids, condition)?;
    if condition == Condition::Stopped {
        print(&codes.into_iter().map(line).collect::<String>())?;
    }
    Ok(ExitCode::DONE)
}

fn condition(typed: &str) -> Result<Condition> {
    let found = Condition::ALL.into_iter().find(|(name, _)| *name == typed);
    found.map(|(_, condition)| condition).ok_or_else(|| {
        let words = format!("invalid condition {typed:?}: not created, running, paused or stopped");
        Error::of(Code::InvalidArgument, words)
    })
}

fn line(code: Option<i32>) -> String {
    code.map_or_else(|| "unknown\n".to_owned(), |code| format!("{code}\n"))
}
