//! Published ports that no rule of the packet filter can lead to a container: of IPv6 where the
//! container has none, and of `::1`, to which the kernel takes no answer from a bridge. A process
//! beside the monitor, `dok carry`, takes what comes there and carries it over. Only containers
//! with such a port have it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketType, getsockname, listen, sockopt};

use super::companion::{self, Companion};
use super::{gift, sandbox};
use crate::error::{Context, Result};
use crate::model::Container;
use crate::model::network::{Binding, Protocol};
use crate::network::ports;
use crate::store::Store;

/// The word that makes dok a carrier.
pub const WORD: &str = "carry";

/// Connections at a time; more are closed.
const CONNECTIONS: usize = 512;
/// Senders of datagrams at a time; those of more are dropped.
const SENDERS: usize = 256;
/// How long an answer to a datagram may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a container may take to accept a connection.
const ACCEPTANCE: Duration = Duration::from_secs(10);
/// Connections that wait to be accepted.
const WAITING: i32 = 128;
/// Bytes that are carried at once.
const PIECE: usize = 16 << 10;
/// The largest datagram.
const LARGEST: usize = 65_535;
/// What a thread needs.
const STACK: usize = 64 << 10;

/// Starts the carrier of a container, where it has such ports; it takes over their sockets, which
/// are among those that are kept.
pub(super) fn start(
    store: &Store,
    container: &Container,
    kept: &[OwnedFd],
) -> Result<Option<Companion>> {
    let (mut sockets, mut targets) = (Vec::new(), Vec::new());
    for endpoint in store.networks().endpoints_of(&container.id)? {
        for (binding, target) in ports::carried(&endpoint) {
            let Some(socket) = kept.iter().find(|socket| is_of(socket, &binding)) else { continue };
            sockets.push(socket.try_clone().context("share a published port")?);
            targets.push(target.to_string());
        }
    }
    if sockets.is_empty() {
        return Ok(None);
    }
    let (ours, theirs) = UnixStream::pair().context("make a socket")?;
    gift::leave(&ours, &sockets, &[])?;
    let mut command = companion::command(WORD);
    command.args(targets);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    Companion::start(command).map(Some)
}

fn is_of(socket: &OwnedFd, binding: &Binding) -> bool {
    let at = getsockname(socket).ok().and_then(|at| SocketAddr::try_from(at).ok());
    let kind = match binding.protocol {
        Protocol::Tcp => SocketType::STREAM,
        Protocol::Udp => SocketType::DGRAM,
        Protocol::Sctp => return false,
    };
    at == Some(SocketAddr::new(binding.address, binding.host))
        && sockopt::socket_type(socket).is_ok_and(|own| own == kind)
}

/// The carrier, from its words on the command line to the monitor's end.
///
/// # Errors
/// What kept it from carrying.
pub fn main(words: &[PathBuf]) -> Result<()> {
    let [monitor, targets @ ..] = words else {
        anyhow::bail!("carry is started by dok itself");
    };
    companion::end_with(monitor)?;
    let gift = io::stdin().as_fd().try_clone_to_owned().context("take the sockets")?;
    let sockets = gift::take(&UnixStream::from(gift))?;
    let targets = targets.iter().filter_map(|word| word.to_str()?.parse::<SocketAddr>().ok());
    let mut ports = Vec::new();
    for (socket, target) in sockets.into_iter().zip(targets) {
        let kind = sockopt::socket_type(&socket).context("look at a published port")?;
        if kind == SocketType::STREAM {
            listen(&socket, WAITING).context("listen at a published port")?;
            ports.push(Port::Connections(TcpListener::from(socket), target));
        } else {
            ports.push(Port::Datagrams(UdpSocket::from(socket), target));
        }
    }
    sandbox::enter(sandbox::Task::Companion)?;
    std::thread::scope(|scope| {
        for port in &ports {
            std::thread::Builder::new()
                .stack_size(STACK + LARGEST)
                .spawn_scoped(scope, || port.serve())
                .context("start a thread")?;
        }
        Ok(())
    })
}

enum Port {
    Connections(TcpListener, SocketAddr),
    Datagrams(UdpSocket, SocketAddr),
}

impl Port {
    /// Carries until the process ends; a port that cannot be served any more is like one that
    /// nobody listens at.
    fn serve(&self) {
        match self {
            Port::Connections(listener, target) => carry_connections(listener, *target),
            Port::Datagrams(socket, target) => drop(carry_datagrams(socket, *target)),
        }
    }
}

