//! A network, and a container's place in it.

mod place;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::truth;
use crate::time::Time;
pub use place::{Binding, Endpoint, Protocol, names_in_network, split_link};

/// A network as `network inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// What it is called; no two networks have the same name.
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
    /// When it was made.
    pub created: Time,
    /// Always `local`: one machine.
    pub scope: String,
    /// Who carries its packets.
    pub driver: Driver,
    /// Whether its containers get an address of IPv4.
    #[serde(rename = "EnableIPv4")]
    pub ipv4: bool,
    /// Whether its containers get an address of IPv6.
    #[serde(rename = "EnableIPv6")]
    pub ipv6: bool,
    /// Where addresses come from.
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    /// Whether it has no way out.
    pub internal: bool,
    /// Kept for clusters; a bridge serves every container in any case.
    pub attachable: bool,
    /// Of clusters: never.
    pub ingress: bool,
    /// Of clusters: a network that is the pattern of this one.
    pub config_from: ConfigFrom,
    /// Of clusters: never.
    pub config_only: bool,
    /// Who is in it now, by container id; not kept with the network, but found when asked for.
    pub containers: BTreeMap<String, Member>,
    /// Options of the driver, as they were given.
    pub options: BTreeMap<String, String>,
    /// Labels, as they were given.
    pub labels: BTreeMap<String, String>,
}

/// A network that is to be made, as `POST /networks/create` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateNetwork {
    /// What it is to be called.
    pub name: String,
    /// Who is to carry its packets; nothing is `bridge`.
    pub driver: String,
    /// Whether containers get an address of IPv4: yes, where it is not said.
    #[serde(rename = "EnableIPv4")]
    pub ipv4: Option<bool>,
    /// Whether containers get an address of IPv6: no, where it is not said.
    #[serde(rename = "EnableIPv6")]
    pub ipv6: Option<bool>,
    /// Where addresses come from.
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    /// Whether it has no way out.
    pub internal: bool,
    /// Of clusters.
    pub attachable: bool,
    /// Of clusters.
    pub ingress: bool,
    /// Of clusters.
    pub config_only: bool,
    /// Of clusters.
    pub config_from: ConfigFrom,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Of clusters: where a network's configuration comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigFrom {
    /// The name of the other network; always empty.
    pub network: String,
}

/// Who carries a network's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A bridge of this machine.
    Bridge,
    /// The machine's own network namespace.
    Host,
    /// Nobody: a container sees its loopback device only.
    Null,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Driver::Bridge => "bridge",
            Driver::Host => "host",
            Driver::Null => "null",
        })
    }
}

/// Where a network's addresses come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ipam {
    /// Always `default`.
    pub driver: String,
    /// Options of that; nobody reads them.
    pub options: Option<BTreeMap<String, String>>,
    /// At most one range for each family.
    #[serde(default)]
    pub config: Vec<Pool>,
}

/// A range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pool {
    /// All of it.
    pub subnet: IpNet,
    /// The part from which containers get theirs, where it is not all.
    #[serde(rename = "IPRange", default, skip_serializing_if = "Option::is_none")]
    pub range: Option<IpNet>,
    /// The bridge's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Addresses that containers never get, by name.
    #[serde(rename = "AuxiliaryAddresses", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<String, IpAddr>,
}

/// A container in a network, as `network inspect` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    /// The container's name.
    pub name: String,
    /// 64 hexadecimal digits.
    #[serde(rename = "EndpointID")]
    pub endpoint: String,
    /// The hardware address inside.
    pub mac_address: String,
    /// Address and prefix, or nothing.
    #[serde(rename = "IPv4Address")]
    pub ipv4: String,
    /// Address and prefix, or nothing.
    #[serde(rename = "IPv6Address")]
    pub ipv6: String,
}

impl Network {
    /// The name of its bridge: what an option says, or one that its id gives.
    pub fn bridge(&self) -> String {
        let own = || format!("br-{}", &self.id[..self.id.len().min(12)]);
        self.option("bridge.name").map_or_else(own, str::to_owned)
    }

    /// An option of the driver, by its name after `com.docker.network.`, where it says something.
    pub fn option(&self, name: &str) -> Option<&str> {
        let value = self.options.get(&format!("com.docker.network.{name}"))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A switch of the driver, where it was given.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.option(name).and_then(truth)
    }

    /// Bytes in a packet, where the driver was told; 0 leaves it to the kernel.
    pub fn mtu(&self) -> Option<u32> {
        self.option("driver.mtu")?.parse().ok().filter(|bytes| *bytes > 0)
    }

    /// Whether it is one of the three that are always there.
    pub fn is_predefined(&self) -> bool {
        is_predefined(&self.name)
    }

    /// The bridge's address in IPv4, with the prefix.
    pub fn gateway4(&self) -> Option<Ipv4Net> {
        self.ipam.config.iter().find_map(|pool| match (pool.gateway?, pool.subnet) {
            (IpAddr::V4(address), IpNet::V4(net)) => Ipv4Net::new(address, net.prefix_len()).ok(),
            _ => None,
        })
    }

    /// The bridge's address in IPv6, with the prefix.
    pub fn gateway6(&self) -> Option<Ipv6Net> {
        self.ipam.config.iter().find_map(|pool| match (pool.gateway?, pool.subnet) {
            (IpAddr::V6(address), IpNet::V6(net)) => Ipv6Net::new(address, net.prefix_len()).ok(),
            _ => None,
        })
    }
}

/// Whether a network of this name is always there.
pub fn is_predefined(name: &str) -> bool {
    matches!(name, "bridge" | "host" | "none")
}

/// A port of a container that the machine is to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish {
    /// The address of the machine; none for all.
    pub address: Option<IpAddr>,
    /// The ports of the machine to choose from.
    pub host: HostPort,
    /// The port of the container.
    pub container: u16,
    /// What the port is of.
    pub protocol: Protocol,
}

/// Which port of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPort {
    /// Any that is free.
    Any,
    /// This one.
    One(u16),
    /// One from the first to the last.
    Range(u16, u16),
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        mac.to_string()
    }
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Mac, String> {
        text.parse()
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Mac, String> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or_else(|| {
                format!("{text} is not a MAC address: six bytes like 02:42:ac:11:00:02")
            })?;
        }
        match parts.next() {
            None => Ok(Mac(bytes)),
            Some(_) => {
                Err(format!("{text} is not a MAC address: six bytes like 02:42:ac:11:00:02"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_read_as_it_is_written() {
        let mac: Mac = "02:42:ac:11:00:02".parse().expect("a MAC address");
        assert_eq!(mac.to_string(), "02:42:ac:11:00:02");
        for wrong in ["", "02:42", "02:42:ac:11:00:02:03", "2:42:ac:11:00:02", "02:42:ac:11:00:zz"]
        {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }
}
