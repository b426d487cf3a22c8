//! Pausing: the freezers of v1 and v2.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};

use super::{Cgroup, Group, is_gone, value_of};
use crate::error::{Doing, Error, Result};
use crate::sys::file;

/// How long it may take until the last process stands still.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cgroup {
    /// Stops all processes and returns once they stand still.
    ///
    /// # Errors
    /// There is no freezer, the runtime itself is inside, or somebody does not stop within ten
    /// seconds; then all run again.
    pub fn freeze(&self) -> Result<()> {
        let group = self.freezer()?;
        if self.processes()?.contains(&(std::process::id() as i32)) {
            return Err(Error::new("cannot freeze the cgroup that the runtime itself is in"));
        }
        let frozen = match group.is_unified() {
            true => group.freeze_unified(),
            false => group.freeze_legacy(),
        };
        if frozen.is_err() {
            let _ = self.thaw();
        }
        frozen
    }

    /// Lets all processes run again.
    ///
    /// # Errors
    /// There is no freezer, or the group is gone.
    pub fn thaw(&self) -> Result<()> {
        let group = self.freezer()?;
        match group.is_unified() {
            true => group.write("cgroup.freeze", "0"),
            false => group.write("freezer.state", "THAWED"),
        }
    }

    /// Whether the container is paused; one without a freezer never is.
    ///
    /// # Errors
    /// A file that cannot be read; a group that is gone is not frozen.
    pub fn is_frozen(&self) -> Result<bool> {
        match self.governing("freezer").map(Group::is_frozen) {
            None => Ok(false),
            Some(Err(error)) if is_gone(&error) => Ok(false),
            Some(frozen) => frozen,
        }
    }

    /// The directory by which the processes are stopped, if there is one.
    pub fn freezer_path(&self) -> Option<&Path> {
        self.governing("freezer").map(|group| group.path.as_path())
    }

    /// The file whose change (inotify(7), IN_MODIFY) tells that the container was paused or
    /// resumed: the kernel's own report in v2, what a command writes in v1.
    pub fn freezer_news(&self) -> Option<PathBuf> {
        let group = self.governing("freezer")?;
        let name = if group.is_unified() { "cgroup.events" } else { "freezer.state" };
        Some(group.path.join(name))
    }

    fn freezer(&self) -> Result<&Group> {
        let none = || Error::new("cannot toggle freezer: cgroups not configured for container");
        self.governing("freezer").ok_or_else(none)
    }
}

impl Group {
    /// Whether the processes here are stopped, or about to be.
    pub(super) fn is_frozen(&self) -> Result<bool> {
        if self.has("freezer") {
            return Ok(self.read("freezer.state")?.trim_end() != "THAWED");
        }
        match self.is_unified() {
            true => self.freeze_file().map(|text| text.trim_end() == "1"),
            false => Ok(false),
        }
    }

    /// The file is missing before Linux 5.2.
    fn freeze_file(&self) -> Result<String> {
        match self.read("cgroup.freeze") {
            Err(error) if error.is(libc::ENOENT) && self.path.exists() => Ok(String::new()),
            text => text,
        }
    }

    fn freeze_unified(&self) -> Result<()> {
        let events = file::open_to_read(self.dir()?, "cgroup.events")
            .doing(|| format!("open {}", self.file("cgroup.events")))?;
        self.write("cgroup.freeze", "1")?;
        let deadline = Instant::now() + PATIENCE;
        while !self.stands_still(&events)? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new("the processes do not stop within ten seconds"));
            }
            let milliseconds = left.as_millis() as u16 + 1;
            match poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], milliseconds) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno).doing(|| "wait for the freezer".into()),
            }
        }
        Ok(())
    }

    fn stands_still(&self, events: &OwnedFd) -> Result<bool> {
        let text = file::read(events).doing(|| format!("read {}", self.file("cgroup.events")))?;
        Ok(value_of(&text, "frozen") == Some("1"))
    }

    /// The freezer of v1 tells nobody when it is done, and overlooks a process that is forking: it
    /// is told again each time, and now and then all may run for a moment.
    fn freeze_legacy(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(10);
        for attempt in 1.. {
            self.write("freezer.state", "FROZEN")?;
            if self.read("freezer.state")?.trim_end() == "FROZEN" {
                return Ok(());
            }
            if Instant::now() > deadline {
                break;
            }
            if attempt % 20 == 0 {
                self.write("freezer.state", "THAWED")?;
            }
            sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(10));
        }
        Err(Error::new("the processes do not stop within ten seconds"))
    }
}
