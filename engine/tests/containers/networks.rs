//! Containers in networks, on a host of the test's own.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketType, bind, socket};

use super::patience::{PATIENCE, until};
use super::setting::Dok;

/// Runs a test in a network namespace of its own.
pub(crate) fn on_a_host(test: impl FnOnce(&Dok) + Send) {
    let body = || {
        let Some(dok) = Dok::new() else { return };
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            eprintln!("skipped: needs a network namespace of its own: {error}");
            return;
        }
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        if !up.is_ok_and(|status| status.success()) {
            eprintln!("skipped: needs the program ip");
            return;
        }
        test(&dok);
    };
    let ended = std::thread::scope(|scope| scope.spawn(body).join());
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Whether a program could have a port. Nobody listens meanwhile: what another test starts just then
/// has a copy of the socket for a moment, which keeps nobody away.
pub(crate) fn is_free(port: u16) -> bool {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_reuseaddr(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from(([0; 4], port))).is_ok()
}

/// What a service says to one who connects, once it is there.
fn told_by(at: &str) -> String {
    let at: SocketAddr = at.parse().unwrap();
    until(&format!("somebody speaks at {at}"), || {
        let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).ok().filter(|length| *length > 0).map(|_| text)
    })
}

const SERVICE: &str = "while :; do echo hello | nc -l -p 80; done";

#[test]
fn published_ports_lead_to_the_container_and_are_nobody_elses() {
    on_a_host(|dok| {
        let words = ["run", "-d", "--name", "web", "-p", "8080:80", "-P", "--expose", "81"];
        dok.ok(&[&words[..], &["busybox", "sh", "-c", SERVICE]].concat());
        assert_eq!(told_by("127.0.0.1:8080"), "hello\n");
        let taken = TcpListener::bind("127.0.0.1:8080");
        assert!(taken.is_err(), "the monitor holds the port");
        let second = dok.dok(&["run", "-p", "8080:80", "--name", "two", "busybox", "true"]);
        assert_eq!(second.code, Some(125), "{second:?}");
        assert!(second.err.contains("8080"), "{second:?}");
        let state = "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}";
        let told = dok.ok(&["inspect", "--format", state, "two"]);
        assert!(told.starts_with("created 128 ") && told.contains("8080"), "{told}");
        let id = dok.store().container("web").unwrap().id;
        let places = dok.store().networks().endpoints_of(&id).unwrap();
        let bound: Vec<u16> = places[0].bindings.iter().map(|binding| binding.container).collect();
        assert!(bound.contains(&80) && bound.contains(&81), "{bound:?}");
        dok.ok(&["rm", "-f", "web"]);
        TcpListener::bind("127.0.0.1:8080").unwrap();
        let said = dok.dok(&["run", "--rm", "--network", "none", "-p", "1:1", "busybox", "true"]);
        assert!(said.err.contains("Published ports are discarded"), "{said:?}");
    });
}

#[test]
fn every_user_may_listen_on_every_port_and_ping() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "n1"]);
        let script = "cat ip_unprivileged_port_start ping_group_range | tr '\\t' ' '";
        for network in ["bridge", "n1", "none"] {
            let words = ["run", "--rm", "--network", network, "-w", "/proc/sys/net/ipv4"];
            let said = dok.ok(&[&words[..], &["busybox", "sh", "-c", script]].concat());
            assert_eq!(said, "0\n0 2147483647\n", "{network}");
        }
    });
}

#[test]
fn ports_are_free_as_soon_as_a_container_has_ended() {
    on_a_host(|dok| {
        // Many take a while to be let go of.
        let run = ["run", "--rm", "-p", "21000-21499:1000-1499", "busybox", "true"];
        for _ in 0..10 {
            assert!(dok.direct(&run).status().unwrap().success());
            assert!(is_free(21499));
        }
    });
}

