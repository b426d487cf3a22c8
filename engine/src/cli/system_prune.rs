//! `dok system prune`: takes away what nobody uses.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::container_prune::removed;
use super::filters::{filter, filters};
use super::flags::{is_set, switch};
use super::{Globals, confirm, human, image_prune, print};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("system prune")
        .about("Remove unused data")
        .arg(switch("all", "Remove all unused images not just dangling ones").short('a'))
        .arg(filter())
        .arg(switch("force", "Do not prompt for confirmation").short('f'))
        .arg(switch("volumes", "Prune anonymous volumes"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let (all, volumes) = (is_set(matches, "all"), is_set(matches, "volumes"));
    let filters = filters(matches)?;
    anyhow::ensure!(
        !(volumes && filters.contains_key("until")),
        "ERROR: The \"until\" filter is not supported with \"--volumes\""
    );
    if !is_set(matches, "force") && !confirm(&warning(all, volumes))? {
        return Ok(ExitCode::SUCCESS);
    }
    let engine = globals.engine()?;
    let containers = engine.prune_containers(&filters)?;
    let mut bytes = containers.bytes;
    let mut text = removed("Deleted Containers:", &containers.removed);
    text += &removed("Deleted Networks:", &engine.prune_networks(&filters)?);
    if volumes {
        let volumes = engine.prune_volumes(&filters)?;
        bytes += volumes.bytes;
        text += &removed("Deleted Volumes:", &volumes.removed);
    }
    let images = engine.prune_images(all, &filters)?;
    bytes += images.bytes;
    text += &image_prune::deleted(&images);
    print(&format!("{text}Total reclaimed space: {}\n", human::size(bytes, 4)))?;
    Ok(ExitCode::SUCCESS)
}

fn warning(all: bool, volumes: bool) -> String {
    let images = match all {
        true => "all images without at least one container associated to them",
        false => "all dangling images",
    };
    let volumes = volumes.then_some("all anonymous volumes not used by at least one container");
    let networks = "all networks not used by at least one container";
    let lines = ["all stopped containers", networks].into_iter().chain(volumes).chain([images]);
    let lines: String = lines.map(|line| format!("  - {line}\n")).collect();
    format!("This will remove:\n{lines}")
}
