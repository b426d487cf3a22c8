//! `dok network connect`: a container goes into a network.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::cli::Globals;
use crate::cli::flags::{text, texts, value, values};
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
    Command::new("network connect")
        .about("Connect a container to a network")
        .arg(Arg::new("network").value_name("NETWORK").required(true).help("Name or id"))
        .arg(Arg::new("container").value_name("CONTAINER").required(true).help("Name or id"))
        .arg(values("alias", "NAME", "Another name in this network"))
        .arg(value("ip", "ADDRESS", "The address of IPv4 that it is to have"))
        .arg(value("ip6", "ADDRESS", "The address of IPv6 that it is to have"))
        .arg(values("link", "CONTAINER[:ALIAS]", "A name that it alone has for another"))
        .arg(
            value("gw-priority", "N", "Of several networks, the highest leads outside")
                .value_parser(value_parser!(i64)),
        )
        .args(refused::args(REFUSED))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let one = |name| text(matches, name).unwrap_or_default();
    let wanted = EndpointConfig {
        ipam_config: Some(IpamConfig { ipv4_address: one("ip"), ipv6_address: one("ip6") }),
        aliases: Some(texts(matches, "alias")),
        links: Some(texts(matches, "link")).filter(|links| !links.is_empty()),
        gw_priority: matches.get_one::<i64>("gw-priority").copied().unwrap_or_default(),
        ..EndpointConfig::default()
    };
    globals.engine()?.connect_network(&one("network"), &one("container"), &wanted)?;
    Ok(ExitCode::SUCCESS)
}
