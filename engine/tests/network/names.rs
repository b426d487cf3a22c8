//! Names in networks of the user's own.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use onggi_engine::network::dns::{self, Zone};
use onggi_engine::network::{self, Request};

use crate::host::{Container, DOUBT, Host, inside, on_a_host, request};
use crate::patience::PATIENCE;

/// What the monitor does for a container on a network of the user's own.
fn resolve(host: &Host, container: &Container, upstream: &[SocketAddr]) {
    let sockets = dns::open(&container.namespace).expect("a resolver");
    let zone = Zone {
        networks: host.store.networks(),
        container: container.name.clone(),
        upstream: upstream.to_vec(),
    };
    std::thread::spawn(move || dns::serve(&sockets, &zone));
}

/// A server of the machine's that knows every name, and counts what it is asked.
fn upstream() -> (SocketAddr, Arc<AtomicU32>) {
    let socket = UdpSocket::bind("127.0.0.53:0").expect("a socket");
    let at = socket.local_addr().expect("its address");
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            count.fetch_add(1, Ordering::SeqCst);
            let mut answer = buffer[..length].to_vec();
            answer[2] |= 0x80;
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9]);
            let _ = socket.send_to(&answer, from);
        }
    });
    (at, asked)
}

/// A query's bytes.
fn query(name: &str, kind: u16) -> Vec<u8> {
    let mut message = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// Asks the resolver of a container: how it ended (RFC 1035, RCODE), and the first address.
fn ask(container: &Container, name: &str, kind: u16) -> Option<(u8, Option<IpAddr>)> {
    inside(&container.namespace, || {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let query = query(name, kind);
        socket.send_to(&query, (dns::ADDRESS, 53)).ok()?;
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).ok()?;
        assert_eq!(from.to_string(), "127.0.0.11:53", "the answer is from whom was asked");
        let answer = buffer[query.len()..length].get(12..).map(|data| match data.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(data).expect("four bytes")),
            _ => IpAddr::from(<[u8; 16]>::try_from(&data[..16]).expect("sixteen bytes")),
        });
        Some((buffer[3] & 0xf, answer))
    })
}

const A: u16 = 1;
const AAAA: u16 = 28;

#[test]
fn containers_of_a_network_find_each_other_by_name() {
    on_a_host(|host| {
        let (server, asked) = upstream();
        host.network("front", |request| request.ipv6 = Some(true));
        host.network("back", |_| {});
        let (web, db, far) = (host.container("web"), host.container("db"), host.container("far"));
        host.attach(&web, "front", &[]);
        resolve(host, &web, &[server]);
        assert_eq!(ask(&web, "db", A), Some((0, Some([203, 0, 113, 9].into()))), "not yet here");
        let aliases = ["store".to_owned()];
        let joined = Request { aliases: &aliases, ..request(&db, "front", &[]) };
        let joined = network::attach(&host.store, &joined).expect("a place").endpoint;
        host.attach(&far, "back", &[]);
        let four = joined.ipv4.map(|net| IpAddr::from(net.addr()));
        let before = asked.load(Ordering::SeqCst);
        for name in ["db", "DB", "db.front", "store", "store.front"] {
            assert_eq!(ask(&web, name, A), Some((0, four)), "{name}");
        }
        let six = joined.ipv6.map(|net| IpAddr::from(net.addr()));
        assert_eq!(ask(&web, "db", AAAA), Some((0, six)));
        assert_eq!(asked.load(Ordering::SeqCst), before, "nobody else hears of our names");
        assert_eq!(ask(&web, "far", A), Some((0, Some([203, 0, 113, 9].into()))));
        assert_eq!(asked.load(Ordering::SeqCst), before + 1);

        host.attach(&web, "back", &[]);
        let seen = ask(&web, "far", A).and_then(|(_, address)| address).expect("an address");
        assert_ne!(seen, IpAddr::from([203, 0, 113, 9]), "connected later");
        network::detach(&host.store, "db", "front").expect("to leave");
        assert_eq!(ask(&web, "db", A), Some((0, Some([203, 0, 113, 9].into()))), "gone");
        // A program of the container may have port 53 for itself.
        inside(&web.namespace, || {
            drop((
                UdpSocket::bind("0.0.0.0:53").expect("udp"),
                TcpListener::bind("0.0.0.0:53").expect("tcp"),
            ));
        });
        nslookup(&web, "far");
    });
}

/// A resolver of another make understands the answers.
fn nslookup(container: &Container, name: &str) {
    let output = inside(&container.namespace, || {
        Command::new("busybox").args(["nslookup", name, "127.0.0.11"]).output()
    });
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("Address"), "{text}");
        }
        Err(error) => eprintln!("not asked with busybox: {error}"),
    }
}

#[test]
fn cve_2024_29018_an_internal_network_asks_nobody_outside() {
    on_a_host(|host| {
        let (server, asked) = upstream();
        host.network("cell", |request| request.internal = true);
        let (one, two) = (host.container("one"), host.container("two"));
        host.attach(&one, "cell", &[]);
        let two_is = host.attach(&two, "cell", &[]).endpoint.ipv4.expect("an address").addr();
        resolve(host, &one, &[server]);
        assert_eq!(ask(&one, "two", A), Some((0, Some(two_is.into()))));
        let server_failure = Some((2, None));
        assert_eq!(ask(&one, "secret.example.org", A), server_failure);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        host.network("open", |_| {});
        host.attach(&one, "open", &[]);
        assert_eq!(ask(&one, "example.org", A), Some((0, Some([203, 0, 113, 9].into()))));
    });
}

#[test]
fn a_server_that_is_silent_is_passed_over() {
    on_a_host(|host| {
        let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let nobody = UdpSocket::bind("127.0.0.1:0").expect("a socket").local_addr();
        let servers =
            [nobody.expect("an address"), silent.local_addr().expect("an address"), upstream().0];
        host.network("front", |_| {});
        let web = host.container("web");
        host.attach(&web, "front", &[]);
        resolve(host, &web, &servers);
        let start = std::time::Instant::now();
        assert_eq!(ask(&web, "example.org", A), Some((0, Some([203, 0, 113, 9].into()))));
        assert!(start.elapsed() > DOUBT, "the silent one was asked first");
    });
}
