//! Published ports: which port of the machine leads to which of a container. Packets are led by
//! rules; a bound socket that nobody listens on keeps the port from other programs, as long as the
//! container's monitor holds it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use super::hold::{Leader, hold};
use crate::error::{Context, Kind, Result, lower_case, refuse};
use crate::model::network::{Binding, Endpoint, HostPort, Protocol, Publish};
use crate::model::{PortBinding, PortMap};

/// Ports of the machine that nobody else gets, while the sockets are open.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    pub(super) bindings: Vec<Binding>,
    pub(super) sockets: Vec<OwnedFd>,
}

/// A container's own addresses, for the ports of which families it can be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) four: Option<Ipv4Addr>,
    pub(super) six: Option<Ipv6Addr>,
}

impl Target {
    fn of(&self, family: IpAddr) -> Option<IpAddr> {
        match family {
            IpAddr::V4(_) => self.four.map(IpAddr::V4),
            IpAddr::V6(_) => self.six.map(IpAddr::V6),
        }
    }

    /// Where it is reached by an address of IPv6 whose packets no rule can lead: the container has
    /// none of its own, or the kernel would take no answer to it from a bridge.
    fn carried_to(&self, address: IpAddr) -> Option<IpAddr> {
        let by_rules = address.is_ipv4() || (self.six.is_some() && !address.is_loopback());
        self.of(address).or(self.four.map(IpAddr::V4)).filter(|_| !by_rules)
    }

    /// How it is reached by an address of the machine.
    fn way(&self, host: IpAddr) -> Option<Way> {
        match self.carried_to(host) {
            Some(inside) => Some(Way { host, inside, leader: Leader::Carrier }),
            None => self.of(host).map(|inside| Way { host, inside, leader: Leader::Rules }),
        }
    }
}

/// From an address of the machine to one of a container.
#[derive(Debug, Clone, Copy)]
struct Way {
    host: IpAddr,
    inside: IpAddr,
    leader: Leader,
}

/// Whether no rule can lead a port to a container.
pub(super) fn is_carried(endpoint: &Endpoint, binding: &Binding) -> bool {
    target_of(endpoint).carried_to(binding.address).is_some()
}

fn target_of(endpoint: &Endpoint) -> Target {
    let (four, six) = (endpoint.ipv4, endpoint.ipv6);
    Target { four: four.map(|net| net.addr()), six: six.map(|net| net.addr()) }
}

/// The ports of a container that a process has to carry, and where to.
pub fn carried(endpoint: &Endpoint) -> Vec<(Binding, SocketAddr)> {
    let target = target_of(endpoint);
    let all = endpoint.bindings.iter().filter_map(|binding| {
        let inside = target.carried_to(binding.address)?;
        Some((*binding, SocketAddr::new(inside, binding.container)))
    });
    all.collect()
}

/// Takes a port of the machine for each that is to be published.
///
/// # Errors
/// A refusal in Docker's words where a port is another container's or another program's.
pub(super) fn reserve(wanted: &[Publish], target: Target, taken: &[Binding]) -> Result<Reserved> {
    let mut reserved = Reserved::default();
    for publish in wanted {
        let known = [taken, reserved.bindings.as_slice()].concat();
        let mut one = reserve_one(publish, target, &known)?;
        reserved.bindings.append(&mut one.bindings);
        reserved.sockets.append(&mut one.sockets);
    }
    Ok(reserved)
}

fn reserve_one(publish: &Publish, target: Target, taken: &[Binding]) -> Result<Reserved> {
    const TRIES: usize = 64;
    let ways = ways(publish.address, target)?;
    let carried = ways.iter().find(|way| way.leader == Leader::Carrier);
    if let Some(way) = carried.filter(|_| publish.protocol == Protocol::Sctp) {
        let words = format!("publish on {}: sctp is led by rules alone", way.host);
        return Err(refuse(Kind::Invalid, words));
    }
    let candidates: Vec<u16> = match publish.host {
        HostPort::One(port) => vec![port],
        HostPort::Range(first, last) => (first..=last).collect(),
        HostPort::Any => vec![0; TRIES],
    };
    let mut refused = None;
    for port in candidates {
        match take(publish, port, &ways, taken) {
            Ok(reserved) => return Ok(reserved),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| refuse(Kind::Invalid, "the range of host ports is empty")))
}

