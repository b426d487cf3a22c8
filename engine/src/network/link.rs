//! rtnetlink(7): bridges, pairs of virtual cables, addresses, routes.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use ipnet::IpNet;
use rustix::io::Errno;

use super::netlink::{
    Answer, CREATE, DUMP, EXCLUSIVE, Message, Nest, REPLACE, Socket, attribute, read_text,
};
use crate::model::network::Mac;

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;

/// if.h
const UP: u32 = 1;
/// if_link.h
const ADDRESS: u16 = 1;
const NAME: u16 = 3;
const MTU: u16 = 4;
const MASTER: u16 = 10;
const LINK_INFO: u16 = 18;
const AF_SPEC: u16 = 26;
const NAMESPACE_FD: u16 = 28;
const KIND: u16 = 1;
const DATA: u16 = 2;
const SLAVE_KIND: u16 = 4;
const SLAVE_DATA: u16 = 5;
const VETH_PEER: u16 = 1;
const PORT_HAIRPIN: u16 = 4;
const INET6_ADDRESS_MODE: u16 = 8;
const ADDRESS_MODE_NONE: u8 = 1;
/// socket.h
const INET: u8 = 2;
const INET6: u8 = 10;

/// A network device, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Index(pub(super) u32);

/// A network device as the kernel tells of it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) index: Index,
    pub(super) name: String,
    /// The bridge that it is a port of.
    pub(super) master: Option<Index>,
    pub(super) is_up: bool,
}

/// A cable to be: one end in a container, the other a port of a bridge.
#[derive(Debug)]
pub(super) struct Cable<'a> {
    /// The end here.
    pub(super) port: &'a str,
    pub(super) bridge: Index,
    /// The end in the container's network namespace, born there.
    pub(super) inside: &'a str,
    pub(super) namespace: &'a File,
    pub(super) mac: Mac,
    /// Bytes, where it is not the kernel's default.
    pub(super) mtu: Option<u32>,
}

/// The devices of one network namespace.
#[derive(Debug)]
pub(super) struct Links(Socket);

impl Links {
    /// Of the network namespace that the calling thread is in.
    pub(super) fn open() -> io::Result<Links> {
        Socket::route().map(Links)
    }

