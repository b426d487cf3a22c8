//! `dok network create`: makes a network with its bridge.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ipnet::IpNet;

use super::named;
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
        .arg(switch("ipv4", "Addresses of IPv4 for containers (default true)"))
        .arg(switch("ipv6", "Addresses of IPv6 for containers"))
        .arg(list("subnet", "SUBNET", "All addresses of the network, as 10.9.0.0/24"))
        .arg(list("gateway", "ADDRESS", "The bridge's own address in a subnet"))
        .arg(list("ip-range", "RANGE", "The part of a subnet that containers get theirs from"))
        .arg(list("aux-address", "NAME=ADDRESS", "An address that containers never get"))
        .arg(value("ipam-driver", "DRIVER", "Who gives addresses").default_value("default"))
        .arg(list("opt", "NAME=VALUE", "An option of the driver").short('o'))
        .arg(list("label", "NAME=VALUE", "A label"))
        .args(refused::args(REFUSED))
}

fn value(name: &'static str, kind: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(kind).help(help)
}

fn list(name: &'static str, kind: &'static str, help: &'static str) -> Arg {
    value(name, kind, help).action(ArgAction::Append)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    value(name, "BOOL", help)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(value_parser!(bool))
        .overrides_with(name)
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let network = globals.engine()?.create_network(&request(matches)?)?;
    print(&format!("{}\n", network.id))?;
    Ok(ExitCode::SUCCESS)
}

fn request(matches: &ArgMatches) -> Result<CreateNetwork> {
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let is = |name| matches.get_one::<bool>(name).copied();
    Ok(CreateNetwork {
        name: text("network"),
        driver: text("driver"),
        ipv4: is("ipv4"),
        ipv6: is("ipv6"),
        ipam: Ipam { driver: text("ipam-driver"), options: None, config: pools(matches)? },
        internal: is("internal") == Some(true),
        attachable: is("attachable") == Some(true),
        options: pairs(named(matches, "opt")),
        labels: pairs(named(matches, "label")),
        ..CreateNetwork::default()
    })
}

fn pairs<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let pair = |word: &str| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    words.map(pair).collect()
}

/// Subnets, and what was said of each.
fn pools(matches: &ArgMatches) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    for text in named(matches, "subnet") {
        let subnet: IpNet = parse(text, "subnet", "a subnet like 10.9.0.0/24")?;
        pools.push(Pool { subnet, range: None, gateway: None, taken: BTreeMap::new() });
    }
    for text in named(matches, "gateway") {
        let address: IpAddr = parse(text, "gateway", "an address")?;
        let pool = pool_of(&mut pools, address, "gateway", text)?;
        if let Some(other) = pool.gateway.replace(address) {
            return Err(twice("gateways", &other.to_string(), text, pool));
        }
    }
    for text in named(matches, "ip-range") {
        let range: IpNet = parse(text, "ip-range", "a range like 10.9.0.128/25")?;
        let pool = pool_of(&mut pools, range.network(), "range", text)?;
        if let Some(other) = pool.range.replace(range) {
            return Err(twice("ranges", &other.to_string(), text, pool));
        }
    }
    for text in named(matches, "aux-address") {
        let (name, address) = text.split_once('=').unwrap_or(("", text));
        let address: IpAddr = parse(address, "aux-address", "NAME=ADDRESS")?;
        let pool = pool_of(&mut pools, address, "aux-address", text)?;
        pool.taken.insert(name.to_owned(), address);
    }
    Ok(pools)
}

fn parse<T: std::str::FromStr>(text: &str, flag: &str, expected: &str) -> Result<T> {
    text.parse().map_err(|_| {
        let words = format!("invalid argument {text:?} for --{flag}: expected {expected}");
        refuse(Kind::Invalid, words)
    })
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
