//! What the definitions of commands are made of.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::container::ContainerId;
use crate::error::{Code, Doing, Error, Result};

/// A command with its help switch; where an option is given twice, the last one counts.
pub(super) fn command(name: &'static str, about: &'static str) -> clap::Command {
    clap::Command::new(name)
        .bin_name(format!("onggi {name}"))
        .about(about)
        .no_binary_name(true)
        .args_override_self(true)
        .disable_help_flag(true)
        .arg(help())
}

/// `--help`
pub(super) fn help() -> Arg {
    Arg::new("help")
        .long("help")
        .short('h')
        .action(ArgAction::Help)
        .help("Show this help and do nothing else")
}

/// An option without a value.
pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// An option with a value.
pub(super) fn value(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::Set).value_name(placeholder).help(help)
}

/// An option with a path.
pub(super) fn path(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    value(name, placeholder, help).value_parser(value_parser!(PathBuf))
}

/// An option whose values add up when it is given more than once.
pub(super) fn values(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    value(name, placeholder, help).action(ArgAction::Append)
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines for people.
    Text,
    /// One value for programs.
    Json,
}

impl Format {
    pub(super) fn read(typed: &str) -> Result<Format> {
        match typed {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            _ => Err(Error::of(Code::InvalidArgument, "invalid format option")),
        }
    }
}

/// The container's name.
pub(super) fn id() -> Arg {
    Arg::new("ID").required(true).help("The container's name")
}

/// The names of one container or more.
pub(super) fn ids() -> Arg {
    Arg::new("ID").required(true).num_args(1..).help("The containers' names")
}

/// The containers that were named.
pub(super) fn containers(matches: &ArgMatches) -> Result<Vec<ContainerId>> {
    let names = matches.get_many::<String>("ID").unwrap_or_default();
    names.map(|name| ContainerId::new(name)).collect()
}

/// The container that was named.
pub(super) fn container(matches: &ArgMatches) -> Result<ContainerId> {
    ContainerId::new(text(matches, "ID").unwrap_or_default())
}

/// An option's value as it was typed.
pub(super) fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// A path made absolute, because the runtime goes to the bundle before it uses it.
pub(super) fn absolute(matches: &ArgMatches, name: &str) -> Result<Option<PathBuf>> {
    let path = matches.get_one::<PathBuf>(name);
    path.map(|path| std::path::absolute(path).doing(|| format!("--{name}"))).transpose()
}
