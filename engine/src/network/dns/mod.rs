//! Names for the containers of a user's network: a resolver at 127.0.0.11 in each container's
//! network namespace. It knows who is in the same networks, and hands on all other questions.
//!
//! It runs in the machine's own network namespace (a process beside the container's monitor), so
//! that it reaches the servers that the machine asks, also at a loopback address; only the two
//! sockets that it listens on are the container's. A rule there leads port 53 to them, and leaves
//! the port itself to the container's programs.

pub mod message;
mod records;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{namespace, rules};
use crate::error::{Context, Result};
use crate::store::networks::Networks;
use message::{NOT_IMPLEMENTED, SERVER_FAILURE, answer, question, refusal};
use records::{Records, Watch};

/// Where a container finds its resolver.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// How long a server that is asked may take before the next is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions that wait for others' answers; more get none.
const WAITING: usize = 128;
/// Connections at a time; more are closed.
const CONNECTIONS: usize = 8;
/// The largest message: its length has 16 bits.
const LARGEST: usize = 65_535;

/// The two sockets of a resolver, in the container's network namespace.
#[derive(Debug)]
pub struct Sockets {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Sockets {
    /// For datagrams and for connections: what another process takes over.
    pub fn into_files(self) -> (OwnedFd, OwnedFd) {
        (self.udp.into(), self.tcp.into())
    }

    /// What a process took over.
    pub fn from_files(udp: OwnedFd, tcp: OwnedFd) -> Sockets {
        Sockets { udp: udp.into(), tcp: tcp.into() }
    }
}

/// What a resolver knows.
#[derive(Debug, Clone)]
pub struct Zone {
    /// The networks, which it reads again when they change.
    pub networks: Networks,
    /// The container's id.
    pub container: String,
    /// The servers to ask for all else, in this order.
    pub upstream: Vec<SocketAddr>,
}

/// Opens the sockets, and leads port 53 of [`ADDRESS`] to them.
///
/// # Errors
/// Names the namespace.
pub fn open(namespace: &Path) -> Result<Sockets> {
    let file = File::open(namespace).with_context(|| format!("open {}", namespace.display()))?;
    namespace::inside(&file, || {
        let udp = UdpSocket::bind((ADDRESS, 0))?;
        let tcp = TcpListener::bind((ADDRESS, 0))?;
        rules::lead_names(ADDRESS, udp.local_addr()?.port(), tcp.local_addr()?.port())?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        Ok(Sockets { udp, tcp })
    })
    .with_context(|| format!("open a resolver in {}", namespace.display()))
}

/// Answers until the process ends.
///
/// # Errors
/// Says what kept it from going on.
pub fn serve(sockets: &Sockets, zone: &Zone) -> Result<()> {
    let watch = Watch::start(&zone.networks)?;
    let records = Records::read(&zone.networks, &zone.container)?;
    let resolver = Resolver { sockets, zone, records, waiting: Vec::new(), turn: 0 };
    let connections = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let mut resolver = resolver;
        loop {
            resolver.wait().context("wait for a question")?;
            if watch.has_news(&zone.networks)? {
                resolver.records = Records::read(&zone.networks, &zone.container)?;
            }
            resolver.take_questions();
            resolver.take_answers();
            resolver.ask_others();
            while let Ok((connection, _)) = sockets.tcp.accept() {
                if connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS {
                    connections.fetch_sub(1, Ordering::AcqRel);
                    continue;
                }
                let connections = &connections;
                let talk = move || {
                    // Whoever asks finds out by the connection's end.
                    let _ = talk(&connection, zone);
                    connections.fetch_sub(1, Ordering::AcqRel);
                };
                let thread = std::thread::Builder::new().stack_size(128 * 1024);
                thread.spawn_scoped(scope, talk).context("start a thread")?;
            }
        }
    })
}

struct Resolver<'a> {
    sockets: &'a Sockets,
    zone: &'a Zone,
    records: Records,
    waiting: Vec<Waiting>,
    /// Counts answers, for those with several addresses.
    turn: usize,
}

/// A question that somebody else is to answer.
struct Waiting {
    query: Vec<u8>,
    client: SocketAddr,
    socket: UdpSocket,
    /// Which server is asked.
    server: usize,
    until: Instant,
}

