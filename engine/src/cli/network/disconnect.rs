//! `dok network disconnect`: a container goes out of a network.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::Globals;
use crate::error::Result;
use crate::service::connect::Force;

pub(in crate::cli) fn definition() -> Command {
    Command::new("network disconnect")
        .about("Disconnect a container from a network")
        .arg(Arg::new("network").value_name("NETWORK").required(true).help("Name or id"))
        .arg(Arg::new("container").value_name("CONTAINER").required(true).help("Name or id"))
        .arg(
            Arg::new("force")
                .long("force")
                .short('f')
                .action(ArgAction::SetTrue)
                .help("Also where the container itself is not known any more"),
        )
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let force = if matches.get_flag("force") { Force::Yes } else { Force::No };
    globals.engine()?.disconnect_network(&text("network"), &text("container"), force)?;
    Ok(ExitCode::SUCCESS)
}
