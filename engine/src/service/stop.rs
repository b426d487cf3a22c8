//! Ending a container: by its stop signal and, when it takes too long, by force. Also a signal for
//! its own sake, freezing, and waiting for an end.

use std::fs;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Engine;
use super::attach::{End, FrameKind, Session, Wanted};
use super::signal::Signal;
use crate::error::{Context, Kind, Result, kind, refuse};
use crate::model::{Container, Event, State, Status};
use crate::monitor::cleanup::{self, InRuntime};
use crate::store::durable::Durability;

/// The grace when none is said.
const GRACE: i64 = 10;

/// How long a killed program may take to be gone: the kernel may be waiting for a disk.
const KILLED: Duration = Duration::from_secs(30);

/// How often one looks whether the next run begins.
const MOMENT: Duration = Duration::from_millis(2);

impl Engine {
    /// Ends a container. `seconds` is the grace before force; a negative one has no end, `None`
    /// is the container's own. That it does not run is well.
    ///
    /// # Errors
    /// It cannot be ended even by force.
    pub fn stop(
        &self,
        container: &Container,
        signal: Option<Signal>,
        seconds: Option<i64>,
    ) -> Result<()> {
        let signal = signal.map_or_else(|| stop_signal(container), Ok)?;
        let grace = seconds.or(container.config.stop_timeout).unwrap_or(GRACE);
        let grace = u64::try_from(grace).ok().map(Duration::from_secs);
        let Some(mut end) = self.watch(container)? else { return Ok(()) };
        self.send_and_thaw(container, signal)?;
        let is_patient = grace.is_none_or(|grace| !grace.is_zero());
        if is_patient && self.outwait(container, &mut end, grace)? {
            self.after_end(container, end)?;
        } else {
            self.kill_and_wait(container, end)?;
        }
        self.store.tell(&Event::of_container(container, "stop"));
        Ok(())
    }

    /// Ends a container at once.
    pub(super) fn end_by_force(&self, container: &Container) -> Result<()> {
        match self.watch(container)? {
            Some(end) => self.kill_and_wait(container, end),
            None => Ok(()),
        }
    }

    fn kill_and_wait(&self, container: &Container, mut end: Watch) -> Result<()> {
        self.send_and_thaw(container, Signal::KILL)?;
        if !self.outwait(container, &mut end, Some(KILLED))? {
            let words = format!("container {} did not end after SIGKILL", container.name);
            anyhow::bail!(words);
        }
        self.after_end(container, end)
    }

    /// A frozen program ends only when it can move.
    fn send_and_thaw(&self, container: &Container, signal: Signal) -> Result<()> {
        let state = self.settled(&container.id)?;
        if !state.status.is_alive() {
            return Ok(());
        }
        let sent = self.send(container, signal);
        let thawed = match state.status {
            Status::Paused => self.unpause(container),
            _ => Ok(()),
        };
        // The runtime thaws what it kills by itself, and nothing may be frozen any more.
        let moves = if signal == Signal::KILL { Ok(()) } else { thawed };
        match sent.and(moves) {
            // The runtime may see the end before it is written down: who watches hears of it.
            Err(error) if kind(&error) == Some(Kind::Conflict) => Ok(()),
            // It may have ended meanwhile.
            Err(_) if !self.store.state(&container.id)?.status.is_alive() => Ok(()),
            done => done,
        }
    }

    /// The state, once a container that waits for its next run, and is to have none, has ended or
    /// has just been too fast.
    fn settled(&self, id: &str) -> Result<State> {
        loop {
            let state = self.store.state(id)?;
            if state.status != Status::Restarting {
                return Ok(state);
            }
            thread::sleep(MOMENT);
        }
    }

    fn send(&self, container: &Container, signal: Signal) -> Result<()> {
        let number = signal.to_string();
        self.runtime().kill(&container.id, &number)?;
        self.store.tell(&Event::of_container(container, "kill").with("signal", &number));
        Ok(())
    }

