//! Networks come and go: the three that are always there, and those that people make.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::link::Links;
use super::{addresses, bridge, options};
use crate::error::{Context, Kind, Result, refuse};
use crate::model::network::{ConfigFrom, CreateNetwork, Driver, Ipam, Network, Pool};
use crate::store::Store;
use crate::store::networks::Networks;
use crate::store::{Lock, random_id};
use crate::time::Time;

/// Every network, by name, those that are always there among them.
///
/// # Errors
/// Of the store.
pub fn all(store: &Store) -> Result<Vec<Network>> {
    let networks = store.networks();
    let all = networks.all()?;
    if all.iter().any(|network| network.name == "bridge") {
        return Ok(all);
    }
    let lock = networks.lock()?;
    make_predefined(&networks, &lock)?;
    networks.all()
}

/// The network of that name or id.
///
/// # Errors
/// A refusal where there is none.
pub fn find(store: &Store, name: &str) -> Result<Network> {
    let networks = store.networks();
    let lock = networks.lock()?;
    find_locked(&networks, name, &lock)
}

pub(super) fn find_locked(networks: &Networks, name: &str, lock: &Lock) -> Result<Network> {
    match networks.find(name) {
        Err(_) if !networks.all()?.iter().any(|network| network.name == "bridge") => {
            make_predefined(networks, lock)?;
            networks.find(name)
        }
        found => found,
    }
}

fn make_predefined(networks: &Networks, lock: &Lock) -> Result<()> {
    let known = known_networks(&networks.all()?)?;
    let options = [
        ("bridge.default_bridge", "true"),
        ("bridge.enable_icc", "true"),
        ("bridge.enable_ip_masquerade", "true"),
        ("bridge.host_binding_ipv4", "0.0.0.0"),
        ("bridge.name", "dok0"),
        ("driver.mtu", "1500"),
    ];
    let options = options
        .map(|(name, value)| (format!("com.docker.network.{name}"), value.to_owned()))
        .into();
    for (name, driver, config, options) in [
        ("host", Driver::Host, Vec::new(), BTreeMap::new()),
        ("none", Driver::Null, Vec::new(), BTreeMap::new()),
        // The last: it tells that all three are there.
        ("bridge", Driver::Bridge, vec![pool(addresses::free_subnet4(&known)?)], options),
    ] {
        if networks.all()?.iter().any(|network| network.name == name) {
            continue;
        }
        let ipam = Ipam { driver: "default".to_owned(), options: None, config };
        let network = Network { driver, options, ipam, ..blank(name)? };
        networks.keep(&network, lock)?;
    }
    Ok(())
}

fn blank(name: &str) -> Result<Network> {
    Ok(Network {
        name: name.to_owned(),
        id: random_id()?,
        created: Time::now(),
        scope: "local".to_owned(),
        driver: Driver::Bridge,
        ipv4: true,
        ipv6: false,
        ipam: Ipam::default(),
        internal: false,
        attachable: false,
        ingress: false,
        config_from: ConfigFrom::default(),
        config_only: false,
        containers: BTreeMap::new(),
        options: BTreeMap::new(),
        labels: BTreeMap::new(),
    })
}

