//! `dok port`: the ports of the machine that lead to a container.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{container, text};
use super::status::address;
use super::{Globals, complain, print, required};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("port")
        .about("List port mappings or a specific mapping for the container")
        .arg(container())
        .arg(Arg::new("port").value_name("PRIVATE_PORT[/PROTO]"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let name = required(matches, "container");
    let mut bindings = globals.engine()?.ports(name)?;
    bindings.sort_by_key(|binding| (binding.container, binding.protocol, binding.address));
    let Some(wanted) = text(matches, "port") else {
        let line = |b| format!("{} -> {}\n", port(b), address(b));
        print(&bindings.iter().map(line).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    };
    let wanted = if wanted.contains('/') { wanted } else { wanted + "/tcp" };
    bindings.retain(|binding| port(binding) == wanted);
    if bindings.is_empty() {
        complain(&format!("Error: No public port '{wanted}' published for {name}"));
        return Ok(ExitCode::FAILURE);
    }
    print(&bindings.iter().map(|b| format!("{}\n", address(b))).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn port(binding: &crate::model::network::Binding) -> String {
    format!("{}/{}", binding.container, binding.protocol)
}
