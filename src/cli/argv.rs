//! The words of a command line, put in the order and the form that clap expects.
//!
//! The callers of runc write options as Go's flag package reads them: with one dash or two, with
//! `=` or as the next word whatever that looks like, more than once, and switches with a value.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches};

use super::exit::Failure;

/// Parts the options from the other words: options as `--name` or `--name=value`.
///
/// The program's own options end at the first other word, the command's name; so do those of a
/// command whose last argument takes the rest of the line as it is (`exec`, `ps`).
pub(super) fn put_in_order(
    command: &clap::Command,
    args: &[OsString],
) -> Result<(Vec<OsString>, Vec<OsString>), Failure> {
    let ends_at_word = command.get_positionals().next().is_none()
        || command.get_positionals().any(Arg::is_trailing_var_arg_set);
    let (mut options, mut words) = (Vec::new(), Vec::new());
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let Some(typed) = Typed::read(word) else {
            if word == "--" || ends_at_word {
                words.extend((word != "--").then(|| word.clone()));
                words.extend(rest.cloned());
                break;
            }
            words.push(word.clone());
            continue;
        };
        let switches = typed.cluster(command);
        if switches.is_empty() {
            add(command, &typed, &mut rest, &mut options)?;
        }
        options.extend(switches);
    }
    Ok((options, words))
}

/// An option as it was typed.
struct Typed<'a> {
    dashes: usize,
    name: &'a str,
    value: Option<&'a OsStr>,
}

impl<'a> Typed<'a> {
    /// Nothing if the word is no option: no dash, a dash alone, or the `--` that ends them.
    fn read(word: &'a OsStr) -> Option<Typed<'a>> {
        let bytes = word.as_bytes();
        let dashes = bytes.iter().take(2).take_while(|byte| **byte == b'-').count();
        let bytes = &bytes[dashes..];
        if dashes == 0 || bytes.is_empty() {
            return None;
        }
        let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
        let name = std::str::from_utf8(&bytes[..end]).unwrap_or("\u{fffd}");
        let value = bytes.get(end + 1..).map(OsStr::from_bytes);
        Some(Typed { dashes, name, value })
    }

    fn find<'c>(&self, command: &'c clap::Command) -> Option<&'c Arg> {
        let mut signs = self.name.chars();
        let short = signs.next().filter(|_| signs.next().is_none());
        command.get_arguments().find(|arg| {
            arg.get_long() == Some(self.name)
                || short.is_some() && arg.get_short() == short
                || short.is_some_and(|short| {
                    arg.get_all_short_aliases().is_some_and(|aliases| aliases.contains(&short))
                })
        })
    }

    /// The switches of a word like `-td`, which crun takes and Go does not.
    fn cluster(&self, command: &clap::Command) -> Vec<OsString> {
        if self.dashes != 1 || self.value.is_some() || self.find(command).is_some() {
            return Vec::new();
        }
        let switch = |sign: char| {
            let mut all = command.get_arguments();
            all.find(|arg| arg.get_short() == Some(sign) && !arg.get_action().takes_values())
        };
        let found: Option<Vec<&Arg>> = self.name.chars().map(switch).collect();
        found.unwrap_or_default().into_iter().map(|arg| form(arg, None)).collect()
    }
}

/// `--name` or `--name=value`
fn form(arg: &Arg, value: Option<&OsStr>) -> OsString {
    let mut word = b"--".to_vec();
    word.extend_from_slice(arg.get_long().unwrap_or_default().as_bytes());
    if let Some(value) = value {
        word.push(b'=');
        word.extend_from_slice(value.as_bytes());
    }
    OsString::from_vec(word)
}

fn add<'a>(
    command: &clap::Command,
    typed: &Typed<'_>,
    rest: &mut impl Iterator<Item = &'a OsString>,
    options: &mut Vec<OsString>,
) -> Result<(), Failure> {
    let name = typed.name;
    let Some(arg) = typed.find(command) else {
        return Err(wrong(command, format!("flag provided but not defined: -{name}")));
    };
    if arg.get_action().takes_values() {
        let value = typed.value.or_else(|| rest.next().map(OsString::as_os_str));
        let Some(value) = value else {
            let dashes = if name.len() == 1 { "-" } else { "--" };
            return Err(wrong(command, format!("flag needs an argument: {dashes}{name}")));
        };
        options.push(form(arg, Some(value)));
        return Ok(());
    }
    let switch = form(arg, None);
    let value = typed.value.map_or("true", |value| value.to_str().unwrap_or("\u{fffd}"));
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => options.push(switch),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => {
            options.retain(|word| *word != switch);
            options.extend(opposite(command, arg).map(|arg| form(arg, None)));
        }
        _ => {
            let words = format!("invalid boolean value \"{value}\" for --{name}: parse error");
            return Err(wrong(command, words));
        }
    }
    Ok(())
}

/// What `--no-name=false` says more than silence, where the command has `--name`.
fn opposite<'a>(command: &'a clap::Command, arg: &Arg) -> Option<&'a Arg> {
    let name = arg.get_long()?.strip_prefix("no-")?;
    command.get_arguments().find(|arg| arg.get_long() == Some(name))
}