impl Resolver<'_> {
    fn wait(&self) -> io::Result<()> {
        let now = Instant::now();
        let next = self.waiting.iter().map(|one| one.until.saturating_duration_since(now)).min();
        let mut sockets = vec![self.sockets.udp.as_fd(), self.sockets.tcp.as_fd()];
        sockets.extend(self.waiting.iter().map(|one| one.socket.as_fd()));
        let mut polled: Vec<PollFd<'_>> =
            sockets.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let limit = next.map(|next| Timespec {
            tv_sec: next.as_secs() as i64,
            tv_nsec: i64::from(next.subsec_nanos()),
        });
        match poll(&mut polled, limit.as_ref()) {
            Err(rustix::io::Errno::INTR) => Ok(()),
            done => Ok(done.map(drop)?),
        }
    }

    fn take_questions(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = self.sockets.udp.recv_from(&mut buffer) {
            let query = &buffer[..length];
            self.turn = self.turn.wrapping_add(1);
            match decide(&self.records, query, self.turn) {
                Decision::Answer(answer) => self.tell(client, &answer),
                Decision::Ignore => {}
                Decision::HandOn => self.hand_on(query.to_vec(), client, 0),
            }
        }
    }

    fn tell(&self, client: SocketAddr, message: &[u8]) {
        // Who does not get it asks again.
        let _ = self.sockets.udp.send_to(message, client);
    }

    /// Asks a server, or the next that can be asked.
    fn hand_on(&mut self, query: Vec<u8>, client: SocketAddr, first: usize) {
        if self.waiting.len() < WAITING {
            for (server, at) in self.zone.upstream.iter().enumerate().skip(first) {
                if let Ok(socket) = send_to(*at, &query) {
                    let until = Instant::now() + PATIENCE;
                    self.waiting.push(Waiting { query, client, socket, server, until });
                    return;
                }
            }
        }
        if let Some(refusal) = refusal(&query, SERVER_FAILURE) {
            self.tell(client, &refusal);
        }
    }

    fn take_answers(&mut self) {
        let mut buffer = [0; 4096];
        let mut still = Vec::with_capacity(self.waiting.len());
        for mut one in std::mem::take(&mut self.waiting) {
            match one.socket.recv(&mut buffer) {
                Ok(length) if length >= 12 && buffer[..2] == one.query[..2] => {
                    self.tell(one.client, &buffer[..length]);
                    continue;
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Nobody is there: the next server's turn.
                Err(_) => one.until = Instant::now(),
            }
            still.push(one);
        }
        self.waiting = still;
    }

    /// Asks the next server where one took too long.
    fn ask_others(&mut self) {
        let now = Instant::now();
        let (late, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|one| one.until <= now);
        self.waiting = waiting;
        let late: Vec<Waiting> = late;
        for one in late {
            self.hand_on(one.query, one.client, one.server + 1);
        }
    }
}

fn send_to(server: SocketAddr, query: &[u8]) -> io::Result<UdpSocket> {
    let own: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let socket = UdpSocket::bind((own, 0))?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    socket.send(query)?;
    Ok(socket)
}

enum Decision {
    Answer(Vec<u8>),
    HandOn,
    Ignore,
}

fn decide(records: &Records, query: &[u8], turn: usize) -> Decision {
    let refuse = |reason| refusal(query, reason).map_or(Decision::Ignore, Decision::Answer);
    let Some(question) = question(query) else {
        return refuse(NOT_IMPLEMENTED);
    };
    match records.answer(&question, turn) {
        Some(answers) => Decision::Answer(answer(query, &question, &answers)),
        None if records.has_way_out => Decision::HandOn,
        None => refuse(SERVER_FAILURE),
    }
}

/// One connection: questions with their lengths before them.
fn talk(connection: &TcpStream, zone: &Zone) -> Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    while let Some(query) = read_message(connection)? {
        let records = Records::read(&zone.networks, &zone.container)?;
        let answer = match decide(&records, &query, 0) {
            Decision::Answer(answer) => answer,
            Decision::Ignore => return Ok(()),
            Decision::HandOn => match ask_by_connection(zone, &query) {
                Some(answer) => answer,
                None => refusal(&query, SERVER_FAILURE).unwrap_or_default(),
            },
        };
        write_message(connection, &answer)?;
    }
    Ok(())
}

fn ask_by_connection(zone: &Zone, query: &[u8]) -> Option<Vec<u8>> {
    zone.upstream.iter().find_map(|server| {
        let connection = TcpStream::connect_timeout(server, PATIENCE).ok()?;
        connection.set_read_timeout(Some(PATIENCE)).ok()?;
        write_message(&connection, query).ok()?;
        read_message(&connection).ok()?
    })
}

fn read_message(mut connection: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match connection.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    connection.read_exact(&mut message)?;
    Ok(Some(message))
}

fn write_message(mut connection: &TcpStream, message: &[u8]) -> io::Result<()> {
    let length = message.len().min(LARGEST) as u16;
    connection.write_all(&[&length.to_be_bytes(), message].concat())
}
