//! `dok network inspect`: what is known of networks, and who is in them.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::{named, networks};
use crate::cli::flags::switch;
use crate::cli::listing::inspect;
use crate::cli::{Globals, print, tell};
use crate::error::Result;

pub(in crate::cli) fn definition() -> Command {
    let verbose = "Also tell of a swarm's services: there are none in a network of one machine";
    Command::new("network inspect")
        .about("Show networks in detail")
        .arg(networks())
        .arg(
            Arg::new("format")
                .long("format")
                .short('f')
                .value_name("FORMAT")
                .help("json, or a template of Go"),
        )
        .arg(switch("verbose", verbose).short('v'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut found = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for name in named(matches, "network") {
        match engine.inspect_network(name) {
            Ok(network) => found.push(network),
            Err(error) => code = tell(&error),
        }
    }
    let format = matches.get_one::<String>("format").map(String::as_str);
    print(&inspect(&found, format)?)?;
    Ok(code)
}