#[test]
fn a_port_is_published_right_after_a_server_on_it_has_ended() {
    on_a_host(|dok| {
        // Another process, of which no other test has a copy.
        let words = ["-c", "echo hello | busybox nc -l -p 8080"];
        let mut server = Command::new("/bin/busybox").arg("sh").args(words).spawn().unwrap();
        until("it listens", || (!is_free(8080)).then_some(()));
        let run = ["run", "--rm", "-p", "8080:80", "busybox", "true"];
        assert!(dok.dok(&run).err.contains("address already in use"));
        // Who ends a connection first remembers it for a minute.
        assert_eq!(told_by("127.0.0.1:8080"), "hello\n");
        server.wait().unwrap();
        dok.ok(&run);
    });
}

#[test]
fn containers_of_a_network_find_each_other_by_name() {
    on_a_host(|dok| {
        let taken = ["--aux-address", "router=10.9.0.7"];
        dok.ok(&[&["network", "create", "--subnet", "10.9.0.0/24"], &taken[..], &["n1"]].concat());
        let words = ["run", "-d", "--name", "web", "--network", "n1", "--ip", "10.9.0.99"];
        let more = ["--network-alias", "www", "--mac-address", "02:00:00:00:00:99"];
        dok.ok(&[&words[..], &more, &["busybox", "sh", "-c", SERVICE]].concat());
        let asks = |network: &str, script: &str| {
            dok.ok(&["run", "--rm", "--network", network, "busybox", "sh", "-c", script])
        };
        for name in ["web", "www", "web.n1"] {
            assert!(asks("n1", &format!("nslookup {name}")).contains("10.9.0.99"), "{name}");
        }
        // Between two who connect, nobody listens there.
        let neighbours = "until nc web 80 < /dev/null; do sleep 0.1; done; ip neigh; \
                          cat /etc/resolv.conf";
        let said = asks("n1", neighbours);
        assert!(said.starts_with("hello\n"), "{said}");
        assert!(said.contains("02:00:00:00:00:99"), "{said}");
        assert!(said.contains("nameserver 127.0.0.11\n"), "{said}");
        dok.ok(&["network", "create", "--subnet", "10.8.0.0/24", "n2"]);
        let two = "name=n2,ip=10.8.0.77";
        let words =
            ["run", "--rm", "--network", "n1", "--network", two, "busybox", "ip", "-4", "a"];
        let said = dok.ok(&words);
        assert!(said.contains("10.9.0.") && said.contains("10.8.0.77"), "{said}");
        let alone = ["run", "--rm", "--network", "n2", "busybox", "nslookup", "web"];
        assert_ne!(dok.dok(&alone).code, Some(0), "names are of a network");
        for (words, text) in [
            (&["--network", "ghost"][..], "network ghost not found"),
            (&["--ip", "10.9.0.5"], "supported on user defined networks only"),
            (&["--network", "n1", "--network", "none"], "conflicting options"),
            (&["--network", "n1", "--ip", "10.9.0.99"], "Address already in use"),
            (&["--network", "n1", "--ip", "10.9.0.7"], "Address already in use"),
            (&["--network", "n1", "--ip", "10.9.0.255"], "Address already in use"),
            (&["--mac-address", "x"], "x is not a valid mac address"),
            (&["--dns", "x"], "invalid name server: x"),
        ] {
            let said = dok.dok(&[&["run", "--rm"], words, &["busybox", "true"]].concat());
            assert_eq!(said.code, Some(125), "{words:?}: {said:?}");
            assert!(said.err.contains(text), "{words:?}: {said:?}");
        }
    });
}

#[test]
fn a_container_of_a_network_is_found_by_its_host_name_too() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        let words = ["run", "-d", "--name", "web", "--network", "n1", "--network-alias", "www"];
        let named = ["--hostname", "hh.example.org", "busybox", "sleep", "86400"];
        dok.ok(&[&words[..], &named].concat());
        let lookup = ["run", "--rm", "--network", "n1", "busybox", "nslookup", "hh.example.org"];
        assert!(dok.ok(&lookup).contains("10.9.0.2"));
        let names = "{{range .NetworkSettings.Networks}}{{json .DNSNames}}{{end}}";
        let shown = |container| dok.ok(&["inspect", "-f", names, container]);
        let id = dok.store().container("web").unwrap().id;
        let short = &id[..12];
        assert_eq!(shown("web"), format!("[\"web\",\"www\",\"{short}\",\"hh.example.org\"]\n"));
        dok.ok(&["run", "-d", "--name", "box", "-h", "hh", "busybox", "sleep", "86400"]);
        assert_eq!(shown("box"), "null\n");
    });
}

