//! The process that moves a container's bytes, as the monitor sees it: `dok streams`, which holds
//! the program's streams, its log and all who are attached, and may do nothing else
//! ([`super::sandbox`]). When it is killed, another one goes on; when the monitor is, it goes on by
//! itself until the program has nothing more to say.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::log::Wanted;
use super::log_files::Files;
use super::order::{self, Kind as Order, Packet};
use super::relay::{Program, Relay};
use super::{sandbox, wire};
use crate::error::{Context, Result};

/// The word that makes dok this process.
pub const WORD: &str = "streams";

/// How often another one goes on: what kills more than that is no accident.
const RESTARTS: u32 = 16;

/// The process, from the words on its command line to its end. The words tell those who list
/// processes whose streams it has.
///
/// # Errors
/// What kept it from serving.
pub fn main(_: &[PathBuf]) -> Result<()> {
    let control = io::stdin().as_fd().try_clone_to_owned().context("take the monitor's socket")?;
    let nothing = std::fs::File::open("/dev/null").context("open /dev/null")?;
    rustix::stdio::dup2_stdin(&nothing).context("let go of standard input")?;
    super::hold_signals().context("hold signals")?;
    let relay = Relay::new(control);
    sandbox::enter(sandbox::Task::Streams)?;
    relay.serve()
}

/// How the log is kept.
pub(super) struct KeptLog {
    /// Where.
    pub(super) files: Files,
    /// The field that each entry has more, as text: `,"attrs":{…}`, or nothing.
    pub(super) field: String,
}

/// The monitor's end.
pub(super) struct Streams {
    bundle: PathBuf,
    signals: SignalFd,
    listener: UnixListener,
    log: Option<KeptLog>,
    /// Who starts the program, until there is a process that serves him.
    starter: Option<UnixStream>,
    /// Without it nobody hears the program any more.
    control: Option<OwnedFd>,
    restarts: u32,
    /// What another process would be given of the program.
    outputs: Vec<OwnedFd>,
    marks: u8,
    /// Somebody asked for the end.
    pub(super) end_requested: bool,
    /// Somebody wants names to be answered, and has not heard of it yet.
    pub(super) names_requested: bool,
}

impl Streams {
    /// With no process yet.
    pub(super) fn new(
        bundle: &Path,
        signals: SignalFd,
        listener: UnixListener,
        log: Option<KeptLog>,
    ) -> Streams {
        Streams {
            bundle: bundle.to_owned(),
            signals,
            listener,
            log,
            starter: None,
            control: None,
            restarts: 0,
            outputs: Vec::new(),
            marks: 0,
            end_requested: false,
            names_requested: false,
        }
    }

    /// Takes the one who starts the program.
    pub(super) fn welcome(&mut self, starter: UnixStream) {
        self.starter = Some(starter);
    }

    /// Starts the process, unless it was started. It gets ready while the runtime does, and nobody
    /// needs it before.
    pub(super) fn begin(&mut self) -> Result<()> {
        let Some(starter) = self.starter.take() else { return Ok(()) };
        self.spawn().context("start the process that moves bytes")?;
        self.send(Order::Client, &[], &[starter.as_fd()]);
        Ok(())
    }

    fn spawn(&mut self) -> io::Result<()> {
        let (ours, theirs) = order::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(WORD).arg(&self.bundle).env_clear();
        command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let size = self.log.as_ref().map_or(0, |log| log.files.size()).to_be_bytes();
        order::send(&ours, Order::Listener, &size, &[self.listener.as_fd()])?;
        let field = self.log.as_ref().map_or("", |log| &log.field).as_bytes();
        for part in field.chunks(order::LIMIT) {
            order::send(&ours, Order::Field, part, &[])?;
        }
        self.control = Some(ours);
        Ok(())
    }

