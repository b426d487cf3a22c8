//! What is told of a container in a few words.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::human::since;
use crate::model::network::Binding;
use crate::model::{State, Status};
use crate::service::list::Listed;

/// `Up 20 seconds (healthy)`, `Exited (0) 5 seconds ago`.
pub(super) fn status(state: &State, health: &str) -> String {
    let up = || format!("Up {}", since(state.started_at));
    let ended = || format!("({}) {} ago", state.exit_code, since(state.finished_at));
    match (state.status, health) {
        (Status::Running, "none") => up(),
        (Status::Running, "starting") => format!("{} (health: starting)", up()),
        (Status::Running, health) => format!("{} ({health})", up()),
        (Status::Paused, _) => format!("{} (Paused)", up()),
        (Status::Restarting, _) => format!("Restarting {}", ended()),
        (Status::Created, _) => "Created".to_owned(),
        (Status::Dead, _) => "Dead".to_owned(),
        (Status::Exited, _) if state.finished_at.is_zero() => {
            format!("Exited ({})", state.exit_code)
        }
        (Status::Exited, _) => format!("Exited {}", ended()),
    }
}

/// Text of at most so many characters; the last stands for those that are left out.
pub(super) fn ellipsis(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// An address and a port.
pub(super) fn address(binding: &Binding) -> String {
    std::net::SocketAddr::new(binding.address, binding.host).to_string()
}

/// `0.0.0.0:8080->80/tcp, 9000-9002/tcp`: ports that follow one another are told as one range,
/// where the machine's are the container's.
pub(super) fn ports(listed: &Listed) -> String {
    let published: Vec<&Binding> = listed.bindings().collect();
    let mut ranges = Ranges::default();
    let mut others = Vec::new();
    for port in listed.exposed().filter(|_| listed.is_open()) {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let is_published =
            |b: &&Binding| b.container.to_string() == number && b.protocol.to_string() == protocol;
        if let (false, Ok(number)) = (published.iter().any(is_published), number.parse()) {
            ranges.add((protocol.to_owned(), None), number);
        }
    }
    for binding in published {
        let protocol = binding.protocol.to_string();
        if binding.host == binding.container {
            ranges.add((protocol, Some(binding.address)), binding.container);
        } else {
            let to = address(binding);
            others.push((binding.container, format!("{to}->{}/{protocol}", binding.container)));
        }
    }
    others.sort();
    let others = others.into_iter().map(|(_, text)| text);
    ranges.texts().into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

/// The numbers of ports, by protocol and by address of the machine.
#[derive(Default)]
struct Ranges(BTreeMap<(String, Option<IpAddr>), Vec<u16>>);

impl Ranges {
    fn add(&mut self, key: (String, Option<IpAddr>), number: u16) {
        self.0.entry(key).or_default().push(number);
    }

    fn texts(mut self) -> Vec<String> {
        let mut texts = Vec::new();
        for ((protocol, address), numbers) in &mut self.0 {
            numbers.sort_unstable();
            numbers.dedup();
            for range in numbers.chunk_by(|a, b| a + 1 == *b) {
                let numbers = match range {
                    [only] => only.to_string(),
                    range => format!("{}-{}", range[0], range[range.len() - 1]),
                };
                let text = match address {
                    None => format!("{numbers}/{protocol}"),
                    Some(IpAddr::V4(v4)) => format!("{v4}:{numbers}->{numbers}/{protocol}"),
                    Some(IpAddr::V6(v6)) => format!("[{v6}]:{numbers}->{numbers}/{protocol}"),
                };
                texts.push((range[0], address.is_some(), text));
            }
        }
        texts.sort();
        texts.into_iter().map(|(_, _, text)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::model::{Config, Container, Empty};
    use crate::time::Time;

    fn state(status: Status, exit_code: i32) -> State {
        let now = Time::now();
        let (started_at, finished_at) = (now.minus(1_230_000_000_000), now.minus(330_000_000_000));
        State { status, exit_code, started_at, finished_at, ..State::default() }
    }

    #[test]
    fn a_status_is_told_as_docker_tells_it() {
        for (status_, code, health, text) in [
            (Status::Running, 0, "none", "Up 20 minutes"),
            (Status::Running, 0, "healthy", "Up 20 minutes (healthy)"),
            (Status::Running, 0, "starting", "Up 20 minutes (health: starting)"),
            (Status::Paused, 0, "none", "Up 20 minutes (Paused)"),
            (Status::Exited, 137, "none", "Exited (137) 5 minutes ago"),
            (Status::Restarting, 1, "none", "Restarting (1) 5 minutes ago"),
            (Status::Created, 0, "none", "Created"),
        ] {
            assert_eq!(status(&state(status_, code), health), text);
        }
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(ellipsis("sh -c 'echo one; echo two'", 20), "sh -c 'echo one; ec…");
        assert_eq!(ellipsis("exactly twenty chars", 20), "exactly twenty chars");
    }

    #[test]
    fn ports_are_told_as_docker_tells_them() {
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let to = |address, host, container| Binding {
            address,
            host,
            container,
            protocol: crate::model::network::Protocol::Tcp,
        };
        for (exposed, bindings, text) in [
            (
                &["80/tcp"][..],
                &[to(v4, 8080, 80), to(v6, 8080, 80)][..],
                "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
            ),
            (&["80/tcp", "81/tcp", "53/udp"], &[], "53/udp, 80-81/tcp"),
            (&[], &[to(v4, 90, 90), to(v4, 91, 91)], "0.0.0.0:90-91->90-91/tcp"),
        ] {
            let exposed = exposed.iter().map(|port| ((*port).to_owned(), Empty {})).collect();
            let config = Config { exposed_ports: Some(exposed), ..Config::default() };
            let mut endpoint = serde_json::json!({
                "id": "", "network": "", "container": "", "name": "", "aliases": [],
                "namespace": "", "interface": "", "port": "", "mac": "02:00:00:00:00:01",
                "ipv4": null, "ipv6": null, "gateway4": "172.17.0.1", "gateway6": null,
            });
            endpoint["bindings"] = serde_json::to_value(bindings).unwrap();
            let listed = Listed {
                container: Container { config, ..Container::default() },
                state: State::default(),
                image: String::new(),
                endpoints: vec![serde_json::from_value(endpoint).unwrap()],
                size: None,
            };
            assert_eq!(ports(&listed), text);
        }
    }
}