#[test]
fn a_container_is_told_of_names_as_it_is_asked_for() {
    on_a_host(|dok| {
        let words = ["run", "--rm", "--dns", "192.0.2.53", "--dns-search", "lan"];
        let more = ["--dns-option", "ndots:3", "--add-host", "db:10.0.0.7", "-h", "web"];
        let last = ["--add-host", "machine:host-gateway", "busybox", "cat"];
        let files = ["/etc/resolv.conf", "/etc/hosts"];
        let said = dok.ok(&[&words[..], &more, &last, &files].concat());
        assert!(said.starts_with("search lan\nnameserver 192.0.2.53\noptions ndots:3\n"), "{said}");
        for line in ["10.0.0.7\tdb\n", "172.17.0.1\tmachine\n", "172.17.0.2\tweb\n"] {
            assert!(said.contains(line), "{line:?} in {said}");
        }
    });
}

#[test]
fn a_link_gives_a_name_and_variables_and_needs_one_that_runs() {
    on_a_host(|dok| {
        let words = ["run", "-d", "--name", "db", "--expose", "5432", "-e", "A=b", "busybox"];
        dok.ok(&[&words[..], &["sleep", "86400"]].concat());
        let script = "cat /etc/hosts; echo $SQL_PORT_5432_TCP_ADDR $SQL_NAME $SQL_ENV_A";
        let words = ["run", "--name", "web", "--link", "db:sql", "busybox", "sh", "-c", script];
        let said = dok.ok(&words);
        let id = dok.store().container("db").unwrap().id;
        assert!(said.contains(&format!("172.17.0.2\tsql {} db\n", &id[..12])), "{said}");
        assert!(said.ends_with("172.17.0.2 /web/sql b\n"), "{said}");
        let links = dok.ok(&["inspect", "-f", "{{index .HostConfig.Links 0}}", "web"]);
        assert_eq!(links, "/db:/web/sql\n");
        dok.ok(&["kill", "db"]);
        for (words, text) in [
            (&["--link", "db"][..], "Cannot link to a non running container: /db AS /"),
            (&["--link", "ghost"], "could not get container for ghost: No such container: ghost"),
            (&["--network", "host", "--link", "db"], "conflicting options"),
        ] {
            let said = dok.dok(&[&["run", "--rm"], words, &["busybox", "true"]].concat());
            assert!(said.code == Some(125) && said.err.contains(text), "{words:?}: {said:?}");
        }
    });
}

#[test]
fn a_link_in_a_network_of_ones_own_is_a_name_that_one_container_has_for_another() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        dok.ok(&["network", "create", "--subnet", "10.8.0.0/24", "n2"]);
        let idle = ["busybox", "sleep", "86400"];
        dok.ok(&[&["run", "-d", "--name", "db", "--network", "n1"], &idle[..]].concat());
        // Who is linked need not be there yet.
        let links = ["--link", "db:sql", "--link", "late:soon"];
        dok.ok(&[&["run", "-d", "--name", "web", "--network", "n1"], &links[..], &idle].concat());
        let finds = |name: &str| dok.dok(&["exec", "web", "nslookup", name]);
        assert!(finds("sql").out.contains("10.9.0.2"), "{:?}", finds("sql"));
        assert_ne!(finds("soon").code, Some(0));
        dok.ok(&[&["run", "-d", "--name", "late", "--network", "n1"], &idle[..]].concat());
        assert!(finds("soon").out.contains("10.9.0.4"), "{:?}", finds("soon"));
        assert_ne!(dok.dok(&["exec", "late", "nslookup", "sql"]).code, Some(0), "it is web's name");
        dok.ok(&["network", "connect", "n2", "db"]);
        dok.ok(&["network", "connect", "--link", "db:far", "n2", "web"]);
        assert!(finds("far").out.contains("10.8.0.2"), "{:?}", finds("far"));
    });
}

