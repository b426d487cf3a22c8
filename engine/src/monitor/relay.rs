//! What stands between a program and those who watch it: its streams, its log, its clients. One
//! turn of the loop is one poll(2).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::Instant;

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};

use super::clients::Client;
use super::log::Log;
use super::wire::{Frame, Kind};
use crate::error::Result;

/// The bytes that may wait for the program before clients are read no more.
const ENOUGH: usize = 64 << 10;

/// The bytes that are kept of what a health check writes.
const LONGEST_CHECK: usize = 4096;

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
    signals: SignalFd,
    listener: UnixListener,
    clients: Vec<Client>,
    program: Program,
    waiting_input: Vec<u8>,
    input_ended: bool,
    log: Option<Log>,
    /// What a health check writes.
    check: Option<OwnedFd>,
    check_output: Vec<u8>,
    /// Somebody asked for the end.
    pub(super) end_requested: bool,
    /// Somebody wants names to be answered, and has not heard of it yet.
    pub(super) names_requested: bool,
    buffer: Vec<u8>,
}

/// Who may have something to say.
#[derive(Clone, Copy)]
enum Source {
    Signals,
    Listener,
    Output(usize),
    Input,
    Check,
    Client(usize),
}

impl Relay {
    pub(super) fn new(signals: SignalFd, listener: UnixListener, log: Option<Log>) -> Relay {
        Relay {
            signals,
            listener,
            clients: Vec::new(),
            program: Program::default(),
            waiting_input: Vec::new(),
            input_ended: false,
            log,
            check: None,
            check_output: Vec::new(),
            end_requested: false,
            names_requested: false,
            buffer: vec![0; 16 << 10],
        }
    }

    pub(super) fn add(&mut self, client: Client) {
        self.clients.push(client);
    }

    /// Takes a program's streams.
    pub(super) fn connect(&mut self, program: Program) {
        self.program = program;
        self.input_ended = false;
        self.waiting_input.clear();
    }

    /// Says something to the one who started the program, or to all who listen.
    pub(super) fn tell(&mut self, kind: Kind, payload: &[u8]) {
        for client in &mut self.clients {
            if client.starter || matches!(kind, Kind::Ended | Kind::Names) {
                client.tell(kind, payload);
            }
        }
    }

    /// Waits until something happens, and deals with it. Whether children may have ended.
    pub(super) fn turn(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let mut children = false;
        for (source, flags) in self.wait(deadline)? {
            match source {
                Source::Signals => children |= self.signals.read_signal()?.is_some(),
                Source::Listener => self.accept(),
                Source::Output(stream) => drop(self.read_output(stream)),
                Source::Input => self.write_input(),
                Source::Check => drop(self.read_check()),
                Source::Client(number) => self.serve(number, flags),
            }
        }
        self.clients.retain(|client| !client.is_gone());
        Ok(children)
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<Vec<(Source, PollFlags)>> {
        let sources = self.sources();
        let mut fds: Vec<_> =
            sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        let timeout = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|((source, ..), fd)| (*source, fd.revents())).collect())
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut all = vec![
            (Source::Signals, self.signals.as_fd(), PollFlags::IN),
            (Source::Listener, self.listener.as_fd(), PollFlags::IN),
        ];
        if !self.clients.iter().any(Client::is_behind) {
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
            flags.set(PollFlags::IN, client.may_speak() && (room || !client.writes()));
            flags.set(PollFlags::OUT, client.has_waiting());
            all.push((Source::Client(number), client.stream.as_fd(), flags));
        }
        all
    }

    /// A client that came. Only our own user and root get through the socket's permissions; the
    /// kernel's word on who it is settles it.
    fn accept(&mut self) {
        let Ok((stream, _)) = self.listener.accept() else { return };
        let own = rustix::process::geteuid();
        let peer = rustix::net::sockopt::socket_peercred(&stream).map(|peer| peer.uid);
        if peer.is_ok_and(|uid| uid == own || uid.is_root()) {
            self.clients.extend(Client::new(stream, false));
        }
    }

    /// Reads once from a stream; whether there may be more.
    fn read_output(&mut self, stream: usize) -> bool {
        let Some(fd) = &self.program.outputs[stream] else { return false };
        let length = match rustix::io::read(fd, &mut self.buffer[..]) {
            Ok(length) if length > 0 => length,
            Err(Errno::AGAIN | Errno::INTR) => return false,
            // The end of a pipe, or of a terminal that nobody holds any more.
            Ok(_) | Err(_) => {
                self.program.outputs[stream] = None;
                return false;
            }
        };
        let bytes = &self.buffer[..length];
        if let Some(log) = &mut self.log {
            // A disk that is full costs the log, and not the program.
            let _ = log.write(stream, bytes);
        }
        let kind = if stream == 0 { Kind::Stdout } else { Kind::Stderr };
        for client in &mut self.clients {
            client.output(kind, bytes);
        }
        true
    }

    /// Reads what a health check writes.
    pub(super) fn listen_to_check(&mut self, output: OwnedFd) {
        self.check = Some(output);
        self.check_output.clear();
    }

    /// Reads once from a health check; whether there may be more.
    fn read_check(&mut self) -> bool {
        let Some(fd) = &self.check else { return false };
        match rustix::io::read(fd, &mut self.buffer[..]) {
            Ok(length) if length > 0 => {
                let kept = length.min(LONGEST_CHECK.saturating_sub(self.check_output.len()));
                self.check_output.extend_from_slice(&self.buffer[..kept]);
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
    pub(super) fn take_check(&mut self) -> String {
        // A program that it left behind may write without end.
        for _ in 0..LONGEST_CHECK {
            if !self.read_check() {
                break;
            }
        }
        self.check = None;
        String::from_utf8_lossy(&std::mem::take(&mut self.check_output)).into_owned()
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

    fn serve(&mut self, number: usize, flags: PollFlags) {
        let client = &mut self.clients[number];
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
            Kind::NoRestart => self.end_requested = true,
            Kind::Names => self.names_requested = true,
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

    /// Reads what is left after the program has ended, and lets go of its streams.
    pub(super) fn drain(&mut self) {
        // A program may end before anyone has turned to what its starter wants to hear.
        for number in 0..self.clients.len() {
            self.serve(number, PollFlags::IN);
        }
        for stream in 0..self.program.outputs.len() {
            while self.read_output(stream) {}
        }
        if let Some(log) = &mut self.log {
            // As for any other line.
            let _ = log.finish();
        }
        self.program = Program::default();
    }

    /// Leaves what clients have not read yet with the kernel.
    pub(super) fn say_farewell(&mut self) {
        self.clients.iter_mut().for_each(Client::flush_at_last);
    }
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
