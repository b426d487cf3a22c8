//! Pure: `--network`, and what is asked of it.

use std::collections::BTreeMap;

use clap::ArgMatches;

use crate::cli::flags::{invalid, text, texts};
use crate::error::{Kind, Result, refuse};
use crate::model::network::Mac;
use crate::model::{EndpointConfig, IpamConfig, NetworkingConfig};

/// The network of the machine that is meant where none is named.
const DEFAULT: &str = "default";

/// The first network, which is the mode; empty where none was named.
pub(super) fn mode(matches: &ArgMatches) -> Result<String> {
    let first = texts(matches, "network").into_iter().next();
    first.map_or(Ok(String::new()), |word| Ok(network(&word)?.0))
}

/// What is asked of each network. The flags that name none are about the first.
pub(super) fn places(matches: &ArgMatches) -> Result<NetworkingConfig> {
    let words = texts(matches, "network");
    let networks = words.iter().map(|word| network(word)).collect::<Result<Vec<_>>>()?;
    if networks.len() > 1 && networks.iter().any(|(name, _)| !is_own(name)) {
        let words = "conflicting options: cannot attach both user-defined and non-user-defined \
                     network-modes";
        return Err(refuse(Kind::Usage, words));
    }
    let mut places = BTreeMap::new();
    let flags = of_flags(matches);
    for mac in networks.iter().map(|(_, wanted)| wanted).chain([&flags]).map(|at| &at.mac_address) {
        if !mac.is_empty() && mac.parse::<Mac>().is_err() {
            return Err(refuse(Kind::Usage, format!("{mac} is not a valid mac address")));
        }
    }
    let first = networks.first().map_or(DEFAULT, |(name, _)| name.as_str()).to_owned();
    if flags != EndpointConfig::default() {
        places.insert(first.clone(), flags);
    }
    for (name, wanted) in networks {
        match places.get(&name) {
            None => drop(places.insert(name, wanted)),
            Some(_) if wanted == EndpointConfig::default() && name == first => {}
            Some(_) => {
                let words = format!("conflicting options: network {name:?} is specified twice");
                return Err(refuse(Kind::Usage, words));
            }
        }
    }
    places.retain(|name, wanted| is_own(name) || *wanted != EndpointConfig::default());
    let places = places.into_iter().map(|(name, wanted)| (name, Some(wanted)));
    Ok(NetworkingConfig { endpoints_config: Some(places.collect()) })
}

fn is_own(name: &str) -> bool {
    !matches!(name, "none" | "host") && !name.starts_with("container:")
}

fn of_flags(matches: &ArgMatches) -> EndpointConfig {
    let one = |name| text(matches, name).unwrap_or_default();
    EndpointConfig {
        ipam_config: fixed(one("ip"), one("ip6")),
        aliases: Some(texts(matches, "network-alias")).filter(|aliases| !aliases.is_empty()),
        mac_address: one("mac-address"),
        ..EndpointConfig::default()
    }
}

fn fixed(ipv4_address: String, ipv6_address: String) -> Option<IpamConfig> {
    let asked = !ipv4_address.is_empty() || !ipv6_address.is_empty();
    asked.then_some(IpamConfig { ipv4_address, ipv6_address })
}

/// `NAME`, or `name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…`.
fn network(word: &str) -> Result<(String, EndpointConfig)> {
    if !word.contains('=') {
        return Ok((word.to_owned(), EndpointConfig::default()));
    }
    let wrong = |what: &str| invalid("network", word, what);
    let (mut name, mut ip, mut ip6, mut aliases) =
        (String::new(), String::new(), String::new(), Vec::new());
    let (mut mac_address, mut gw_priority) = (String::new(), 0);
    for field in word.split(',') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match key.to_ascii_lowercase().as_str() {
            "name" => value.clone_into(&mut name),
            "alias" => aliases.push(value.to_owned()),
            "ip" => value.clone_into(&mut ip),
            "ip6" => value.clone_into(&mut ip6),
            "mac-address" => value.clone_into(&mut mac_address),
            "gw-priority" => {
                gw_priority = value.parse().map_err(|_| wrong("gw-priority is no number"))?;
            }
            _ => return Err(wrong(&format!("invalid field key {key}"))),
        }
    }
    if name.is_empty() {
        return Err(wrong("network name/id is not specified"));
    }
    let aliases = Some(aliases).filter(|aliases| !aliases.is_empty());
    let ipam_config = fixed(ip, ip6);
    let wanted = EndpointConfig { ipam_config, aliases, mac_address, gw_priority, links: None };
    Ok((name, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::container::with_flags;

    fn read(words: &[&str]) -> Result<(String, NetworkingConfig)> {
        let line = ["run"].iter().chain(words).chain(&["image"]);
        let matches = with_flags(clap::Command::new("run")).get_matches_from(line);
        Ok((mode(&matches)?, places(&matches)?))
    }

    #[test]
    fn each_network_has_what_is_asked_of_it() {
        let (mode, places) = read(&[
            "--network",
            "a",
            "--ip",
            "10.0.0.9",
            "--network",
            "name=b,alias=x,alias=y,mac-address=02:00:00:00:00:01",
        ])
        .unwrap();
        let places = places.endpoints_config.unwrap();
        assert_eq!(mode, "a");
        let a = places["a"].as_ref().unwrap();
        assert_eq!(a.ipam_config.as_ref().unwrap().ipv4_address, "10.0.0.9");
        let b = places["b"].as_ref().unwrap();
        assert_eq!(b.aliases.as_deref().unwrap(), ["x", "y"]);
        assert_eq!(b.mac_address, "02:00:00:00:00:01");
        let (mode, places) = read(&["--mac-address", "02:00:00:00:00:01"]).unwrap();
        assert!(mode.is_empty() && places.endpoints_config.unwrap().contains_key(DEFAULT));
        let (_, places) = read(&["--network", "none"]).unwrap();
        assert!(places.endpoints_config.unwrap().is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["--network", "alias=x"][..],
            &["--network", "name=a,colour=red"],
            &["--network", "a", "--network", "host"],
            &[
                "--network",
                "a",
                "--network",
                "a",
                "--ip",
                "10.0.0.9",
                "--network",
                "name=a,ip=10.0.0.8",
            ],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
