//! Networks on the real kernel: each test has a host of its own, made of namespaces.

mod commands;
mod host;
mod names;
#[path = "../patience/mod.rs"]
mod patience;

use host::{DOUBT, ask_tcp, ask_udp, inside, ip, neighbour, on_a_host, serve_tcp, serve_udp};
use onggi_engine::network;
use onggi_engine::network::check::{Remedy, check};
use patience::PATIENCE;
use std::time::{Duration, Instant};

#[test]
fn a_container_reaches_the_world_under_the_hosts_address_and_leaves_no_trace() {
    on_a_host(|host| {
        let outside = neighbour(host);
        let web = host.container("web");
        let before = host.traces();
        let attached = host.attach(&web, "bridge", &[]);
        assert_eq!(attached.endpoint.ipv4.expect("an address").to_string(), "172.17.0.2/16");
        serve_tcp(&outside, "192.0.2.2:80");
        let seen = inside(&web.namespace, || ask_tcp("192.0.2.2:80", PATIENCE));
        assert_eq!(seen, Some("192.0.2.1".parse().expect("an address")));
        drop(network::release(&host.store, "web").expect("to leave"));
        host.wait_for(|| !ip("-o link show type veth").contains("dok-"));
        let (links, pins, _) = host.traces();
        assert_eq!(links, format!("dok0 {}", before.0));
        assert_eq!(pins, ["neighbour"]);
    });
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    on_a_host(|host| {
        let outside = neighbour(host);
        let (web, other) = (host.container("web"), host.container("other"));
        host.attach(&web, "bridge", &["8080:80", "5353:53/udp"]);
        host.attach(&other, "bridge", &[]);
        serve_tcp(&web, "0.0.0.0:80");
        serve_udp(&web, "0.0.0.0:53");
        let from = |address: &str| Some(address.parse().expect("an address"));
        for at in ["127.0.0.1", "127.0.0.2", "192.0.2.1", "172.17.0.1"] {
            assert!(ask_tcp(&format!("{at}:8080"), PATIENCE).is_some(), "{at} from the host");
            assert!(ask_udp(&format!("{at}:5353"), PATIENCE).is_some(), "{at} from the host, udp");
        }
        let seen = inside(&outside.namespace, || ask_tcp("192.0.2.1:8080", PATIENCE));
        assert_eq!(seen, from("192.0.2.2"), "a caller keeps its address");
        let seen = inside(&outside.namespace, || ask_udp("192.0.2.1:5353", PATIENCE));
        assert_eq!(seen, from("192.0.2.2"), "a caller keeps its address");
        for (who, name) in [(&other, "another container"), (&web, "the container itself")] {
            let seen = inside(&who.namespace, || ask_tcp("192.0.2.1:8080", PATIENCE));
            assert!(seen.is_some(), "{name}, by the host's address");
            let seen = inside(&who.namespace, || ask_udp("192.0.2.1:5353", PATIENCE));
            assert!(seen.is_some(), "{name}, by the host's address, udp");
        }
        drop(network::release(&host.store, "web").expect("to leave"));
        assert_eq!(ask_tcp("127.0.0.1:8080", DOUBT), None);
    });
}

#[test]
fn what_is_not_published_is_out_of_reach_for_neighbours() {
    on_a_host(|host| {
        let outside = neighbour(host);
        let web = host.container("web");
        host.attach(&web, "bridge", &["127.0.0.1:8080:80"]);
        serve_tcp(&web, "0.0.0.0:80");
        serve_tcp(&web, "0.0.0.0:81");
        assert!(ask_tcp("127.0.0.1:8080", PATIENCE).is_some());
        assert!(ask_tcp("172.17.0.2:81", PATIENCE).is_some(), "the host itself may");
        inside(&outside.namespace, || {
            assert_eq!(ask_tcp("172.17.0.2:81", DOUBT), None, "a port that is not published");
            assert_eq!(ask_tcp("172.17.0.2:80", DOUBT), None, "by the container's address");
            assert_eq!(ask_tcp("192.0.2.1:8080", DOUBT), None, "by another address");
            // A neighbour can write any destination on a packet, and its kernel lets it.
            ip("address del 127.0.0.1/8 dev lo");
            std::fs::write("/proc/sys/net/ipv4/conf/uplink/route_localnet", "1")
                .expect("a setting");
            ip("route replace table local 127.0.0.1 via 192.0.2.1 dev uplink src 192.0.2.2");
            assert_eq!(ask_tcp("127.0.0.1:8080", DOUBT), None, "by the loopback address");
        });
    });
}

