//! Those who are attached to a container. What one cannot take at once is kept for it, and no more
//! is read from the program until it is taken: an attached reader is waited for as a pipe's reader
//! is, and one that is not there never is.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use super::wire::{self, Decoder, Frame, Kind, wants};

/// The bytes that may wait for a client before the program is read no more.
const ENOUGH: usize = 64 << 10;

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: UnixStream,
    /// Started the program, and hears how that went.
    pub(super) starter: bool,
    /// `None` before its first words.
    wanted: Option<u8>,
    decoder: Decoder,
    queue: Vec<u8>,
    /// It writes no more, but may still read.
    finished: bool,
    gone: bool,
}

impl Client {
    pub(super) fn new(stream: UnixStream, starter: bool) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        Ok(Client {
            stream,
            starter,
            wanted: None,
            decoder: Decoder::default(),
            queue: Vec::new(),
            finished: false,
            gone: false,
        })
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn may_speak(&self) -> bool {
        !self.finished
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.queue.len() >= ENOUGH
    }

    fn wants(&self, what: u8) -> bool {
        self.wanted.is_some_and(|wanted| wanted & what != 0)
    }

    /// Whether it reads what the program writes.
    pub(super) fn reads(&self) -> bool {
        self.wants(wants::STDOUT) || self.wants(wants::STDERR)
    }

    /// Whether it may write to the program.
    pub(super) fn writes(&self) -> bool {
        self.wants(wants::STDIN)
    }

    /// Sends output, if the client wants this stream.
    pub(super) fn output(&mut self, kind: Kind, bytes: &[u8]) {
        let stream = if kind == Kind::Stdout { wants::STDOUT } else { wants::STDERR };
        if self.wants(stream) {
            self.send(kind, bytes);
        }
    }

    /// Sends a frame, or keeps it until there is room.
    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) {
        self.queue.extend_from_slice(&wire::head(kind, payload.len()));
        self.queue.extend_from_slice(payload);
        self.flush();
    }

    /// Sends an event, if the client has said that it listens.
    pub(super) fn tell(&mut self, kind: Kind, payload: &[u8]) {
        if self.starter || self.wanted.is_some() {
            self.send(kind, payload);
        }
    }

    pub(super) fn flush(&mut self) {
        while !self.queue.is_empty() && !self.gone {
            match self.stream.write(&self.queue) {
                Ok(0) => self.gone = true,
                Ok(written) => drop(self.queue.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
        }
    }

    /// Takes what came. A client that says nonsense is shown out.
    pub(super) fn receive(&mut self) -> Vec<Frame> {
        let mut bytes = [0; 8 << 10];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.finished = true,
            Ok(length) => self.decoder.push(&bytes[..length]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => self.gone = true,
        }
        let mut frames = Vec::new();
        loop {
            match self.decoder.take() {
                Ok(Some(Frame { kind: Kind::Hello, payload })) => {
                    self.wanted = Some(payload.first().copied().unwrap_or_default());
                }
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return frames,
                Err(_) => {
                    self.gone = true;
                    return frames;
                }
            }
        }
    }

    /// Both directions are closed.
    pub(super) fn hung_up(&mut self) {
        self.gone = true;
    }
}
