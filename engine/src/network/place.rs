//! What a container gets of a network: chosen, written down, and let through the packet filter.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::ports::{self, Target};
use super::rules::{self, Table};
use super::{Attached, Request, addresses, bridge};
use crate::error::{Context, Kind, Result, refuse};
use crate::model::network::{Endpoint, Mac, Network};
use crate::store::Lock;
use crate::store::networks::Networks;
use crate::store::random_id;

/// Chooses and writes down what a container gets, and lets the packet filter know.
pub(super) fn enter(
    networks: &Networks,
    network: Network,
    request: &Request<'_>,
    lock: &Lock,
) -> Result<Attached> {
    let id = random_id()?;
    let endpoint = place(networks, &network, request, id)?;
    let target = Target {
        four: endpoint.ipv4.map(|net| net.addr()),
        six: endpoint.ipv6.map(|net| net.addr()),
    };
    // Nobody comes in by a network without a way out.
    let published = if network.internal { &[] } else { request.ports };
    let others: Vec<_> = if published.is_empty() {
        Vec::new()
    } else {
        networks.all_endpoints()?.into_iter().flat_map(|other| other.bindings).collect()
    };
    let default = network
        .option("bridge.host_binding_ipv4")
        .and_then(|text| text.parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_unspecified());
    let wanted = ports::with_default_address(published, default);
    let reserved = ports::reserve(&wanted, target, &others);
    let reserved = ports::told(reserved, request.name, &endpoint.id)?;
    let endpoint = Endpoint { bindings: reserved.bindings, ..endpoint };
    networks.keep_endpoint(&endpoint, lock)?;
    if let Err(error) = let_through(networks, &endpoint) {
        networks.forget_endpoint(&endpoint, lock)?;
        return Err(error);
    }
    Ok(Attached { network, endpoint, reserved: reserved.sockets })
}

/// A container's place in a network, with nothing published yet.
fn place(
    networks: &Networks,
    network: &Network,
    request: &Request<'_>,
    id: String,
) -> Result<Endpoint> {
    let members = networks.endpoints(&network.id)?;
    if members.iter().any(|member| member.container == request.container) {
        let words = format!(
            "endpoint with name {} already exists in network {}",
            request.name, network.name
        );
        return Err(refuse(Kind::Conflict, words));
    }
    refuse_wishes(network, request)?;
    let leaving = networks.leaving(&network.id)?;
    let all = members.iter().chain(&leaving);
    let taken: BTreeSet<IpAddr> = all.flat_map(Endpoint::addresses).map(|net| net.addr()).collect();
    let (mut ipv4, mut ipv6) = (None, None);
    for pool in &network.ipam.config {
        match pool.subnet {
            IpNet::V4(_) if network.ipv4 => {
                ipv4 =
                    Some(addresses::choose(network, pool, request.ipv4.map(IpAddr::V4), &taken)?);
            }
            IpNet::V6(_) if network.ipv6 => {
                ipv6 =
                    Some(addresses::choose(network, pool, request.ipv6.map(IpAddr::V6), &taken)?);
            }
            _ => {}
        }
    }
    let own = ipv4.or(ipv6).map(|net| addresses::mac_of(net.addr()));
    let mac = request.mac.or(own).unwrap_or(Mac([2, 0x42, 0, 0, 0, 2]));
    Ok(Endpoint {
        port: format!("dok-{}", &id[..11]),
        id,
        network: network.id.clone(),
        container: request.container.to_owned(),
        name: request.name.to_owned(),
        hostname: request.hostname.to_owned(),
        aliases: request.aliases.to_vec(),
        links: request.links.to_vec(),
        namespace: request.namespace.to_owned(),
        interface: free_interface(network, &networks.endpoints_of(request.container)?),
        mac,
        ipv4: ipv4.and_then(|net| if let IpNet::V4(net) = net { Some(net) } else { None }),
        ipv6: ipv6.and_then(|net| if let IpNet::V6(net) = net { Some(net) } else { None }),
        gateway4: network
            .gateway4()
            .filter(|_| !network.internal && ipv4.is_some())
            .map(|net| net.addr()),
        gateway6: network
            .gateway6()
            .filter(|_| !network.internal && ipv6.is_some())
            .map(|net| net.addr()),
        bindings: Vec::new(),
    })
}

/// The default bridge serves everybody alike.
fn refuse_wishes(network: &Network, request: &Request<'_>) -> Result<()> {
    if !network.is_predefined() {
        return Ok(());
    }
    let words = if request.ipv4.is_some() || request.ipv6.is_some() {
        "user specified IP address is supported on user defined networks only"
    } else if !request.aliases.is_empty() {
        "network-scoped alias is supported only for containers in user defined networks"
    } else {
        return Ok(());
    };
    Err(refuse(Kind::Invalid, words))
}

fn free_interface(network: &Network, places: &[Endpoint]) -> String {
    let prefix = network.option("container_iface_prefix").unwrap_or("eth");
    (0..)
        .map(|number| format!("{prefix}{number}"))
        .find(|name| !places.iter().any(|place| place.interface == *name))
        .unwrap_or_default()
}

/// Adds what the packet filter has of a container; where it is not as it was left, all is written
/// anew. The caller holds the lock.
fn let_through(networks: &Networks, endpoint: &Endpoint) -> Result<()> {
    let elements = rules::of_endpoint(endpoint);
    if elements.is_empty() {
        return Ok(());
    }
    let table = Table::open().context("open a socket of nf_tables")?;
    table.add(&elements).or_else(|_| bridge::write_rules(networks, &table))
}
