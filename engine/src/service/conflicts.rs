//! Pure: what contradicts itself in a request, in Docker's words. An image's own ports and host
//! name are no wishes of whoever asks, so this is about the request before its image is looked at.

use crate::error::{Kind, Result, refuse};
use crate::model::{Config, HostConfig, NetworkingConfig, items};

/// Whether the wishes go together.
///
/// # Errors
/// Names the two that do not.
pub(super) fn check(config: &Config, host: &HostConfig, networks: &NetworkingConfig) -> Result<()> {
    let mode = host.network_mode.as_str();
    let joins = mode.starts_with("container:");
    let places = networks.endpoints_config.iter().flatten();
    let mut places = places.filter_map(|(name, wanted)| Some((name, wanted.as_ref()?)));
    let has_mac = places.clone().any(|(_, wanted)| !wanted.mac_address.is_empty());
    let is_fixed = places.any(|(name, wanted)| {
        let fixed = wanted.ipam_config.as_ref();
        is_predefined(name) && fixed.is_some_and(|fixed| *fixed != Default::default())
    });
    let publishes = host.publish_all_ports
        || host.port_bindings.as_ref().is_some_and(|bindings| !bindings.is_empty());
    let exposes = config.exposed_ports.as_ref().is_some_and(|ports| !ports.is_empty());
    let links = !items(&host.links).is_empty();
    let named = !config.hostname.is_empty();
    for (is_wrong, words) in [
        (named && host.uts_mode == "host", "hostname and the UTS mode"),
        (joins && named, "hostname and the network mode"),
        (joins && links, CONTAINER_AND_LINKS),
        (mode == "host" && links, HOST_AND_LINKS),
        (mode == "none" && links, "network mode none can't be used with links"),
        (joins && !items(&host.dns).is_empty(), "dns and the network mode"),
        (
            joins && !items(&host.extra_hosts).is_empty(),
            "custom host-to-IP mapping and the network mode",
        ),
        ((joins || mode == "host") && has_mac, "mac-address and the network mode"),
        (joins && publishes, "port publishing and the container type network mode"),
        (joins && exposes, "port exposing and the container type network mode"),
    ] {
        if is_wrong {
            return Err(refuse(Kind::Invalid, format!("conflicting options: {words}")));
        }
    }
    if is_fixed {
        let words = "user specified IP address is supported on user defined networks only";
        return Err(refuse(Kind::Invalid, words));
    }
    Ok(())
}

const CONTAINER_AND_LINKS: &str = "container type network can't be used with links. This would \
                                   result in undefined behavior";
pub(super) const HOST_AND_LINKS: &str = "host type networking can't be used with links. This would \
                                         result in undefined behavior";

/// Whether no user has made this network.
fn is_predefined(name: &str) -> bool {
    matches!(name, "bridge" | "default" | "host" | "none") || name.starts_with("container:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Empty, EndpointConfig, IpamConfig};

    fn said(config: &Config, host: HostConfig, mode: &str) -> String {
        let host = HostConfig { network_mode: mode.to_owned(), ..host };
        let done = check(config, &host, &NetworkingConfig::default());
        done.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_container_that_joins_anothers_network_has_nothing_of_its_own_there() {
        let nothing = Config::default;
        let list = |text: &str| Some(vec![text.to_owned()]);
        let named = Config { hostname: "web".into(), ..Config::default() };
        let ports = Some([("80/tcp".to_owned(), Empty {})].into());
        let exposing = Config { exposed_ports: ports, ..Config::default() };
        let dns = HostConfig { dns: list("192.0.2.1"), ..HostConfig::default() };
        let hosts = HostConfig { extra_hosts: list("a:192.0.2.1"), ..HostConfig::default() };
        let links = HostConfig { links: list("db"), ..HostConfig::default() };
        let publishing = HostConfig { publish_all_ports: true, ..HostConfig::default() };
        for (config, host, words) in [
            (named.clone(), HostConfig::default(), "hostname and the network mode"),
            (nothing(), dns, "dns and the network mode"),
            (nothing(), hosts, "custom host-to-IP mapping and the network mode"),
            (nothing(), links, "container type network can't be used with links"),
            (nothing(), publishing, "port publishing and the container type network mode"),
            (exposing, HostConfig::default(), "port exposing and the container type network mode"),
        ] {
            assert!(said(&config, host.clone(), "container:a").contains(words), "{words}");
            assert_eq!(said(&config, host, "net"), "", "{words}");
        }
        let linked = HostConfig { links: list("db"), ..HostConfig::default() };
        assert!(said(&nothing(), linked, "none").contains("none can't be used with links"));
        let shared = HostConfig { uts_mode: "host".into(), ..HostConfig::default() };
        assert!(said(&named, shared, "bridge").contains("hostname and the UTS mode"));
    }

    #[test]
    fn an_address_is_fixed_in_networks_of_the_user_alone() {
        let fixed = IpamConfig { ipv4_address: "192.0.2.9".into(), ..IpamConfig::default() };
        for (name, is_right) in [("bridge", false), ("host", false), ("none", false), ("a", true)] {
            let wanted = EndpointConfig { ipam_config: Some(fixed.clone()), ..Default::default() };
            let places = [(name.to_owned(), Some(wanted))].into();
            let networks = NetworkingConfig { endpoints_config: Some(places) };
            let host = HostConfig { network_mode: name.into(), ..HostConfig::default() };
            let done = check(&Config::default(), &host, &networks);
            assert_eq!(done.is_ok(), is_right, "{name}");
        }
    }
}