#[test]
fn the_network_with_the_highest_priority_leads_outside() {
    on_a_host(|dok| {
        for (name, subnet) in [("n1", "10.9.0.0/24"), ("n2", "10.8.0.0/24")] {
            dok.ok(&["network", "create", "--subnet", subnet, name]);
        }
        let route = ["busybox", "ip", "route"];
        let both = ["run", "--rm", "--network", "n1", "--network", "name=n2,gw-priority=1"];
        let said = dok.ok(&[&both[..], &route].concat());
        assert!(said.contains("default via 10.8.0.1"), "{said}");
        dok.ok(&[&["create", "--name", "box", "--network", "n1"], &route[..]].concat());
        dok.ok(&["network", "connect", "--gw-priority", "1", "n2", "box"]);
        let said = dok.ok(&["start", "-a", "box"]);
        assert!(said.contains("default via 10.8.0.1"), "{said}");
    });
}

#[test]
fn a_container_that_runs_finds_names_once_it_is_connected() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        dok.ok(&["run", "-d", "--name", "web", "--network", "n1", "busybox", "sleep", "86400"]);
        dok.ok(&["run", "-d", "--name", "late", "busybox", "sleep", "86400"]);
        let asked = dok.dok(&["exec", "late", "nslookup", "web"]);
        assert_ne!(asked.code, Some(0), "{asked:?}");
        dok.ok(&["network", "connect", "n1", "late"]);
        let file = dok.ok(&["exec", "late", "cat", "/etc/resolv.conf"]);
        assert!(file.contains("nameserver 127.0.0.11\n"), "{file}");
        let asked = dok.ok(&["exec", "late", "nslookup", "web"]);
        assert!(asked.contains("10.9.0.2"), "{asked}");
        dok.ok(&["network", "create", "--subnet", "10.8.0.0/24", "n2"]);
        dok.ok(&["network", "connect", "n2", "late"]);
        assert!(dok.ok(&["exec", "web", "nslookup", "late"]).contains("10.9.0.3"));
        dok.ok(&["rm", "-f", "late"]);
    });
}

#[test]
fn a_port_of_ipv6_leads_to_a_container_without_ipv6() {
    on_a_host(|dok| {
        let words = ["run", "-d", "--name", "web", "-p", "[::1]:8080:80", "-p", "[::]:8081:80"];
        dok.ok(&[&words[..], &["busybox", "sh", "-c", SERVICE]].concat());
        assert_eq!(told_by("[::1]:8080"), "hello\n");
        assert_eq!(told_by("[::1]:8081"), "hello\n");
        assert!(TcpStream::connect("127.0.0.1:8080").is_err(), "it is of IPv6 alone");
        let ports = dok.ok(&["port", "web"]);
        assert!(ports.contains("80/tcp -> [::1]:8080\n"), "{ports}");
        dok.ok(&["restart", "-t", "0", "web"]);
        assert_eq!(told_by("[::1]:8080"), "hello\n");
        dok.ok(&["rm", "-f", "web"]);
        TcpListener::bind("[::1]:8080").unwrap();
        let words = ["run", "--rm", "-p", "[::1]:1:1/sctp", "busybox", "true"];
        assert!(dok.dok(&words).err.contains("sctp is led by rules alone"));
    });
}

#[test]
fn a_resolver_asks_the_servers_of_the_machine_for_names_of_others() {
    on_a_host(|dok| {
        let server = std::net::UdpSocket::bind("127.0.0.1:53").unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        let words = ["run", "-d", "--name", "box", "--network", "n1", "--dns", "127.0.0.1"];
        dok.ok(&[&words[..], &["busybox", "nslookup", "outside.example"]].concat());
        let mut question = [0; 512];
        let (length, _) = server.recv_from(&mut question).expect("a question");
        let name = b"\x07outside\x07example";
        assert!(question[..length].windows(name.len()).any(|part| part == name));
    });
}
