//! `dok network disconnect`: a container goes out of a network.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use crate::cli::flags::{is_set, switch};
use crate::cli::{Globals, required};
use crate::error::Result;
use crate::service::connect::Force;

pub(in crate::cli) fn definition() -> Command {
    Command::new("network disconnect")
        .about("Disconnect a container from a network")
        .arg(Arg::new("network").value_name("NETWORK").required(true).help("Name or id"))
        .arg(Arg::new("container").value_name("CONTAINER").required(true).help("Name or id"))
        .arg(switch("force", "Also where the container itself is not known any more").short('f'))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let force = if is_set(matches, "force") { Force::Yes } else { Force::No };
    let (network, container) = (required(matches, "network"), required(matches, "container"));
    globals.engine()?.disconnect_network(network, container, force)?;
    Ok(ExitCode::SUCCESS)
}
