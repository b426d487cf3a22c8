//! `--link` on the default bridge: what a container is told of another one, by its hosts file and
//! by variables. In networks of users' own, the resolver answers links.

use std::net::IpAddr;

use super::Engine;
use super::conflicts::HOST_AND_LINKS;
use crate::error::{Kind, Result, refuse, told};
use crate::model::network::{Endpoint, split_link};
use crate::model::{Container, HostConfig, items};

/// A container that another one has a name for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Linked {
    /// Its addresses in a network of both.
    pub(super) addresses: Vec<IpAddr>,
    /// The name that was given to it, and those that it has.
    pub(super) names: Vec<String>,
    /// `DB_PORT=tcp://172.17.0.2:5432` and its like.
    pub(super) variables: Vec<String>,
}

/// Variables of a container that say nothing about it to others.
const ITS_OWN: [&str; 3] = ["HOME", "PATH", "HOSTNAME"];

/// Whether the resolver of a network answers links: also for containers that are not there yet.
pub(super) fn are_of_the_resolver(host: &HostConfig) -> bool {
    super::networking::is_own(host) && host.network_mode != "bridge"
}

impl Engine {
    /// `NAME:ALIAS` becomes `ID:ALIAS`: a name can be given to another.
    ///
    /// # Errors
    /// There is no such container, or it is in the host's network.
    pub(super) fn find_linked(&self, container: &mut Container) -> Result<()> {
        let host = &mut container.host_config;
        if are_of_the_resolver(host) {
            return Ok(());
        }
        for link in host.links.iter_mut().flatten() {
            let (name, alias) = split_link(link);
            let found = self.store.container(name).map_err(|error| {
                let words = format!("could not get container for {name}: {}", told(&error));
                refuse(Kind::Invalid, words)
            })?;
            if found.host_config.network_mode == "host" {
                let words = format!("conflicting options: {HOST_AND_LINKS}");
                return Err(refuse(Kind::Invalid, words));
            }
            *link = format!("{}:{alias}", found.id);
        }
        Ok(())
    }

    /// The links as Docker's `inspect` shows them: `/db:/web/alias`.
    pub(super) fn shown_links(&self, container: &Container) -> Option<Vec<String>> {
        if are_of_the_resolver(&container.host_config) {
            return container.host_config.links.clone();
        }
        let shown = |link: &String| {
            let (id, alias) = split_link(link);
            let other = self.store.read_container(id).ok().flatten()?;
            Some(format!("/{}:/{}/{alias}", other.name, container.name))
        };
        container.host_config.links.as_ref().map(|links| links.iter().filter_map(shown).collect())
    }

    /// What a container that is in its networks is told of others.
    ///
    /// # Errors
    /// One of them does not run, or is in no network with it.
    pub(super) fn linked(&self, container: &Container) -> Result<Vec<Linked>> {
        let links = items(&container.host_config.links);
        if links.is_empty() || are_of_the_resolver(&container.host_config) {
            return Ok(Vec::new());
        }
        let own = self.store.networks().endpoints_of(&container.id)?;
        links.iter().map(|link| self.linked_one(container, &own, link)).collect()
    }

    fn linked_one(&self, container: &Container, own: &[Endpoint], link: &str) -> Result<Linked> {
        let (id, alias) = split_link(link);
        let other = self.store.container(id)?;
        let whose = format!("/{} AS /{}/{alias}", other.name, container.name);
        if !self.store.state(id)?.status.is_alive() {
            let words = format!("Cannot link to a non running container: {whose}");
            return Err(refuse(Kind::Conflict, words));
        }
        let owner = super::files::owner_of_network(&self.store, &other)?;
        let places = self.store.networks().endpoints_of(&owner.id)?;
        let is_shared = |place: &&Endpoint| own.iter().any(|own| own.network == place.network);
        let Some(place) = places.iter().find(is_shared) else {
            let words = format!("Cannot link to {whose}: they have no network in common");
            return Err(refuse(Kind::Conflict, words));
        };
        let addresses: Vec<IpAddr> = place.addresses().iter().map(ipnet::IpNet::addr).collect();
        let mut names = vec![alias.to_owned(), other.hostname().to_owned(), other.name.clone()];
        names.dedup();
        let variables = match addresses.first() {
            Some(address) => variables(&container.name, alias, *address, &other),
            None => Vec::new(),
        };
        Ok(Linked { addresses, names, variables })
    }
}

fn variables(own: &str, alias: &str, address: IpAddr, other: &Container) -> Vec<String> {
    let prefix = alias.to_uppercase().replace('-', "_");
    let mut all = vec![format!("{prefix}_NAME=/{own}/{alias}")];
    let mut ports: Vec<(u16, &str)> = other
        .config
        .exposed_ports
        .iter()
        .flatten()
        .filter_map(|(port, _)| {
            let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            Some((number.parse().ok()?, protocol))
        })
        .collect();
    ports.sort_unstable();
    for (at, (port, protocol)) in ports.into_iter().enumerate() {
        let url = format!("{protocol}://{address}:{port}");
        if at == 0 {
            all.push(format!("{prefix}_PORT={url}"));
        }
        let name = format!("{prefix}_PORT_{port}_{}", protocol.to_uppercase());
        all.push(format!("{name}={url}"));
        all.push(format!("{name}_ADDR={address}"));
        all.push(format!("{name}_PORT={port}"));
        all.push(format!("{name}_PROTO={protocol}"));
    }
    let of_other = items(&other.config.env).iter().filter_map(|pair| pair.split_once('='));
    let of_other = of_other.filter(|(name, _)| !ITS_OWN.contains(name));
    all.extend(of_other.map(|(name, value)| format!("{prefix}_ENV_{name}={value}")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Empty;

    #[test]
    fn a_link_has_an_alias_or_the_name() {
        for (link, parts) in
            [("db", ("db", "db")), ("db:sql", ("db", "sql")), ("/db:/web/sql", ("db", "sql"))]
        {
            assert_eq!(split_link(link), parts, "{link}");
        }
    }

    #[test]
    fn variables_tell_of_ports_in_order_and_of_the_others_variables() {
        let mut other = Container::default();
        let ports = ["5432/tcp", "53/udp"].map(|port| (port.to_owned(), Empty {}));
        other.config.exposed_ports = Some(ports.into());
        other.config.env = Some(["PATH=/bin", "A=b"].map(str::to_owned).to_vec());
        let told = variables("web", "my-db", "172.17.0.2".parse().unwrap(), &other);
        assert_eq!(
            told[..3],
            [
                "MY_DB_NAME=/web/my-db",
                "MY_DB_PORT=udp://172.17.0.2:53",
                "MY_DB_PORT_53_UDP=udp://172.17.0.2:53",
            ]
        );
        assert!(told.contains(&"MY_DB_PORT_5432_TCP_ADDR=172.17.0.2".to_owned()), "{told:?}");
        assert_eq!(told.last().unwrap(), "MY_DB_ENV_A=b");
    }
}
