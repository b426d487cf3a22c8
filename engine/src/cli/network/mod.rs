//! `dok network …`

pub(super) mod connect;
pub(super) mod create;
pub(super) mod disconnect;
pub(super) mod inspect;
pub(super) mod list;
pub(super) mod prune;
pub(super) mod remove;

use clap::{Arg, ArgAction, ArgMatches};

use crate::error::{Kind, Result, refuse};
use crate::service::networks::Filters;

/// `--filter NAME=VALUE`, as often as one likes.
fn filter() -> Arg {
    Arg::new("filter")
        .long("filter")
        .value_name("FILTER")
        .action(ArgAction::Append)
        .help("Which ones, as NAME=VALUE")
}

fn filters(matches: &ArgMatches) -> Result<Filters> {
    let mut filters = Filters::new();
    for text in matches.get_many::<String>("filter").into_iter().flatten() {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            refuse(
                Kind::Invalid,
                format!("invalid argument {text:?}: bad format of filter (expected name=value)"),
            )
        })?;
        filters.entry(name.trim().to_lowercase()).or_default().push(value.trim().to_owned());
    }
    Ok(filters)
}

/// The networks that the words name.
fn networks() -> Arg {
    Arg::new("network").value_name("NETWORK").num_args(1..).required(true).help("Name or id")
}

fn named<'a>(matches: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str)
}
