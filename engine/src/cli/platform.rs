//! `--platform`, and what it asks for.

use clap::{Arg, ArgMatches};

use super::flags::{text, value};
use crate::error::{Kind, Result, refuse};
use crate::image::platform::Platform;

pub(super) fn flag() -> Arg {
    let help = "Set platform if server is multi-platform capable";
    value("platform", "OS/ARCHITECTURE[/VARIANT]", help)
}

/// The platform that is asked for.
///
/// # Errors
/// In the words of Docker's daemon, where it makes no sense.
pub(super) fn asked(matches: &ArgMatches) -> Result<Option<Platform>> {
    named(matches).map_err(|words| refuse(Kind::Invalid, words))
}

/// The same for a container, of which Docker's client reads it by itself.
///
/// # Errors
/// As [`asked`].
pub(super) fn of_container(matches: &ArgMatches) -> Result<Option<Platform>> {
    let wrong = |words| anyhow::anyhow!("error parsing specified platform: {words}");
    named(matches).map_err(wrong)
}

fn named(matches: &ArgMatches) -> Result<Option<Platform>, String> {
    let given = text(matches, "platform").filter(|given| !given.is_empty());
    given.map(|given| given.parse()).transpose()
}
