//! `--filter` of lists and of prunes.

use clap::{Arg, ArgMatches};

use super::flags::{invalid, texts, values};
use crate::error::Result;
use crate::service::filters::Filters;

/// `--filter NAME=VALUE`, as often as one likes.
pub(super) fn filter() -> Arg {
    values("filter", "FILTER", "Which ones, as NAME=VALUE")
}

pub(super) fn filters(matches: &ArgMatches) -> Result<Filters> {
    let mut filters = Filters::new();
    for text in texts(matches, "filter") {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            invalid("filter", &text, "bad format of filter (expected name=value)")
        })?;
        filters.entry(name.trim().to_lowercase()).or_default().push(value.trim().to_owned());
    }
    Ok(filters)
}
