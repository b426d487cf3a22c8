//! A container goes into its networks before its program runs: its namespace is made by us, so that
//! the runtime finds it with all that belongs in it.

use std::net::IpAddr;

use super::Engine;
use crate::error::Result;
use crate::model::Container;
use crate::network::{self, Request, namespace};

/// Whether a container has a place in networks: neither the host's, nor another's, nor none.
pub(super) fn is_own(container: &Container) -> bool {
    let mode = container.host_config.network_mode.as_str();
    !matches!(mode, "host" | "none") && !mode.starts_with("container:")
}

impl Engine {
    /// Makes the namespace, and lays cables to each network; the container's addresses there.
    pub(super) fn enter_networks(&self, container: &Container) -> Result<Vec<IpAddr>> {
        if !is_own(container) {
            return Ok(Vec::new());
        }
        let pin = namespace::create(&self.store, &container.id)?;
        let more = container.networking_config.endpoints_config.iter().flatten();
        let first = container.host_config.network_mode.as_str();
        let names = more.map(|(name, _)| name.as_str()).filter(|name| *name != first);
        let mut addresses = Vec::new();
        for name in std::iter::once(first).chain(names) {
            let request = Request {
                container: &container.id,
                name: &container.name,
                namespace: &pin,
                network: name,
                ipv4: None,
                ipv6: None,
                mac: None,
                aliases: &[],
                ports: &[],
            };
            let attached = network::attach(&self.store, &request)?;
            addresses.extend(attached.endpoint.addresses().iter().map(ipnet::IpNet::addr));
        }
        Ok(addresses)
    }
}