    /// The device of that name, where there is one.
    pub(super) fn find(&self, name: &str) -> io::Result<Option<Link>> {
        match self.0.ask(link(GET_LINK, 0, Index(0), 0).with_text(NAME, name)) {
            Ok(answers) => Ok(answers.iter().find_map(read_link)),
            Err(error) if is(&error, Errno::NODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every device.
    pub(super) fn all(&self) -> io::Result<Vec<Link>> {
        let answers = self.0.ask(link(GET_LINK, DUMP, Index(0), 0))?;
        Ok(answers.iter().filter_map(read_link).collect())
    }

    /// The networks that the host already has a route to.
    pub(super) fn routes(&self) -> io::Result<Vec<IpNet>> {
        let mut found = Vec::new();
        for family in [INET, INET6] {
            let answers = self.0.ask(Message::new(GET_ROUTE, DUMP, &route_body(family, 0, 0)))?;
            found.extend(answers.iter().filter_map(read_route));
        }
        Ok(found)
    }

    /// Makes a bridge and gives its number.
    ///
    /// # Errors
    /// EEXIST where the name is taken.
    pub(super) fn make_bridge(&self, name: &str, mac: Mac, mtu: Option<u32>) -> io::Result<Index> {
        let info = Nest::new().with(KIND, b"bridge");
        let mut message = link(NEW_LINK, CREATE | EXCLUSIVE, Index(0), 0)
            .with_text(NAME, name)
            .with(ADDRESS, &mac.0)
            .with_nest(LINK_INFO, &info);
        if let Some(mtu) = mtu {
            message = message.with(MTU, &mtu.to_ne_bytes());
        }
        self.0.ask(message)?;
        self.find(name)?.map(|link| link.index).ok_or_else(|| Errno::NODEV.into())
    }

    /// Lays a cable: both ends, and the port on its bridge and up. A port has no address of its
    /// own, and sends back what a container sends to itself by the host's address.
    ///
    /// # Errors
    /// The kernel's; the cable is then not there.
    pub(super) fn lay(&self, cable: &Cable<'_>) -> io::Result<()> {
        self.0.ask(cable_message(cable))?;
        let port = Nest::new().with(PORT_HAIRPIN, &[1]);
        let slave = Nest::new().with(SLAVE_KIND, b"bridge").with_nest(SLAVE_DATA, &port);
        let quiet = Nest::new().with(INET6_ADDRESS_MODE, &[ADDRESS_MODE_NONE]);
        let families = Nest::new().with_nest(u16::from(INET6), &quiet);
        let up = [
            link(NEW_LINK, 0, Index(0), 0).with_text(NAME, cable.port).with_nest(LINK_INFO, &slave),
            link(NEW_LINK, 0, Index(0), UP)
                .with_text(NAME, cable.port)
                .with_nest(AF_SPEC, &families),
        ];
        self.0.ask_all(up.into()).map(drop).map_err(|(_, error)| {
            // The error that made the cable useless is the one to tell.
            let _ = self.remove_named(cable.port);
            error
        })
    }

    /// Gives a device addresses and brings it up. A device that is up has its addresses.
    pub(super) fn bring_up(&self, device: Index, addresses: &[IpNet]) -> io::Result<()> {
        let address = |address: &IpNet| address_message(device, *address);
        let mut messages: Vec<Message> = addresses.iter().map(address).collect();
        messages.push(link(NEW_LINK, 0, device, UP));
        self.0.ask_all(messages).map(drop).map_err(|(_, error)| error)
    }

    /// Sends what is for elsewhere to the gateways, where nothing else does.
    pub(super) fn lead_outside(&self, device: Index, gateways: &[IpAddr]) -> io::Result<()> {
        for gateway in gateways {
            match self.0.ask(default_route(device, *gateway)) {
                Err(error) if !is(&error, Errno::EXIST) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a device; that there is none is well.
    pub(super) fn remove_named(&self, name: &str) -> io::Result<()> {
        match self.0.ask(link(DELETE_LINK, 0, Index(0), 0).with_text(NAME, name)) {
            Err(error) if !is(&error, Errno::NODEV) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether an error is this one of the kernel's.
pub(super) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// struct ifinfomsg: the flags that are given are set.
fn link(kind: u16, flags: u16, index: Index, set: u32) -> Message {
    Message::new(kind, flags, &link_body(index, set))
}

fn link_body(index: Index, set: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.0.to_ne_bytes());
    body[8..12].copy_from_slice(&set.to_ne_bytes());
    body[12..16].copy_from_slice(&set.to_ne_bytes());
    body
}

fn cable_message(cable: &Cable<'_>) -> Message {
    let mut peer = Nest::new()
        .with_body(&link_body(Index(0), 0))
        .with_text(NAME, cable.inside)
        .with(ADDRESS, &cable.mac.0)
        .with(NAMESPACE_FD, &cable.namespace.as_raw_fd().to_ne_bytes());
    let mut message = link(NEW_LINK, CREATE | EXCLUSIVE, Index(0), 0).with_text(NAME, cable.port);
    if let Some(mtu) = cable.mtu {
        peer = peer.with(MTU, &mtu.to_ne_bytes());
        message = message.with(MTU, &mtu.to_ne_bytes());
    }
    let info =
        Nest::new().with(KIND, b"veth").with_nest(DATA, &Nest::new().with_nest(VETH_PEER, &peer));
    message.with(MASTER, &cable.bridge.0.to_ne_bytes()).with_nest(LINK_INFO, &info)
}

fn octets(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(four) => (INET, four.octets().to_vec()),
        IpAddr::V6(six) => (INET6, six.octets().to_vec()),
    }
}

/// struct ifaddrmsg, and the address. We chose the address: nobody else has it, and the kernel need
/// not ask around (NODAD).
fn address_message(device: Index, address: IpNet) -> Message {
    const NODAD: u8 = 2;
    const LOCAL: u16 = 2;
    const BROADCAST: u16 = 4;
    let (family, bytes) = octets(address.addr());
    let mut body = [0; 8];
    body[0] = family;
    body[1] = address.prefix_len();
    body[2] = if family == INET6 { NODAD } else { 0 };
    body[4..8].copy_from_slice(&device.0.to_ne_bytes());
    // The address may be there from an earlier time.
    let mut message =
        Message::new(NEW_ADDRESS, CREATE | REPLACE, &body).with(LOCAL, &bytes).with(1, &bytes);
    if let IpNet::V4(four) = address {
        message = message.with(BROADCAST, &four.broadcast().octets());
    }
    message
}

/// struct rtmsg of a route of the main table, to anywhere.
fn route_body(family: u8, protocol: u8, kind: u8) -> [u8; 12] {
    const MAIN: u8 = 254;
    [family, 0, 0, 0, if kind == 0 { 0 } else { MAIN }, protocol, 0, kind, 0, 0, 0, 0]
}

fn default_route(device: Index, gateway: IpAddr) -> Message {
    const BOOT: u8 = 3;
    const UNICAST: u8 = 1;
    let (family, bytes) = octets(gateway);
    Message::new(NEW_ROUTE, CREATE | EXCLUSIVE, &route_body(family, BOOT, UNICAST))
        .with(4, &device.0.to_ne_bytes())
        .with(5, &bytes)
}

fn read_link((kind, body): &Answer) -> Option<Link> {
    if *kind != NEW_LINK {
        return None;
    }
    let (head, rest) = body.split_first_chunk::<16>()?;
    let number = |bytes: &[u8]| Some(u32::from_ne_bytes(bytes.try_into().ok()?));
    Some(Link {
        index: Index(number(&head[4..8])?),
        name: read_text(attribute(rest, NAME)?),
        is_up: number(&head[8..12])? & UP != 0,
        master: attribute(rest, MASTER).and_then(number).map(Index),
    })
}

/// The destination of a route to one network; the default route is none.
fn read_route((kind, body): &Answer) -> Option<IpNet> {
    const DESTINATION: u16 = 1;
    const LOCAL_TABLE: u8 = 255;
    let (head, rest) = body.split_first_chunk::<12>()?;
    if *kind != NEW_ROUTE || head[4] == LOCAL_TABLE || head[1] == 0 {
        return None;
    }
    let bytes = attribute(rest, DESTINATION)?;
    let address: IpAddr = match head[0] {
        INET => <[u8; 4]>::try_from(bytes).ok()?.into(),
        _ => <[u8; 16]>::try_from(bytes).ok()?.into(),
    };
    IpNet::new(address, head[1]).ok()
}