#[test]
fn what_a_killed_process_left_is_found_and_removed() {
    on_a_host(|host| {
        let (dead, alive) = (host.container("dead"), host.container("alive"));
        host.attach(&alive, "bridge", &["8081:80"]);
        let clean = host.traces();
        host.attach(&dead, "bridge", &["8080:80"]);
        ip("link add dok-lost type veth peer name lost-peer");
        ip("link set dok-lost master dok0");
        let is_alive = |id: &str| id == "alive";
        let told = check(&host.store, &is_alive, Remedy::Tell).expect("to look");
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(check(&host.store, &is_alive, Remedy::Remove).expect("to repair"), told);
        assert_eq!(check(&host.store, &is_alive, Remedy::Tell).expect("to look"), []);
        let (links, pins, rules) = host.traces();
        assert_eq!((links, rules), (clean.0, clean.2));
        assert_eq!(pins, ["alive"]);
        serve_tcp(&alive, "0.0.0.0:80");
        assert!(ask_tcp("127.0.0.1:8081", PATIENCE).is_some(), "others are left alone");
    });
}

#[test]
fn a_bridge_that_was_half_made_is_finished_and_a_start_that_was_killed_is_no_obstacle() {
    on_a_host(|host| {
        let outside = neighbour(host);
        serve_tcp(&outside, "192.0.2.2:80");
        ip("link add dok0 type bridge");
        ip("address add 172.17.0.1/16 dev dok0");
        let web = host.container("web");
        let first = host.attach(&web, "bridge", &["8080:80"]);
        let go_out = |web: &host::Container| {
            inside(&web.namespace, || ask_tcp("192.0.2.2:80", PATIENCE)).is_some()
        };
        assert!(go_out(&web));
        // As after a kill: the processes and their namespace are gone, the record is not.
        drop(first.reserved);
        let again = host.container("web");
        host.wait_for(|| !ip("-o link show type veth").contains("dok-"));
        host.attach(&again, "bridge", &["8080:80"]);
        assert!(go_out(&again));
    });
}

#[test]
fn a_rule_set_that_was_flushed_is_there_again_with_the_next_container() {
    on_a_host(|host| {
        if !host.has_nft() {
            return;
        }
        let (web, next) = (host.container("web"), host.container("next"));
        host.attach(&web, "bridge", &["8080:80"]);
        serve_tcp(&web, "0.0.0.0:80");
        assert!(ask_tcp("127.0.0.1:8080", PATIENCE).is_some());
        host.nft("flush ruleset");
        assert_eq!(ask_tcp("127.0.0.1:8080", DOUBT), None);
        host.attach(&next, "bridge", &[]);
        assert!(ask_tcp("127.0.0.1:8080", PATIENCE).is_some());
    });
}

#[test]
fn a_port_that_is_taken_is_refused_in_dockers_words_and_nothing_is_left() {
    on_a_host(|host| {
        let (one, two) = (host.container("one"), host.container("two"));
        let held = host.attach(&one, "bridge", &["8080:80"]);
        let other = std::net::TcpListener::bind("127.0.0.1:9090").expect("another program");
        let before = host.traces();
        for (port, words) in [
            ("8080:80", "Bind for 0.0.0.0:8080 failed: port is already allocated"),
            ("127.0.0.1:8080:81", "Bind for 127.0.0.1:8080 failed: port is already allocated"),
            (
                "9090:80",
                "failed to bind host port for 0.0.0.0:9090:172.17.0.3:80/tcp: address already in use",
            ),
        ] {
            let error = host.try_attach(&two, "bridge", &[port]).expect_err(port);
            assert!(format!("{error:#}").ends_with(words), "{error:#}");
            assert_eq!(host.traces(), before, "{port}");
        }
        drop(other);
        let taken = std::net::TcpListener::bind("0.0.0.0:8080").map(drop);
        assert!(taken.is_err(), "another program cannot have a published port");
        let any = host.attach(&two, "bridge", &["80", "9090-9092:81"]);
        assert!(any.endpoint.bindings[0].host >= 1024);
        assert!((9090..=9092).contains(&any.endpoint.bindings[1].host));
        drop(network::release(&host.store, "one").expect("to leave"));
        drop(held);
        // A program that another test starts may hold a copy until it runs.
        host.wait_for(|| std::net::TcpListener::bind("0.0.0.0:8080").is_ok());
    });
}

