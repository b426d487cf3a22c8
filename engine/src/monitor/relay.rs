//! What stands between a program and those who watch it: its streams, its log, its clients. It is a
//! process of its own ([`super::streams`]), and one turn of its loop is one poll(2).

mod orders;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Uid;
use rustix::termios::{Winsize, tcsetwinsize};

use super::clients::Client;
use super::log::Log;
use super::order::Kind as Order;
use super::wire::{Frame, Kind};
use crate::error::Result;

/// The bytes that may wait for the program before clients are read no more.
const ENOUGH: usize = 64 << 10;

/// The bytes that are read at once as long as the log has no file.
const FIRST: usize = 1 << 10;

/// The bytes that are kept of what a health check writes.
const LONGEST_CHECK: usize = 4096;

/// What is told of the bytes that are not kept.
const MORE: &[u8] = b"...";

/// The ends that we hold of a program's streams.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// What it reads.
    pub(super) input: Option<OwnedFd>,
    /// What it writes: standard output, standard error. A terminal is both in the first.
    pub(super) outputs: [Option<OwnedFd>; 2],
    /// Whether it is a terminal.
    pub(super) terminal: bool,
    /// Whether its standard input ends with the first client's.
    pub(super) stdin_once: bool,
}

pub(super) struct Relay {
    /// The monitor, as long as it lives.
    monitor: Option<OwnedFd>,
    own: Uid,
    listener: Option<UnixListener>,
    clients: Vec<Client>,
    /// There was a program: whoever started it may write to it.
    begun: bool,
    program: Program,
    waiting_input: Vec<u8>,
    input_ended: bool,
    log: Option<Log>,
    /// What a health check writes.
    check: Option<OwnedFd>,
    check_output: Vec<u8>,
    buffer: Vec<u8>,
}

/// Who may have something to say.
#[derive(Clone, Copy)]
enum Source {
    Monitor,
    Listener,
    Output(usize),
    Input,
    Check,
    Client(usize),
}

impl Relay {
    pub(super) fn new(monitor: OwnedFd) -> Relay {
        Relay {
            monitor: Some(monitor),
            own: rustix::process::geteuid(),
            listener: None,
            clients: Vec::new(),
            begun: false,
            program: Program::default(),
            waiting_input: Vec::new(),
            input_ended: false,
            log: None,
            check: None,
            check_output: Vec::new(),
            buffer: vec![0; 16 << 10],
        }
    }

    /// Serves everybody until the monitor says farewell. Where it ended without a word, until the
    /// program's streams have ended: the log and those who are attached hear all of it.
    pub(super) fn serve(mut self) -> Result<()> {
        while self.monitor.is_some() {
            if self.turn()? == Then::End {
                return self.hang_up();
            }
        }
        self.listener = None;
        self.clients.retain(Client::reads);
        if let Some(log) = &mut self.log {
            // As for any other line.
            let _ = log.keep_the_file();
        }
        while self.program.outputs.iter().any(Option::is_some) {
            self.turn()?;
        }
        if let Some(log) = &mut self.log {
            let _ = log.finish();
        }
        self.hang_up()
    }

    /// All is said: who has read it is hung up on, and who reads slowly is waited for.
    fn hang_up(mut self) -> Result<()> {
        (self.monitor, self.listener, self.check, self.log) = (None, None, None, None);
        self.program = Program::default();
        loop {
            self.clients.retain(Client::has_waiting);
            if self.clients.is_empty() {
                return Ok(());
            }
            self.turn()?;
        }
    }

    fn turn(&mut self) -> Result<Then> {
        for (source, flags) in self.wait()? {
            match source {
                Source::Monitor => {
                    if self.hear_monitor()? == Then::End {
                        return Ok(Then::End);
                    }
                    // What else was ready may be closed by now.
                    break;
                }
                Source::Listener => self.accept(),
                Source::Output(stream) => drop(self.read_output(stream)),
                Source::Input => self.write_input(),
                Source::Check => drop(self.read_check()),
                Source::Client(number) => self.serve_client(number, flags),
            }
        }
        self.clients.retain(|client| !client.is_gone());
        Ok(Then::GoOn)
    }

