//! A container goes into its networks before its program runs: its namespace is made by us, so that
//! the runtime finds it with all that belongs in it.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::str::FromStr;

use super::Engine;
use super::links::Linked;
use crate::error::{Kind, Result, refuse};
use crate::model::network::{Binding, HostPort, Mac, Publish};
use crate::model::{Container, EndpointConfig, HostConfig, NetworkingConfig, PortBinding, items};
use crate::network::{self, Request, namespace, ports};

/// What a container has of its networks.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Its addresses, those of the first network first.
    pub(super) addresses: Vec<IpAddr>,
    /// The machine's address as the container sees it.
    pub(super) machine: Option<IpAddr>,
    /// Whether one of its networks has names.
    pub(super) has_names: bool,
    /// Containers that it has names for.
    pub(super) links: Vec<Linked>,
    /// The sockets that hold its published ports.
    pub(super) reserved: Vec<OwnedFd>,
}

/// What a container asks of a network.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
    mac: Option<Mac>,
    aliases: Vec<String>,
    links: Vec<String>,
}

impl Wishes {
    pub(super) fn read(container: &Container, wanted: Option<&EndpointConfig>) -> Result<Wishes> {
        let Some(wanted) = wanted else { return Ok(Wishes::default()) };
        let fixed = wanted.ipam_config.clone().unwrap_or_default();
        let mut aliases = items(&wanted.aliases).to_vec();
        aliases.retain(|alias| *alias != container.name && alias != container.short_id());
        Ok(Wishes {
            ipv4: read(&fixed.ipv4_address, "IPv4 address")?,
            ipv6: read(&fixed.ipv6_address, "IPv6 address")?,
            mac: read(&wanted.mac_address, "MAC address")?,
            aliases,
            links: items(&wanted.links).to_vec(),
        })
    }

    pub(super) fn request<'a>(
        &'a self,
        container: &'a Container,
        network: &'a str,
        namespace: &'a Path,
        ports: &'a [Publish],
    ) -> Request<'a> {
        Request {
            container: &container.id,
            name: &container.name,
            hostname: container.hostname(),
            namespace,
            network,
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            mac: self.mac,
            aliases: &self.aliases,
            links: &self.links,
            ports,
        }
    }
}

/// Reads what a request may leave empty.
fn read<T: FromStr>(text: &str, what: &str) -> Result<Option<T>> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = text.parse().map_err(|_| refuse(Kind::Invalid, format!("invalid {what}: {text}")));
    value.map(Some)
}

/// Whether a container has a place in networks: neither the host's, nor another's, nor none.
pub(super) fn is_own(host: &HostConfig) -> bool {
    let mode = host.network_mode.as_str();
    !matches!(mode, "host" | "none") && !mode.starts_with("container:")
}

/// The network of those who are in none.
pub(super) const NONE: &str = "none";

/// Whether we make a container's network namespace: it has a place in networks, or was connected
/// to one after it had been created without.
pub(super) fn has_place(container: &Container) -> bool {
    let host = &container.host_config;
    is_own(host) || (host.network_mode == NONE && names(container).any(|name| name != NONE))
}

/// The names of the networks that a container is in when it runs.
pub(super) fn names(container: &Container) -> impl Iterator<Item = &str> {
    let places = container.networking_config.endpoints_config.iter().flatten();
    places.map(|(name, _)| name.as_str())
}

/// What makes no sense, whatever networks there are; what is of no use is told.
pub(super) fn check(host: &HostConfig, networks: &NetworkingConfig) -> Result<Vec<String>> {
    ports::from_map(&host.port_bindings.clone().unwrap_or_default())?;
    let mut warnings = Vec::new();
    for server in items(&host.dns) {
        if read::<IpAddr>(server, "name server")?.is_some_and(|server| server.is_loopback()) {
            let words = format!("Localhost DNS setting (--dns={server}) may fail in containers.");
            warnings.push(words);
        }
    }
    let places = networks.endpoints_config.iter().flatten();
    let nameless = Container::default();
    for (_, wanted) in places.clone() {
        Wishes::read(&nameless, wanted.as_ref())?;
    }
    if is_own(host) {
        return Ok(warnings);
    }
    if places.clone().any(|(name, _)| *name != host.network_mode) {
        let words = "conflicting options: cannot attach both user-defined and non-user-defined \
                     network-modes";
        return Err(refuse(Kind::Invalid, words));
    }
    let publishes =
        host.publish_all_ports || host.port_bindings.as_ref().is_some_and(|map| !map.is_empty());
    if publishes {
        let mode = &host.network_mode;
        warnings.push(format!("Published ports are discarded when using {mode} network mode"));
    }
    Ok(warnings)
}

/// The ports that the machine is to offer: those that were named, and where all are to be, those
/// that are exposed.
fn published(container: &Container) -> Result<Vec<Publish>> {
    let host = &container.host_config;
    let mut map = host.port_bindings.clone().unwrap_or_default();
    if host.publish_all_ports {
        for port in container.config.exposed_ports.iter().flatten().map(|(port, _)| port) {
            if map.get(port).is_none_or(|bindings| items(bindings).is_empty()) {
                map.insert(port.clone(), Some(vec![PortBinding::default()]));
            }
        }
    }
    let mut all = ports::from_map(&map)?;
    // A port that was named is not to be taken by one that may be any.
    all.sort_by_key(|publish| publish.host == HostPort::Any);
    Ok(all)
}

impl Engine {
    /// The ports of the machine that lead to a container.
    ///
    /// # Errors
    /// `No such container: X`.
    pub fn ports(&self, name: &str) -> Result<Vec<Binding>> {
        let container = self.store.container(name)?;
        let places = self.store.networks().endpoints_of(&container.id)?;
        Ok(places.into_iter().flat_map(|endpoint| endpoint.bindings).collect())
    }

    /// Makes the namespace, and lays cables to each network.
    pub(super) fn enter_networks(&self, container: &Container) -> Result<Place> {
        let mut place = Place::default();
        let pin = namespace::create(&self.store, &container.id)?;
        let wanted = container.networking_config.endpoints_config.clone().unwrap_or_default();
        let first = container.host_config.network_mode.as_str();
        let mut places: Vec<_> = wanted.iter().filter(|(name, _)| *name != NONE).collect();
        // The first leads outside, and to the published ports.
        let priority =
            |wishes: &Option<EndpointConfig>| wishes.as_ref().map_or(0, |w| w.gw_priority);
        places.sort_by_key(|(name, wishes)| (Reverse(priority(wishes)), *name != first));
        let mut published = published(container)?;
        for (name, wishes) in places {
            let wishes = Wishes::read(container, wishes.as_ref())?;
            let request = wishes.request(container, name, &pin, &published);
            let attached = network::attach(&self.store, &request)?;
            let endpoint = &attached.endpoint;
            place.addresses.extend(endpoint.addresses().iter().map(ipnet::IpNet::addr));
            place.machine = place.machine.or(endpoint.gateway4.map(IpAddr::V4));
            place.has_names |= !attached.network.is_predefined();
            place.reserved.extend(attached.reserved);
            if !attached.network.internal {
                // The first network leads to them.
                published.clear();
            }
        }
        place.links = self.linked(container)?;
        Ok(place)
    }
}
