//! The text of a container's /etc/hosts and /etc/resolv.conf. Pure, but for the two functions that
//! read the machine's own.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::dns;

/// What a container is told of names, as far as it is asked for (`--dns`, `--dns-search`,
/// `--dns-option`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The servers to ask.
    pub servers: &'a [IpAddr],
    /// The domains to look in.
    pub search: &'a [String],
    /// Options of resolv.conf(5).
    pub options: &'a [String],
}

/// Who answers a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// The servers themselves: on the default bridge.
    Servers,
    /// The one at [`dns::ADDRESS`]: on networks of the user's own.
    Embedded,
    /// The machine's, by the machine's own file: in the machine's network namespace.
    Machine,
}

/// The servers that stand in for the machine's, where those cannot be reached from a container.
const FALLBACK: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 8, 8)),
    IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 4, 4)),
];

/// resolv.conf(5) for a container, from the machine's.
pub fn resolv_conf(machine: &str, resolver: Resolver, wanted: &Wanted<'_>) -> String {
    let (servers, options) = match resolver {
        Resolver::Embedded => (vec![dns::ADDRESS.into()], Some("ndots:0".to_owned())),
        _ if !wanted.servers.is_empty() => (wanted.servers.to_vec(), None),
        Resolver::Machine => (name_servers(machine), None),
        Resolver::Servers => {
            let mut servers = name_servers(machine);
            servers.retain(|server| !server.is_loopback());
            (if servers.is_empty() { FALLBACK.to_vec() } else { servers }, None)
        }
    };
    let own = |asked: &[String], keyword| match asked {
        [] => words_of(machine, keyword),
        // Docker's word for "none at all".
        [only] if only == "." => Vec::new(),
        asked => asked.to_vec(),
    };
    let mut all = own(wanted.options, "options");
    if !all.iter().any(|option| option.starts_with("ndots:")) {
        all.extend(options);
    }
    let line = |keyword: &str, words: Vec<String>| match words.is_empty() {
        true => String::new(),
        false => format!("{keyword} {}\n", words.join(" ")),
    };
    let mut text = line("search", own(wanted.search, "search"));
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    text + &line("options", all)
}

/// The servers that the embedded resolver asks: it runs on the machine, so the machine's own
/// loopback addresses are fine.
pub fn upstream(machine: &str, wanted: &Wanted<'_>) -> Vec<SocketAddr> {
    let servers =
        if wanted.servers.is_empty() { name_servers(machine) } else { wanted.servers.to_vec() };
    servers.into_iter().map(|server| SocketAddr::new(server, 53)).collect()
}

/// The machine's resolv.conf(5); where it names systemd-resolved only, the one that this keeps with
/// the servers that it asks itself.
pub fn of_the_machine() -> String {
    let own = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let stub: IpAddr = [127, 0, 0, 53].into();
    if name_servers(&own) == [stub] {
        return fs::read_to_string("/run/systemd/resolve/resolv.conf").unwrap_or(own);
    }
    own
}

fn name_servers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.filter_map(|rest| rest.split('%').next()?.trim().parse().ok()).collect()
}

/// The words after the last such keyword, which is the one that counts.
fn words_of(text: &str, keyword: &str) -> Vec<String> {
    let mut lines = text.lines().filter_map(|line| line.trim().strip_prefix(keyword));
    let words = lines.next_back().unwrap_or_default().split_whitespace();
    words.map(str::to_owned).collect()
}

/// hosts(5) for a container: its own addresses and name, and what was asked for (`--add-host`).
pub fn hosts(own: &[IpAddr], name: &str, extra: &[(String, IpAddr)]) -> String {
    let mut text = String::from(
        "127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::\tip6-localnet\n\
         ff00::\tip6-mcastprefix\n\
         ff02::1\tip6-allnodes\n\
         ff02::2\tip6-allrouters\n",
    );
    for (name, address) in extra {
        let _ = writeln!(text, "{address}\t{name}");
    }
    for address in own {
        let _ = writeln!(text, "{address}\t{name}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "# a comment\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n\
                           search example.org lan\noptions edns0\n";

    #[test]
    fn a_container_gets_servers_that_it_can_reach() {
        let plain = Wanted::default();
        for (machine, resolver, expected) in [
            (
                MACHINE,
                Resolver::Servers,
                "search example.org lan\nnameserver 192.0.2.53\noptions edns0\n",
            ),
            ("nameserver ::1\n", Resolver::Servers, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"),
            (
                MACHINE,
                Resolver::Embedded,
                "search example.org lan\nnameserver 127.0.0.11\noptions edns0 ndots:0\n",
            ),
        ] {
            assert_eq!(resolv_conf(machine, resolver, &plain), expected);
        }
        let servers = ["192.0.2.1".parse().expect("an address")];
        let search = [".".to_owned()];
        let options = ["ndots:2".to_owned()];
        let wanted = Wanted { servers: &servers, search: &search, options: &options };
        let text = resolv_conf(MACHINE, Resolver::Servers, &wanted);
        assert_eq!(text, "nameserver 192.0.2.1\noptions ndots:2\n");
        assert_eq!(upstream(MACHINE, &wanted), ["192.0.2.1:53".parse().expect("a server")]);
        assert_eq!(upstream(MACHINE, &plain).len(), 2);
    }

    #[test]
    fn a_container_finds_itself_by_name() {
        let own = ["172.17.0.2".parse().expect("an address")];
        let extra = [("db".to_owned(), "10.0.0.1".parse().expect("an address"))];
        let text = hosts(&own, "web", &extra);
        assert!(text.ends_with("10.0.0.1\tdb\n172.17.0.2\tweb\n"), "{text}");
    }
}
