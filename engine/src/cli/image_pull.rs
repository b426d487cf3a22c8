//! `dok pull`: an image from a registry.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch};
use super::progress::Shown;
use super::{Globals, platform, print, refused, required};
use crate::error::Result;
use crate::image::Reference;
use crate::image::reference::DEFAULT_TAG;

pub(super) fn definition() -> Command {
    Command::new("pull")
        .about("Download an image from a registry")
        .arg(Arg::new("name").value_name("NAME[:TAG|@DIGEST]").required(true))
        .arg(switch("all-tags", "Download all tagged images in the repository").short('a'))
        .arg(switch("quiet", "Suppress verbose output").short('q'))
        .arg(platform::flag())
        .arg(refused::content_trust())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check_content_trust(matches)?;
    let engine = globals.engine()?;
    let reference: Reference = super::reference(required(matches, "name"))?;
    let platform = platform::asked(matches)?;
    let quiet = is_set(matches, "quiet");
    let shown = Shown::new(quiet);
    let progress = |event: crate::progress::Event| shown.show(&event);
    if is_set(matches, "all-tags") {
        if reference.tag.is_some() || reference.digest.is_some() {
            anyhow::bail!("tag can't be used with --all-tags/-a");
        }
        engine.pull_all(&reference, platform.as_ref(), &progress)?;
        print(&format!("{}\n", reference.name()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if reference.tag.is_none() && reference.digest.is_none() && !quiet {
        print(&format!("Using default tag: {DEFAULT_TAG}\n"))?;
    }
    engine.pull(&reference, platform.as_ref(), &progress)?;
    print(&format!("{}\n", reference.or_latest()))?;
    Ok(ExitCode::SUCCESS)
}
