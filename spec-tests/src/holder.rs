//! A process of the test that sleeps in namespaces of its own, to be joined by path.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::runtime::wait_until;
use crate::suite::children;

/// The sleeping process; gone when dropped.
#[derive(Debug)]
pub struct Holder {
    child: Child,
    /// The sleeper, in the host's numbering.
    pub pid: i32,
}

impl Holder {
    /// Runs `unshare OPTIONS… sleep`.
    pub fn new(options: &[&str]) -> Result<Self> {
        let mut command = Command::new("unshare");
        let child = command.args(options).args(["sleep", "1000"]).spawn();
        let mut holder = Self { child: child.context("start unshare")?, pid: 0 };
        let parent = holder.child.id().cast_signed();
        let candidates = || std::iter::once(parent).chain(children(parent));
        let asleep = |pid: &i32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim() == "sleep"
        };
        let found = wait_until(Duration::from_secs(10), || candidates().find(asleep));
        holder.pid = found.with_context(|| format!("unshare {options:?} does not work here"))?;
        Ok(holder)
    }

    /// `/proc/PID/ns/NAME`.
    pub fn namespace(&self, name: &str) -> String {
        format!("/proc/{}/ns/{name}", self.pid)
    }

    /// A path of the sleeper's own view of the file system.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.pid);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
