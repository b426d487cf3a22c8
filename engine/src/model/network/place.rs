//! A container's place in a network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{Mac, Member};

/// `NAME[:ALIAS]` taken apart; without an alias, the name is one. Docker writes slashes before
/// them.
pub fn split_link(link: &str) -> (&str, &str) {
    let (name, alias) = link.split_once(':').unwrap_or((link, ""));
    let name = name.trim_start_matches('/');
    (name, if alias.is_empty() { name } else { alias.rsplit('/').next().unwrap_or(alias) })
}

/// What others in a network of users' own may call a container, each name once.
pub fn names_in_network<'a>(
    name: &'a str,
    aliases: &'a [String],
    id: &'a str,
    hostname: &'a str,
) -> Vec<&'a str> {
    let aliases = aliases.iter().map(String::as_str);
    let own = [id.get(..12).unwrap_or(id), hostname];
    let mut names = Vec::new();
    for name in [name].into_iter().chain(aliases).chain(own) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A container's place in a network, while it is there. One file each; whoever looks for what this
/// machine's networks hold reads these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The network's id.
    pub network: String,
    /// The container's id.
    pub container: String,
    /// The container's name.
    pub name: String,
    /// The container's host name.
    #[serde(default)]
    pub hostname: String,
    /// Other names that it answers to in this network.
    pub aliases: Vec<String>,
    /// `NAME[:ALIAS]`: names that it alone has for others in this network.
    #[serde(default)]
    pub links: Vec<String>,
    /// The container's network namespace.
    pub namespace: PathBuf,
    /// The device inside: `eth0`.
    pub interface: String,
    /// The device's other end, a port of the bridge.
    pub port: String,
    /// The hardware address inside.
    pub mac: Mac,
    /// The address in IPv4.
    pub ipv4: Option<Ipv4Net>,
    /// The address in IPv6.
    pub ipv6: Option<Ipv6Net>,
    /// Where packets for elsewhere go.
    pub gateway4: Option<Ipv4Addr>,
    /// Where packets for elsewhere go.
    pub gateway6: Option<Ipv6Addr>,
    /// Ports of the machine that lead here.
    pub bindings: Vec<Binding>,
}

impl Endpoint {
    /// Its addresses with their prefixes.
    pub fn addresses(&self) -> Vec<IpNet> {
        self.ipv4.map(IpNet::V4).into_iter().chain(self.ipv6.map(IpNet::V6)).collect()
    }

    /// Where packets for elsewhere go.
    pub fn gateways(&self) -> Vec<IpAddr> {
        let four = self.gateway4.map(IpAddr::V4);
        four.into_iter().chain(self.gateway6.map(IpAddr::V6)).collect()
    }

    /// Whether the container can have published ports here: not in an internal network.
    pub fn is_open(&self) -> bool {
        !self.gateways().is_empty()
    }

    /// What others in the network may call it.
    pub fn names(&self) -> Vec<&str> {
        names_in_network(&self.name, &self.aliases, &self.container, &self.hostname)
    }

    /// What `network inspect` tells of it.
    pub fn member(&self) -> Member {
        Member {
            name: self.name.clone(),
            endpoint: self.id.clone(),
            mac_address: self.mac.to_string(),
            ipv4: self.ipv4.map(|net| net.to_string()).unwrap_or_default(),
            ipv6: self.ipv6.map(|net| net.to_string()).unwrap_or_default(),
        }
    }
}

/// A port of the machine that leads to a port of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Binding {
    /// The address of the machine; unspecified for all of its family.
    pub address: IpAddr,
    /// The port of the machine.
    pub host: u16,
    /// The port of the container.
    pub container: u16,
    /// What the port is of.
    pub protocol: Protocol,
}

/// What a port is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// tcp(7)
    Tcp,
    /// udp(7)
    Udp,
    /// sctp(7)
    Sctp,
}

impl Protocol {
    /// The number in the IP header.
    pub fn number(self) -> u8 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        })
    }
}
