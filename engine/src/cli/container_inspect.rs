//! `dok container inspect`: everything about containers.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::flags::{is_set, switch};
use super::inspect::{objects, show};
use crate::error::Result;
use crate::service::inspect::{ObjectKind, Sizes};

pub(super) fn definition() -> Command {
    objects("inspect", "Display detailed information on one or more containers")
        .arg(switch("size", "Display total file sizes").short('s'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let sizes = if is_set(matches, "size") { Sizes::Measure } else { Sizes::Leave };
    show(globals, matches, &[ObjectKind::Container], sizes)
}