/// Makes a network, with its bridge.
///
/// # Errors
/// A refusal in Docker's words; nothing is left behind then.
pub fn create(store: &Store, request: &CreateNetwork) -> Result<Network> {
    check(request)?;
    let networks = store.networks();
    let lock = networks.lock()?;
    make_predefined(&networks, &lock)?;
    let others = networks.all()?;
    if others.iter().any(|other| other.name == request.name) {
        let words = format!("network with name {} already exists", request.name);
        return Err(refuse(Kind::Conflict, words));
    }
    let config = pools(request, &others)?;
    let network = Network {
        ipv4: request.ipv4.unwrap_or(true),
        ipv6: request.ipv6.unwrap_or(false),
        ipam: Ipam { driver: "default".to_owned(), options: Some(BTreeMap::new()), config },
        internal: request.internal,
        attachable: request.attachable,
        options: request.options.clone(),
        labels: request.labels.clone(),
        ..blank(&request.name)?
    };
    let links = Links::open().context("open a socket of rtnetlink")?;
    if others.iter().any(|other| other.bridge() == network.bridge()) {
        let words = format!("network device {} is there already", network.bridge());
        return Err(refuse(Kind::Conflict, words));
    }
    bridge::check_name(&network.bridge(), &links)?;
    networks.keep(&network, &lock)?;
    if let Err(error) = bridge::ensure(&networks, &network, &links, &lock) {
        networks.forget(&network, &lock)?;
        // What the rules have of it now is without a record; the error above is the one to tell.
        let _ = bridge::remove(&network, &others);
        return Err(error);
    }
    Ok(network)
}

/// Removes a network that nobody is in.
///
/// # Errors
/// A refusal in Docker's words.
pub fn remove(store: &Store, name: &str) -> Result<Network> {
    let networks = store.networks();
    let lock = networks.lock()?;
    let network = find_locked(&networks, name, &lock)?;
    if network.is_predefined() {
        let words = format!("{} is a pre-defined network and cannot be removed", network.name);
        return Err(refuse(Kind::Denied, words));
    }
    let members = networks.endpoints(&network.id)?;
    if !members.is_empty() {
        let names: Vec<String> = members
            .iter()
            .map(|member| format!("name:{:?} id:{:?}", member.name, &member.id[..12]))
            .collect();
        let words = format!(
            "error while removing network: network {} has active endpoints ({})",
            network.name,
            names.join(", ")
        );
        return Err(refuse(Kind::Denied, words));
    }
    super::remove_leaving(&networks, &network)?;
    let mut others = networks.all()?;
    others.retain(|other| other.id != network.id);
    bridge::remove(&network, &others)?;
    networks.forget(&network, &lock)?;
    Ok(network)
}

fn check(request: &CreateNetwork) -> Result<()> {
    let invalid = |words: String| Err(refuse(Kind::Invalid, words));
    let name = &request.name;
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let all = name.chars().all(|c| c.is_ascii_graphic() && !"/:,=".contains(c));
    if !first || !all {
        return invalid(format!(
            "invalid network name {name:?}: expected a letter or a digit, and then no spaces and \
             none of /:,="
        ));
    }
    if matches!(name.as_str(), "bridge" | "host" | "none" | "default") {
        let words = format!("operation is not permitted on predefined {name} network");
        return Err(refuse(Kind::Denied, words));
    }
    match request.driver.as_str() {
        "" | "bridge" => {}
        one @ ("host" | "null") => {
            let words = format!("only one instance of \"{one}\" network is allowed");
            return Err(refuse(Kind::Denied, words));
        }
        other => {
            return Err(refuse(Kind::NotFound, format!("plugin \"{other}\" not found")));
        }
    }
    if !matches!(request.ipam.driver.as_str(), "" | "default") {
        let words = format!("IPAM driver \"{}\" not found", request.ipam.driver);
        return Err(refuse(Kind::NotFound, words));
    }
    if request.ipv4 == Some(false) && request.ipv6 != Some(true) {
        return invalid("IPv4 or IPv6 must be enabled".to_owned());
    }
    if request.config_only || request.ingress || !request.config_from.network.is_empty() {
        return invalid("config-only, config-from and ingress are of clusters".to_owned());
    }
    options::check(&request.options)
}

