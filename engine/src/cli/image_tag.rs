//! `dok tag`: another name for an image.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::{Globals, required};
use crate::error::Result;
use crate::image::reference::NoReference;

pub(super) fn definition() -> Command {
    Command::new("tag")
        .about("Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE")
        .arg(Arg::new("source").value_name("SOURCE_IMAGE[:TAG]").required(true))
        .arg(Arg::new("target").value_name("TARGET_IMAGE[:TAG]").required(true))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let typed = required(matches, "target");
    let target = typed.parse().map_err(|why: NoReference| {
        let what = format!("{typed:?} is not a valid repository/tag");
        anyhow::anyhow!("error parsing reference: {what}: {why}")
    })?;
    globals.engine()?.tag(required(matches, "source"), &target)?;
    Ok(ExitCode::SUCCESS)
}
