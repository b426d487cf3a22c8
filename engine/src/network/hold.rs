//! A port of the machine that is kept from other programs by a bound socket.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

use crate::model::network::Protocol;

/// Who leads what comes to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leader {
    /// The packet filter: nobody listens.
    Rules,
    /// A process that listens.
    Carrier,
}

/// Binds a socket, and says which port it has. Ports of SCTP are known by the records alone: few
/// kernels have it.
///
/// # Errors
/// EADDRINUSE where somebody else has the port.
pub(super) fn hold(
    protocol: Protocol,
    at: SocketAddr,
    leader: Leader,
) -> rustix::io::Result<(Option<OwnedFd>, u16)> {
    let socket = match (protocol, leader) {
        (Protocol::Tcp, Leader::Rules) => hold_silently(at)?,
        // It listens, which keeps others away, and connections that have ended must not keep
        // itself away when the container starts again.
        (Protocol::Tcp, Leader::Carrier) => bound_beside_ended(at)?,
        (Protocol::Udp, _) => bound(open(at, SocketType::DGRAM)?, at)?,
        (Protocol::Sctp, _) if at.port() != 0 => return Ok((None, at.port())),
        (Protocol::Sctp, _) => return Err(Errno::PROTONOSUPPORT),
    };
    let port = SocketAddr::try_from(getsockname(&socket)?)?.port();
    Ok((Some(socket), port))
}

/// A socket that nobody listens on keeps others away only as long as it does not share its port
/// (SO_REUSEADDR). Connections that have ended a minute ago at most are in the way of one that does
/// not: it shares the port with these, and from then on with nobody.
fn hold_silently(at: SocketAddr) -> rustix::io::Result<OwnedFd> {
    match bound(open(at, SocketType::STREAM)?, at) {
        Err(Errno::ADDRINUSE) => {
            let socket = bound_beside_ended(at)?;
            sockopt::set_socket_reuseaddr(&socket, false)?;
            Ok(socket)
        }
        done => done,
    }
}

fn bound_beside_ended(at: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let socket = open(at, SocketType::STREAM)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bound(socket, at)
}

fn bound(socket: OwnedFd, at: SocketAddr) -> rustix::io::Result<OwnedFd> {
    bind(&socket, &at).map(|()| socket)
}

fn open(at: SocketAddr, kind: SocketType) -> rustix::io::Result<OwnedFd> {
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use rustix::net::listen;

    use super::*;

    fn held(at: SocketAddr) -> rustix::io::Result<OwnedFd> {
        hold(Protocol::Tcp, at, Leader::Rules).map(|(socket, _)| socket.unwrap())
    }

    fn held_plainly(at: SocketAddr) -> rustix::io::Result<OwnedFd> {
        bound(open(at, SocketType::STREAM)?, at)
    }

    /// A port on which a server has just ended a connection, and itself.
    fn port_with_an_ended_connection() -> SocketAddr {
        // The standard library's listeners share their port.
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = server.local_addr().unwrap();
        let mut client = TcpStream::connect(at).unwrap();
        drop(server.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(server);
        // What another test starts just then has a copy of it until it runs.
        while bound_beside_ended(at).is_err() {
            std::thread::yield_now();
        }
        at
    }

    #[test]
    fn connections_that_have_ended_are_in_nobodys_way() {
        let at = port_with_an_ended_connection();
        assert!(held_plainly(at).is_err(), "the kernel remembers the connection");
        held(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), at.port())).unwrap();
    }

    #[test]
    fn a_port_of_a_program_that_listens_is_not_held() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(sockopt::socket_reuseaddr(&server).unwrap());
        assert_eq!(held(server.local_addr().unwrap()).err(), Some(Errno::ADDRINUSE));
    }

    #[test]
    fn a_port_is_held_once() {
        // Held beside an ended connection, and where there is none.
        let free = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        for at in [port_with_an_ended_connection(), free] {
            let first = held(at).unwrap();
            let at = SocketAddr::try_from(getsockname(&first).unwrap()).unwrap();
            for second in [held_plainly(at), held(at)] {
                assert_eq!(second.err(), Some(Errno::ADDRINUSE));
            }
        }
    }

    #[test]
    fn who_shares_ports_does_not_get_one_that_is_held() {
        let at = port_with_an_ended_connection();
        let held = held(at).unwrap();
        let shared = bound_beside_ended(at).and_then(|socket| listen(&socket, 1).map(|()| socket));
        assert_eq!(shared.err(), Some(Errno::ADDRINUSE));
        drop(held);
    }
}
