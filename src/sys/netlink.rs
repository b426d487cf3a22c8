//! Network interfaces.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use super::fd::{here, open_at};
use super::{check, errno, namespace};

/// `SIOCSIFFLAGS`: brings up `lo` of this network namespace.
pub fn bring_up_loopback() -> io::Result<()> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: takes no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: a new descriptor that nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zero bytes are a valid struct ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[..2].copy_from_slice(&[b'l' as libc::c_char, b'o' as libc::c_char]);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request lives over the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SET_FLAGS, &raw const request) }).map(drop)
}

/// `SIOCSIFFLAGS`
const SET_FLAGS: libc::Ioctl = 0x8914;
const UP: u32 = libc::IFF_UP as u32;
/// if_addr.h: what stays true of an address in another namespace.
const KEPT_FLAGS: u32 = libc::IFA_F_NODAD | libc::IFA_F_NOPREFIXROUTE;
const LINK: usize = 16;
const ADDRESS: usize = 8;

/// Moves a device of this network namespace into another one and gives it its name there, in one
/// request; brings it up there, with the permanent addresses of global scope that it had.
///
/// # Errors
/// ENODEV when there is no such device, EEXIST when the name is taken in the other namespace.
pub fn move_device(outside: &str, inside: &str, target: BorrowedFd<'_>) -> io::Result<()> {
    let here = Route::open()?;
    let there = Route::open_in(target)?;
    let index = here.index_of(outside)?;
    let addresses = here.addresses_of(index)?;
    let moved = link(libc::RTM_NEWLINK, index, 0, 0)
        .with(libc::IFLA_NET_NS_FD, &target.as_raw_fd().to_ne_bytes())
        .with(libc::IFLA_IFNAME, &name(inside));
    here.ask(moved)?;
    let index = there.index_of(inside)?;
    for address in addresses {
        there.ask(address.on(index))?;
    }
    there.ask(link(libc::RTM_NEWLINK, index, UP, UP)).map(drop)
}

/// rtnetlink(7) in one network namespace.
struct Route(OwnedFd);

impl Route {
    fn open() -> io::Result<Route> {
        let (family, protocol) = (AddressFamily::Netlink, SockProtocol::NetlinkRoute);
        Ok(Route(socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?))
    }

    /// A socket belongs to the namespace that it was opened in.
    fn open_in(target: BorrowedFd<'_>) -> io::Result<Route> {
        let own = open_at(here(), "/proc/self/ns/net", libc::O_RDONLY, 0)?;
        let kind = libc::CLONE_NEWNET as u64;
        namespace::join(target, kind)?;
        let route = Route::open();
        namespace::join(own.as_fd(), kind)?;
        route
    }

    /// The answers to a request: type and body of each.
    fn ask(&self, message: Message) -> io::Result<Vec<(u16, Vec<u8>)>> {
        send(self.0.as_raw_fd(), &message.finish(), MsgFlags::empty())?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            if read_answers(&buffer[..length], &mut answers)? {
                return Ok(answers);
            }
        }
    }

    fn index_of(&self, device: &str) -> io::Result<u32> {
        let message = link(libc::RTM_GETLINK, 0, 0, 0).with(libc::IFLA_IFNAME, &name(device));
        let answers = self.ask(message)?;
        let found = answers.iter().find(|(kind, _)| *kind == libc::RTM_NEWLINK);
        found.and_then(|(_, body)| number(body.get(4..8)?)).ok_or_else(|| errno(libc::ENODEV))
    }

    fn addresses_of(&self, index: u32) -> io::Result<Vec<Address>> {
        let all = Message::new(libc::RTM_GETADDR, libc::NLM_F_DUMP as u16, &[0; ADDRESS]);
        let answers = self.ask(all)?;
        let bodies = answers.iter().filter(|(kind, _)| *kind == libc::RTM_NEWADDR);
        Ok(bodies.filter_map(|(_, body)| Address::read(body, index)).collect())
    }
}

