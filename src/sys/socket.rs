//! Unix sockets and the descriptors that travel over them.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
    UnixAddr, accept4, bind, connect, listen, recvmsg, sendmsg, setsockopt, socket, socketpair,
    sockopt,
};
use nix::sys::time::TimeVal;

/// `socketpair(2)`: two ends of a connection that keeps messages apart.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
    Ok(socketpair(family, kind, None, SockFlag::SOCK_CLOEXEC)?)
}

/// `bind(2)` and `listen(2)` on a path.
pub fn listen_at(path: &Path) -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    bind(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&socket, Backlog::new(4)?)?;
    Ok(socket)
}

/// `accept4(2)`
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    loop {
        match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            Err(nix::errno::Errno::EINTR) => {}
            // SAFETY: a new descriptor that nobody else owns.
            other => return Ok(unsafe { OwnedFd::from_raw_fd(other?) }),
        }
    }
}

/// What a peer listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// SOCK_STREAM
    Stream,
    /// SOCK_SEQPACKET
    Packets,
}

/// `connect(2)` to a path.
pub fn connect_to(path: &Path, style: Style) -> io::Result<OwnedFd> {
    let kind = match style {
        Style::Stream => SockType::Stream,
        Style::Packets => SockType::SeqPacket,
    };
    let socket = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// Where a stream socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamAddress {
    /// A path of the file system.
    Path(PathBuf),
    /// A name without a file (unix(7), "abstract").
    Abstract(Vec<u8>),
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamAddress::Path(path) => path.display().fmt(f),
            StreamAddress::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// `connect(2)` to a stream; gives up when the listener does not take it within `limit`.
pub fn connect_within(address: &StreamAddress, limit: Duration) -> io::Result<OwnedFd> {
    let address = match address {
        StreamAddress::Path(path) => UnixAddr::new(path)?,
        StreamAddress::Abstract(name) => UnixAddr::new_abstract(name)?,
    };
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    let limit = TimeVal::new(limit.as_secs() as i64, i64::from(limit.subsec_micros()));
    setsockopt(&socket, sockopt::SendTimeout, &limit)?;
    connect(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// `send(2)` on a stream until all is sent; no signal when the peer is gone.
pub fn send_all(socket: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match nix::sys::socket::send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
            Ok(count) => bytes = &bytes[count..],
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// How many descriptors may come along with one message.
const MOST_FDS: usize = 32;

/// `sendmsg(2)`: one message and its descriptors; no signal when the peer is gone.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let fds: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &rights[..0] } else { &rights[..] };
    let parts = [IoSlice::new(bytes)];
    loop {
        let flags = MsgFlags::MSG_NOSIGNAL;
        match sendmsg::<UnixAddr>(socket.as_raw_fd(), &parts, control, flags, None) {
            Err(nix::errno::Errno::EINTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

/// `recvmsg(2)`: one message and the descriptors that came along. An empty one is a hang-up.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; 16 * 1024];
    let mut control = nix::cmsg_space!([RawFd; MOST_FDS]);
    loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(nix::errno::Errno::ECONNRESET) => return Ok((Vec::new(), Vec::new())),
            Err(errno) => return Err(errno.into()),
            Ok(message) => {
                let mut fds = Vec::new();
                for part in message.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(numbers) = part {
                        fds.extend(numbers.into_iter().map(own));
                    }
                }
                let length = message.bytes;
                bytes.truncate(length);
                return Ok((bytes, fds));
            }
        }
    }
}

fn own(number: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just installed this descriptor, which nobody else owns.
    unsafe { OwnedFd::from_raw_fd(number) }
}
