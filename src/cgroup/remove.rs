//! Removes the container's groups and what is below them, and nothing above.

use std::os::fd::AsFd;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};

use super::processes::children;
use super::systemd::Systemd;
use super::{Cgroup, value_of};
use crate::error::{Doing, Result};
use crate::log;
use crate::sys::file;

/// How long processes that are dying may take.
const PATIENCE: Duration = Duration::from_secs(2);

impl Cgroup {
    /// Removes the groups; one that is gone already is no error. Processes that are inside must
    /// have been killed; they may still be on their way out.
    ///
    /// # Errors
    /// The first group that could not be removed (EBUSY: somebody is inside).
    pub fn remove(&self) -> Result<()> {
        if let Some(unit) = self.unit.as_ref().filter(|_| self.is_there()) {
            let stopped =
                Systemd::connect(unit).and_then(|systemd| systemd.stop(|| !self.is_there()));
            // A scope without processes comes to its end by itself.
            if let Err(error) = stopped.doing(|| format!("stop {}", unit.name)) {
                log::warning(&error.to_string());
            }
        }
        self.groups.iter().map(|group| remove_tree(&group.path)).fold(Ok(()), Result::and)
    }

    /// A scope ends with its last process, and its groups with it: then nothing is asked of
    /// systemd.
    fn is_there(&self) -> bool {
        self.groups.iter().any(|group| group.path.exists())
    }

    /// Removes those groups that nobody uses, for who does not know whether they are the
    /// container's. Waits for an init that is on its way out: it may be listed for a moment, and
    /// be there a little longer.
    pub fn remove_unused(&self) {
        let start = Instant::now();
        for group in &self.groups {
            while is_busy(&file::remove_dir(&group.path))
                && start.elapsed() < if group.is_empty() { PATIENCE } else { PATIENCE / 10 }
            {
                wait_for_change(&group.path, Duration::from_millis(1));
            }
        }
    }
}

fn is_busy(removed: &std::io::Result<()>) -> bool {
    removed.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY))
}

/// Removes a group, those below it first.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    match file::remove_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        // On a read-only mount even what does not exist cannot be removed.
        Err(_) if !path.exists() => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => remove_busy(path),
        error => error.doing(|| format!("remove cgroup {}", path.display())),
    }
}

fn remove_busy(path: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        for below in children(path).unwrap_or_default() {
            remove_tree(&below)?;
        }
        match file::remove_dir(path) {
            busy if is_busy(&busy) && Instant::now() < deadline => {
                wait_for_change(path, pause);
                pause = (2 * pause).min(Duration::from_millis(100));
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(()),
            result => return result.doing(|| format!("remove cgroup {}", path.display())),
        }
    }
}

/// Waits until the last process has left: v2 tells, v1 is asked again after `pause`.
fn wait_for_change(path: &Path, pause: Duration) {
    let events =
        file::open_dir(path).and_then(|dir| file::open_to_read(dir.as_fd(), "cgroup.events"));
    let Ok(events) = events else { return sleep(pause) };
    // The first read arms the notification.
    let populated = file::read(&events).is_ok_and(|text| value_of(&text, "populated") == Some("1"));
    if !populated {
        return sleep(pause);
    }
    let milliseconds = PATIENCE.as_millis() as u16;
    let _ = poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLPRI)], milliseconds);
}
