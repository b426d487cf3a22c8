//! Who is inside, and how all of them are killed.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Cgroup, Group, is_gone};
use crate::error::{Doing, Result};

impl Cgroup {
    /// The ids of all processes inside, in groups below too.
    ///
    /// # Errors
    /// A file that cannot be read; a group that is gone has no processes.
    pub fn processes(&self) -> Result<Vec<i32>> {
        self.populace().map_or(Ok(Vec::new()), Group::processes)
    }

    /// The group that is asked for processes: that of the freezer, so that freezing reaches all.
    fn populace(&self) -> Option<&Group> {
        self.governing("freezer").or(self.groups.last())
    }

    /// Kills every process inside, in groups below too, paused or not. Does not wait for their end.
    ///
    /// # Errors
    /// A group that cannot be written to.
    pub fn kill_all(&self) -> Result<()> {
        let killed = match self.unified() {
            Some(group) => group.kill()?,
            None => false,
        };
        if killed {
            // Tasks that are frozen in v1 die once they run.
            return self.legacy("freezer").map_or(Ok(()), |_| self.thaw_if_there());
        }
        if self.governing("freezer").is_none() {
            return self.kill_each(false);
        }
        // To freeze a group, even an empty one, has the kernel rewrite its own code, on all
        // processors at once.
        if self.processes()?.is_empty() {
            return Ok(());
        }
        let frozen = self.freeze();
        let killed = self.kill_each(frozen.is_ok());
        killed.and(self.thaw_if_there())
    }

    fn thaw_if_there(&self) -> Result<()> {
        match self.thaw() {
            Err(error) if is_gone(&error) => Ok(()),
            thawed => thawed,
        }
    }

    /// Kills one by one: once when nobody can fork, else until nobody new appears. Of who is not in
    /// the runtime's pid namespace v2 lists a 0, which kill(2) would take for the runtime's own
    /// process group.
    fn kill_each(&self, frozen: bool) -> Result<()> {
        for _ in 0..if frozen { 1 } else { 100 } {
            let mut processes = self.processes()?;
            processes.retain(|pid| *pid > 0);
            if processes.is_empty() {
                break;
            }
            for pid in processes {
                match kill(Pid::from_raw(pid), Signal::SIGKILL) {
                    Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                    Err(errno) => return Err(errno).doing(|| format!("kill process {pid}")),
                }
            }
        }
        Ok(())
    }
}

impl Group {
    /// All processes inside and below.
    pub(super) fn processes(&self) -> Result<Vec<i32>> {
        let mut pids = Vec::new();
        match collect(&self.path, &mut pids) {
            Err(error) if is_gone(&error) => Ok(Vec::new()),
            result => result.map(|()| pids),
        }
    }

    /// Whether it has neither processes, as far as the kernel lists them, nor groups below it.
    pub(super) fn is_empty(&self) -> bool {
        self.processes().is_ok_and(|pids| pids.is_empty())
            && children(&self.path).is_ok_and(|below| below.is_empty())
    }

    /// Kills all at once; says whether the kernel can (5.14).
    fn kill(&self) -> Result<bool> {
        match self.write("cgroup.kill", "1") {
            Ok(()) => Ok(true),
            // Gone, an older kernel, or a threaded group.
            Err(error) if is_gone(&error) => Ok(!self.path.exists()),
            Err(error) if error.is(libc::EOPNOTSUPP) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn collect(path: &Path, pids: &mut Vec<i32>) -> Result<()> {
    let group = Group::new(Vec::new(), path.to_owned());
    let text = match group.read("cgroup.procs") {
        // A threaded group knows only its threads.
        Err(error) if error.is(libc::EOPNOTSUPP) => group.read("cgroup.threads"),
        text => text,
    }?;
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for below in children(path)? {
        match collect(&below, pids) {
            Err(error) if is_gone(&error) => {}
            result => result?,
        }
    }
    Ok(())
}

/// The groups right below one.
pub(super) fn children(path: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(path).doing(|| format!("list {}", path.display()))?;
    let dirs = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(dirs.map(|entry| entry.path()).collect())
}