/// A request: header, body, attributes.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Message {
        let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = vec![0; 16];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend(body);
        Message(bytes)
    }

    /// One more attribute; each begins at a multiple of four.
    fn with(mut self, kind: u16, value: &[u8]) -> Message {
        self.0.extend((value.len() as u16 + 4).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn finish(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// `struct ifinfomsg`
fn link(kind: u16, index: u32, flags: u32, change: u32) -> Message {
    let mut body = [0; LINK];
    for (at, value) in [(4, index), (8, flags), (12, change)] {
        body[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
    Message::new(kind, 0, &body)
}

fn name(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// Reads a packet of answers; tells whether it was the last one.
fn read_answers(mut packet: &[u8], answers: &mut Vec<(u16, Vec<u8>)>) -> io::Result<bool> {
    while packet.len() >= 16 {
        let length = number(&packet[..4]).unwrap_or_default() as usize;
        let kind = u16::from_ne_bytes([packet[4], packet[5]]);
        let body = packet.get(16..length).ok_or_else(|| errno(libc::EBADMSG))?;
        match (i32::from(kind), number(body).unwrap_or_default() as i32) {
            (libc::NLMSG_ERROR | libc::NLMSG_DONE, 0) => return Ok(true),
            (libc::NLMSG_ERROR | libc::NLMSG_DONE, error) => return Err(errno(-error)),
            _ => answers.push((kind, body.to_vec())),
        }
        packet = packet.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// The first four bytes.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// Attributes by type.
fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let [low, high, kind_low, kind_high, ..] = *bytes {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([kind_low, kind_high]), value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// An address that goes along with its device.
#[derive(Debug, PartialEq)]
struct Address {
    family: u8,
    prefix: u8,
    flags: u32,
    parts: Vec<(u16, Vec<u8>)>,
}

impl Address {
    /// One of this device, permanent and of global scope.
    fn read(body: &[u8], index: u32) -> Option<Address> {
        let (head, rest) = body.split_first_chunk::<ADDRESS>()?;
        let [family, prefix, short_flags, scope, ..] = *head;
        let attributes = attributes(rest);
        let flags = attributes.iter().find(|(kind, _)| *kind == libc::IFA_FLAGS);
        let flags = flags.and_then(|(_, value)| number(value)).unwrap_or(short_flags.into());
        let is_global = scope == libc::RT_SCOPE_UNIVERSE;
        let is_ours = number(&head[4..]) == Some(index);
        if !is_ours || !is_global || flags & libc::IFA_F_PERMANENT == 0 {
            return None;
        }
        let kept = [libc::IFA_ADDRESS, libc::IFA_LOCAL, libc::IFA_BROADCAST];
        let parts = attributes.into_iter().filter(|(kind, _)| kept.contains(kind));
        let parts = parts.map(|(kind, value)| (kind, value.to_vec())).collect();
        Some(Address { family, prefix, flags: flags & KEPT_FLAGS, parts })
    }

    /// The request that gives it to a device.
    fn on(self, index: u32) -> Message {
        let mut body = [0; ADDRESS];
        (body[0], body[1]) = (self.family, self.prefix);
        body[4..].copy_from_slice(&index.to_ne_bytes());
        let flags = (libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
        let message = Message::new(libc::RTM_NEWADDR, flags, &body)
            .with(libc::IFA_FLAGS, &self.flags.to_ne_bytes());
        self.parts.iter().fold(message, |message, (kind, value)| message.with(*kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(scope: u8, flags: u8, index: u8) -> Vec<u8> {
        vec![libc::AF_INET as u8, 24, flags, scope, index, 0, 0, 0]
    }

    fn body(scope: u8, flags: u8, index: u8) -> Vec<u8> {
        let message = Message(head(scope, flags, index))
            .with(libc::IFA_LOCAL, &[192, 0, 2, 7])
            .with(libc::IFA_LABEL, b"eth0\0");
        message.0
    }

    #[test]
    fn only_permanent_addresses_of_global_scope_go_along() {
        let permanent = libc::IFA_F_PERMANENT as u8;
        let found = Address::read(&body(0, permanent, 3), 3).unwrap();
        assert_eq!(found.parts, [(libc::IFA_LOCAL, vec![192, 0, 2, 7])]);
        assert_eq!((found.family, found.prefix), (2, 24));
        assert_eq!(Address::read(&body(0, permanent, 3), 4), None);
        assert_eq!(Address::read(&body(0, 0, 3), 3), None);
        assert_eq!(Address::read(&body(libc::RT_SCOPE_LINK, permanent, 3), 3), None);
        assert_eq!(Address::read(&[2, 24], 3), None);
    }

    #[test]
    fn flags_beyond_eight_bits_come_from_their_attribute() {
        let flags: u32 = libc::IFA_F_PERMANENT | libc::IFA_F_NOPREFIXROUTE | 0x400;
        let message = Message(head(0, 0, 3)).with(libc::IFA_FLAGS, &flags.to_ne_bytes());
        let found = Address::read(&message.0, 3).unwrap();
        assert_eq!(found.flags, libc::IFA_F_NOPREFIXROUTE);
    }

    #[test]
    fn attributes_are_padded_and_lengths_are_not() {
        let bytes = Message::new(16, 0, &[]).with(3, b"lo\0").with(1, b"1234").finish();
        assert_eq!(bytes.len(), 16 + 8 + 8);
        assert_eq!(number(&bytes), Some(32));
        assert_eq!(attributes(&bytes[16..]), [(3, &b"lo\0"[..]), (1, &b"1234"[..])]);
        assert_eq!(attributes(&[9, 0, 1, 0]), []);
    }

    #[test]
    fn the_kernel_answers() {
        let route = Route::open().unwrap();
        let loopback = route.index_of("lo").unwrap();
        assert_eq!(
            route.index_of("no-such-device").unwrap_err().raw_os_error(),
            Some(libc::ENODEV)
        );
        // 127.0.0.1 is of host scope.
        assert_eq!(route.addresses_of(loopback).unwrap(), []);
    }
}
