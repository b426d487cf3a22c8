//! What can stand where a word is wanted.

use clap::{Arg, ArgAction, Command};

/// What a word names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// One of these.
    Words(Vec<String>),
    /// Something that dok keeps.
    Kept(Kind),
    /// A file of the host.
    Path,
    Anything,
}

/// What dok keeps and can list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Containers,
    Images,
    Networks,
    Volumes,
}

impl Kind {
    pub(crate) const ALL: &[Kind] =
        &[Kind::Containers, Kind::Images, Kind::Networks, Kind::Volumes];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Containers => "containers",
            Kind::Images => "images",
            Kind::Networks => "networks",
            Kind::Volumes => "volumes",
        }
    }

    /// The words after `dok` that list the names.
    pub(crate) fn listed_by(self) -> &'static str {
        match self {
            Kind::Containers => "ps --all --format '{{.Names}}'",
            Kind::Images => "images --format '{{.Repository}}'",
            Kind::Networks => "network ls --format '{{.Name}}'",
            Kind::Volumes => "volume ls --quiet",
        }
    }
}

/// The options that help shows.
pub(crate) fn options(command: &Command) -> Vec<&Arg> {
    let shown = |arg: &&Arg| arg.get_long().is_some() && !arg.is_hide_set();
    command.get_arguments().filter(shown).collect()
}

/// Whether the word after the option belongs to it.
pub(crate) fn takes_value(arg: &Arg) -> bool {
    let least = arg.get_num_args().map_or(1, |range| range.min_values());
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && least > 0
}

pub(crate) fn spellings(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|sign| format!("-{sign}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    short.into_iter().chain(long).collect()
}

pub(crate) fn value(arg: &Arg) -> Value {
    let words: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if !words.is_empty() {
        return Value::Words(words);
    }
    let kinds = [
        ("CONTAINER", Value::Kept(Kind::Containers)),
        ("IMAGE", Value::Kept(Kind::Images)),
        ("NETWORK", Value::Kept(Kind::Networks)),
        ("VOLUME", Value::Kept(Kind::Volumes)),
        ("FILE", Value::Path),
        ("PATH", Value::Path),
    ];
    let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let named = |kind: &str| name.as_ref().is_some_and(|name| name.contains(kind));
    kinds.into_iter().find(|(kind, _)| named(kind)).map_or(Value::Anything, |(_, value)| value)
}

/// What the first argument of a command is.
pub(crate) fn argument(words: &str, command: &Command) -> Value {
    // The name of what is not there yet.
    let is_new = ["network create", "volume create", "pull"].contains(&words);
    let first = command.get_positionals().next().filter(|_| !is_new);
    first.map_or(Value::Anything, value)
}

/// The second words of a group's commands.
pub(crate) fn of_group(group: &str) -> Vec<&'static str> {
    all_spellings()
        .into_iter()
        .filter_map(|words| words.split_once(' ').filter(|(first, _)| *first == group))
        .map(|(_, second)| second)
        .collect()
}

/// What can be the first word.
pub(crate) fn first_words() -> Vec<&'static str> {
    let single = all_spellings().into_iter().filter(|words| !words.contains(' '));
    single.chain(onggi_engine::cli::GROUPS.iter().map(|(group, _)| *group)).collect()
}

fn all_spellings() -> Vec<&'static str> {
    onggi_engine::cli::entries().into_iter().flat_map(|entry| entry.spellings).collect()
}
