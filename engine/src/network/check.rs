//! What a killed process may have left, and its remedy.
//!
//! Everything here was written down before it was done, so what is amiss is a record of a container
//! that is no more, a pin without a container, or a cable of a record that is gone.

use std::fs;
use std::io;

use super::link::{Link, Links};
use super::rules::Table;
use super::{bridge, leave, namespace};
use crate::error::{Context, Result};
use crate::model::network::Network;
use crate::store::networks::Networks;
use crate::store::{Lock, Store};

/// Something that belongs to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A container's place in a network: the container's id and the network's.
    Place {
        /// The container's id.
        container: String,
        /// The network's id.
        network: String,
    },
    /// A network namespace: the container's id.
    Namespace(String),
    /// The machine's end of a cable, by its name.
    Cable(String),
    /// Networks have bridges, but the packet filter lacks their rules.
    Rules,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Tell.
    Tell,
    /// Remove it.
    Remove,
}

/// Finds what belongs to no container that is alive, and tells of it or removes it.
///
/// # Errors
/// Says what could not be looked at or removed.
pub fn check(
    store: &Store,
    is_alive: &dyn Fn(&str) -> bool,
    remedy: Remedy,
) -> Result<Vec<Leftover>> {
    let mut found = places(store, is_alive, remedy)?;
    found.extend(pins(store, is_alive, remedy)?);
    found.extend(cables_and_rules(store, remedy)?);
    Ok(found)
}

fn places(store: &Store, is_alive: &dyn Fn(&str) -> bool, remedy: Remedy) -> Result<Vec<Leftover>> {
    let networks = store.networks();
    let mut dead = networks.all_endpoints()?;
    dead.retain(|endpoint| !is_alive(&endpoint.container));
    if remedy == Remedy::Remove {
        dead.iter().try_for_each(|endpoint| leave(&networks, endpoint))?;
    }
    let tell = |endpoint: crate::model::network::Endpoint| Leftover::Place {
        container: endpoint.container,
        network: endpoint.network,
    };
    Ok(dead.into_iter().map(tell).collect())
}

fn pins(store: &Store, is_alive: &dyn Fn(&str) -> bool, remedy: Remedy) -> Result<Vec<Leftover>> {
    let folder = namespace::pins(store);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("read {}", folder.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("read {}", folder.display()))?.file_name();
        let Some(container) = name.to_str().filter(|container| !is_alive(container)) else {
            continue;
        };
        if remedy == Remedy::Remove {
            namespace::remove(store, container)?;
        }
        found.push(Leftover::Namespace(container.to_owned()));
    }
    Ok(found)
}

/// Who is on the way out is remembered until his cable is gone, and longer where nobody came to
/// this network since: that is nothing amiss.
fn forget_those_who_left(
    networks: &Networks,
    all: &[Network],
    devices: &[Link],
    lock: &Lock,
) -> Result<()> {
    for network in all {
        for left in networks.leaving(&network.id)? {
            if devices.iter().all(|device| device.name != left.port) {
                networks.forget_leaving(&left, lock)?;
            }
        }
    }
    Ok(())
}

/// Cables are told by their names, on bridges that are ours. The lock keeps away those who are
/// about to lay one.
fn cables_and_rules(store: &Store, remedy: Remedy) -> Result<Vec<Leftover>> {
    let networks = store.networks();
    let lock = networks.lock()?;
    let all = networks.all()?;
    let mut records = networks.all_endpoints()?;
    for network in &all {
        records.append(&mut networks.leaving(&network.id)?);
    }
    let links = Links::open().context("open a socket of rtnetlink")?;
    let devices = links.all().context("list the network devices")?;
    if remedy == Remedy::Remove {
        forget_those_who_left(&networks, &all, &devices, &lock)?;
    }
    let bridges: Vec<_> = devices
        .iter()
        .filter(|device| all.iter().any(|network| network.bridge() == device.name))
        .map(|device| device.index)
        .collect();
    let mut found = Vec::new();
    for device in &devices {
        let ours = device.name.starts_with("dok-")
            && device.master.is_some_and(|master| bridges.contains(&master));
        if !ours || records.iter().any(|record| record.port == device.name) {
            continue;
        }
        if remedy == Remedy::Remove {
            links
                .remove_named(&device.name)
                .with_context(|| format!("remove the cable {}", device.name))?;
        }
        found.push(Leftover::Cable(device.name.clone()));
    }
    let table = Table::open().context("open a socket of nf_tables")?;
    if !bridges.is_empty() && !table.is_current().context("look at the packet filter")? {
        found.push(Leftover::Rules);
    }
    if !bridges.is_empty() && remedy == Remedy::Remove {
        // Also where the table is there: an element too many shows nowhere else.
        bridge::write_rules(&networks, &table)?;
    }
    drop(lock);
    Ok(found)
}
