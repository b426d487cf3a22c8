//! `dok rmi`: takes images and names away.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch, texts};
use super::{Globals, platform, print, tell};
use crate::error::{Kind, Result, kind};
use crate::service::image::Removed;

pub(super) fn definition() -> Command {
    Command::new("rmi")
        .about("Remove one or more images")
        .arg(Arg::new("image").value_name("IMAGE").required(true).num_args(1..))
        .arg(switch("force", "Force removal of the image").short('f'))
        .arg(switch("no-prune", "Do not delete untagged parents: there are none here"))
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let platform = platform::asked(matches)?;
    let force = is_set(matches, "force");
    let mut end = ExitCode::SUCCESS;
    for name in texts(matches, "image") {
        let is_meant = engine.check_platform(&name, platform.as_ref());
        match is_meant.and_then(|()| engine.remove_image(&name, force)) {
            Ok(removed) => print(&removed.iter().map(line).collect::<String>())?,
            // What is not there need not be removed by force.
            Err(error) if force && kind(&error) == Some(Kind::NotFound) => drop(tell(&error)),
            Err(error) => end = tell(&error),
        }
    }
    Ok(end)
}

fn line(removed: &Removed) -> String {
    match removed {
        Removed::Untagged(name) => format!("Untagged: {name}\n"),
        Removed::Deleted(digest) => format!("Deleted: {digest}\n"),
    }
}
