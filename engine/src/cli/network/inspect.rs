//! `dok network inspect`: what is known of networks, and who is in them.

use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::networks;
use crate::cli::flags::{switch, text, texts, value};
use crate::cli::listing::inspect;
use crate::cli::{Globals, print, tell};
use crate::error::Result;

pub(in crate::cli) fn definition() -> Command {
    let verbose = "Also tell of a swarm's services: there are none in a network of one machine";
    Command::new("network inspect")
        .about("Show networks in detail")
        .arg(networks())
        .arg(value("format", "FORMAT", "json, or a template of Go").short('f'))
        .arg(switch("verbose", verbose).short('v'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut found = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for name in texts(matches, "network") {
        match engine.inspect_network(&name) {
            Ok(network) => found.push(network),
            Err(error) => code = tell(&error),
        }
    }
    print(&inspect(&found, text(matches, "format").as_deref())?)?;
    Ok(code)
}
