//! What is wrong with the words of a command line, as Docker's client says it: a flag that there is
//! not ends with 125, and too many or too few words with 1.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use super::{OWN_FAILURE, Result, complain};

/// Tells what is wrong. Help is nothing wrong, and goes to standard output.
pub(super) fn tell(mut command: Command, name: &str, wrong: &Error) -> Result<ExitCode> {
    if !wrong.use_stderr() {
        wrong.print()?;
        return Ok(ExitCode::SUCCESS);
    }
    command.build();
    let typed = text(wrong, ContextKind::InvalidArg);
    let (words, code) = match wrong.kind() {
        ErrorKind::UnknownArgument if typed.starts_with("--") => {
            (format!("unknown flag: {typed}"), OWN_FAILURE)
        }
        ErrorKind::UnknownArgument if typed.starts_with('-') => {
            let letter = typed.trim_start_matches('-').chars().next().unwrap_or('-');
            (format!("unknown shorthand flag: '{letter}' in {typed}"), OWN_FAILURE)
        }
        ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument => {
            (format!("dok: '{name}' {}", wanted(&command)), 1)
        }
        _ => match invalid(wrong, &typed) {
            Some(words) => (words, OWN_FAILURE),
            None => (wrong.render().to_string().trim_end().to_owned(), OWN_FAILURE),
        },
    };
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    complain(&format!("{words}\n\nUsage:  {usage}\n\nRun '{name} --help' for more information"));
    Ok(ExitCode::from(code))
}

fn text(wrong: &Error, kind: ContextKind) -> String {
    match wrong.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        _ => String::new(),
    }
}

/// A value that a flag does not take, or that is not there.
fn invalid(wrong: &Error, typed: &str) -> Option<String> {
    if !matches!(wrong.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let flag = typed.split([' ', '=', '[']).find(|word| word.starts_with("--"))?;
    let value = text(wrong, ContextKind::InvalidValue);
    if value.is_empty() && wrong.kind() == ErrorKind::InvalidValue {
        return Some(format!("flag needs an argument: {flag}"));
    }
    let known = match wrong.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) => format!(": expected {}", known.join(", ")),
        _ => std::error::Error::source(wrong).map_or_else(String::new, |why| format!(": {why}")),
    };
    Some(format!("invalid argument {value:?} for \"{flag}\" flag{known}"))
}

/// How many words a command wants.
fn wanted(command: &Command) -> String {
    let (mut least, mut most) = (0_usize, 0_usize);
    for arg in command.get_positionals() {
        let range = arg.get_num_args().unwrap_or_else(|| 1.into());
        least += if Arg::is_required_set(arg) { range.min_values().max(1) } else { 0 };
        most = most.saturating_add(range.max_values());
    }
    let count = |number: usize| match number {
        1 => "1 argument".to_owned(),
        number => format!("{number} arguments"),
    };
    match (least, most) {
        (_, 0) => "accepts no arguments".to_owned(),
        (least, usize::MAX) => format!("requires at least {}", count(least)),
        (0, most) => format!("requires at most {}", count(most)),
        (least, most) if least == most => format!("requires {}", count(least)),
        (least, most) => format!("requires at least {least} and at most {}", count(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::COMMANDS;

    #[test]
    fn a_command_tells_how_many_words_it_wants() {
        for (words, expected) in [
            ("exec", "requires at least 2 arguments"),
            ("rmi", "requires at least 1 argument"),
            ("run", "requires at least 1 argument"),
            ("tag", "requires 2 arguments"),
            ("ps", "accepts no arguments"),
            ("volume create", "requires at most 1 argument"),
            ("port", "requires at least 1 and at most 2 arguments"),
        ] {
            let command = COMMANDS.iter().find(|command| command.words == words).expect(words);
            let mut built = command.built();
            built.build();
            assert_eq!(wanted(&built), expected, "{words}");
        }
    }
}
