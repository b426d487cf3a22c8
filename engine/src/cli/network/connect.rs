//! `dok network connect`: a container goes into a network.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::named;
use crate::cli::Globals;
use crate::cli::refused::{self, Refused, Takes};
use crate::error::Result;
use crate::model::{EndpointConfig, IpamConfig};

const REFUSED: &[Refused] = &[
    Refused {
        flag: "driver-opt",
        takes: Takes::Many("NAME=VALUE"),
        reason: "the driver of bridges has no options for one container",
    },
    Refused {
        flag: "link-local-ip",
        takes: Takes::Many("ADDRESS"),
        reason: "a container has addresses of its networks' subnets alone",
    },
];

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
        .arg(
            value("link", "CONTAINER[:ALIAS]", "A name that it alone has for another")
                .action(ArgAction::Append),
        )
        .arg(
            value("gw-priority", "N", "Of several networks, the highest leads outside")
                .value_parser(value_parser!(i64))
                .allow_negative_numbers(true),
        )
        .args(refused::args(REFUSED))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let wanted = EndpointConfig {
        ipam_config: Some(IpamConfig { ipv4_address: text("ip"), ipv6_address: text("ip6") }),
        aliases: Some(named(matches, "alias").map(str::to_owned).collect()),
        links: Some(named(matches, "link").map(str::to_owned).collect::<Vec<_>>())
            .filter(|links| !links.is_empty()),
        gw_priority: matches.get_one::<i64>("gw-priority").copied().unwrap_or_default(),
        ..EndpointConfig::default()
    };
    globals.engine()?.connect_network(&text("network"), &text("container"), &wanted)?;
    Ok(ExitCode::SUCCESS)
}
