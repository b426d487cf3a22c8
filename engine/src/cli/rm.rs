//! `dok rm CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::each::{Missing, each_that_is_there};
use super::flags::{containers, is_set, switch};
use crate::error::{Kind, Result, refuse};
use crate::monitor::cleanup::Volumes;
use crate::service::remove::Running;

pub(super) fn definition() -> Command {
    Command::new("rm")
        .about("Remove one or more containers")
        .arg(switch("force", "Force the removal of a running container (uses SIGKILL)").short('f'))
        .arg(switch("volumes", "Remove anonymous volumes of the container").short('v'))
        .arg(switch("link", "Remove the specified link").short('l'))
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    if is_set(matches, "link") {
        // Nothing but a container's own name leads to it: there are no links.
        let words = "Conflict, cannot remove the default link name of the container";
        return Err(refuse(Kind::Conflict, words));
    }
    let running = if is_set(matches, "force") { Running::Kill } else { Running::Refuse };
    let volumes = if is_set(matches, "volumes") { Volumes::Remove } else { Volumes::Keep };
    // Who insists wants it to be gone, and it is.
    let missing = if is_set(matches, "force") { Missing::Passes } else { Missing::Fails };
    each_that_is_there(&engine, matches, missing, |container| {
        engine.remove(container, running, volumes)
    })
}
