//! Completion for fish.

use clap::{Arg, Command};
use onggi_engine::cli;

use crate::manual::NOTE;
use crate::words::{Value, argument, options, spellings, takes_value, value};

pub(crate) fn script() -> String {
    let program = cli::program();
    let flags: Vec<String> =
        options(&program).into_iter().filter(|arg| takes_value(arg)).flat_map(spellings).collect();
    let groups: Vec<&str> = cli::GROUPS.iter().map(|(group, _)| *group).collect();
    let mut text = format!(
        "# fish completion for dok\n{NOTE}\n\
         # The words of the command that is typed, of which a group's has two.\n\
         function __dok_command\n    set -l found\n    set -l skip 0\n    \
         for word in (commandline -opc)[2..]\n        if test $skip = 1\n            set skip 0\n        \
         else if contains -- $word {}\n            set skip 1\n        \
         else if not string match -q -- '-*' $word\n            set -a found $word\n            \
         contains -- $found[1] {}; and test (count $found) = 1; or break\n        end\n    end\n    \
         echo \"$found\"\nend\n\nfunction __dok_is\n    contains -- (__dok_command) $argv\nend\n\n\
         complete -c dok -f\n",
        flags.join(" "),
        groups.join(" ")
    );
    text += &flags_of("__dok_is ''", &program);
    for (group, about) in cli::GROUPS {
        text += &word("", group, about);
    }
    cli::entries().iter().fold(text, |text, entry| text + &block(entry))
}

/// A word that may follow the words of a group, or stand first.
fn word(group: &str, word: &str, about: &str) -> String {
    format!("complete -c dok -n \"__dok_is '{group}'\" -a {word} -d {}\n", quoted(about))
}

fn block(entry: &cli::Entry) -> String {
    let about = entry.definition.get_about().unwrap().to_string();
    let mut text = String::new();
    for words in &entry.spellings {
        let (group, last) = words.split_once(' ').unwrap_or(("", words));
        text += &word(group, last, &about);
    }
    let names: Vec<String> = entry.spellings.iter().map(|words| format!("'{words}'")).collect();
    let condition = format!("__dok_is {}", names.join(" "));
    let start = format!("complete -c dok -n \"{condition}\"");
    text += &match argument(entry.spellings[0], &entry.definition) {
        Value::Words(words) => format!("{start} -a \"{}\"\n", words.join(" ")),
        Value::Kept(kind) => format!("{start} -a \"(dok {} 2>/dev/null)\"\n", kind.listed_by()),
        Value::Path => format!("{start} -F\n"),
        Value::Anything => String::new(),
    };
    text + &flags_of(&condition, &entry.definition)
}

fn flags_of(condition: &str, command: &Command) -> String {
    options(command).into_iter().map(|arg| flag(condition, arg)).collect()
}

fn flag(condition: &str, arg: &Arg) -> String {
    let short = arg.get_short().map(|sign| format!(" -s {sign}")).unwrap_or_default();
    let value = match (takes_value(arg), value(arg)) {
        (false, _) => String::new(),
        (true, Value::Words(words)) => format!(" -x -a \"{}\"", words.join(" ")),
        (true, Value::Kept(kind)) => format!(" -x -a \"(dok {} 2>/dev/null)\"", kind.listed_by()),
        (true, Value::Path) => " -r -F".into(),
        (true, Value::Anything) => " -x".into(),
    };
    let (long, about) = (arg.get_long().unwrap(), arg.get_help().unwrap().to_string());
    format!("complete -c dok -n \"{condition}\"{short} -l {long}{value} -d {}\n", quoted(&about))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
