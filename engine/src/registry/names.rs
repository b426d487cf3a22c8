//! Host names become addresses: /etc/hosts, then the name servers of /etc/resolv.conf. The C
//! library's resolver loads plugins of the machine, which a static program cannot.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use ring::rand::{SecureRandom, SystemRandom};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long one server is waited for, where resolv.conf does not say.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rounds through all servers.
const ROUNDS: usize = 2;

/// Looks names up.
#[derive(Debug)]
pub(super) struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let until = Instant::now() + (*timeout.after).min(Duration::from_secs(30));
        let mut found = self.empty();
        for address in addresses(host, until)?.into_iter().take(16) {
            found.push(SocketAddr::new(address, port));
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

fn addresses(host: &str, until: Instant) -> io::Result<Vec<IpAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Ok(vec![address]);
    }
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let listed = in_hosts(&hosts, host);
    if !listed.is_empty() {
        return Ok(listed);
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
    }
    let servers = Servers::read(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default());
    let mut last = None;
    for name in servers.candidates(host) {
        let mut found = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            match servers.ask(&name, kind, until) {
                Ok(addresses) => found.extend(addresses),
                Err(error) => last = Some(error),
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    match last {
        Some(error) => {
            Err(io::Error::new(error.kind(), format!("dial tcp: lookup {host}: {error}")))
        }
        None => Err(io::Error::other(format!("dial tcp: lookup {host}: no such host"))),
    }
}

/// The addresses that a hosts file gives to a name.
fn in_hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
    };
    text.lines().filter_map(line).collect()
}

/// What resolv.conf says.
#[derive(Debug, PartialEq, Eq)]
struct Servers {
    servers: Vec<IpAddr>,
    search: Vec<String>,
    dots: usize,
}

impl Servers {
    fn read(text: &str) -> Servers {
        let mut servers = Servers { servers: Vec::new(), search: Vec::new(), dots: 1 };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    servers.servers.extend(words.filter_map(|w| w.parse::<IpAddr>().ok()))
                }
                Some("search" | "domain") => servers.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let dots = words.find_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                    servers.dots = dots.unwrap_or(servers.dots);
                }
                _ => {}
            }
        }
        if servers.servers.is_empty() {
            servers.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        servers
    }

    /// The whole names that a name may stand for.
    fn candidates(&self, host: &str) -> Vec<String> {
        let own = format!("{}.", host.trim_end_matches('.'));
        if host.ends_with('.') {
            return vec![own];
        }
        let searched =
            self.search.iter().map(|domain| format!("{own}{}.", domain.trim_matches('.')));
        let mut names: Vec<String> = searched.collect();
        let at = if host.matches('.').count() >= self.dots { 0 } else { names.len() };
        names.insert(at, own);
        names
    }

    fn ask(&self, name: &str, kind: RecordType, until: Instant) -> io::Result<Vec<IpAddr>> {
        let mut last = io::Error::other("no name server answers");
        for server in self.servers.iter().cycle().take(self.servers.len() * ROUNDS) {
            let left = until.saturating_duration_since(Instant::now()).min(PATIENCE);
            if left.is_zero() {
                break;
            }
            match ask_server(SocketAddr::new(*server, 53), name, kind, left) {
                Ok(found) => return Ok(found),
                Err(error) => last = io::Error::new(error.kind(), format!("{server}: {error}")),
            }
        }
        Err(last)
    }
}

fn ask_server(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
    patience: Duration,
) -> io::Result<Vec<IpAddr>> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).map_err(|_| io::Error::other("no random numbers"))?;
    let mut question = Message::query();
    question.metadata.id = u16::from_be_bytes(id);
    question.metadata.recursion_desired = true;
    let name = Name::from_utf8(name).map_err(io::Error::other)?;
    question.add_query(Query::query(name, kind));
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let answer = over_udp(server, &bytes, &question, patience)?;
    let answer = if answer.metadata.truncation {
        over_tcp(server, &bytes, &question, patience)?
    } else {
        answer
    };
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Err(io::Error::other(format!("the server says {code}"))),
    }
    let address = |data: &RData| match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    };
    Ok(answer.answers.iter().filter_map(|record| address(&record.data)).collect())
}

/// An answer to another question is not ours.
fn ours(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let same = answer.metadata.id == question.metadata.id && answer.queries == question.queries;
    same.then_some(answer)
}

fn over_udp(
    server: SocketAddr,
    bytes: &[u8],
    question: &Message,
    patience: Duration,
) -> io::Result<Message> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    socket.send(bytes)?;
    let until = Instant::now() + patience;
    let mut buffer = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer)?;
        if let Some(answer) = ours(&buffer[..length], question) {
            return Ok(answer);
        }
    }
}

fn over_tcp(
    server: SocketAddr,
    bytes: &[u8],
    question: &Message,
    patience: Duration,
) -> io::Result<Message> {
    let mut stream = TcpStream::connect_timeout(&server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], bytes].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    ours(&answer, question).ok_or_else(|| io::Error::other("the answer is to another question"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_searched_as_resolv_conf_says() {
        let servers = Servers::read("nameserver 1.2.3.4\nsearch a.b c.\noptions ndots:2 x\n");
        assert_eq!(servers.candidates("h.x"), ["h.x.a.b.", "h.x.c.", "h.x."]);
        assert_eq!(servers.candidates("h.x.y"), ["h.x.y.", "h.x.y.a.b.", "h.x.y.c."]);
        assert_eq!(servers.candidates("h."), ["h."]);
        assert_eq!(Servers::read("").servers, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    }

    #[test]
    fn the_hosts_file_goes_first() {
        let hosts =
            "127.0.0.1 localhost # here\n10.0.0.1\tHub hub.example\n::1 localhost\n# 1.1.1.1 x";
        assert_eq!(in_hosts(hosts, "hub").len(), 1);
        assert_eq!(in_hosts(hosts, "localhost").len(), 2);
        assert!(in_hosts(hosts, "x").is_empty());
    }
}
