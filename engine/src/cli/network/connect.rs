//! `dok network connect`: a container goes into a network.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::named;
use crate::cli::Globals;
use crate::error::Result;
use crate::model::{EndpointConfig, IpamConfig};

pub(in crate::cli) fn definition() -> Command {
    let value = |name: &'static str, kind: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(kind).help(help)
    };
    Command::new("network connect")
        .about("Connect a container to a network")
        .arg(Arg::new("network").value_name("NETWORK").required(true).help("Name or id"))
        .arg(Arg::new("container").value_name("CONTAINER").required(true).help("Name or id"))
        .arg(value("alias", "NAME", "Another name in this network").action(ArgAction::Append))
        .arg(value("ip", "ADDRESS", "The address of IPv4 that it is to have"))
        .arg(value("ip6", "ADDRESS", "The address of IPv6 that it is to have"))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let wanted = EndpointConfig {
        ipam_config: Some(IpamConfig { ipv4_address: text("ip"), ipv6_address: text("ip6") }),
        aliases: Some(named(matches, "alias").map(str::to_owned).collect()),
        ..EndpointConfig::default()
    };
    globals.engine()?.connect_network(&text("network"), &text("container"), &wanted)?;
    Ok(ExitCode::SUCCESS)
}