/// The pools of a network to be: what is asked for, or what is free.
fn pools(request: &CreateNetwork, others: &[Network]) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    let taken: Vec<IpNet> =
        others.iter().flat_map(|other| &other.ipam.config).map(|pool| pool.subnet).collect();
    for asked in &request.ipam.config {
        check_pool(asked)?;
        if taken.iter().any(|other| addresses::overlap(other, &asked.subnet)) {
            let words = "invalid pool request: Pool overlaps with other one on this address space";
            return Err(refuse(Kind::Denied, words));
        }
        let same = |pool: &Pool| pool.subnet.addr().is_ipv4() == asked.subnet.addr().is_ipv4();
        if pools.iter().any(same) {
            let words = "a bridge network has one subnet of IPv4 and one of IPv6 at most";
            return Err(refuse(Kind::Invalid, words));
        }
        pools.push(Pool { gateway: asked.gateway.or(first(asked.subnet)), ..asked.clone() });
    }
    let has = |four: bool| pools.iter().any(|pool: &Pool| pool.subnet.addr().is_ipv4() == four);
    let (has4, has6) = (has(true), has(false));
    if request.ipv4 != Some(false) && !has4 {
        pools.push(pool(addresses::free_subnet4(&known_networks(others)?)?));
    }
    if request.ipv6 == Some(true) && !has6 {
        pools.push(pool(addresses::own_subnet6(random_bytes()?)));
    }
    Ok(pools)
}

fn check_pool(pool: &Pool) -> Result<()> {
    let invalid = |words: String| Err(refuse(Kind::Invalid, words));
    let subnet = pool.subnet;
    if subnet.trunc() != subnet {
        return invalid(format!("invalid subnet {subnet}: it should be {}", subnet.trunc()));
    }
    let hosts = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
    if hosts < 2 {
        return invalid(format!("invalid subnet {subnet}: it has no address for a container"));
    }
    if let Some(range) = pool.range.filter(|range| !subnet.contains(range)) {
        return invalid(format!("invalid ip-range {range}: parent subnet is {subnet}"));
    }
    if let Some(gateway) = pool.gateway.filter(|gateway| !subnet.contains(gateway)) {
        return invalid(format!("invalid gateway {gateway}: parent subnet is {subnet}"));
    }
    if let Some(other) = pool.taken.values().find(|address| !subnet.contains(*address)) {
        return invalid(format!("invalid auxiliary address {other}: parent subnet is {subnet}"));
    }
    check_uses(pool)
}

/// Refuses an address that is to have two uses.
fn check_uses(pool: &Pool) -> Result<()> {
    let taken =
        |what: String| Err(refuse(Kind::Conflict, format!("{what}: Address already in use")));
    let is_nobodys = |address| addresses::is_nobodys(&pool.subnet, address);
    if let Some(gateway) = pool.gateway.filter(|gateway| is_nobodys(*gateway)) {
        return taken(format!("failed to allocate gateway ({gateway})"));
    }
    let mut used: BTreeSet<IpAddr> = pool.gateway.or(first(pool.subnet)).into_iter().collect();
    for (name, address) in &pool.taken {
        if is_nobodys(*address) || !used.insert(*address) {
            return taken(format!("failed to allocate secondary ip address ({name}:{address})"));
        }
    }
    Ok(())
}

fn pool(subnet: IpNet) -> Pool {
    Pool { subnet, range: None, gateway: first(subnet), taken: BTreeMap::new() }
}

/// The first address that a device may have.
fn first(subnet: IpNet) -> Option<IpAddr> {
    match subnet {
        IpNet::V4(net) => net.hosts().next().map(IpAddr::V4),
        IpNet::V6(net) => Some(IpAddr::V6((u128::from(net.network()) + 1).into())),
    }
}

/// What a new network must not overlap: the other networks, and where the host has routes to.
fn known_networks(others: &[Network]) -> Result<Vec<IpNet>> {
    let links = Links::open().context("open a socket of rtnetlink")?;
    let mut known = links.routes().context("list the host's routes")?;
    known.extend(others.iter().flat_map(|other| &other.ipam.config).map(|pool| pool.subnet));
    Ok(known)
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(bytes.as_mut_slice(), rustix::rand::GetRandomFlags::empty())
        .context("get random bytes")?;
    Ok(bytes)
}
