//! A host of the test's own: a network and a mount namespace, with folders for a store. Containers
//! are network namespaces in it, without processes; sockets opened in them speak to each other.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use onggi_engine::model::network::{CreateNetwork, Publish};
use onggi_engine::network::{self, Attached, Request, namespace, ports};
use onggi_engine::store::Store;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::patience::until;

/// How long to wait for a packet that must not arrive.
pub(crate) const DOUBT: Duration = Duration::from_millis(400);

pub(crate) struct Host {
    pub(crate) store: Store,
    folder: PathBuf,
}

/// Runs a test on a host of its own, which goes when the test ends.
pub(crate) fn on_a_host(test: impl FnOnce(&Host) + Send) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("dok-network-{}-{number}", std::process::id()));
    std::thread::scope(|scope| {
        let body = || {
            if let Err(error) = unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS) {
                eprintln!("skipped: needs namespaces of its own: {error}");
                return;
            }
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
                .expect("private mounts");
            let (root, run) = (folder.join("root"), folder.join("run"));
            let store = Store::open(root, run).expect("a store");
            let host = Host { store, folder: folder.clone() };
            ip("link set lo up");
            test(&host);
        };
        let ended = scope.spawn(body).join();
        let removed = fs::remove_dir_all(&folder);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
        drop(removed);
    });
}

/// iproute2, in the namespace of the calling thread.
pub(crate) fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().expect("the program ip");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A container: its name, its network namespace.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) namespace: PathBuf,
}

impl Host {
    pub(crate) fn container(&self, name: &str) -> Container {
        let namespace = namespace::create(&self.store, name).expect("a network namespace");
        Container { name: name.to_owned(), namespace }
    }

    /// Makes a network; the change says what is asked for besides its name.
    pub(crate) fn network(&self, name: &str, change: impl FnOnce(&mut CreateNetwork)) {
        let mut request = CreateNetwork { name: name.to_owned(), ..CreateNetwork::default() };
        change(&mut request);
        network::definition::create(&self.store, &request).expect("a network");
    }

    pub(crate) fn attach(
        &self,
        container: &Container,
        network: &str,
        publish: &[&str],
    ) -> Attached {
        self.try_attach(container, network, publish).expect("a place in the network")
    }

    pub(crate) fn try_attach(
        &self,
        container: &Container,
        network: &str,
        publish: &[&str],
    ) -> onggi_engine::error::Result<Attached> {
        let wanted: Vec<Publish> =
            publish.iter().flat_map(|text| ports::parse(text).expect("a port")).collect();
        network::attach(&self.store, &request(container, network, &wanted))
    }

    /// Waits for what the kernel does in its own time.
    pub(crate) fn wait_for(&self, is_so: impl Fn() -> bool) {
        until("the kernel is done", || is_so().then_some(()));
    }

    /// What a container leaves nothing of: links, the pins of namespaces, the packet filter.
    pub(crate) fn traces(&self) -> (String, Vec<String>, String) {
        let mut links: Vec<String> = ip("-o link show type veth").lines().map(name_of).collect();
        links.extend(ip("-o link show type bridge").lines().map(name_of));
        links.sort();
        let pins = fs::read_dir(self.folder.join("run/netns"));
        let pins =
            pins.into_iter().flatten().filter_map(|e| e.ok()?.file_name().into_string().ok());
        (links.join(" "), pins.collect(), self.elements())
    }

    /// The program nft plays other firewalls.
    pub(crate) fn nft(&self, words: &str) {
        let done = Command::new("nft").args(words.split(' ')).status();
        assert!(done.expect("the program nft").success(), "nft {words}");
    }

    /// Whether it is here; a test that needs it says that it is skipped.
    pub(crate) fn has_nft(&self) -> bool {
        let found = Command::new("nft").arg("--version").output().is_ok();
        if !found {
            eprintln!("skipped: needs the program nft");
        }
        found
    }

    /// Lays a wire to another machine: we are .1 of the network, it is .2 and sends all to us.
    pub(crate) fn wire(&self, other: &Container, device: &str, net: &str) {
        ip(&format!("link add {device} type veth peer name uplink"));
        ip(&format!("address add {net}.1/24 dev {device}"));
        ip(&format!("link set {device} up"));
        move_link("uplink", &other.namespace.display().to_string());
        inside(&other.namespace, || {
            ip(&format!("address add {net}.2/24 dev uplink"));
            ip("link set uplink up");
            ip(&format!("route add default via {net}.1"));
        });
    }