/// The ways that a port opens. Where no address was named, nothing is carried.
fn ways(asked: Option<IpAddr>, target: Target) -> Result<Vec<Way>> {
    let all = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    let by_rules = |way: &Way| way.leader == Leader::Rules;
    match asked {
        None => Ok(all.into_iter().filter_map(|host| target.way(host)).filter(by_rules).collect()),
        Some(host) => target.way(host).map(|way| vec![way]).ok_or_else(|| {
            let family = if host.is_ipv4() { "IPv4" } else { "IPv6" };
            let words = format!("publish on {host}: the container has no {family} address");
            refuse(Kind::Invalid, words)
        }),
    }
}

/// Takes one port on all addresses; 0 is any, but the same on all.
fn take(publish: &Publish, mut port: u16, ways: &[Way], taken: &[Binding]) -> Result<Reserved> {
    let mut reserved = Reserved::default();
    for Way { host, inside, leader } in ways.iter().copied() {
        let at = SocketAddr::new(host, port);
        let bound = hold(publish.protocol, at, leader).map_err(|error| {
            let inside = SocketAddr::new(inside, publish.container);
            let words = format!(
                "failed to bind host port for {host}:{port}:{inside}/{}: {}",
                publish.protocol,
                lower_case(error)
            );
            refuse(Kind::Conflict, words)
        });
        let is_taken =
            |port: u16| taken.iter().any(|other| meets(other, host, port, publish.protocol));
        let allocated = || {
            let words = format!("Bind for {at} failed: port is already allocated");
            Err(refuse(Kind::Conflict, words))
        };
        if is_taken(port) {
            return allocated();
        }
        let (socket, chosen) = bound?;
        port = chosen;
        if is_taken(port) {
            return allocated();
        }
        reserved.sockets.extend(socket);
        reserved.bindings.push(Binding {
            address: host,
            host: port,
            container: publish.container,
            protocol: publish.protocol,
        });
    }
    Ok(reserved)
}

/// Whether a port is the same as one that leads to a container.
fn meets(other: &Binding, address: IpAddr, port: u16, protocol: Protocol) -> bool {
    let same_family = other.address.is_ipv4() == address.is_ipv4();
    let everywhere = other.address.is_unspecified() || address.is_unspecified();
    other.host == port
        && other.protocol == protocol
        && same_family
        && (everywhere || other.address == address)
}

/// Reads what `-p` takes: `[[ADDRESS:]HOST[-HOST]:]PORT[-PORT][/PROTOCOL]`.
///
/// # Errors
/// A refusal in Docker's words.
pub fn parse(text: &str) -> Result<Vec<Publish>> {
    let wrong = |what: &str| refuse(Kind::Invalid, format!("invalid {what}: {text}"));
    let (ends, protocol) = match text.rsplit_once('/') {
        Some((ends, name)) => (ends, protocol(name).ok_or_else(|| wrong("proto"))?),
        None => (text, Protocol::Tcp),
    };
    let (host, inside) =
        ends.rsplit_once(':').map_or((None, ends), |(host, inside)| (Some(host), inside));
    let inside = range(inside).ok_or_else(|| wrong("containerPort"))?;
    let (address, host) = match host.map(|host| host.rsplit_once(':').unwrap_or(("", host))) {
        None => (None, None),
        Some((address, ports)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            let address = (!address.is_empty()).then(|| address.parse()).transpose();
            let ports = (!ports.is_empty()).then(|| range(ports).ok_or_else(|| wrong("hostPort")));
            (address.map_err(|_| wrong("IP address"))?, ports.transpose()?)
        }
    };
    let count = inside.1 - inside.0;
    let publish = |container, host| Publish { address, host, container, protocol };
    match host {
        None => Ok((inside.0..=inside.1).map(|port| publish(port, HostPort::Any)).collect()),
        Some((first, last)) if first == last && count == 0 => {
            Ok(vec![publish(inside.0, HostPort::One(first))])
        }
        Some((first, last)) if last - first == count => {
            let one = |step| publish(inside.0 + step, HostPort::One(first + step));
            Ok((0..=count).map(one).collect())
        }
        Some((first, last)) if count == 0 => {
            Ok(vec![publish(inside.0, HostPort::Range(first, last))])
        }
        Some(_) => Err(refuse(
            Kind::Invalid,
            format!("invalid ranges specified for container and host Ports: {text}"),
        )),
    }
}

/// What is to be published, as Docker's API has it: `80/tcp` → addresses and ports of the machine.
///
/// # Errors
/// A refusal that names what cannot be read.
pub fn from_map(map: &PortMap) -> Result<Vec<Publish>> {
    let mut wanted = Vec::new();
    for (port, bindings) in map {
        for binding in bindings.as_deref().unwrap_or_default() {
            wanted.push(from_binding(port, binding)?);
        }
    }
    Ok(wanted)
}

