//! The command line: words typed become one call of `service`, and what comes back becomes text and
//! an exit code. Only this room prints.

mod globals;
mod listing;
mod template;
mod version;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::error::Result;
use globals::Globals;

/// One command: its definition is built only when it is called.
struct Command {
    /// The words that are typed: `ps`, `image ls`.
    words: &'static str,
    definition: fn() -> clap::Command,
    run: fn(&Globals, &ArgMatches) -> Result<ExitCode>,
}

/// A command's row: its words and its module.
macro_rules! command {
    ($words:literal, $module:ident) => {
        Command { words: $words, definition: $module::definition, run: $module::run }
    };
}

/// Every command, in the order that help lists them.
const COMMANDS: &[Command] = &[command!("version", version)];

/// What Docker's client exits with when it is the client that failed.
const OWN_FAILURE: u8 = 125;

/// Carries out a command line, the program's own name first.
pub fn main(line: Vec<OsString>) -> ExitCode {
    dispatch(line).unwrap_or_else(|error| {
        // There is nowhere left to complain about a standard error that cannot be written.
        let _ = writeln!(std::io::stderr(), "dok: {error:#}");
        ExitCode::from(OWN_FAILURE)
    })
}

fn dispatch(line: Vec<OsString>) -> Result<ExitCode> {
    let matches = match globals::definition().try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(usage) => return tell_usage(&usage),
    };
    let globals = Globals::read(&matches);
    let typed: Vec<OsString> = matches
        .get_many::<OsString>("command")
        .map_or_else(Vec::new, |words| words.cloned().collect());
    let (command, rest) = find(&typed)?;
    let args = std::iter::once(OsString::from(command.words)).chain(rest.iter().cloned());
    match (command.definition)()
        .bin_name(format!("dok {}", command.words))
        .try_get_matches_from(args)
    {
        Ok(matches) => (command.run)(&globals, &matches),
        Err(usage) => tell_usage(&usage),
    }
}

/// The command that the first words name, and the words after it; two words go before one.
fn find(typed: &[OsString]) -> Result<(&'static Command, &[OsString])> {
    let word = |at: usize| typed.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    for (name, length) in [(format!("{} {}", word(0), word(1)), 2), (word(0).to_owned(), 1)] {
        if let Some(command) = COMMANDS.iter().find(|command| command.words == name) {
            return Ok((command, typed.get(length..).unwrap_or_default()));
        }
    }
    anyhow::bail!("unknown command: {}\n\nRun 'dok --help' for more information", word(0))
}

/// Help goes to standard output and is a success; a wrong flag is told as Docker tells it.
fn tell_usage(usage: &clap::Error) -> Result<ExitCode> {
    usage.print()?;
    Ok(if usage.use_stderr() { ExitCode::from(OWN_FAILURE) } else { ExitCode::SUCCESS })
}

/// The one place that prints answers.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}
