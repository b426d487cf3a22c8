//! A network's bridge, the machine's settings that it needs, and its rules: made when they are
//! missing, which after a reboot they are.

use ipnet::IpNet;

use super::link::{Index, Links};
use super::rules::{self, Strangers, Table};
use super::{addresses, sysctl};
use crate::error::{Context, Kind, Result, refuse};
use crate::model::network::{Driver, Mac, Network};
use crate::store::Lock;
use crate::store::networks::Networks;

/// The mark of a machine that forwards packets only since we asked it to.
const FORWARDS_FOR_US: &str = "forwards-for-us";

/// The network's bridge, made with all it needs where it is not there. It is brought up last: one
/// that is up has its rules, also where somebody was killed while making it.
pub(super) fn ensure(
    networks: &Networks,
    network: &Network,
    links: &Links,
    lock: &Lock,
) -> Result<Index> {
    let name = network.bridge();
    let found = links.find(&name).with_context(|| format!("look for the bridge {name}"))?;
    let table = Table::open().context("open a socket of nf_tables")?;
    let ready = found.as_ref().filter(|link| link.is_up).map(|link| link.index);
    if ready.is_none() || !table.is_current().context("look at the packet filter")? {
        write_rules(networks, &table)?;
    }
    admit(network, &table)?;
    if let Some(index) = ready {
        return Ok(index);
    }
    forward_packets(networks, network, &table, lock)?;
    make(network, links, found.map(|link| link.index))
        .with_context(|| format!("make the bridge {name}"))
}

/// Has other firewalls let the bridge's packets through; they are asked each time, for they are
/// loaded anew as their owners please.
fn admit(network: &Network, table: &Table) -> Result<()> {
    let name = network.bridge();
    table.admit(&name).with_context(|| format!("let {name} through the firewall's chain FORWARD"))
}

/// Writes the whole packet filter from the records. The caller holds the lock.
pub(super) fn write_rules(networks: &Networks, table: &Table) -> Result<()> {
    let mut elements: Vec<_> = networks.all()?.iter().flat_map(rules::of_network).collect();
    elements.extend(networks.all_endpoints()?.iter().flat_map(rules::of_endpoint));
    let ours = networks.has_mark(FORWARDS_FOR_US);
    let strangers = if ours { Strangers::Stop } else { Strangers::Pass };
    table.write(&elements, strangers).context("write the packet filter's table inet dok")
}

/// Removes a network's bridge and what the packet filter has of it; with the last, the table.
pub(super) fn remove(network: &Network, others: &[Network]) -> Result<()> {
    let name = network.bridge();
    let links = Links::open().context("open a socket of rtnetlink")?;
    links.remove_named(&name).with_context(|| format!("remove the bridge {name}"))?;
    let table = Table::open().context("open a socket of nf_tables")?;
    table
        .dismiss(&name)
        .with_context(|| format!("remove {name} from the firewall's chain FORWARD"))?;
    if !table.is_current().context("look at the packet filter")? {
        return Ok(());
    }
    let alive = |other: &Network| {
        other.driver == Driver::Bridge && matches!(links.find(&other.bridge()), Ok(Some(_)))
    };
    if others.iter().any(alive) {
        // Elements that somebody else removed are as gone as they are to be.
        let _ = table.remove(&rules::of_network(network));
        return Ok(());
    }
    table.delete().context("remove the packet filter's table inet dok")
}

/// Makes the bridge, or what is missing of one that is there already.
fn make(network: &Network, links: &Links, found: Option<Index>) -> Result<Index> {
    let name = network.bridge();
    let four = network.gateway4().filter(|_| network.ipv4);
    let six = network.gateway6().filter(|_| network.ipv6);
    let addresses: Vec<IpNet> = four.map(IpNet::V4).into_iter().chain(six.map(IpNet::V6)).collect();
    let first = addresses.first().map(|net| addresses::mac_of(net.addr()));
    let index = match found {
        Some(index) => index,
        None => {
            let mac = first.unwrap_or(Mac([2, 0x42, 0, 0, 0, 1]));
            links.make_bridge(&name, mac, network.mtu())?
        }
    };
    let settings = settings(&name, six.is_some(), network.internal);
    let ready = settings.and_then(|()| Ok(links.bring_up(index, &addresses)?));
    if ready.is_err() {
        // The error that kept it from being ready is the one to tell.
        let _ = links.remove_named(&name);
    }
    ready.map(|()| index)
}

fn settings(bridge: &str, six: bool, internal: bool) -> Result<()> {
    if !six {
        sysctl::write_where_there(&format!("ipv6/conf/{bridge}/disable_ipv6"), "1")?;
    }
    if !internal {
        // Published ports are reached by 127.0.0.1 too; the rules keep others from using it.
        sysctl::write(&format!("ipv4/conf/{bridge}/route_localnet"), "1")?;
    }
    Ok(())
}

/// The machine has to pass packets on. Where it did not before, it does so for us alone: that rule
/// is there before it begins.
fn forward_packets(
    networks: &Networks,
    network: &Network,
    table: &Table,
    lock: &Lock,
) -> Result<()> {
    const FOUR: &str = "ipv4/ip_forward";
    const SIX: &str = "ipv6/conf/all/forwarding";
    let is_off = |name| sysctl::read(name).as_deref() == Some("0");
    let four = network.ipv4 && is_off(FOUR);
    let six = network.ipv6 && is_off(SIX);
    if network.internal || !(four || six) {
        return Ok(());
    }
    networks.set_mark(FORWARDS_FOR_US, lock)?;
    write_rules(networks, table)?;
    if four {
        sysctl::write(FOUR, "1")?;
    }
    if six {
        keep_hearing_routers()?;
        sysctl::write("ipv6/conf/default/forwarding", "1")?;
        sysctl::write(SIX, "1")?;
    }
    Ok(())
}

/// A machine that forwards IPv6 no longer hears which routers there are (accept_ra 1), and would
/// lose its own way out, unless it is told to hear them all the same (2).
fn keep_hearing_routers() -> Result<()> {
    for device in sysctl::names("ipv6/conf") {
        let setting = format!("ipv6/conf/{device}/accept_ra");
        if device != "all" && sysctl::read(&setting).as_deref() == Some("1") {
            sysctl::write(&setting, "2")?;
        }
    }
    Ok(())
}

/// Refuses a bridge's name that another device has, or that is none.
pub(super) fn check_name(name: &str, links: &Links) -> Result<()> {
    let fits = (1..=15).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':'))
        && !matches!(name, "." | "..");
    if !fits {
        let words = format!("{name} is not a bridge's name: 1 to 15 visible characters, no / or :");
        return Err(refuse(Kind::Invalid, words));
    }
    if links.find(name).with_context(|| format!("look for the device {name}"))?.is_some() {
        let words = format!("network device {name} is there already");
        return Err(refuse(Kind::Conflict, words));
    }
    Ok(())
}
