//! The files that dok writes for a container: its hosts, its name, its name servers.

use std::fs;
use std::net::IpAddr;

use super::networking::Place;
use crate::bundle::OuterMount;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Container, items};
use crate::network::files::{self, Resolver, Wanted};
use crate::store::Store;

/// The word of `--add-host` for the machine's own address.
const MACHINE: &str = "host-gateway";

/// Writes the files; where they are mounted. Containers in one network share those of its first.
pub(super) fn write(
    store: &Store,
    container: &Container,
    place: &Place,
) -> Result<Vec<OuterMount>> {
    let first = owner_of_network(store, container)?;
    let folder = store.container_folder(&first.id);
    if first.id == container.id {
        for (name, text) in [
            ("resolv.conf", resolv_conf(container, place)),
            ("hostname", format!("{}\n", container.hostname())),
            ("hosts", hosts(container, place)?),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
    }
    let access = if container.host_config.readonly_rootfs { "ro" } else { "rw" };
    let mount = |name: &str| OuterMount {
        kind: "bind",
        source: folder.join(name).display().to_string(),
        destination: format!("/etc/{name}"),
        options: ["rbind", access, "rprivate"].map(str::to_owned).to_vec(),
    };
    Ok(["resolv.conf", "hostname", "hosts"].map(mount).to_vec())
}

/// The container in whose network another is: itself, or the last that is named in turn.
pub(super) fn owner_of_network(store: &Store, container: &Container) -> Result<Container> {
    let mut owner = container.clone();
    while let Some(id) = owner.host_config.network_mode.strip_prefix("container:") {
        owner = store.container(id)?;
    }
    Ok(owner)
}

/// Lets a container that runs ask its resolver, which it has only now. A file that somebody has
/// changed inside stays as it is.
pub(super) fn ask_the_resolver(store: &Store, container: &Container) -> Result<()> {
    let path = store.container_folder(&container.id).join("resolv.conf");
    let before = resolv_conf(container, &Place::default());
    let now = resolv_conf(container, &Place { has_names: true, ..Place::default() });
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    match text == before {
        // In its place, since it is mounted inside.
        true => fs::write(&path, now).with_context(|| format!("write {}", path.display())),
        false => Ok(()),
    }
}

fn hosts(container: &Container, place: &Place) -> Result<String> {
    let mut extra = extra_hosts(container, place)?;
    for link in &place.links {
        extra.extend(link.addresses.iter().map(|address| (link.names.join(" "), *address)));
    }
    if container.host_config.network_mode == "host" {
        let own = fs::read_to_string("/etc/hosts").unwrap_or_default();
        let lines = extra.iter().map(|(name, address)| format!("{address}\t{name}\n"));
        return Ok(own + &lines.collect::<String>());
    }
    let own = match container.config.domainname.as_str() {
        "" => match container.hostname().split_once('.') {
            Some((short, _)) => format!("{} {short}", container.hostname()),
            None => container.hostname().to_owned(),
        },
        domain => format!("{0}.{domain} {0}", container.hostname()),
    };
    Ok(files::hosts(&place.addresses, &own, &extra))
}

/// `NAME:ADDRESS` or `NAME=ADDRESS`, the address perhaps in brackets.
fn extra_hosts(container: &Container, place: &Place) -> Result<Vec<(String, IpAddr)>> {
    let read = |extra: &String| {
        let (name, address) = extra.split_once(['=', ':']).unwrap_or((extra, ""));
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let found = if bare == MACHINE { place.machine } else { bare.parse().ok() };
        let wrong = || {
            let words = match bare {
                MACHINE => "unable to derive the IP value for host-gateway".to_owned(),
                _ => format!("invalid IP address in add-host: {address:?}"),
            };
            refuse(Kind::Invalid, words)
        };
        Ok((name.to_owned(), found.ok_or_else(wrong)?))
    };
    items(&container.host_config.extra_hosts).iter().map(read).collect()
}

fn resolv_conf(container: &Container, place: &Place) -> String {
    let host = &container.host_config;
    let servers: Vec<_> = items(&host.dns).iter().filter_map(|text| text.parse().ok()).collect();
    let wanted = Wanted {
        servers: &servers,
        search: items(&host.dns_search),
        options: items(&host.dns_options),
    };
    let resolver = match host.network_mode.as_str() {
        "host" => Resolver::Machine,
        _ if place.has_names => Resolver::Embedded,
        _ => Resolver::Servers,
    };
    let machine = match resolver {
        Resolver::Machine => fs::read_to_string("/etc/resolv.conf").unwrap_or_default(),
        _ => files::of_the_machine(),
    };
    files::resolv_conf(&machine, resolver, &wanted)
}
