//! `--filter` of lists and of prunes.

use clap::{Arg, ArgAction, ArgMatches};

use super::flags::invalid;
use crate::error::Result;
use crate::service::filters::Filters;

/// `--filter NAME=VALUE`, as often as one likes.
pub(super) fn filter() -> Arg {
    Arg::new("filter")
        .long("filter")
        .value_name("FILTER")
        .action(ArgAction::Append)
        .help("Which ones, as NAME=VALUE")
}

pub(super) fn filters(matches: &ArgMatches) -> Result<Filters> {
    let mut filters = Filters::new();
    for text in matches.get_many::<String>("filter").into_iter().flatten() {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| invalid("filter", text, "bad format of filter (expected name=value)"))?;
        filters.entry(name.trim().to_lowercase()).or_default().push(value.trim().to_owned());
    }
    Ok(filters)
}
