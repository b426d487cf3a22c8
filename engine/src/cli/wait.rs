//! `dok wait`: waits for the end of containers, and prints their exit codes.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::{containers, texts};
use super::{Globals, print, tell};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("wait")
        .about("Block until one or more containers stop, then print their exit codes")
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut end = ExitCode::SUCCESS;
    for name in texts(matches, "container") {
        match engine.store.container(&name).and_then(|container| engine.wait(&container)) {
            Ok(code) => print(&format!("{code}\n"))?,
            Err(error) => end = tell(&error),
        }
    }
    Ok(end)
}
