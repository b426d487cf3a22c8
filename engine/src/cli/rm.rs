//! `dok rm CONTAINER…`

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::Globals;
use super::each::each_but;
use super::flags::{containers, is_set, switch};
use crate::error::{Kind, Result, kind, refuse};
use crate::model::Container;
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
    let force = is_set(matches, "force");
    let running = if force { Running::Kill } else { Running::Refuse };
    let volumes = if is_set(matches, "volumes") { Volumes::Remove } else { Volumes::Keep };
    let act = |container: &Container| engine.remove(container, running, volumes);
    // What is not there need not be removed by force.
    each_but(&engine, matches, act, |error| force && kind(error) == Some(Kind::NotFound))
}