fn carry_connections(listener: &TcpListener, target: SocketAddr) {
    let count = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((outside, _)) = listener.accept() else {
            // No descriptor is free: perhaps in a moment.
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        if count.load(Ordering::Relaxed) >= CONNECTIONS {
            continue;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let own = Arc::clone(&count);
        let carry = move || {
            // Who is connected hears of a failure by the connection's end.
            let _ = carry_connection(&outside, target);
            own.fetch_sub(1, Ordering::Relaxed);
        };
        if std::thread::Builder::new().stack_size(STACK).spawn(carry).is_err() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn carry_connection(outside: &TcpStream, target: SocketAddr) -> io::Result<()> {
    let inside = TcpStream::connect_timeout(&target, ACCEPTANCE)?;
    std::thread::scope(|scope| {
        let there = || copy(outside, &inside);
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, there)?;
        copy(&inside, outside);
        Ok(())
    })
}

/// Carries one direction to its end; after a failure, neither goes on.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let mut bytes = vec![0; PIECE];
    let done = loop {
        match from.read(&mut bytes) {
            Ok(0) => break to.shutdown(Shutdown::Write),
            Ok(length) => {
                if let Err(error) = to.write_all(&bytes[..length]) {
                    break Err(error);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    if done.is_err() {
        // What is closed already need not be closed.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}

/// One who sent a datagram, and the socket that the answers come to.
struct Sender {
    address: SocketAddr,
    socket: UdpSocket,
    last: Instant,
}

fn carry_datagrams(outside: &UdpSocket, target: SocketAddr) -> io::Result<()> {
    outside.set_nonblocking(true)?;
    let mut senders: Vec<Sender> = Vec::new();
    let mut bytes = vec![0; LARGEST];
    loop {
        wait(outside, &senders)?;
        let now = Instant::now();
        while let Ok((length, from)) = outside.recv_from(&mut bytes) {
            if let Some(sender) = sender(&mut senders, from, target) {
                sender.last = now;
                // A datagram may be lost anywhere.
                let _ = sender.socket.send(&bytes[..length]);
            }
        }
        for sender in &mut senders {
            while let Ok(length) = sender.socket.recv(&mut bytes) {
                sender.last = now;
                let _ = outside.send_to(&bytes[..length], sender.address);
            }
        }
        senders.retain(|sender| now.duration_since(sender.last) < PATIENCE);
    }
}

/// Waits for a datagram, or until a sender may be forgotten.
fn wait(outside: &UdpSocket, senders: &[Sender]) -> io::Result<()> {
    let mut fds = vec![PollFd::new(outside, PollFlags::IN)];
    fds.extend(senders.iter().map(|sender| PollFd::new(&sender.socket, PollFlags::IN)));
    let patience = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: patience, tv_nsec: 0 };
    match poll(&mut fds, Some(&timeout).filter(|_| !senders.is_empty())) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn sender(
    senders: &mut Vec<Sender>,
    address: SocketAddr,
    target: SocketAddr,
) -> Option<&mut Sender> {
    let known = senders.iter().position(|sender| sender.address == address);
    if known.is_none() && senders.len() < SENDERS {
        let socket = connected(target).ok()?;
        senders.push(Sender { address, socket, last: Instant::now() });
        return senders.last_mut();
    }
    senders.get_mut(known?)
}

fn connected(target: SocketAddr) -> io::Result<UdpSocket> {
    let own = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(own, 0))?;
    socket.connect(target)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

    #[test]
    fn connections_are_carried_both_ways_to_the_end_of_each() {
        let service = TcpListener::bind(LOOPBACK).unwrap();
        let target = service.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = service.accept().unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            stream.write_all(format!("heard {text}").as_bytes()).unwrap();
        });
        let port = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let at = port.local_addr().unwrap();
        std::thread::spawn(move || carry_connections(&port, target));
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "heard hello");
        let mut refused = TcpStream::connect(at).unwrap();
        assert_eq!(refused.read(&mut [0]).unwrap_or(0), 0, "nobody listens any more");
    }

    #[test]
    fn datagrams_are_answered_to_those_who_sent_them() {
        let service = UdpSocket::bind(LOOPBACK).unwrap();
        let target = service.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 64];
            while let Ok((length, from)) = service.recv_from(&mut bytes) {
                service.send_to(&bytes[..length], from).unwrap();
            }
        });
        let port = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let at = port.local_addr().unwrap();
        std::thread::spawn(move || carry_datagrams(&port, target).map(drop));
        let ask = |text: &str| {
            let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket.connect(at).unwrap();
            socket.send(text.as_bytes()).unwrap();
            let mut bytes = [0; 64];
            let length = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        assert_eq!((ask("one"), ask("two")), ("one".to_owned(), "two".to_owned()));
    }
}
