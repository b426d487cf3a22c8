//! The talk between the monitor and the process that moves a container's bytes: packets of a
//! sequenced socket, a byte for the kind and what it carries, with descriptors.
//!
//! ```text
//!   monitor                                streams
//!     │ Client, Listener ──────────────────► │   whom there is to serve
//!     │ Field, Log ────────────────────────► │   what is in the log, the file to write into
//!     │ Program, Check ────────────────────► │   what there is to read
//!     │ Tell ──────────────────────────────► │   something for clients
//!     │ TakeCheck, Drain ──────────────────► │
//!     │ ◄──────────────────────────── Answer │
//!     │ ◄────────── NoRestart, Names, NoFile │   clients' wishes, the log's
//!     │ Farewell ──────────────────────────► │
//! ```

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::gift;

/// The most that a packet carries: longer words are cut.
pub(super) const LIMIT: usize = 8 << 10;

/// The most descriptors of a packet: a program's two outputs and its input.
const MOST: usize = 3;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The client that started the program.
    Client,
    /// The socket where others come.
    Listener,
    /// A program's streams: outputs, and its input.
    Program,
    /// The output of a health check.
    Check,
    /// A part of the field that each entry of the log has more.
    Field,
    /// The log's file, or none where there can be none.
    Log,
    /// A frame for clients.
    Tell,
    /// What the health check wrote is wanted.
    TakeCheck,
    /// The program has ended: what is left of its output is to be read.
    Drain,
    /// All is said.
    Farewell,
    /// The answer to the two that have one.
    Answer,
    /// A client asked for the end.
    NoRestart,
    /// A client wants names to be answered.
    Names,
    /// The log needs a file.
    NoFile,
}

const KINDS: [Kind; 14] = [
    Kind::Client,
    Kind::Listener,
    Kind::Program,
    Kind::Check,
    Kind::Field,
    Kind::Log,
    Kind::Tell,
    Kind::TakeCheck,
    Kind::Drain,
    Kind::Farewell,
    Kind::Answer,
    Kind::NoRestart,
    Kind::Names,
    Kind::NoFile,
];

/// A packet that came.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) payload: Vec<u8>,
    pub(super) files: Vec<OwnedFd>,
}

/// Both ends.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a packet.
pub(super) fn send(
    to: &OwnedFd,
    kind: Kind,
    payload: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let payload = payload.get(..LIMIT).unwrap_or(payload);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(files));
    }
    let kind = [kind as u8];
    let parts = [IoSlice::new(&kind), IoSlice::new(payload)];
    rustix::io::retry_on_intr(|| sendmsg(to, &parts, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// The next packet; `None` where the other end is closed.
pub(super) fn receive(from: &OwnedFd) -> io::Result<Option<Packet>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; LIMIT + 1];
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let got = match recvmsg(from.as_fd(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
        // Whoever closed it left something unread.
        Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        got => got?.bytes,
    };
    let files = gift::received(&mut control).collect();
    let Some((kind, payload)) = bytes[..got].split_first() else { return Ok(None) };
    let kind = KINDS.into_iter().find(|known| *known as u8 == *kind);
    let kind = kind.ok_or_else(|| io::Error::other("a packet of no known kind"))?;
    Ok(Some(Packet { kind, payload: payload.to_vec(), files }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_arrives_whole_with_its_files_and_the_end_is_seen() {
        let (ours, theirs) = pair().unwrap();
        let long = vec![7; LIMIT + 1];
        send(&ours, Kind::Program, &long, &[ours.as_fd(), theirs.as_fd()]).unwrap();
        send(&ours, Kind::Farewell, &[], &[]).unwrap();
        drop(ours);
        let first = receive(&theirs).unwrap().unwrap();
        assert_eq!((first.kind, first.payload.len(), first.files.len()), (Kind::Program, LIMIT, 2));
        drop(first);
        assert_eq!(receive(&theirs).unwrap().unwrap().kind, Kind::Farewell);
        assert!(receive(&theirs).unwrap().is_none());
    }
}