    /// What watches the end of a container that is not to be restarted; `None` where it has ended.
    fn watch(&self, container: &Container) -> Result<Option<Watch>> {
        let id = &container.id;
        if self.store.has_monitor(id) && !self.store.state(id)?.status.is_up() {
            // Whoever starts it has its lock until the program runs: it hears no signal before.
            drop(self.store.lock_container(id).ok());
        }
        if let Some(mut session) = self.connect(container, Wanted::NOTHING)? {
            return match session.send(FrameKind::NoRestart, &[]) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(None),
                sent => {
                    sent.context("speak to the container's monitor")?;
                    Ok(Some(Watch::Monitor(session)))
                }
            };
        }
        let state = self.store.state(id)?;
        if !state.status.is_alive() {
            return Ok(None);
        }
        Ok(process(state.pid)?.map(|process| Watch::Process(process, state.pid)))
    }

    /// Whether the end comes in time. One who moves the bytes may be replaced by another, who then
    /// tells of it.
    fn outwait(
        &self,
        container: &Container,
        end: &mut Watch,
        longest: Option<Duration>,
    ) -> Result<bool> {
        let begun = Instant::now();
        loop {
            let left = longest.map(|longest| longest.saturating_sub(begun.elapsed()));
            let heard = match end {
                Watch::Process(process, _) => return has_ended(process, left),
                Watch::Monitor(session) => session.wait_for_end(left)?,
            };
            if heard != Some(End::HangUp) {
                return Ok(heard.is_some());
            }
            match self.watch(container)? {
                Some(next) => *end = next,
                None => return Ok(true),
            }
        }
    }

    /// The monitor's end is the end of what it does; without one, that is ours to do.
    fn after_end(&self, container: &Container, end: Watch) -> Result<()> {
        match end {
            Watch::Monitor(mut session) => session.wait_for_monitor(),
            Watch::Process(_, pid) => self.adopt_end(container, pid),
        }
    }

    /// Cleans up after a process that has ended and whose monitor was killed. A monitor that lives
    /// does that itself, although it could not be heard: another began to move the bytes.
    pub(super) fn adopt_end(&self, container: &Container, pid: u32) -> Result<()> {
        while self.store.has_monitor(&container.id) {
            let written = self.store.written_state(&container.id);
            if written.is_ok_and(|state| state.status.is_up() && state.pid != pid) {
                return Ok(());
            }
            thread::sleep(MOMENT);
        }
        if !self.store.has_container(&container.id) {
            return Ok(());
        }
        let _lock = self.store.lock_container(&container.id)?;
        let state = self.store.state(&container.id)?;
        if !state.status.is_alive() {
            if self.store.written_state(&container.id)?.status.is_alive() {
                let event = Event::of_container(container, "die");
                self.store.tell(&event.with("exitCode", &state.exit_code.to_string()));
            }
            self.store.write_state(&container.id, &state, Durability::Kept)?;
            drop(cleanup::clear(&self.store, &self.runtime(), container, InRuntime::Perhaps)?);
        }
        Ok(())
    }

    /// Sends a signal. One that asks for the end also keeps the policy from starting it again.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&self, container: &Container, signal: Signal) -> Result<()> {
        let killing = || format!("cannot kill container: {}", container.name);
        let status = self.store.state(&container.id)?.status;
        if !status.is_up() {
            let words = format!("container {} is not running", container.id);
            return Err(refuse(Kind::Conflict, words)).with_context(killing);
        }
        if signal != Signal::KILL && signal != stop_signal(container)? {
            if status == Status::Restarting {
                // Nobody is there to hear it.
                return Ok(());
            }
            return self.send(container, signal).with_context(killing);
        }
        let end = self.watch(container)?;
        self.send_and_thaw(container, signal)?;
        if let Some(mut end) = end.filter(|_| signal == Signal::KILL) {
            self.outwait(container, &mut end, Some(KILLED))?;
            self.after_end(container, end)?;
        }
        Ok(())
    }

    /// Freezes a container.
    ///
    /// # Errors
    /// It does not run, or is frozen already.
    pub fn pause(&self, container: &Container) -> Result<()> {
        let _lock = self.store.lock_container(&container.id)?;
        let words = match self.store.state(&container.id)?.status {
            Status::Running => {
                self.runtime().pause(&container.id)?;
                let mark = self.store.pause_mark(&container.id);
                fs::write(&mark, "").with_context(|| format!("write {}", mark.display()))?;
                self.store.tell(&Event::of_container(container, "pause"));
                return Ok(());
            }
            Status::Paused => format!("container {} is already paused", container.id),
            _ => format!("container {} is not running", container.id),
        };
        Err(refuse(Kind::Conflict, words))
    }

    /// Lets a frozen container go on.
    ///
    /// # Errors
    /// It is not frozen.
    pub fn unpause(&self, container: &Container) -> Result<()> {
        let _lock = self.store.lock_container(&container.id)?;
        if self.store.state(&container.id)?.status != Status::Paused {
            let words = format!("Container {} is not paused", container.id);
            return Err(refuse(Kind::Conflict, words));
        }
        self.runtime().resume(&container.id)?;
        let mark = self.store.pause_mark(&container.id);
        fs::remove_file(&mark).with_context(|| format!("remove {}", mark.display()))?;
        self.store.tell(&Event::of_container(container, "unpause"));
        Ok(())
    }

    /// Waits for a container's end; its exit code, at once where it does not run.
    ///
    /// # Errors
    /// What keeps us from hearing of it.
    pub fn wait(&self, container: &Container) -> Result<i32> {
        // One who moves its bytes may be replaced by another, who then tells of the end.
        while let Some(mut session) = self.connect(container, Wanted::NOTHING)? {
            if let Some(End::WithCode(code)) = session.wait_for_end(None)? {
                return Ok(code);
            }
        }
        let mut state = self.store.state(&container.id)?;
        if state.status.is_alive() {
            if let Some(process) = process(state.pid)? {
                has_ended(&process, None)?;
            }
            self.adopt_end(container, state.pid)?;
            state = self.store.state(&container.id)?;
        }
        if !self.store.has_container(&container.id) {
            let words = format!("No such container: {}", container.name);
            return Err(refuse(Kind::NotFound, words));
        }
        Ok(state.exit_code)
    }
}

/// What asks a container to end.
fn stop_signal(container: &Container) -> Result<Signal> {
    match container.config.stop_signal.as_str() {
        "" => Ok(Signal::TERM),
        own => own.parse(),
    }
}

/// What tells of a container's end.
enum Watch {
    Monitor(Session),
    /// Itself, and its number.
    Process(OwnedFd, u32),
}

/// Whether a process ends in time.
fn has_ended(process: &OwnedFd, longest: Option<Duration>) -> Result<bool> {
    let timeout = longest.map(|longest| Timespec {
        tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: longest.subsec_nanos().into(),
    });
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    Ok(poll(&mut fds, timeout.as_ref()).context("wait for the process")? > 0)
}

/// A descriptor of a process, unless it has ended.
fn process(pid: u32) -> Result<Option<OwnedFd>> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => Ok(Some(process)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error).context("watch the process"),
    }
}
