//! `dok inspect`: everything about objects, of whatever kind.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch, text, texts, value};
use super::{Globals, complain, listing, print, tell};
use crate::error::{Kind, Result, kind};
use crate::service::inspect::{Object, ObjectKind, Sizes};

pub(super) fn definition() -> Command {
    objects("inspect", "Return low-level information on objects")
        .arg(value("type", "TYPE", "Only objects of a kind: container, image, network, volume"))
        .arg(switch("size", "Display total file sizes if the type is container").short('s'))
}

/// What all that inspect have in common.
pub(super) fn objects(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .arg(Arg::new("name").value_name("NAME|ID").num_args(1..).required(true))
        .arg(value("format", "FORMAT", "json, or a template of Go").short('f'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let sizes = if is_set(matches, "size") { Sizes::Measure } else { Sizes::Leave };
    let kinds = match text(matches, "type").as_deref() {
        Some("container") => &[ObjectKind::Container][..],
        Some("image") => &[ObjectKind::Image],
        Some("network") => &[ObjectKind::Network],
        Some("volume") => &[ObjectKind::Volume],
        None | Some("") => &ObjectKind::ALL,
        Some(other) => {
            let known = "\"container\", \"image\", \"network\", \"volume\"";
            anyhow::bail!("unknown type: {other:?}: must be one of {known}");
        }
    };
    show(globals, matches, kinds, sizes)
}

/// Shows what is there, and says what is not.
pub(super) fn show(
    globals: &Globals,
    matches: &ArgMatches,
    kinds: &[ObjectKind],
    sizes: Sizes,
) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut found: Vec<Object> = Vec::new();
    let mut missing = Vec::new();
    for name in texts(matches, "name") {
        match engine.inspect(&name, kinds, sizes) {
            Ok(object) => found.push(object),
            Err(error) => missing.push(error),
        }
    }
    let shown = listing::inspect(&found, text(matches, "format").as_deref())?;
    // A program that reads a line gets one, also where there is nothing to tell.
    print(if shown.is_empty() { "\n" } else { &shown })?;
    let mut code = ExitCode::SUCCESS;
    for error in missing {
        code = ExitCode::FAILURE;
        match kinds {
            // That nothing at all has the name is found by the client, which asks for each kind.
            [_, _, ..] if kind(&error) == Some(Kind::NotFound) => {
                complain(&format!("Error: {error}"));
            }
            _ => drop(tell(&error)),
        }
    }
    Ok(code)
}