#[test]
fn networks_are_apart_and_an_internal_one_has_no_way_out() {
    on_a_host(|host| {
        let outside = neighbour(host);
        serve_tcp(&outside, "192.0.2.2:80");
        host.network("red", |_| {});
        host.network("blue", |_| {});
        host.network("cell", |request| request.internal = true);
        let names = ["red1", "red2", "blue1", "cell1", "cell2"];
        let [red1, red2, blue1, cell1, cell2] = names.map(|name| host.container(name));
        let mut at = Vec::new();
        for (container, network) in
            [(&red1, "red"), (&red2, "red"), (&blue1, "blue"), (&cell1, "cell"), (&cell2, "cell")]
        {
            let attached = host.attach(container, network, &[]);
            at.push(format!("{}:80", attached.endpoint.ipv4.expect("an address").addr()));
            serve_tcp(container, "0.0.0.0:80");
        }
        inside(&red1.namespace, || {
            assert!(ask_tcp(&at[1], PATIENCE).is_some(), "the same network");
            assert!(ask_tcp("192.0.2.2:80", PATIENCE).is_some(), "the world");
            assert_eq!(ask_tcp(&at[2], DOUBT), None, "another network");
            assert_eq!(ask_tcp(&at[3], DOUBT), None, "an internal network");
        });
        inside(&cell1.namespace, || {
            assert!(ask_tcp(&at[4], PATIENCE).is_some(), "the same network");
            // Whatever it writes into its own table of routes.
            ip(&format!("route add default via {}", gateway_of(&at[4])));
            assert_eq!(ask_tcp("192.0.2.2:80", DOUBT), None, "the world");
            assert_eq!(ask_tcp(&at[0], DOUBT), None, "another network");
        });
        inside(&outside.namespace, || {
            assert_eq!(ask_tcp(&at[3], DOUBT), None, "from the world to an internal network");
        });
    });
}

/// The first address of a container's network.
fn gateway_of(at: &str) -> String {
    let (network, _) = at.rsplit_once('.').expect("an address");
    format!("{network}.1")
}

#[test]
fn ipv6_is_there_where_it_is_asked_for_and_nowhere_else() {
    on_a_host(|host| {
        let outside = neighbour(host);
        serve_tcp(&outside, "[2001:db8::2]:80");
        host.network("six", |request| request.ipv6 = Some(true));
        let (web, other, four) =
            (host.container("web"), host.container("other"), host.container("four"));
        let attached = host.attach(&web, "six", &["8080:80"]);
        host.attach(&other, "six", &[]);
        host.attach(&four, "bridge", &[]);
        serve_tcp(&web, "[::]:80");
        let own = attached.endpoint.ipv6.expect("an address").addr();
        assert!(own.is_unique_local(), "{own}");
        let seen = inside(&web.namespace, || ask_tcp("[2001:db8::2]:80", PATIENCE));
        assert_eq!(seen, Some("2001:db8::1".parse().expect("an address")), "under our address");
        for at in ["[2001:db8::1]:8080", "127.0.0.1:8080"] {
            assert!(ask_tcp(at, PATIENCE).is_some(), "{at} from the host");
        }
        let refused = std::net::TcpStream::connect("[::1]:8080").map(drop).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "no rule can lead it");
        for who in [&other, &web] {
            let seen = inside(&who.namespace, || ask_tcp("[2001:db8::1]:8080", PATIENCE));
            assert!(seen.is_some(), "{} by the host's address", who.name);
        }
        inside(&outside.namespace, || {
            let seen = ask_tcp("[2001:db8::1]:8080", PATIENCE);
            assert_eq!(seen, Some("2001:db8::2".parse().expect("an address")));
            assert_eq!(ask_tcp(&format!("[{own}]:80"), DOUBT), None, "by the container's address");
        });
        // CVE-2024-32473: not even a link-local address.
        let addresses = inside(&four.namespace, || ip("-6 -o address show dev eth0"));
        assert_eq!(addresses, "");
        assert_eq!(ip("-6 -o address show dev dok0"), "");
    });
}

