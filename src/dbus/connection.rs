//! A connection: address, greeting, calls and answers.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::message::{Call, Kind, Message};
use super::value::Value;
use crate::error::{Doing, Error, Result};
use crate::sys::socket::{self, StreamAddress};

/// Where somebody listens, and who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    place: StreamAddress,
    peer: Peer,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A bus, which wants to be greeted and passes messages on.
    Bus,
    /// The service itself.
    Service,
}

impl Address {
    /// A socket of the file system.
    pub fn path(path: impl Into<PathBuf>, peer: Peer) -> Address {
        Address { place: StreamAddress::Path(path.into()), peer }
    }

    /// The addresses that a variable like `DBUS_SESSION_BUS_ADDRESS` lists, as far as they are of
    /// Unix sockets (D-Bus Specification, "Server Addresses").
    pub fn parse_all(text: &str) -> Vec<Address> {
        let one = |address: &str| {
            let pairs = address.strip_prefix("unix:")?.split(',');
            let place = pairs.filter_map(|pair| pair.split_once('=')).find_map(|pair| match pair {
                ("path", value) => {
                    let bytes = unescape(value)?;
                    Some(StreamAddress::Path(String::from_utf8(bytes).ok()?.into()))
                }
                ("abstract", value) => unescape(value).map(StreamAddress::Abstract),
                _ => None,
            });
            Some(Address { place: place?, peer: Peer::Bus })
        };
        text.split(';').filter_map(one).collect()
    }
}

/// `%2f` is a slash.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        let digit = |byte: &u8| (*byte as char).to_digit(16);
        bytes.push(match byte {
            b'%' => (digit(rest.next()?)? * 16 + digit(rest.next()?)?) as u8,
            byte => *byte,
        });
    }
    Some(bytes)
}

/// A connection that was opened; nothing needs to have been answered yet.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    deadline: Instant,
    is_accepted: bool,
    received: Vec<u8>,
    /// Serial numbers and methods of what was not answered yet.
    open: Vec<(u32, &'static str)>,
    serial: u32,
    signals: VecDeque<Message>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// What the method gave.
    Done(Vec<Value>),
    /// It did not want to.
    Refused(Refusal),
}

/// An error as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `org.freedesktop…`
    pub name: String,
    /// What is meant for people.
    pub words: String,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::new(format!("{} ({})", refusal.words, refusal.name))
    }
}

/// Nobody is waited for who sends so many signals that nobody asked for.
const MOST_SIGNALS: usize = 1000;
/// No line of the greeting is longer (bytes).
const LONGEST_LINE: usize = 16 * 1024;

impl Connection {
    /// Connects and sends the greeting, which the other end answers in its own time: the uid is
    /// what the kernel says it is. All that is done with the connection ends within `limit`.
    ///
    /// # Errors
    /// Nobody listens there, or the user may not connect.
    pub fn open(address: &Address, limit: Duration) -> Result<Connection> {
        let stream = socket::connect_within(&address.place, limit)
            .doing(|| format!("connect to {}", address.place))?;
        let mut connection = Connection {
            stream: UnixStream::from(stream),
            deadline: Instant::now() + limit,
            is_accepted: false,
            received: Vec::new(),
            open: Vec::new(),
            serial: 0,
            signals: VecDeque::new(),
        };
        let mut greeting = b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".to_vec();
        if address.peer == Peer::Bus {
            greeting.extend(connection.encode(&bus("Hello", Vec::new())).1);
        }
        connection.write(&greeting)?;
        Ok(connection)
    }

    /// Asks the bus for the signals that fit a rule; what is sent later is looked at later.
    ///
    /// # Errors
    /// A connection that broke.
    pub fn watch(&mut self, rule: String) -> Result<()> {
        self.send(&bus("AddMatch", vec![Value::Text(rule)])).map(drop)
    }

    /// Sends a call; gives the number for [`Connection::reply`].
    ///
    /// # Errors
    /// A connection that broke.
    pub fn send(&mut self, call: &Call<'_>) -> Result<u32> {
        let (serial, bytes) = self.encode(call);
        self.write(&bytes).doing(|| call.member.into())?;
        Ok(serial)
    }