fn from_binding(port: &str, binding: &PortBinding) -> Result<Publish> {
    let wrong = |what: &str, text: &str| refuse(Kind::Invalid, format!("invalid {what}: {text}"));
    let (number, name) = port.split_once('/').unwrap_or((port, "tcp"));
    let container = number.parse().map_err(|_| wrong("containerPort", port))?;
    let protocol = protocol(name).ok_or_else(|| wrong("proto", port))?;
    let address = match binding.host_ip.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| wrong("IP address", text))?),
    };
    let host = match binding.host_port.as_str() {
        "" | "0" => HostPort::Any,
        text => match range(text).ok_or_else(|| wrong("hostPort", text))? {
            (first, last) if first == last => HostPort::One(first),
            (first, last) => HostPort::Range(first, last),
        },
    };
    Ok(Publish { address, host, container, protocol })
}

/// What is published, as Docker's `inspect` has it in `NetworkSettings.Ports`.
pub fn to_map(bindings: &[Binding]) -> PortMap {
    let mut map = PortMap::new();
    for binding in bindings {
        let port = format!("{}/{}", binding.container, binding.protocol);
        map.entry(port).or_default().get_or_insert_default().push(PortBinding {
            host_ip: binding.address.to_string(),
            host_port: binding.host.to_string(),
        });
    }
    map
}

fn protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" | "" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// A port, or a first and a last.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

/// The addresses on which a port is asked for, where the request names none.
pub(super) fn with_default_address(wanted: &[Publish], address: Option<Ipv4Addr>) -> Vec<Publish> {
    let default = address.map(IpAddr::V4);
    wanted
        .iter()
        .map(|publish| Publish { address: publish.address.or(default), ..*publish })
        .collect()
}

/// The words above a refusal of a port.
pub(super) fn told<T>(done: Result<T>, endpoint: &str, id: &str) -> Result<T> {
    done.with_context(|| {
        format!("driver failed programming external connectivity on endpoint {endpoint} ({id})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_ports_is_what_was_typed() {
        for text in ["80", "8080:80", "127.0.0.1:53:53/udp", "8000-8010:80", "[::1]:1:1"] {
            let typed = parse(text).expect(text);
            let host_port = match typed[0].host {
                HostPort::Any => String::new(),
                HostPort::One(port) => port.to_string(),
                HostPort::Range(first, last) => format!("{first}-{last}"),
            };
            let host_ip = typed[0].address.map(|address| address.to_string()).unwrap_or_default();
            let port = format!("{}/{}", typed[0].container, typed[0].protocol);
            let map = PortMap::from([(port, Some(vec![PortBinding { host_ip, host_port }]))]);
            assert_eq!(from_map(&map).expect(text), typed, "{text}");
        }
        let [address, host] = ["0.0.0.0".to_owned(), "8080".to_owned()];
        let bound = PortMap::from([(
            "80/tcp".to_owned(),
            Some(vec![PortBinding { host_ip: address, host_port: host }]),
        )]);
        let binding = Binding {
            address: Ipv4Addr::UNSPECIFIED.into(),
            host: 8080,
            container: 80,
            protocol: Protocol::Tcp,
        };
        assert_eq!(to_map(&[binding]), bound);
    }

    #[test]
    fn ports_are_read_as_docker_reads_them() {
        let one = |address: Option<&str>, host, container, protocol| Publish {
            address: address.map(|text| text.parse().expect("an address")),
            host,
            container,
            protocol,
        };
        for (text, expected) in [
            ("80", vec![one(None, HostPort::Any, 80, Protocol::Tcp)]),
            ("8080:80", vec![one(None, HostPort::One(8080), 80, Protocol::Tcp)]),
            ("53:53/udp", vec![one(None, HostPort::One(53), 53, Protocol::Udp)]),
            ("127.0.0.1::80", vec![one(Some("127.0.0.1"), HostPort::Any, 80, Protocol::Tcp)]),
            ("[::1]:80:80", vec![one(Some("::1"), HostPort::One(80), 80, Protocol::Tcp)]),
            ("8000-8010:80", vec![one(None, HostPort::Range(8000, 8010), 80, Protocol::Tcp)]),
            (
                "7000-7001:80-81",
                vec![
                    one(None, HostPort::One(7000), 80, Protocol::Tcp),
                    one(None, HostPort::One(7001), 81, Protocol::Tcp),
                ],
            ),
        ] {
            assert_eq!(parse(text).expect(text), expected, "{text}");
        }
        for wrong in
            ["", "x", "80:x", "70000:80", "80:80/icmp", "1-3:80-81", "1.2.3:80:80", "9-8:80"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
