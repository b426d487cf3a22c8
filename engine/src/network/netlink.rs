//! netlink(7): messages as bytes, and a socket that sends several at once and waits for the
//! kernel's word on each.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::NETFILTER;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

const REQUEST: u16 = 0x01;
const ACK: u16 = 0x04;
/// netlink.h: create what is not there.
pub(super) const CREATE: u16 = 0x400;
/// netlink.h: change what is there.
pub(super) const REPLACE: u16 = 0x100;
/// netlink.h: refuse what is there.
pub(super) const EXCLUSIVE: u16 = 0x200;
/// netlink.h: after what is there; a dump asks for all.
pub(super) const APPEND: u16 = 0x800;
pub(super) const DUMP: u16 = 0x300;

const HEADER: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const NESTED: u16 = 0x8000;

/// One message: a header, a fixed body, attributes that may hold attributes.
#[derive(Debug, Clone)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A request that the kernel acknowledges.
    pub(super) fn new(kind: u16, flags: u16, body: &[u8]) -> Message {
        // The kernel acknowledges a dump by its end.
        let ack = if flags & DUMP == DUMP { 0 } else { ACK };
        Message::bare(kind, flags | ack, body)
    }

    /// A request that the kernel answers only where it fails.
    pub(super) fn bare(kind: u16, flags: u16, body: &[u8]) -> Message {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(body);
        Message(bytes)
    }

    /// The same, with the kernel's word also when it succeeds.
    pub(super) fn acknowledged(mut self) -> Message {
        let flags = u16::from_ne_bytes([self.0[6], self.0[7]]) | ACK;
        self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        self
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Message {
        put(&mut self.0, kind, value);
        self
    }

    /// Adds an attribute of text, which ends with a zero byte.
    pub(super) fn with_text(self, kind: u16, value: &str) -> Message {
        self.with(kind, &text(value))
    }

    /// Adds an attribute that holds attributes.
    pub(super) fn with_nest(self, kind: u16, inner: &Nest) -> Message {
        self.with(kind | NESTED, &inner.0)
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }

    fn is_acknowledged(&self) -> bool {
        u16::from_ne_bytes([self.0[6], self.0[7]]) & ACK != 0
    }
}

/// Attributes that stand inside another.
#[derive(Debug, Clone, Default)]
pub(super) struct Nest(Vec<u8>);

impl Nest {
    pub(super) fn new() -> Nest {
        Nest::default()
    }

    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Nest {
        put(&mut self.0, kind, value);
        self
    }

    pub(super) fn with_text(self, kind: u16, value: &str) -> Nest {
        self.with(kind, &text(value))
    }

    pub(super) fn with_nest(self, kind: u16, inner: &Nest) -> Nest {
        self.with(kind | NESTED, &inner.0)
    }

    /// Adds bytes that are not an attribute: the fixed body of a message inside a message.
    pub(super) fn with_body(mut self, body: &[u8]) -> Nest {
        self.0.extend_from_slice(body);
        self
    }
}

fn text(value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn put(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = (4 + value.len()) as u16;
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// The attributes in the body of a netlink(7) message: number and value of each.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = *bytes {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let Some(value) = bytes.get(4..length) else { break };
        found.push((u16::from_ne_bytes([c, d]) & !NESTED, value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// The value of one attribute.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).into_iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// The bytes of text, without the zero at its end.
pub(super) fn read_text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// An answer: its type and what follows its header.
pub(super) type Answer = (u16, Vec<u8>);

/// A socket of the network namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// rtnetlink(7): links, addresses, routes.
    pub(super) fn route() -> io::Result<Socket> {
        Ok(Socket(socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )?))
    }

    /// nf_tables.
    pub(super) fn netfilter() -> io::Result<Socket> {
        let protocol = Some(NETFILTER);
        let flags = SocketFlags::CLOEXEC;
        Ok(Socket(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?))
    }

    /// Sends one request and gives its answers.
    ///
    /// # Errors
    /// The kernel's, by its number.
    pub(super) fn ask(&self, message: Message) -> io::Result<Vec<Answer>> {
        self.ask_all(vec![message]).map_err(|(_, error)| error)
    }

    /// Sends requests at once; the kernel carries them out in order, and goes on after one that
    /// fails.
    ///
    /// # Errors
    /// Which of them failed first, from 0, and how.
    pub(super) fn ask_all(
        &self,
        messages: Vec<Message>,
    ) -> std::result::Result<Vec<Answer>, (usize, io::Error)> {
        let mut waits: Vec<bool> = messages.iter().map(Message::is_acknowledged).collect();
        if let [only] = waits.as_mut_slice() {
            // A dump: its end stands for the word on it.
            *only = true;
        }
        let bytes: Vec<u8> =
            messages.into_iter().zip(1..).flat_map(|(message, n)| message.finish(n)).collect();
        send(&self.0, &bytes, SendFlags::empty()).map_err(|error| (0, error.into()))?;
        let mut replies = Replies { waits, answers: Vec::new(), failed: None };
        let mut buffer = vec![0; 64 * 1024];
        while replies.waits.contains(&true) {
            let (length, _) = recv(&self.0, buffer.as_mut_slice(), RecvFlags::empty())
                .map_err(|error| (0, error.into()))?;
            replies.read(&buffer[..length]);
        }
        replies.failed.map_or(Ok(replies.answers), Err)
    }
}

struct Replies {
    /// Of which message a word is still to come.
    waits: Vec<bool>,
    answers: Vec<Answer>,
    failed: Option<(usize, io::Error)>,
}

impl Replies {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some(header) = bytes.first_chunk::<HEADER>() {
            let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|n| header[at + n]));
            let length = (word(0) as usize).clamp(HEADER, bytes.len());
            let kind = u16::from_ne_bytes([header[4], header[5]]);
            self.take(kind, word(8), &bytes[HEADER..length]);
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }

    fn take(&mut self, kind: u16, sequence: u32, body: &[u8]) {
        match kind {
            ERROR => self.take_word(sequence, body),
            DONE => self.waits.fill(false),
            _ => self.answers.push((kind, body.to_vec())),
        }
    }

    /// The kernel's word on one message. What it says of a message that asked for none is an error;
    /// of the first, which begins a batch, it is the only word.
    fn take_word(&mut self, sequence: u32, body: &[u8]) {
        let at = (sequence as usize).clamp(1, self.waits.len()) - 1;
        let number = body.first_chunk::<4>().map_or(0, |code| i32::from_ne_bytes(*code));
        if number != 0 {
            self.failed.get_or_insert((at, io::Error::from_raw_os_error(-number)));
        }
        let batch_refused = at == 0 && !self.waits[0];
        self.waits[at] = false;
        if batch_refused {
            self.waits.fill(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_were_written() {
        let inner = Nest::new().with_text(1, "eth0").with(2, &[7]);
        let message = Message::new(16, 0, &[9; 4]).with_nest(18, &inner).with(3, &[1, 2, 3, 4]);
        let bytes = message.finish(1);
        let body = &bytes[HEADER + 4..];
        let nest = attribute(body, 18).expect("the nest");
        assert_eq!(read_text(attribute(nest, 1).expect("the name")), "eth0");
        assert_eq!(attribute(nest, 2), Some(&[7][..]));
        assert_eq!(attribute(body, 3), Some(&[1, 2, 3, 4][..]));
        assert_eq!(attribute(body, 4), None);
    }

    #[test]
    fn attributes_that_are_cut_off_end_the_list() {
        assert_eq!(attributes(&[8, 0, 1, 0, 5]), []);
        assert_eq!(attributes(&[0, 0, 1, 0]), []);
    }
}