    /// Waits for the answer to a call.
    ///
    /// # Errors
    /// Time is up, the connection broke, the other end talks nonsense, or an earlier call that
    /// nobody waits for was refused.
    pub fn reply(&mut self, serial: u32) -> Result<Reply> {
        loop {
            let message = self.next()?;
            if message.kind == Kind::Signal {
                self.keep_signal(message)?;
                continue;
            }
            let Some(position) = self.open.iter().position(|(open, _)| *open == message.answers)
            else {
                continue;
            };
            let (answered, member) = self.open.remove(position);
            match (message.kind, answered == serial) {
                (Kind::Return, true) => return Ok(Reply::Done(message.body)),
                (Kind::Error, true) => return Ok(Reply::Refused(refusal(message))),
                (Kind::Error, false) => return Err(refusal(message)).doing(|| member.into()),
                _ => {}
            }
        }
    }

    /// Waits for a signal of this name whose values are the right ones.
    ///
    /// # Errors
    /// As [`Connection::reply`].
    pub fn signal(
        &mut self,
        member: &str,
        is_right: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        let fits = |message: &Message| message.member == member && is_right(&message.body);
        if let Some(position) = self.signals.iter().position(fits) {
            return Ok(self.signals.remove(position).map(|found| found.body).unwrap_or_default());
        }
        loop {
            let message = self.next()?;
            match message.kind {
                Kind::Signal if fits(&message) => return Ok(message.body),
                Kind::Signal => self.keep_signal(message)?,
                Kind::Error => return Err(refusal(message).into()),
                _ => {}
            }
        }
    }

    /// The same for a while only; nothing when it is over, and the connection goes on.
    ///
    /// # Errors
    /// As [`Connection::reply`].
    pub fn signal_within(
        &mut self,
        limit: Duration,
        member: &str,
        is_right: impl Fn(&[Value]) -> bool,
    ) -> Result<Option<Vec<Value>>> {
        let deadline = self.deadline;
        self.deadline = deadline.min(Instant::now() + limit);
        let signal = self.signal(member, is_right);
        self.deadline = deadline;
        match signal {
            Err(error) if error.is(libc::ETIMEDOUT) && Instant::now() < deadline => Ok(None),
            signal => signal.map(Some),
        }
    }

    fn keep_signal(&mut self, message: Message) -> Result<()> {
        if self.signals.len() >= MOST_SIGNALS {
            return Err(Error::new("too many signals came that were not asked for"));
        }
        self.signals.push_back(message);
        Ok(())
    }

    fn encode(&mut self, call: &Call<'_>) -> (u32, Vec<u8>) {
        self.serial += 1;
        self.open.push((self.serial, call.member));
        (self.serial, call.encode(self.serial))
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        Ok(socket::send_all(self.stream.as_fd(), bytes)?)
    }

    fn next(&mut self) -> Result<Message> {
        while !self.is_accepted {
            match self.line()?.as_deref() {
                Some("DATA") => {}
                Some(line) if line.starts_with("OK ") => self.is_accepted = true,
                Some(line) => return Err(Error::new(format!("the greeting's answer is {line:?}"))),
                None => self.read()?,
            }
        }
        loop {
            if let Some((message, length)) = Message::decode(&self.received)? {
                self.received.drain(..length);
                return Ok(message);
            }
            self.read()?;
        }
    }

    /// A line of the greeting's answer, once it is there.
    fn line(&mut self) -> Result<Option<String>> {
        let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") else {
            return match self.received.len() > LONGEST_LINE {
                true => Err(Error::new("the greeting's answer has no end")),
                false => Ok(None),
            };
        };
        let line = String::from_utf8_lossy(&self.received[..end]).into_owned();
        self.received.drain(..end + 2);
        Ok(Some(line))
    }

    fn read(&mut self) -> Result<()> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err(Error::new("the other end hung up")),
            Ok(count) => self.received.extend(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(late()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn left(&self) -> Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(late()) } else { Ok(left) }
    }
}

fn late() -> Error {
    Error::told("no answer in time".into(), Some(libc::ETIMEDOUT))
}

fn refusal(message: Message) -> Refusal {
    let words = match message.body.into_iter().next() {
        Some(Value::Text(words)) => words,
        _ => "no reason given".to_owned(),
    };
    Refusal { name: message.error, words }
}

/// A call of the bus itself.
fn bus(member: &'static str, arguments: Vec<Value>) -> Call<'static> {
    Call {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member,
        arguments,
    }
}

#[cfg(test)]
mod tests;
