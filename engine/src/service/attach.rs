//! Being attached to a container: a stream of frames to and from its monitor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::Engine;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Container, Event};
use crate::monitor::{self, wire};
pub use wire::{Frame, Kind as FrameKind};

/// The streams that a client takes part in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted(u8);

impl Wanted {
    /// None: to hear of the program's end only.
    pub const NOTHING: Wanted = Wanted(0);
    /// What the program reads.
    pub const STDIN: Wanted = Wanted(wire::wants::STDIN);
    /// What it writes.
    pub const STDOUT: Wanted = Wanted(wire::wants::STDOUT);
    /// What it complains.
    pub const STDERR: Wanted = Wanted(wire::wants::STDERR);

    /// These and others, if a condition holds.
    #[must_use]
    pub fn and(self, other: Wanted, condition: bool) -> Wanted {
        if condition { Wanted(self.0 | other.0) } else { self }
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }
}

/// How long a resolver may take to begin.
const RESOLVER: Duration = Duration::from_secs(5);

/// A client's end of the talk with a monitor.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Session {
    pub(super) fn new(stream: UnixStream) -> Session {
        Session { stream }
    }

    /// The next frame; `None` when the monitor has gone.
    ///
    /// # Errors
    /// Of `read(2)`, and `TimedOut` or `WouldBlock` after the time of [`Session::set_timeout`].
    pub fn read(&mut self) -> io::Result<Option<Frame>> {
        wire::read(&mut self.stream)
    }

    /// Sends bytes to the program.
    ///
    /// # Errors
    /// Of `write(2)`.
    pub fn send(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
        wire::write(&mut self.stream, kind, payload)
    }

    fn resize(&mut self, rows: u16, columns: u16) -> io::Result<()> {
        let [a, b] = rows.to_be_bytes();
        let [c, d] = columns.to_be_bytes();
        self.send(FrameKind::Resize, &[a, b, c, d])
    }

    /// Waits for the end of the program's present run; `None` if it has not come in time.
    ///
    /// # Errors
    /// Of `read(2)`.
    pub fn wait_for_end(&mut self, longest: Option<Duration>) -> Result<Option<End>> {
        // One that is later than all times has no end.
        let deadline = longest.and_then(|longest| Instant::now().checked_add(longest));
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            self.stream.set_read_timeout(left).context("set the time to wait")?;
            match self.read() {
                Ok(Some(frame)) if frame.kind == FrameKind::Ended => {
                    return Ok(Some(End::WithCode(frame.exit_code())));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Some(End::HangUp)),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error).context("wait for the container's end"),
            }
        }
    }

    /// Asks the monitor for a resolver; whether one runs now.
    ///
    /// # Errors
    /// Of `write(2)`.
    pub(super) fn ask_for_names(&mut self) -> Result<bool> {
        self.send(FrameKind::Names, &[]).context("speak to the container's monitor")?;
        self.stream.set_read_timeout(Some(RESOLVER)).context("set the time to wait")?;
        loop {
            match self.read() {
                Ok(Some(frame)) if frame.kind == FrameKind::Names => return Ok(true),
                Ok(Some(_)) => {}
                // It takes too long, or the container has ended meanwhile.
                Ok(None) | Err(_) => return Ok(false),
            }
        }
    }

    /// Waits until the monitor has cleaned up and gone.
    ///
    /// # Errors
    /// Of `read(2)`.
    pub fn wait_for_monitor(&mut self) -> Result<()> {
        self.stream.set_read_timeout(None).context("set the time to wait")?;
        while self.read().context("wait for the monitor's end")?.is_some() {}
        Ok(())
    }
}

/// How a wait was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By the program, with its exit code.
    WithCode(i32),
    /// By the monitor, which has gone: the state says what became of the program.
    HangUp,
}

impl Engine {
    /// Joins those who are attached to a running container; `None` where it has no monitor.
    ///
    /// # Errors
    /// What keeps us from its monitor.
    pub fn connect(&self, container: &Container, wanted: Wanted) -> Result<Option<Session>> {
        let Some(mut stream) = monitor::connect(&self.store, &container.id)? else {
            return Ok(None);
        };
        match wire::write(&mut stream, wire::Kind::Hello, &[wanted.bits()]) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            written => {
                written.context("speak to the container's monitor")?;
                Ok(Some(Session::new(stream)))
            }
        }
    }

    /// Attaches to a running container.
    ///
    /// # Errors
    /// It does not run, or is frozen.
    pub fn attach(&self, container: &Container, wanted: Wanted) -> Result<Session> {
        let state = self.store.state(&container.id)?;
        let refusal = match state.status {
            crate::model::Status::Running => None,
            crate::model::Status::Paused => {
                Some("cannot attach to a paused container, unpause it first")
            }
            crate::model::Status::Restarting => {
                Some("cannot attach to a restarting container, wait until it is running")
            }
            _ => Some("cannot attach to a stopped container, start it first"),
        };
        if let Some(words) = refusal {
            return Err(refuse(Kind::Conflict, words));
        }
        let session = self.connect(container, wanted)?.with_context(|| {
            format!(
                "the container {} has lost its monitor: it cannot be attached to",
                container.name
            )
        })?;
        self.store.tell(&Event::of_container(container, "attach"));
        Ok(session)
    }

    /// Tells that one who was attached has left while the container runs on.
    pub fn detached(&self, container: &Container) {
        self.store.tell(&Event::of_container(container, "detach"));
    }

    /// Tells the terminal's size to a container, and to those who follow events. A monitor that has
    /// gone is noticed by the next read.
    pub fn resize(&self, container: &Container, session: &mut Session, rows: u16, columns: u16) {
        if session.resize(rows, columns).is_ok() {
            let event = Event::of_container(container, "resize").with("height", &rows.to_string());
            self.store.tell(&event.with("width", &columns.to_string()));
        }
    }
}
