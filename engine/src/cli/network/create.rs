//! `dok network create`: makes a network with its bridge.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Arg, ArgMatches, Command};
use ipnet::IpNet;

use crate::cli::flags::{is_set, labels, pairs, switch, text, texts, value, values};
use crate::cli::refused::{self, Refused, Takes};
use crate::cli::{Globals, print};
use crate::error::{Kind, Result, refuse};
use crate::model::network::{CreateNetwork, Ipam, Pool};

const REFUSED: &[Refused] = &[
    Refused {
        flag: "config-from",
        takes: Takes::One("NETWORK", &[""]),
        reason: "networks share no configurations",
    },
    Refused {
        flag: "config-only",
        takes: Takes::Nothing,
        reason: "networks share no configurations",
    },
    Refused { flag: "ingress", takes: Takes::Nothing, reason: "there is no swarm" },
    Refused {
        flag: "ipam-opt",
        takes: Takes::Many("NAME=VALUE"),
        reason: "who gives addresses here knows no options",
    },
    Refused {
        flag: "scope",
        takes: Takes::One("SCOPE", &["", "local"]),
        reason: "a network is of this machine alone",
    },
];

pub(in crate::cli) fn definition() -> Command {
    Command::new("network create")
        .about("Create a network")
        .arg(Arg::new("network").value_name("NETWORK").required(true).help("What to call it"))
        .arg(
            value("driver", "DRIVER", "Who carries its packets").short('d').default_value("bridge"),
        )
        .arg(switch("internal", "No way out, and no way in but for its own containers"))
        .arg(switch("attachable", "Kept for tools that ask for it"))
        .arg(open_switch("ipv4", "Addresses of IPv4 for containers (default true)"))
        .arg(open_switch("ipv6", "Addresses of IPv6 for containers"))
        .arg(values("subnet", "SUBNET", "All addresses of the network, as 10.9.0.0/24"))
        .arg(values("gateway", "ADDRESS", "The bridge's own address in a subnet"))
        .arg(values("ip-range", "RANGE", "The part of a subnet that containers get theirs from"))
        .arg(values("aux-address", "NAME=ADDRESS", "An address that containers never get"))
        .arg(value("ipam-driver", "DRIVER", "Who gives addresses").default_value("default"))
        .arg(values("opt", "NAME=VALUE", "An option of the driver").short('o'))
        .arg(values("label", "NAME=VALUE", "A label"))
        .args(refused::args(REFUSED))
}

/// One that may also say nothing.
fn open_switch(name: &'static str, help: &'static str) -> Arg {
    switch(name, help).default_value(None)
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let network = globals.engine()?.create_network(&request(matches)?)?;
    print(&format!("{}\n", network.id))?;
    Ok(ExitCode::SUCCESS)
}

fn request(matches: &ArgMatches) -> Result<CreateNetwork> {
    let one = |name| text(matches, name).unwrap_or_default();
    let said = |name| matches.get_one::<bool>(name).copied();
    Ok(CreateNetwork {
        name: one("network"),
        driver: one("driver"),
        ipv4: said("ipv4"),
        ipv6: said("ipv6"),
        ipam: Ipam { driver: one("ipam-driver"), options: None, config: pools(matches)? },
        internal: is_set(matches, "internal"),
        attachable: is_set(matches, "attachable"),
        options: pairs(&texts(matches, "opt")),
        labels: labels(&texts(matches, "label"))?,
        ..CreateNetwork::default()
    })
}

/// Subnets, and what was said of each.
fn pools(matches: &ArgMatches) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    for text in texts(matches, "subnet") {
        let subnet: IpNet = read(&text, "subnet", &text, BLOCK)?;
        pools.push(Pool { subnet, range: None, gateway: None, taken: BTreeMap::new() });
    }
    for text in texts(matches, "gateway") {
        let address: IpAddr = read(&text, "gateway", &text, ADDRESS)?;
        let pool = pool_of(&mut pools, address, "gateway", &text)?;
        if let Some(other) = pool.gateway.replace(address) {
            return Err(twice("gateways", &other.to_string(), &text, pool));
        }
    }
    for text in texts(matches, "ip-range") {
        let range: IpNet = read(&text, "ip-range", &text, BLOCK)?;
        let pool = pool_of(&mut pools, range.network(), "range", &text)?;
        if let Some(other) = pool.range.replace(range) {
            return Err(twice("ranges", &other.to_string(), &text, pool));
        }
    }
    for (name, text) in pairs(&texts(matches, "aux-address")) {
        let address: IpAddr = read(&text, "auxiliary address", &name, ADDRESS)?;
        let pool = pool_of(&mut pools, address, "aux-address", &text)?;
        pool.taken.insert(name, address);
    }
    Ok(pools)
}

const BLOCK: &str = "invalid CIDR block notation";
const ADDRESS: &str = "invalid address";

/// In the words of Docker's daemon, whose exit code is 1.
fn read<T: FromStr>(text: &str, what: &str, whose: &str, wrong: &str) -> Result<T> {
    text.parse().map_err(|_| refuse(Kind::Invalid, format!("invalid {what} {whose}: {wrong}")))
}

fn twice(what: &str, first: &str, second: &str, pool: &Pool) -> anyhow::Error {
    let subnet = pool.subnet;
    let words = format!(
        "cannot configure multiple {what} ({first}, {second}) on the same subnet ({subnet})"
    );
    refuse(Kind::Invalid, words)
}

fn pool_of<'a>(
    pools: &'a mut [Pool],
    address: IpAddr,
    what: &str,
    text: &str,
) -> Result<&'a mut Pool> {
    pools
        .iter_mut()
        .find(|pool| pool.subnet.contains(&address))
        .ok_or_else(|| refuse(Kind::Invalid, format!("no matching subnet for {what} {text}")))
}
