//! From the words typed to the command that they name.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ArgMatches;

use super::{
    COMMANDS, Command, Globals, OWN_FAILURE, Result, complain, failure, globals, help, print, usage,
};

/// Carries out a command line; what is wrong with its words is told.
pub(super) fn dispatch(line: Vec<OsString>) -> Result<ExitCode> {
    let matches = match globals::definition().try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(wrong) => return usage::tell(globals::definition().bin_name("dok"), &wrong),
    };
    if let Err(refusal) = super::refused::check(&matches, globals::REFUSED) {
        super::tell(&refusal);
        return Ok(ExitCode::from(OWN_FAILURE));
    }
    let globals = Globals::read(&matches);
    let typed: Vec<OsString> = matches
        .get_many::<OsString>("command")
        .map_or_else(Vec::new, |words| words.cloned().collect());
    let Some((command, rest)) = find(&typed) else { return without_command(&matches, &typed) };
    if matches.get_flag("help") {
        return help::show(&[command.words]);
    }
    let args = std::iter::once(OsString::from(command.words)).chain(rest.iter().cloned());
    match command.built().try_get_matches_from(args) {
        Ok(matches) => {
            Ok((command.run)(&globals, &matches).unwrap_or_else(|error| failure(command, &error)))
        }
        Err(wrong) => usage::tell(command.built(), &wrong),
    }
}

/// A list of commands, the version, or that there is no such command.
fn without_command(matches: &ArgMatches, typed: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> = typed.iter().filter_map(|word| word.to_str()).collect();
    match words.as_slice() {
        [] if matches.get_flag("version") => {
            print(&format!("dok version {}\n", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::SUCCESS)
        }
        [] => help::show(&[]),
        [group] | [group, "--help" | "-h"] if help::is_group(group) => help::show(&[group]),
        [flag, ..] if flag.starts_with('-') => {
            let usage = "Usage:  dok [OPTIONS] COMMAND\n\nRun 'dok --help' for more information";
            complain(&format!("unknown flag: {flag}\n\n{usage}"));
            Ok(ExitCode::from(OWN_FAILURE))
        }
        _ => unknown(&words),
    }
}

/// These words name no command.
pub(super) fn unknown(words: &[&str]) -> Result<ExitCode> {
    match words {
        [group, flag, ..] if help::is_group(group) && flag.starts_with('-') => {
            complain(&format!(
                "unknown flag: {flag}\n\nUsage:  dok {group} COMMAND\n\n\
                 Run 'dok {group} --help' for more information"
            ));
            return Ok(ExitCode::from(OWN_FAILURE));
        }
        [group, word, ..] if help::is_group(group) => complain(&format!(
            "dok: unknown command: dok {group} {word}\n\nUsage:  dok {group} COMMAND\n\n\
             Run 'dok {group} --help' for more information"
        )),
        _ => {
            let named = words.first().map_or("", |word| word);
            complain(&format!(
                "dok: unknown command: dok {named}\n\nRun 'dok --help' for more information"
            ));
        }
    }
    Ok(ExitCode::FAILURE)
}

/// The command that the first words name, and the words after it; two words go before one.
pub(super) fn find(typed: &[OsString]) -> Option<(&'static Command, &[OsString])> {
    let word = |at: usize| typed.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    for (name, length) in [(format!("{} {}", word(0), word(1)), 2), (word(0).to_owned(), 1)] {
        if let Some(command) = COMMANDS.iter().find(|command| command.words == name) {
            return Some((command, typed.get(length..).unwrap_or_default()));
        }
    }
    None
}
