//! What the monitor orders, and what it is asked for.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::PollFlags;

use super::{Program, Relay, Then};
use crate::error::Result;
use crate::monitor::clients::Client;
use crate::monitor::log::{Log, Wanted};
use crate::monitor::order::{self, Kind as Order, Packet};
use crate::monitor::streams::marks;
use crate::monitor::wire::{Decoder, Frame, Kind};

impl Relay {
    pub(super) fn hear_monitor(&mut self) -> Result<Then> {
        let Some(monitor) = &self.monitor else { return Ok(Then::GoOn) };
        let packet = match order::receive(monitor) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Then::GoOn),
            packet => packet?,
        };
        let Some(Packet { kind, payload, files }) = packet else {
            self.monitor = None;
            return Ok(Then::GoOn);
        };
        let mut files = files.into_iter();
        match kind {
            Order::Client => {
                let client = files.next().map(|fd| Client::new(UnixStream::from(fd), true));
                self.clients.extend(client.transpose()?);
                // What it wants was said before we began.
                self.serve_client(self.clients.len().saturating_sub(1), PollFlags::IN);
            }
            Order::Listener => {
                self.listener = files.next().map(UnixListener::from);
                let size = payload.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                self.log = (size > 0).then(|| Log::new(size));
            }
            Order::Program => self.connect(payload.first().copied().unwrap_or(0), files.collect()),
            Order::Check => {
                self.check = files.next();
                self.check_output.clear();
            }
            Order::Field => {
                if let Some(log) = &mut self.log {
                    log.extend_field(&payload);
                }
            }
            Order::Log => self.take_file(&payload, files.next()),
            Order::Tell => self.tell(&payload),
            Order::TakeCheck => {
                let written = self.take_check();
                self.say(Order::Answer, &written);
            }
            Order::Drain => self.drain()?,
            Order::Farewell => return Ok(Then::End),
            Order::Answer | Order::NoRestart | Order::Names | Order::NoFile => {}
        }
        Ok(Then::GoOn)
    }

    pub(super) fn say(&self, kind: Order, payload: &[u8]) {
        if let Some(monitor) = &self.monitor {
            // That it has gone is heard at the next turn.
            let _ = order::send(monitor, kind, payload, &[]);
        }
    }

    pub(super) fn ask_for_file(&self, wanted: io::Result<Option<Wanted>>) {
        // A disk that is full costs the log, and not the program.
        if let Ok(Some(wanted)) = wanted {
            self.say(Order::NoFile, &[wanted as u8]);
        }
    }

    fn take_file(&mut self, length: &[u8], file: Option<OwnedFd>) {
        let Some(log) = &mut self.log else { return };
        let length = length.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        match file.zip(length) {
            Some((file, length)) => {
                let wanted = log.give(file.into(), length);
                self.ask_for_file(wanted);
            }
            None => log.give_up(),
        }
    }

    /// Takes a program's streams.
    fn connect(&mut self, bits: u8, mut files: Vec<OwnedFd>) {
        let has = |mark: u8| bits & mark != 0;
        let input = if has(marks::INPUT) { files.pop() } else { None };
        let mut outputs = files.into_iter();
        self.program = Program {
            input,
            outputs: [outputs.next(), outputs.next()],
            terminal: has(marks::TERMINAL),
            stdin_once: has(marks::STDIN_ONCE),
        };
        self.begun = true;
        self.input_ended = false;
        self.waiting_input.clear();
    }

    /// Says a frame to the one who started the program, or to all who listen.
    fn tell(&mut self, frame: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.push(frame);
        let Ok(Some(Frame { kind, payload })) = decoder.take() else { return };
        for client in &mut self.clients {
            if client.starter || matches!(kind, Kind::Ended | Kind::Names) {
                client.tell(kind, &payload);
            }
        }
    }

    /// Reads what is left after the program has ended, and lets go of its streams.
    fn drain(&mut self) -> Result<()> {
        // A program may end before anyone has turned to what its starter wants to hear.
        for number in 0..self.clients.len() {
            self.serve_client(number, PollFlags::IN);
        }
        for stream in 0..self.program.outputs.len() {
            while self.read_output(stream) {
                self.wait_for_file()?;
            }
        }
        let wanted = self.log.as_mut().map(Log::finish);
        if let Some(wanted) = wanted {
            self.ask_for_file(wanted);
        }
        self.wait_for_file()?;
        self.program = Program::default();
        self.say(Order::Answer, &[]);
        Ok(())
    }

    /// Until the log has the file that it needs: the monitor, which waits for us, gives it.
    fn wait_for_file(&mut self) -> Result<()> {
        while self.log.as_ref().is_some_and(Log::waits) && self.monitor.is_some() {
            self.hear_monitor()?;
        }
        Ok(())
    }
}
