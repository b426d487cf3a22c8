//! Networks of containers: bridges, addresses, published ports, names.
//!
//! A network is a bridge with the machine's address on it. A container's network namespace is made
//! by us ([`namespace`]) before the runtime is called; [`attach`] lays a cable from it to the
//! bridge, and [`detach`] takes all of that away again. What is to be is written down (a file for
//! each container in each network) before it is done and crossed out after it is undone, so that
//! nothing is there of which no record tells: [`check`] finds what a killed process left.

mod addresses;
mod bridge;
pub mod check;
pub mod definition;
pub mod dns;
pub mod files;
mod hold;
mod link;
pub mod namespace;
mod netlink;
mod options;
mod place;
pub mod ports;
mod rules;
mod sysctl;

use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::error::{Context, Kind, Result, refuse};
use crate::model::Event;
use crate::model::network::{Driver, Endpoint, Mac, Network, Publish};
use crate::store::Lock;
use crate::store::Store;
use crate::store::networks::Networks;
use link::{Cable, Links};
pub use netlink::attributes;
use place::enter;
use rules::Table;

/// A container that is to be in a network.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The container's id.
    pub container: &'a str,
    /// The container's name.
    pub name: &'a str,
    /// The container's host name.
    pub hostname: &'a str,
    /// Its network namespace.
    pub namespace: &'a Path,
    /// The network, by name or id.
    pub network: &'a str,
    /// The address it wants, where it wants one.
    pub ipv4: Option<Ipv4Addr>,
    /// The address it wants, where it wants one.
    pub ipv6: Option<Ipv6Addr>,
    /// The hardware address it wants, where it wants one.
    pub mac: Option<Mac>,
    /// Other names that it answers to in this network.
    pub aliases: &'a [String],
    /// `NAME[:ALIAS]`: names that it alone has for others in this network.
    pub links: &'a [String],
    /// Its ports that the machine is to offer.
    pub ports: &'a [Publish],
}

/// A container that is in a network.
#[derive(Debug)]
pub struct Attached {
    /// The network.
    pub network: Network,
    /// What it got.
    pub endpoint: Endpoint,
    /// Bound sockets: as long as they are open, no other program gets the published ports. The
    /// container's monitor is to hold them.
    pub reserved: Vec<OwnedFd>,
}

/// Puts a container into a network.
///
/// # Errors
/// A refusal in Docker's words: no such network, an address or a port that is taken. Nothing is
/// left behind then.
pub fn attach(store: &Store, request: &Request<'_>) -> Result<Attached> {
    let links = Links::open().context("open a socket of rtnetlink")?;
    let networks = store.networks();
    let (attached, bridge) = {
        let lock = networks.lock()?;
        let network = definition::find_locked(&networks, request.network, &lock)?;
        refuse_other_drivers(&network)?;
        let bridge = bridge::ensure(&networks, &network, &links, &lock)?;
        sweep(&networks, &network, request.container, &links, &lock)?;
        (enter(&networks, network, request, &lock)?, bridge)
    };
    let (network, endpoint) = (&attached.network, &attached.endpoint);
    let laid = lay(network, endpoint, &links, bridge).with_context(|| {
        format!("connect {} to the network {}", request.name, attached.network.name)
    });
    match laid {
        Ok(()) => {
            let event = Event::of_network(network, "connect").with("container", request.container);
            store.tell(&event);
            Ok(attached)
        }
        Err(error) => {
            // What could not be undone now is found by its record.
            let _ = leave(&networks, endpoint);
            Err(error)
        }
    }
}

