//! Commands that do the same to several containers: the name of each is printed when it is done,
//! and one that fails does not keep the others from it.

use std::process::ExitCode;

use clap::ArgMatches;

use super::flags::texts;
use super::{print, tell};
use crate::error::Result;
use crate::model::Container;
use crate::service::Engine;

pub(super) fn each(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()>,
) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for name in texts(matches, "container") {
        match engine.store.container(&name).and_then(|container| act(&container)) {
            Ok(()) => print(&format!("{name}\n"))?,
            Err(error) => {
                tell(&error);
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