/// Reads words that are in order.
pub(super) fn parse(
    command: &mut clap::Command,
    options: Vec<OsString>,
    words: &[OsString],
) -> Result<ArgMatches, Failure> {
    let end = (!words.is_empty()).then(|| OsString::from("--"));
    let line = options.into_iter().chain(end).chain(words.iter().cloned());
    command.try_get_matches_from_mut(line).map_err(|error| explain(command, &error))
}

/// clap's error in runc's words.
fn explain(command: &clap::Command, error: &clap::Error) -> Failure {
    let required = command.get_positionals().filter(|arg| arg.is_required_set()).count();
    let name = command.get_name();
    let count = |how: &str, number: usize| format!("\"{name}\" requires {how}{number} argument(s)");
    let most = match command.get_positionals().any(takes_many) {
        true => usize::MAX,
        false => command.get_positionals().count(),
    };
    wrong(
        command,
        match error.kind() {
            ErrorKind::DisplayHelp => return Failure::help(),
            ErrorKind::MissingRequiredArgument if required == most => count("exactly ", required),
            ErrorKind::MissingRequiredArgument => count("a minimum of ", required),
            ErrorKind::UnknownArgument if required == most => count("exactly ", most),
            ErrorKind::UnknownArgument => count("a maximum of ", most),
            _ => invalid_value(error),
        },
    )
}

fn takes_many(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|count| count.max_values() > 1)
}

fn invalid_value(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let flag = text(ContextKind::InvalidArg);
    let flag = flag.split([' ', '=']).next().unwrap_or_default();
    let source = std::error::Error::source(error);
    let cause = source.map_or_else(|| error.kind().to_string(), ToString::to_string);
    format!("invalid value \"{}\" for flag {flag}: {cause}", text(ContextKind::InvalidValue))
}

/// A failure of this command's usage.
pub(super) fn wrong(command: &clap::Command, words: String) -> Failure {
    let usage = command.clone().render_usage().to_string().replacen("Usage:", "usage:", 1);
    let name = command.get_bin_name().unwrap_or_default();
    Failure::of_usage(words, format!("{usage}\nTry `{name} --help`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(command: &clap::Command, words: &str) -> Option<(String, String)> {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let join = |words: Vec<OsString>| words.join(OsStr::new(" ")).into_string().unwrap();
        put_in_order(command, &words).ok().map(|(options, rest)| (join(options), join(rest)))
    }

    fn check(command: &clap::Command, rows: &[(&str, &str, &str)]) {
        for (words, options, rest) in rows {
            let expected = Some(((*options).to_owned(), (*rest).to_owned()));
            assert_eq!(ordered(command, words), expected, "{words}");
        }
    }

    #[test]
    fn options_are_found_around_the_container_and_brought_to_one_form() {
        check(
            &super::super::kill::definition(),
            &[
                ("-all a", "--all", "a"),
                ("--a a", "--all", "a"),
                ("-ar a", "--all --regex", "a"),
                ("a 9 --all", "--all", "a 9"),
                ("-signal 9 a", "--signal=9", "a"),
                ("--signal -9 a", "--signal=-9", "a"),
                ("--signal= a", "--signal=", "a"),
                ("--all=true --all=0 a", "", "a"),
                ("--all --all a", "--all --all", "a"),
                ("-- a --all", "", "a --all"),
                ("a -- --all", "", "a --all"),
                ("a -", "", "a -"),
            ],
        );
    }

    #[test]
    fn the_program_s_options_end_at_the_command() {
        check(
            &super::super::globals::definition(),
            &[
                ("-root x kill -a b", "--root=x", "kill -a b"),
                ("--root=x --root y kill", "--root=x --root=y", "kill"),
                ("-V kill", "--version", "kill"),
            ],
        );
    }

    #[test]
    fn the_line_after_exec_s_container_is_left_alone() {
        check(
            &super::super::exec::definition(),
            &[
                ("-e A=1,2 -e=B=3 a ls -e x", "--env=A=1,2 --env=B=3", "a ls -e x"),
                ("a -- ls", "", "a -- ls"),
                ("-td a sh", "--tty --detach", "a sh"),
            ],
        );
    }

    #[test]
    fn values_are_not_read_out_of_clusters() {
        for words in ["-te a", "-eA=1 a", "-tx a", "-=x a", "--=x a"] {
            assert_eq!(ordered(&super::super::exec::definition(), words), None, "{words}");
        }
    }

    #[test]
    fn the_last_of_a_repeated_option_counts_and_lists_add_up() {
        let mut exec = super::super::exec::definition();
        let words = "-u 1 -u 2 -e A=1 -e B=2,3 a b -e C".split(' ').map(OsString::from);
        let (options, rest) = put_in_order(&exec, &words.collect::<Vec<_>>()).unwrap();
        let matches = parse(&mut exec, options, &rest).unwrap();
        assert_eq!(matches.get_one::<String>("user").unwrap(), "2");
        let many = |name| matches.get_many::<String>(name).unwrap().cloned().collect::<Vec<_>>();
        assert_eq!(many("env"), ["A=1", "B=2,3"]);
        assert_eq!(many("COMMAND"), ["b", "-e", "C"]);
    }

    #[test]
    fn every_definition_is_sound() {
        super::super::globals::definition().debug_assert();
        for command in super::super::COMMANDS {
            (command.definition)().debug_assert();
        }
    }
}
