//! Being told when the memory limit has killed a process.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use super::{Cgroup, Group, value_of};
use crate::error::{Doing, Error, Result};
use crate::sys::{eventfd, file};

/// A descriptor that poll(2) can wait on.
#[derive(Debug)]
pub struct OomEvents {
    source: Source,
    /// To see that the group is gone.
    path: PathBuf,
}

#[derive(Debug)]
enum Source {
    /// `memory.events` of v2 and the kills that have been told.
    Unified { events: OwnedFd, kills: u64 },
    /// An eventfd(2), registered for `memory.oom_control` of v1.
    Legacy { event: OwnedFd, _control: OwnedFd },
}

/// What has happened since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oom {
    /// Nothing that matters.
    Nothing,
    /// The group ran out of memory.
    Happened,
    /// The group is gone.
    Gone,
}

impl Cgroup {
    /// Starts to listen; what happened before is not told.
    ///
    /// # Errors
    /// The container has no group that counts memory.
    pub fn oom_events(&self) -> Result<OomEvents> {
        let group = self.governing("memory").ok_or_else(|| {
            Error::new("cannot watch for OOM: container has no cgroup of its own for memory")
        })?;
        let source =
            if group.is_unified() { group.watch_unified()? } else { group.watch_legacy()? };
        Ok(OomEvents { source, path: group.path.clone() })
    }

    /// How many processes the memory limits have killed so far; 0 where nobody counts. `None` once
    /// the group is gone: systemd removes a scope that has become empty.
    pub fn oom_kills(&self) -> Option<u64> {
        let Some(group) = self.governing("memory") else { return Some(0) };
        let name = if group.is_unified() { "memory.events" } else { "memory.oom_control" };
        match group.read(name) {
            Ok(text) => Some(kills(&text)),
            Err(_) => group.path.exists().then_some(0),
        }
    }
}

impl OomEvents {
    /// What to wait on, and for which events (POLLPRI or POLLIN).
    pub fn poll_fd(&self) -> (BorrowedFd<'_>, nix::poll::PollFlags) {
        match &self.source {
            Source::Unified { events, .. } => (events.as_fd(), nix::poll::PollFlags::POLLPRI),
            Source::Legacy { event, .. } => (event.as_fd(), nix::poll::PollFlags::POLLIN),
        }
    }

    /// Looks, once poll(2) has said that there is something, and arms for the next time.
    pub fn take(&mut self) -> Oom {
        match &mut self.source {
            Source::Unified { events, kills: told } => match file::read(&*events) {
                Err(_) => Oom::Gone,
                Ok(text) if kills(&text) > *told => {
                    *told = kills(&text);
                    Oom::Happened
                }
                Ok(_) => Oom::Nothing,
            },
            Source::Legacy { event, .. } => {
                let woken = nix::unistd::read(event, &mut [0; 8]).is_ok();
                // The end of the group wakes its listeners too.
                match (self.path.exists(), woken) {
                    (false, _) => Oom::Gone,
                    (true, true) => Oom::Happened,
                    (true, false) => Oom::Nothing,
                }
            }
        }
    }
}

impl Group {
    fn watch_unified(&self) -> Result<Source> {
        let doing = || format!("watch {}", self.file("memory.events"));
        let events = file::open_to_read(self.dir()?, "memory.events").doing(doing)?;
        // The first read arms the notification.
        let kills = kills(&file::read(&events).doing(doing)?);
        Ok(Source::Unified { events, kills })
    }

    fn watch_legacy(&self) -> Result<Source> {
        let doing = || format!("watch {}", self.file("memory.oom_control"));
        let control = file::open_to_read(self.dir()?, "memory.oom_control").doing(doing)?;
        let event = eventfd::create().doing(doing)?;
        let line = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        self.write("cgroup.event_control", &line)?;
        Ok(Source::Legacy { event, _control: control })
    }
}

fn kills(text: &str) -> u64 {
    value_of(text, "oom_kill").and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