#[test]
fn a_firewall_that_drops_what_it_does_not_know_lets_our_bridges_through() {
    on_a_host(|host| {
        if !host.has_nft() {
            return;
        }
        let outside = neighbour(host);
        serve_tcp(&outside, "192.0.2.2:80");
        host.nft("add table ip filter");
        host.nft(
            "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }",
        );
        let before = host.elements();
        host.network("front", |_| {});
        let web = host.container("web");
        host.attach(&web, "front", &["8080:80"]);
        serve_tcp(&web, "0.0.0.0:80");
        let go_out = |limit| inside(&web.namespace, || ask_tcp("192.0.2.2:80", limit));
        assert!(go_out(PATIENCE).is_some());
        host.nft("flush chain ip filter FORWARD");
        assert!(go_out(DOUBT).is_none(), "the firewall does drop");
        host.attach(&host.container("next"), "front", &[]);
        assert!(go_out(PATIENCE).is_some(), "after a reload");
        inside(&outside.namespace, || {
            assert!(ask_tcp("192.0.2.1:8080", PATIENCE).is_some());
            assert_eq!(ask_tcp("172.18.0.2:80", DOUBT), None, "not published");
        });
        for name in ["web", "next"] {
            drop(network::release(&host.store, name).expect("to leave"));
        }
        network::definition::remove(&host.store, "front").expect("to remove the network");
        assert_eq!(host.elements(), before);
    });
}

#[test]
fn a_machine_that_did_not_forward_becomes_no_router_for_others() {
    on_a_host(|host| {
        let (left, right) = (neighbour(host), host.container("right"));
        let route_between = || {
            serve_tcp(&right, "198.51.100.2:80");
            inside(&left.namespace, || ask_tcp("198.51.100.2:80", DOUBT))
        };
        host.wire(&right, "second", "198.51.100");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").expect("a setting");
        host.attach(&host.container("web"), "bridge", &[]);
        let forwards = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward");
        assert_eq!(forwards.expect("a setting").trim(), "1");
        assert_eq!(route_between(), None);
    });
    on_a_host(|host| {
        let (left, right) = (neighbour(host), host.container("right"));
        host.wire(&right, "second", "198.51.100");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("a setting");
        host.attach(&host.container("web"), "bridge", &[]);
        serve_tcp(&right, "198.51.100.2:80");
        let seen = inside(&left.namespace, || ask_tcp("198.51.100.2:80", PATIENCE));
        assert!(seen.is_some(), "one that was a router stays one");
    });
}

#[test]
fn many_at_once_get_an_address_each() {
    on_a_host(|host| {
        let containers: Vec<_> = (0..24).map(|n| host.container(&format!("c{n}"))).collect();
        let addresses = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for container in &containers {
                scope.spawn(|| {
                    let attached = host.attach(container, "bridge", &["80"]);
                    let mut addresses = addresses.lock().expect("the list");
                    addresses.push((attached.endpoint.ipv4, attached.endpoint.bindings[0].host));
                });
            }
        });
        let mut addresses = addresses.into_inner().expect("the list");
        addresses.sort();
        addresses.dedup_by(|a, b| a.0 == b.0 || a.1 == b.1);
        assert_eq!(addresses.len(), containers.len());
        for container in &containers {
            drop(network::release(&host.store, &container.name).expect("to leave"));
        }
        host.wait_for(|| ip("-o link show type veth").is_empty());
        assert_eq!(check(&host.store, &|_| false, Remedy::Tell).expect("to look"), []);
    });
}

#[test]
fn nothing_is_waited_for_when_a_container_comes_and_goes() {
    on_a_host(|host| {
        let first = host.container("first");
        host.attach(&first, "bridge", &[]);
        serve_tcp(&first, "0.0.0.0:80");
        let mut times = [const { Vec::new() }; 4];
        for number in 0..20 {
            let name = format!("c{number}");
            let mut lap = Lap::start();
            let container = host.container(&name);
            times[0].push(lap.next());
            let attached = host.attach(&container, "bridge", &["80"]);
            times[1].push(lap.next());
            let answered = inside(&container.namespace, || ask_tcp("172.17.0.2:80", PATIENCE));
            assert!(answered.is_some());
            times[3].push(lap.next());
            let lingering = network::release(&host.store, &name).expect("to leave");
            times[2].push(lap.next());
            drop(lingering);
            drop(attached);
        }
        for (what, times) in
            ["namespace", "attach", "release", "first answer"].iter().zip(&mut times)
        {
            times.sort();
            println!("{what}: median {:?}, best {:?}", times[times.len() / 2], times[0]);
            // Whoever asks for a neighbour's address in vain, or looks whether an address is
            // somebody else's, waits for a second each time.
            assert!(times[0] < Duration::from_millis(900), "{what}: {times:?}");
        }
    });
}

struct Lap(Instant);

impl Lap {
    fn start() -> Lap {
        Lap(Instant::now())
    }

    fn next(&mut self) -> Duration {
        let before = std::mem::replace(&mut self.0, Instant::now());
        self.0 - before
    }
}
