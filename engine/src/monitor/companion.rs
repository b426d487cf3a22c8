//! Processes beside a monitor, each for one task in which it reads what strangers write. It is our
//! own program, started with a word that nobody types, and ends with the monitor.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Command;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitid,
};

use crate::error::{Context, Result};

/// A process that runs; it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Companion {
    process: OwnedFd,
    pid: u32,
}

impl Drop for Companion {
    fn drop(&mut self) {
        // One that has ended needs no end; the monitor reaps it, or its own heir.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// Our own program, to be told that it is another's companion: its first words.
pub(super) fn command(word: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(word).arg(std::process::id().to_string()).env_clear();
    command
}

impl Companion {
    /// Starts it.
    ///
    /// # Errors
    /// Of `execve(2)` and `pidfd_open(2)`.
    pub(super) fn start(mut command: Command) -> Result<Companion> {
        let child = command.spawn().context("start a process beside the monitor")?;
        let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("name it")?;
        let process = pidfd_open(number, PidfdFlags::empty()).context("watch it")?;
        Ok(Companion { process, pid: child.id() })
    }

    /// Whether it is the child of this number.
    pub(super) fn is(&self, child: u32) -> bool {
        self.pid == child
    }

    /// Ends it, and waits until it has let go of all that it held.
    pub(super) fn end(self) {
        // What fails here has ended already.
        let _ = pidfd_send_signal(&self.process, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.process.as_fd()), WaitIdOptions::EXITED);
    }
}

/// Ends this process when the monitor of this number ends.
///
/// # Errors
/// The monitor has ended already.
pub(super) fn end_with(monitor: &Path) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("end with the monitor")?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    anyhow::ensure!(
        parent.as_deref().map(OsStr::new) == Some(monitor.as_os_str()),
        "the monitor ended before its companion began"
    );
    Ok(())
}
