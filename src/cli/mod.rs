//! The command line, a drop-in for runc's: words typed become one call, and what comes back
//! becomes text and an exit code. Only this room prints.

mod argv;
mod checkpoint;
mod completion;
mod create;
mod delete;
mod doctor;
mod events;
mod exec;
mod exit;
mod features;
mod flags;
mod globals;
mod help;
mod kill;
mod list;
mod mounts;
mod pause;
mod ps;
mod regex;
mod restore;
mod resume;
mod run;
mod spec;
mod start;
mod state;
mod update;
mod value;
mod wait;

use std::ffi::OsString;
use std::io::Write;

use clap::ArgMatches;

use crate::error::{Doing, Result};
use crate::log;
use crate::sys::self_exe;
use exit::{Failure, Outcome};
use globals::Globals;

pub use exit::ExitCode;
pub use globals::definition as program;

/// One command: its definition is built only when it is called.
pub struct Command {
    /// The word that is typed.
    pub name: &'static str,
    /// Its flags and arguments, which help, the man page and the completions are made from too.
    pub definition: fn() -> clap::Command,
    run: fn(&ArgMatches, &Globals) -> Outcome,
}

macro_rules! commands {
    ($($module:ident)*) => {
        &[$(Command {
            name: stringify!($module),
            definition: $module::definition,
            run: $module::run,
        }),*]
    };
}

/// Every command, in the order that help lists them.
pub const COMMANDS: &[Command] = commands! {
    create start state wait kill delete run exec list ps pause resume checkpoint restore update
    mounts events spec features doctor completion help
};

/// The commands that run a program in a container, from which their own must be safe.
const ENTERS: [&str; 4] = ["create", "run", "exec", "mounts"];

/// Carries out a command line, the program's own name first, and tells what went wrong.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    dispatch(&args).unwrap_or_else(tell)
}

fn dispatch(line: &[OsString]) -> Outcome {
    let (program, args) = line.split_first().map_or((None, &[][..]), |(p, args)| (Some(p), args));
    let program = help::name_of(program);
    let mut definition = globals::definition();
    let (flags, words) = argv::put_in_order(&definition, args)?;
    let matches = argv::parse(&mut definition, flags, &[])?;
    if matches.get_flag("version") {
        return help::print_version(program);
    }
    let (true, Some((name, args))) = (!matches.get_flag("help"), words.split_first()) else {
        return help::print_overview(program);
    };
    let globals = Globals::read(&matches, program)?;
    globals.open_log()?;
    Globals::warn_of_old_options(&matches);
    let command = help::find(name)?;
    if ENTERS.contains(&command.name) {
        self_exe::protect(line).doing(|| "protect the runtime's own program".into())?;
    }
    log::debug(|| format!("onggi {} ({}): {}", help::VERSION, help::COMMIT, command.name));
    let mut definition = (command.definition)();
    let (flags, words) = argv::put_in_order(&definition, args)?;
    match argv::parse(&mut definition, flags, &words) {
        Err(failure) if failure.is_help() => help::print_help(command, program),
        Err(failure) => Err(failure),
        Ok(matches) => (command.run)(&matches, &globals),
    }
}

/// The one place that prints errors: whole, to the log, and to standard error where the log is
/// somewhere else.
fn tell(failure: Failure) -> ExitCode {
    let words = failure.words();
    log::error(failure.kind(), words);
    let mut stderr = std::io::stderr();
    // There is nowhere left to complain about a standard error that cannot be written.
    if log::is_elsewhere() {
        let _ = writeln!(stderr, "{words}");
    }
    if let Some(hint) = failure.hint() {
        let _ = writeln!(stderr, "{hint}");
    }
    failure.code()
}

/// The one place that prints answers.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .doing(|| "write to standard output".into())
}
