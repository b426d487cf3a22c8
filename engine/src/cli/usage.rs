//! Words that make no command line are told as Docker tells them: which they are, how the command
//! is used, and where there is more.

use std::error::Error;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::flags::Invalid;
use super::{OWN_FAILURE, Result, complain, print};

/// How a command line is wrong.
enum Wrong {
    /// By a flag: the program's own failure.
    Flag(String),
    /// By how many words stand after the flags.
    Count(String),
}

/// Tells what is wrong with the words after a command; help, which is nothing wrong, is printed.
pub(super) fn tell(command: Command, error: &clap::Error) -> Result<ExitCode> {
    if !error.use_stderr() {
        print(&error.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let wrong = wrong(&command, &name, error);
    Ok(tell_wrong(command, wrong))
}

/// Tells of a flag's value that makes no sense.
pub(super) fn tell_invalid(command: Command, invalid: &Invalid) -> ExitCode {
    let wrong = wrong_value(&command, invalid);
    tell_wrong(command, wrong)
}

fn wrong_value(command: &Command, invalid: &Invalid) -> Wrong {
    Wrong::Flag(invalid.words(&flag(command, &invalid.flag)))
}

fn tell_wrong(mut command: Command, wrong: Wrong) -> ExitCode {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let usage = command.render_usage().to_string().replacen("Usage: ", "Usage:  ", 1);
    let more = format!("\n\n{usage}\n\nRun '{name} --help' for more information");
    match wrong {
        Wrong::Flag(words) => {
            complain(&(words + &more));
            ExitCode::from(OWN_FAILURE)
        }
        Wrong::Count(words) => {
            complain(&format!("dok: {words}{more}"));
            ExitCode::FAILURE
        }
    }
}

fn wrong(command: &Command, name: &str, error: &clap::Error) -> Wrong {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let named = text(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if named.starts_with("--") => {
            Wrong::Flag(format!("unknown flag: {}", named.split('=').next().unwrap_or(named)))
        }
        ErrorKind::UnknownArgument if named.starts_with('-') => {
            let letter = named.chars().nth(1).unwrap_or_default();
            Wrong::Flag(format!("unknown shorthand flag: '{letter}' in {named}"))
        }
        ErrorKind::UnknownArgument
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::TooFewValues => Wrong::Count(format!("'{name}' {}", count(command))),
        ErrorKind::InvalidValue if value.is_empty() => {
            Wrong::Flag(format!("flag needs an argument: {}", long(named)))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let what = error.source().map(ToString::to_string).unwrap_or_else(|| one_of(error));
            let (flag, word) = (long(named).to_owned(), value.to_owned());
            wrong_value(command, &Invalid { flag, word, what })
        }
        _ => Wrong::Flag(first_line(error)),
    }
}

/// `--name` of `--name <NAME>` and `--all[=<all>]`.
fn long(named: &str) -> &str {
    named.split([' ', '[', '=']).next().unwrap_or(named)
}

/// `-n, --last`: a flag under both of its names.
fn flag(command: &Command, long: &str) -> String {
    let bare = long.trim_start_matches('-');
    let short = command.get_arguments().find(|arg| arg.get_long() == Some(bare));
    match short.and_then(Arg::get_short) {
        Some(letter) => format!("-{letter}, {long}"),
        None => long.to_owned(),
    }
}

fn one_of(error: &clap::Error) -> String {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) => format!("must be one of {}", known.join(", ")),
        _ => first_line(error),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// How many words a command takes after its flags.
fn count(command: &Command) -> String {
    let (mut least, mut most) = (0, Some(0));
    for arg in command.get_positionals() {
        let each = arg.get_num_args().unwrap_or_else(|| 1.into());
        least += if arg.is_required_set() { each.min_values().max(1) } else { 0 };
        most = most.filter(|_| each.max_values() < usize::MAX).map(|sum| sum + each.max_values());
    }
    let words = |count: usize| if count == 1 { "argument" } else { "arguments" };
    match most {
        Some(0) => "accepts no arguments".to_owned(),
        Some(most) if most == least => format!("requires {least} {}", words(least)),
        Some(most) if least == 0 => format!("requires at most {most} {}", words(most)),
        Some(most) => format!("requires at least {least} and at most {most} {}", words(most)),
        None => format!("requires at least {least} {}", words(least)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::COMMANDS;
    use super::*;

    /// What is told of a line of a command.
    fn told(command: &str, line: &[&str]) -> String {
        let command = COMMANDS.iter().find(|one| one.words == command).unwrap().built();
        let line = ["dok"].iter().chain(line);
        let error = command.clone().try_get_matches_from(line).unwrap_err();
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        match wrong(&command, &name, &error) {
            Wrong::Flag(words) | Wrong::Count(words) => words,
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_dockers_words() {
        for (command, line, words) in [
            ("ps", &["--nosuch"][..], "unknown flag: --nosuch"),
            ("ps", &["--nosuch=1"], "unknown flag: --nosuch"),
            ("ps", &["-Z"], "unknown shorthand flag: 'Z' in -Z"),
            ("ps", &["more"], "'dok ps' accepts no arguments"),
            ("rm", &[], "'dok rm' requires at least 1 argument"),
            ("exec", &["web"], "'dok exec' requires at least 2 arguments"),
            ("logs", &["a", "b"], "'dok logs' requires 1 argument"),
            ("cp", &["a"], "'dok cp' requires 2 arguments"),
            ("images", &["a", "b"], "'dok images' requires at most 1 argument"),
            ("run", &["--name"], "flag needs an argument: --name"),
            ("run", &["-e"], "flag needs an argument: --env"),
        ] {
            assert_eq!(told(command, line), words, "{command} {line:?}");
        }
        let words = told("ps", &["-n", "x"]);
        assert!(words.starts_with("invalid argument \"x\" for \"-n, --last\" flag: "), "{words}");
        let words = told("rm", &["--force=maybe", "a"]);
        assert!(words.starts_with("invalid argument \"maybe\" for \"-f, --force\""), "{words}");
    }
}