/// Takes a container out of a network; that it is not there is well.
///
/// # Errors
/// Says what could not be undone; the record of it stays then.
pub fn detach(store: &Store, container: &str, network: &str) -> Result<()> {
    let networks = store.networks();
    match networks.endpoint(&networks.find(network)?.id, container)? {
        Some(endpoint) => {
            leave(&networks, &endpoint)?;
            tell_of_leaving(store, &endpoint);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Takes a container that has ended out of all networks, and lets go of its network namespace. Its
/// cables go with that: the kernel takes its time over them (tens of milliseconds), and nobody need
/// wait. Until they are gone, nobody gets its addresses.
///
/// # Errors
/// As [`detach`].
pub fn release(store: &Store, container: &str) -> Result<Lingering> {
    let networks = store.networks();
    let places = networks.endpoints_of(container)?;
    let mut lingering = Lingering::default();
    if !places.is_empty() {
        let lock = networks.lock()?;
        for endpoint in &places {
            let table = shut(&networks, endpoint, || networks.let_go(endpoint, &lock))?;
            lingering.0.extend(table);
        }
        places.iter().for_each(|endpoint| tell_of_leaving(store, endpoint));
    }
    namespace::remove(store, container)?;
    Ok(lingering)
}

fn tell_of_leaving(store: &Store, endpoint: &Endpoint) {
    // One that is gone meanwhile has told of its own end.
    if let Ok(network) = store.networks().find(&endpoint.network) {
        let event = Event::of_network(&network, "disconnect");
        store.tell(&event.with("container", &endpoint.container));
    }
}

/// Sockets of nf_tables by which something was removed. The kernel lets whoever closes one wait for
/// the removal's last step (some ten milliseconds), so this is to be dropped when nobody waits.
#[derive(Debug, Default)]
#[must_use = "to be dropped once nobody waits"]
pub struct Lingering(Vec<Table>);

/// Forgets those on the way out whose cables are gone, and what an earlier start of this container,
/// which was killed, had of the network.
fn sweep(
    networks: &Networks,
    network: &Network,
    container: &str,
    links: &Links,
    lock: &Lock,
) -> Result<()> {
    let is_gone = |endpoint: &Endpoint| match links.find(&endpoint.port) {
        Ok(found) => Ok(found.is_none()),
        Err(error) => Err(error).with_context(|| format!("look for the cable {}", endpoint.port)),
    };
    for endpoint in networks.leaving(&network.id)? {
        if is_gone(&endpoint)? {
            networks.forget_leaving(&endpoint, lock)?;
        }
    }
    match networks.endpoint(&network.id, container)? {
        Some(endpoint) if is_gone(&endpoint)? => {
            shut(networks, &endpoint, || networks.forget_endpoint(&endpoint, lock)).map(drop)
        }
        _ => Ok(()),
    }
}

fn refuse_other_drivers(network: &Network) -> Result<()> {
    if network.driver == Driver::Bridge {
        return Ok(());
    }
    let words = format!("network {} has no bridge to connect a container to", network.name);
    Err(refuse(Kind::Invalid, words))
}

/// Lays the cable and makes the end inside ready.
fn lay(network: &Network, endpoint: &Endpoint, links: &Links, bridge: link::Index) -> Result<()> {
    let path = &endpoint.namespace;
    let namespace = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let cable = Cable {
        port: &endpoint.port,
        bridge,
        inside: &endpoint.interface,
        namespace: &namespace,
        mac: endpoint.mac,
        mtu: network.mtu(),
    };
    links.lay(&cable).with_context(|| format!("lay the cable {}", endpoint.port))?;
    namespace::inside(&namespace, || bring_up_inside(endpoint))
        .with_context(|| format!("bring up {} inside", endpoint.interface))
}

fn bring_up_inside(endpoint: &Endpoint) -> io::Result<()> {
    let name = &endpoint.interface;
    if endpoint.ipv6.is_none() {
        sysctl::write_where_there(&format!("ipv6/conf/{name}/disable_ipv6"), "1")?;
    }
    let links = Links::open()?;
    let device = links.find(name)?.ok_or(io::ErrorKind::NotFound)?;
    links.bring_up(device.index, &endpoint.addresses())?;
    links.lead_outside(device.index, &endpoint.gateways())
}

/// Lets a container that has left the network which led outside go out by another: the first that
/// can, from the highest priority, and among equals by name.
///
/// # Errors
/// Names the device.
pub fn lead_outside(store: &Store, container: &str, priority: &dyn Fn(&str) -> i64) -> Result<()> {
    let networks = store.networks();
    let mut places = Vec::new();
    for endpoint in networks.endpoints_of(container)? {
        let name = networks.find(&endpoint.network)?.name;
        places.push((Reverse(priority(&name)), name, endpoint));
    }
    places.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    for (_, _, endpoint) in &places {
        let (path, device) = (&endpoint.namespace, &endpoint.interface);
        let namespace = File::open(path).with_context(|| format!("open {}", path.display()))?;
        namespace::inside(&namespace, || lead_by(device, &endpoint.gateways()))
            .with_context(|| format!("let {device} lead outside"))?;
    }
    Ok(())
}

/// A device that the container itself has renamed or removed leads nowhere.
fn lead_by(device: &str, gateways: &[IpAddr]) -> io::Result<()> {
    let links = Links::open()?;
    match links.find(device)? {
        Some(found) => links.lead_outside(found.index, gateways),
        None => Ok(()),
    }
}

/// Undoes what [`attach`] did, the record last.
fn leave(networks: &Networks, endpoint: &Endpoint) -> Result<()> {
    let links = Links::open().context("open a socket of rtnetlink")?;
    links
        .remove_named(&endpoint.port)
        .with_context(|| format!("remove the cable {}", endpoint.port))?;
    let lock = networks.lock()?;
    // Somebody else may have been here between: then it is theirs to undo, or undone.
    let now = networks.endpoint(&endpoint.network, &endpoint.container)?;
    if now.as_ref() != Some(endpoint) {
        return Ok(());
    }
    shut(networks, endpoint, || networks.forget_endpoint(endpoint, &lock)).map(drop)
}

/// Takes from the packet filter what it has of a container, and crosses out its record. The caller
/// holds the lock.
fn shut(
    networks: &Networks,
    endpoint: &Endpoint,
    cross_out: impl FnOnce() -> Result<()>,
) -> Result<Option<Table>> {
    let elements = rules::of_endpoint(endpoint);
    if elements.is_empty() {
        return cross_out().map(|()| None);
    }
    let table = Table::open().context("open a socket of nf_tables")?;
    let removed = table.remove(&elements);
    cross_out()?;
    // Not as it was left: all is written anew.
    if removed.is_err() {
        bridge::write_rules(networks, &table)?;
    }
    Ok(Some(table))
}

/// Removes the cables of those on their way out of a network that is to go.
fn remove_leaving(networks: &Networks, network: &Network) -> Result<()> {
    let links = Links::open().context("open a socket of rtnetlink")?;
    for endpoint in networks.leaving(&network.id)? {
        links
            .remove_named(&endpoint.port)
            .with_context(|| format!("remove the cable {}", endpoint.port))?;
    }
    Ok(())
}
