//! `--regex`: a command for every container whose name an expression matches.

use clap::ArgMatches;

use super::flags;
use super::globals::Globals;
use crate::container::{ContainerId, StateView};
use crate::error::{Code, Doing, Error, Result};
use crate::sys::regex::Regex;

/// Calls `act` for each container that matches, and goes on when one fails.
///
/// # Errors
/// A wrong expression, or all failures in one.
pub(super) fn for_each(
    matches: &ArgMatches,
    globals: &Globals,
    act: impl Fn(&ContainerId) -> Result<()>,
) -> Result<()> {
    let typed = flags::text(matches, "ID").unwrap_or_default();
    let regex = Regex::new(typed)
        .map_err(|words| Error::of(Code::InvalidArgument, format!("--regex {typed}: {words}")))?;
    let all = super::list::containers(globals)?;
    let matching =
        all.iter().map(|view: &StateView| &view.id).filter(|id| regex.matches(id.as_str()));
    let failures: Vec<String> = matching
        .filter_map(|id| act(id).doing(|| id.to_string()).err())
        .map(|error| error.to_string())
        .collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Error::new(failures.join("; "))),
    }
}
