//! `dok push`: an image to a registry.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::progress::Shown;
use super::{Globals, print, refused, required};
use crate::error::Result;
use crate::image::reference::DEFAULT_TAG;

pub(super) fn definition() -> Command {
    let flag = |name: &'static str, short| {
        Arg::new(name).long(name).short(short).action(ArgAction::SetTrue)
    };
    Command::new("push")
        .about("Upload an image to a registry")
        .arg(Arg::new("name").value_name("NAME[:TAG]").required(true))
        .arg(flag("all-tags", 'a').help("Push all tags of an image to the repository"))
        .arg(flag("quiet", 'q').help("Suppress verbose output"))
        .arg(super::platform_flag())
        .arg(refused::content_trust())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check_content_trust(matches)?;
    let engine = globals.engine()?;
    let reference = super::reference(required(matches, "name"))?;
    engine.check_platform(required(matches, "name"), matches.get_one("platform"))?;
    let quiet = matches.get_flag("quiet");
    let shown = Shown::new(quiet);
    let progress = |event: crate::progress::Event| shown.show(&event);
    if matches.get_flag("all-tags") {
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
        print(&format!("{}\n", reference.or_latest()))?;
    }
    Ok(ExitCode::SUCCESS)
}
