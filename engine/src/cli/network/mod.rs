//! `dok network …`

pub(super) mod connect;
pub(super) mod create;
pub(super) mod disconnect;
pub(super) mod inspect;
pub(super) mod list;
pub(super) mod prune;
pub(super) mod remove;

use clap::{Arg, ArgMatches};

use super::filters::{filter, filters};

/// The networks that the words name.
fn networks() -> Arg {
    Arg::new("network").value_name("NETWORK").num_args(1..).required(true).help("Name or id")
}

fn named<'a>(matches: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str)
}
