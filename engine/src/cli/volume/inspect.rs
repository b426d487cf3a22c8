//! `dok volume inspect`: everything about volumes.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::cli::Globals;
use crate::cli::inspect::{objects, show};
use crate::error::Result;
use crate::service::inspect::{ObjectKind, Sizes};

pub(in crate::cli) fn definition() -> Command {
    objects("volume inspect", "Display detailed information on one or more volumes")
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    show(globals, matches, &[ObjectKind::Volume], Sizes::Leave)
}
