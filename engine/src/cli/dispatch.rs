//! From the words typed to the command that they name.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgMatches};

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
    if let Err(unknown) = globals::check_level(&matches) {
        return Ok(super::tell(&unknown));
    }
    let globals = Globals::read(&matches);
    let typed: Vec<OsString> = matches
        .get_many::<OsString>("command")
        .map_or_else(Vec::new, |words| words.cloned().collect());
    let Some((command, rest)) = find(&typed) else { return without_command(&matches, &typed) };
    if matches.get_flag("help") {
        return help::show(&[command.words]);
    }
    let definition = command.built();
    let line = line_of(&definition, command.words, rest);
    match definition.try_get_matches_from(line) {
        Ok(matches) => {
            Ok((command.run)(&globals, &matches).unwrap_or_else(|error| failure(command, &error)))
        }
        Err(wrong) => usage::tell(command.built(), &wrong),
    }
}

/// The line for the reader of flags. Where a program's words follow, our flags end at the first
/// word that is none: `run IMAGE -c 1` gives the program its `-c`, and `--` too.
fn line_of(definition: &clap::Command, words: &str, rest: &[OsString]) -> Vec<OsString> {
    let mut line = vec![OsString::from(words)];
    line.extend(rest.iter().cloned());
    if definition.get_positionals().any(Arg::is_trailing_var_arg_set) {
        let own = own_words(definition, rest).filter(|own| *own < rest.len());
        own.into_iter().for_each(|own| line.insert(1 + own, "--".into()));
    }
    line
}

/// How many words there are up to the first that is neither a flag nor a flag's value, with that
/// one; nothing where no such word is found before `--`.
fn own_words(definition: &clap::Command, words: &[OsString]) -> Option<usize> {
    let flag = |is: &dyn Fn(&Arg) -> bool| definition.get_arguments().find(|arg| is(arg));
    let takes_next = |arg: &Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
    let mut at = 0;
    loop {
        let word = words.get(at)?.to_string_lossy();
        at += 1;
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.contains('=')) {
            at += usize::from(takes_next(flag(&|arg| arg.get_long() == Some(long))?));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            // The first that takes a value takes the rest of the word, or else the next word.
            let known = |letter| flag(&|arg: &Arg| arg.get_short() == Some(letter));
            let last = letters.char_indices().find(|(_, l)| known(*l).is_none_or(takes_next));
            let takes_rest = last.is_none_or(|(from, l)| from + l.len_utf8() < letters.len());
            at += usize::from(!takes_rest);
        } else if !word.starts_with("--") {
            return Some(at);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_image_every_word_is_the_programs() {
        for (line, image, words) in [
            ("run -e A=1 image -c 1 -- -v", "image", &["-c", "1", "--", "-v"][..]),
            ("run -dit --rm=true --name web image --help", "image", &["--help"]),
            ("run -tevalue image --rm -h", "image", &["--rm", "-h"]),
            ("run -t=false image -- x", "image", &["--", "x"]),
            ("run -- image -- -t", "image", &["--", "-t"]),
            ("run image", "image", &[]),
            ("create --init image -d", "image", &["-d"]),
            ("exec -itu 0 web -i --env x", "web", &["-i", "--env", "x"]),
            ("container exec web -- sh", "web", &["--", "sh"]),
        ] {
            let typed: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let (command, rest) = find(&typed).unwrap();
            let definition = command.built();
            let read = line_of(&definition, command.words, rest);
            let matches = definition.try_get_matches_from(read).unwrap();
            let first = if line.contains("exec") { "container" } else { "image" };
            assert_eq!(matches.get_one::<String>(first).unwrap(), image, "{line}");
            let given = matches.get_many::<String>("command").into_iter().flatten();
            assert_eq!(given.collect::<Vec<_>>(), words, "{line}");
        }
    }

    #[test]
    fn a_line_of_flags_alone_is_read_as_it_is() {
        for line in ["run --nosuch", "run -e", "exec --user", "ps -a", "run -Z image", "run"] {
            let typed: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let (command, rest) = find(&typed).unwrap();
            assert_eq!(line_of(&command.built(), command.words, rest)[1..], *rest, "{line}");
        }
    }
}