    /// Says something; where nobody hears it, to another process.
    fn send(&mut self, kind: Order, payload: &[u8], files: &[BorrowedFd<'_>]) {
        while let Some(control) = &self.control {
            if order::send(control, kind, payload, files).is_ok() {
                return;
            }
            self.replace();
        }
    }

    /// The process has ended, and was not to: another one gets what the program writes into. Who
    /// was attached is gone, and so is the way into a program that reads from a pipe.
    fn replace(&mut self) {
        self.control = None;
        self.restarts += 1;
        if self.restarts > RESTARTS || self.spawn().is_err() {
            return;
        }
        let Some(control) = &self.control else { return };
        if !self.outputs.is_empty() {
            let files: Vec<_> = self.outputs.iter().map(AsFd::as_fd).collect();
            // One that has ended already is seen at the next turn.
            let _ = order::send(control, Order::Program, &[self.marks & !marks::INPUT], &files);
        }
    }

    /// Takes a program's streams.
    pub(super) fn connect(&mut self, program: Program) {
        let input = program.input.as_ref().map(AsFd::as_fd);
        let mut bits = 0;
        for (is_so, mark) in [
            (input.is_some(), marks::INPUT),
            (program.terminal, marks::TERMINAL),
            (program.stdin_once, marks::STDIN_ONCE),
        ] {
            bits |= if is_so { mark } else { 0 };
        }
        self.outputs.clear();
        let outputs = program.outputs.iter().flatten().map(AsFd::as_fd);
        let files: Vec<_> = outputs.chain(input).collect();
        self.send(Order::Program, &[bits], &files);
        self.marks = bits;
        self.outputs = program.outputs.into_iter().flatten().collect();
    }

    /// Says something to the one who started the program, or to all who listen.
    pub(super) fn tell(&mut self, kind: wire::Kind, payload: &[u8]) {
        self.send(Order::Tell, &wire::frame(kind, payload), &[]);
    }

    pub(super) fn listen_to_check(&mut self, output: &OwnedFd) {
        self.send(Order::Check, &[], &[output.as_fd()]);
    }

    /// What a health check that has ended wrote.
    pub(super) fn take_check(&mut self) -> String {
        String::from_utf8_lossy(&self.ask(Order::TakeCheck)).into_owned()
    }

    /// A child of the monitor has ended, which is not the program.
    pub(super) fn child_ended(&mut self, child: u32, code: i32) {
        if let Some(log) = &mut self.log {
            log.files.child_ended(child, code);
        }
    }

    /// Lets what is left be read after the program has ended.
    pub(super) fn drain(&mut self) {
        self.ask(Order::Drain);
        self.outputs.clear();
    }

    /// Says that all is done. Clients hear it by the hang-up, and may read what they have not read.
    pub(super) fn say_farewell(&mut self) {
        self.send(Order::Farewell, &[], &[]);
    }

    /// Asks, and serves the process until it answers; nothing, where nobody does.
    fn ask(&mut self, question: Order) -> Vec<u8> {
        self.send(question, &[], &[]);
        while let Some(control) = &self.control {
            match order::receive(control) {
                Ok(Some(packet)) if packet.kind == Order::Answer => return packet.payload,
                Ok(Some(packet)) => self.hear(&packet),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => {
                    self.replace();
                    self.send(question, &[], &[]);
                }
            }
        }
        Vec::new()
    }

    fn hear(&mut self, packet: &Packet) {
        match packet.kind {
            Order::NoRestart => self.end_requested = true,
            Order::Names => self.names_requested = true,
            Order::NoFile => {
                let next = packet.payload == [Wanted::Next as u8];
                let wanted = if next { Wanted::Next } else { Wanted::Present };
                // A disk that is full costs the log, and not the program.
                let given = self.log.as_mut().and_then(|log| log.files.open(wanted).ok());
                match &given {
                    Some((file, length)) => {
                        self.send(Order::Log, &length.to_be_bytes(), &[file.as_fd()]);
                    }
                    None => self.send(Order::Log, &[], &[]),
                }
            }
            _ => {}
        }
    }

    /// Waits until something happens, and deals with it. Whether children may have ended.
    pub(super) fn turn(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let mut children = false;
        let timeout = deadline.map(timeout);
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(self.control.as_ref().map(|control| PollFd::new(control, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready[0] {
            children = self.signals.read_signal()?.is_some();
        }
        if let (Some(true), Some(control)) = (ready.get(1), &self.control) {
            match order::receive(control) {
                Ok(Some(packet)) => self.hear(&packet),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => self.replace(),
            }
        }
        Ok(children)
    }
}

/// What is said of a program's streams.
pub(super) mod marks {
    /// The last descriptor is its input.
    pub(in super::super) const INPUT: u8 = 1;
    /// It is a terminal.
    pub(in super::super) const TERMINAL: u8 = 2;
    /// Its standard input ends with the first client's.
    pub(in super::super) const STDIN_ONCE: u8 = 4;
}

/// What is left until a moment, for poll(2).
fn timeout(deadline: Instant) -> Timespec {
    let left = deadline.saturating_duration_since(Instant::now());
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}
