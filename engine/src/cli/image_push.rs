//! `dok push`: an image to a registry.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch};
use super::progress::Shown;
use super::{Globals, platform, print, refused, required};
use crate::error::Result;
use crate::image::reference::DEFAULT_TAG;

pub(super) fn definition() -> Command {
    Command::new("push")
        .about("Upload an image to a registry")
        .arg(Arg::new("name").value_name("NAME[:TAG]").required(true))
        .arg(switch("all-tags", "Push all tags of an image to the repository").short('a'))
        .arg(switch("quiet", "Suppress verbose output").short('q'))
        .arg(platform::flag())
        .arg(refused::content_trust())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check_content_trust(matches)?;
    let engine = globals.engine()?;
    let reference = super::reference(required(matches, "name"))?;
    let platform = platform::asked(matches)?;
    engine.check_platform(required(matches, "name"), platform.as_ref())?;
    let quiet = is_set(matches, "quiet");
    let shown = Shown::new(quiet);
    let progress = |event: crate::progress::Event| shown.show(&event);
    let all = is_set(matches, "all-tags");
    if all {
        if reference.tag.is_some() {
            anyhow::bail!("tag can't be used with --all-tags/-a");
        }
        engine.push_all(&reference, &progress)?;
    } else {
        if reference.tag.is_none() && !quiet {
            print(&format!("Using default tag: {DEFAULT_TAG}\n"))?;
        }
        engine.push(&reference, &progress)?;
    }
    if quiet {
        let name = if all { reference.name() } else { reference.or_latest().to_string() };
        print(&format!("{name}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
