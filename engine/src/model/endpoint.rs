//! What a container asks of networks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `80/tcp` → where on the host it is reached.
pub type PortMap = BTreeMap<String, Option<Vec<PortBinding>>>;

/// A port of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortBinding {
    /// The address; empty is every address.
    pub host_ip: String,
    /// The port, or a range to choose from; empty is any that is free.
    pub host_port: String,
}

/// The networks that a container joins, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkingConfig {
    /// Each with what is asked of it.
    pub endpoints_config: Option<BTreeMap<String, Option<EndpointConfig>>>,
}

/// What is asked of one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointConfig {
    /// Fixed addresses.
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: Option<IpamConfig>,
    /// Names more than the container's own.
    pub aliases: Option<Vec<String>>,
    /// A fixed hardware address.
    pub mac_address: String,
    /// `NAME[:ALIAS]`: names that it alone has for others.
    pub links: Option<Vec<String>>,
    /// Of several networks, the one with the highest leads outside.
    pub gw_priority: i64,
}

/// Fixed addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpamConfig {
    /// Of version 4.
    #[serde(rename = "IPv4Address")]
    pub ipv4_address: String,
    /// Of version 6.
    #[serde(rename = "IPv6Address")]
    pub ipv6_address: String,
}