    /// The packet filter as the program nft tells it, where there is one.
    pub(crate) fn elements(&self) -> String {
        let output = Command::new("nft").args(["list", "ruleset"]).output();
        output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default()
    }
}

fn name_of(line: &str) -> String {
    let name = line.split(": ").nth(1).unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_owned()
}

pub(crate) fn request<'a>(
    container: &'a Container,
    network: &'a str,
    ports: &'a [Publish],
) -> Request<'a> {
    Request {
        container: &container.name,
        name: &container.name,
        hostname: "",
        namespace: &container.namespace,
        network,
        ipv4: None,
        ipv6: None,
        mac: None,
        aliases: &[],
        links: &[],
        ports,
    }
}

/// Runs a function in the network namespace that a file pins.
pub(crate) fn inside<T: Send>(namespace: &Path, act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let body = || {
            let file = File::open(namespace).expect("the namespace");
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind).expect("to go there");
            act()
        };
        scope.spawn(body).join().expect("the thread")
    })
}

/// A service in a container that answers each connection with the caller's address, and ends with
/// the test.
pub(crate) fn serve_tcp(container: &Container, at: &str) {
    let listener = inside(&container.namespace, || TcpListener::bind(at).expect("a listener"));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let from = connection.peer_addr().map(|addr| addr.ip().to_string());
            let _ = connection.write_all(from.unwrap_or_default().as_bytes());
        }
    });
}

/// The same, for datagrams.
pub(crate) fn serve_udp(container: &Container, at: &str) {
    let socket = inside(&container.namespace, || UdpSocket::bind(at).expect("a socket"));
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(from.ip().to_string().as_bytes(), from);
        }
    });
}

/// Asks such a service from the namespace of the calling thread: as whom it sees us.
pub(crate) fn ask_tcp(at: &str, patience: Duration) -> Option<IpAddr> {
    let at: SocketAddr = at.parse().expect("an address and a port");
    let mut connection = TcpStream::connect_timeout(&at, patience).ok()?;
    connection.set_read_timeout(Some(patience)).expect("a limit");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.parse().ok()
}

/// The same, by a datagram.
pub(crate) fn ask_udp(at: &str, patience: Duration) -> Option<IpAddr> {
    let at: SocketAddr = at.parse().expect("an address and a port");
    let own = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).expect("a socket");
    socket.connect(at).ok()?;
    let end = Instant::now() + patience;
    // A datagram may be lost, and is sent again.
    while Instant::now() < end {
        socket.set_read_timeout(Some(patience.min(Duration::from_secs(1)))).expect("a limit");
        socket.send(b"?").ok()?;
        let mut buffer = [0; 64];
        if let Ok(length) = socket.recv(&mut buffer) {
            return std::str::from_utf8(&buffer[..length]).ok()?.parse().ok();
        }
    }
    None
}

/// Another machine on a wire to this one: 192.0.2.2 and 2001:db8::2, we are 192.0.2.1 and
/// 2001:db8::1; what it has to send elsewhere it sends to us.
pub(crate) fn neighbour(host: &Host) -> Container {
    let other = host.container("neighbour");
    host.wire(&other, "wire", "192.0.2");
    ip("address add 2001:db8::1/64 dev wire nodad");
    inside(&other.namespace, || {
        ip("address add 2001:db8::2/64 dev uplink nodad");
        ip("-6 route add default via 2001:db8::1");
    });
    other
}

/// `ip link set … netns` takes a name below /run/netns or a process, so a process it is.
fn move_link(link: &str, namespace: &str) {
    let mut sleeper = Command::new("nsenter")
        .args([&format!("--net={namespace}"), "sleep", "86400"])
        .spawn()
        .expect("the program nsenter");
    let there = fs::metadata(namespace).expect("the namespace").ino();
    until("somebody is in the namespace", || {
        let own = fs::metadata(format!("/proc/{}/ns/net", sleeper.id())).ok()?;
        (own.ino() == there).then_some(())
    });
    ip(&format!("link set {link} netns {}", sleeper.id()));
    sleeper.kill().expect("to end it");
    sleeper.wait().expect("its end");
}