    fn wait(&self) -> Result<Vec<(Source, PollFlags)>> {
        let sources = self.sources();
        let mut fds: Vec<_> =
            sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let ready = sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|((source, ..), fd)| (*source, fd.revents())).collect())
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut all = Vec::with_capacity(6 + self.clients.len());
        all.extend(self.monitor.as_ref().map(|fd| (Source::Monitor, fd.as_fd(), PollFlags::IN)));
        let listener = self.listener.as_ref();
        all.extend(listener.map(|fd| (Source::Listener, fd.as_fd(), PollFlags::IN)));
        let waits = self.log.as_ref().is_some_and(Log::waits);
        if !waits && !self.clients.iter().any(Client::is_behind) {
            for (stream, output) in self.program.outputs.iter().enumerate() {
                let output = output.as_ref().map(|fd| fd.as_fd());
                all.extend(output.map(|fd| (Source::Output(stream), fd, PollFlags::IN)));
            }
        }
        if let (Some(input), false) = (&self.program.input, self.waiting_input.is_empty()) {
            all.push((Source::Input, input.as_fd(), PollFlags::OUT));
        }
        all.extend(self.check.as_ref().map(|fd| (Source::Check, fd.as_fd(), PollFlags::IN)));
        let room = self.waiting_input.len() < ENOUGH;
        for (number, client) in self.clients.iter().enumerate() {
            let mut flags = PollFlags::empty();
            let too_early = client.starter && !self.begun;
            let takes = room || !client.writes();
            flags.set(PollFlags::IN, client.may_speak() && takes && !too_early);
            flags.set(PollFlags::OUT, client.has_waiting());
            all.push((Source::Client(number), client.stream.as_fd(), flags));
        }
        all
    }

    /// A client that came. Only our own user and root get through the socket's permissions; the
    /// kernel's word on who it is settles it.
    fn accept(&mut self) {
        let Some(Ok((stream, _))) = self.listener.as_ref().map(UnixListener::accept) else {
            return;
        };
        let peer = rustix::net::sockopt::socket_peercred(&stream).map(|peer| peer.uid);
        if peer.is_ok_and(|uid| uid == self.own || uid.is_root()) {
            self.clients.extend(Client::new(stream, false));
        }
    }

    /// Reads once from a stream; whether there may be more.
    fn read_output(&mut self, stream: usize) -> bool {
        let Some(fd) = &self.program.outputs[stream] else { return false };
        // What waits for the log's first file is kept in memory.
        let waits = self.log.as_ref().is_some_and(|log| !log.is_open());
        let most = if waits { FIRST } else { self.buffer.len() };
        let length = match rustix::io::read(fd, &mut self.buffer[..most]) {
            Ok(length) if length > 0 => length,
            Err(Errno::AGAIN | Errno::INTR) => return false,
            // The end of a pipe, or of a terminal that nobody holds any more.
            Ok(_) | Err(_) => {
                self.program.outputs[stream] = None;
                return false;
            }
        };
        let wanted = self.log.as_mut().map(|log| log.write(stream, &self.buffer[..length]));
        if let Some(wanted) = wanted {
            self.ask_for_file(wanted);
        }
        let bytes = &self.buffer[..length];
        let kind = if stream == 0 { Kind::Stdout } else { Kind::Stderr };
        for client in &mut self.clients {
            client.output(kind, bytes);
        }
        true
    }

    /// Reads once from a health check; whether there may be more.
    fn read_check(&mut self) -> bool {
        let Some(fd) = &self.check else { return false };
        match rustix::io::read(fd, &mut self.buffer[..]) {
            Ok(length) if length > 0 => {
                let kept = length.min(LONGEST_CHECK.saturating_sub(self.check_output.len()));
                self.check_output.extend_from_slice(&self.buffer[..kept]);
                if kept < length && self.check_output.len() == LONGEST_CHECK {
                    self.check_output.extend_from_slice(MORE);
                }
                true
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Ok(_) | Err(_) => {
                self.check = None;
                false
            }
        }
    }

    /// What a health check that has ended wrote.
    fn take_check(&mut self) -> Vec<u8> {
        // A program that it left behind may write without end.
        for _ in 0..LONGEST_CHECK {
            if !self.read_check() {
                break;
            }
        }
        self.check = None;
        std::mem::take(&mut self.check_output)
    }

    fn write_input(&mut self) {
        let Some(fd) = &self.program.input else { return };
        match rustix::io::write(fd, &self.waiting_input) {
            Ok(written) => drop(self.waiting_input.drain(..written)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => {
                self.program.input = None;
                self.waiting_input.clear();
            }
        }
        self.end_input();
    }

    fn end_input(&mut self) {
        if self.input_ended && self.waiting_input.is_empty() && !self.program.terminal {
            self.program.input = None;
        }
    }

    fn serve_client(&mut self, number: usize, flags: PollFlags) {
        let Some(client) = self.clients.get_mut(number) else { return };
        if flags.contains(PollFlags::OUT) {
            client.flush();
        }
        if flags.contains(PollFlags::IN) {
            let writes = client.writes();
            let frames = client.receive();
            let writes = writes || client.writes();
            for frame in frames {
                self.obey(&frame, writes);
            }
        } else if flags.intersects(PollFlags::HUP | PollFlags::ERR) {
            client.hung_up();
        }
    }

    fn obey(&mut self, frame: &Frame, writes: bool) {
        match frame.kind {
            Kind::Stdin if writes && self.program.input.is_some() => {
                self.waiting_input.extend_from_slice(&frame.payload);
                self.write_input();
            }
            Kind::StdinEnd if writes && self.program.stdin_once => {
                self.input_ended = true;
                self.end_input();
            }
            Kind::Resize => self.resize(frame.size()),
            Kind::NoRestart => self.say(Order::NoRestart, &[]),
            Kind::Names => self.say(Order::Names, &[]),
            _ => {}
        }
    }

    fn resize(&self, size: Option<(u16, u16)>) {
        if let (true, Some((ws_row, ws_col)), Some(terminal)) =
            (self.program.terminal, size, &self.program.outputs[0])
        {
            let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
            // A terminal whose program has just ended has no size to change.
            let _ = tcsetwinsize(terminal, size);
        }
    }
}

/// Whether the work goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

/// Both ends of a pipe; ours does not block.
pub(super) fn pipe(ours: End) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (ours, theirs) = match ours {
        End::Read => (read, write),
        End::Write => (write, read),
    };
    set_nonblocking(&ours)?;
    Ok((ours, theirs))
}

/// The end of a pipe that stays with us.
#[derive(Clone, Copy)]
pub(super) enum End {
    Read,
    Write,
}

pub(super) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}
