//! Whether what was written about a container still holds. Its monitor holds a lock for as long as
//! it lives, and the state names the boot and the moment in which its process began: no process id
//! is believed by itself.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{Lock, Store, durable};
use crate::error::{Context, IfThere, Result};
use crate::model::{State, Status};
use crate::time::Time;

/// What Docker reports for a program whose end nobody saw.
const UNKNOWN_EXIT: i32 = 255;

/// How often one looks whether a monitor has gone.
const MOMENT: Duration = Duration::from_millis(1);

impl Store {
    /// The file whose lock a monitor holds.
    fn monitor_lock(&self, id: &str) -> PathBuf {
        self.bundle(id).join("monitor.lock")
    }

    /// The marker of a container that is frozen.
    pub fn pause_mark(&self, id: &str) -> PathBuf {
        self.bundle(id).join("paused")
    }

    /// Takes the lock that says that a container has a monitor.
    ///
    /// # Errors
    /// Where it has one, and of making the file.
    pub fn become_monitor(&self, id: &str) -> Result<Lock> {
        let file = self.monitor_lock(id);
        durable::make_private_folder(&self.bundle(id))
            .and_then(|()| fs::OpenOptions::new().append(true).create(true).open(&file).map(drop))
            .with_context(|| format!("make {}", file.display()))?;
        loop {
            let lock = Lock::try_now(&file).with_context(|| format!("lock {}", file.display()))?;
            if let Some(lock) = lock {
                return Ok(lock);
            }
            anyhow::ensure!(!self.has_monitor(id), "the container {id} has a monitor already");
            // Only those hold it who look whether there is one.
            std::thread::yield_now();
        }
    }

    /// Waits until a container's monitor, if it has one, has gone.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn wait_for_monitor(&self, id: &str) -> Result<()> {
        let waited = Lock::share(&self.monitor_lock(id)).map(drop).if_there();
        waited.with_context(|| format!("wait for the monitor of {id}"))
    }

    /// Waits for a monitor that is about to go; whether there is none any more. There is one as
    /// long as the program runs or is to run again, and nobody waits for that with a lock.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn outwait_monitor(&self, id: &str) -> Result<bool> {
        while self.has_monitor(id) {
            if self.written_state(id)?.status.is_up() {
                return Ok(false);
            }
            std::thread::sleep(MOMENT);
        }
        Ok(true)
    }

    /// Whether a container has a monitor. Who asks takes a part in the lock, and so is none for
    /// others who ask.
    pub fn has_monitor(&self, id: &str) -> bool {
        matches!(Lock::try_share(&self.monitor_lock(id)), Ok(None))
    }

    /// What a container is now: what was written, unless its monitor is gone.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn state(&self, id: &str) -> Result<State> {
        let written = self.written_state(id)?;
        if !matches!(written.status, Status::Running | Status::Restarting) {
            return Ok(self.begun_unseen(id).unwrap_or(written));
        }
        if self.has_monitor(id) {
            return Ok(self.with_pause(id, written));
        }
        // The monitor may have written its last words and ended since they were read.
        let again = self.written_state(id)?;
        Ok(match again.status {
            Status::Running if is_alive(&again) => self.with_pause(id, again),
            // The next run may have begun.
            Status::Restarting => self.begun_unseen(id).unwrap_or_else(|| lost(again)),
            Status::Running => lost(again),
            _ => again,
        })
    }

    /// The state of a container whose monitor was killed while the runtime started its program: the
    /// runtime knows it, and wrote its process id after the last word about the container.
    fn begun_unseen(&self, id: &str) -> Option<State> {
        if !self.is_in_runtime(id) || self.has_monitor(id) {
            return None;
        }
        let file = self.bundle(id).join("pid");
        let started = file.metadata().and_then(|facts| facts.modified()).ok()?;
        let said = self.state_file(id).metadata().and_then(|facts| facts.modified());
        if said.is_ok_and(|said| said >= started) {
            return None;
        }
        let pid = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
        let mut state = State {
            status: Status::Running,
            pid,
            started_at: Time::from(started),
            boot: boot(),
            ..State::default()
        };
        // The number may be another process's by now, which is in another cgroup.
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        match begun(pid).filter(|_| groups.contains(id)) {
            Some(begun) => {
                state.pid_begun = begun;
                Some(self.with_pause(id, state))
            }
            None => Some(lost(state)),
        }
    }

    /// Whether the runtime may know a container: it has a folder for each.
    pub fn is_in_runtime(&self, id: &str) -> bool {
        self.runtime_state().join(id).exists()
    }

    fn with_pause(&self, id: &str, mut state: State) -> State {
        if state.status == Status::Running && self.pause_mark(id).exists() {
            state.status = Status::Paused;
        }
        state
    }
}

/// The state of a container that ended unseen: by a reboot, or after its monitor was killed.
fn lost(mut state: State) -> State {
    if state.status == Status::Running {
        // What is written is when the run before it ended.
        state.finished_at = Time::default();
    }
    state.status = Status::Exited;
    state.pid = 0;
    state.exit_code = UNKNOWN_EXIT;
    state.error = if state.boot == boot() {
        "its monitor was killed: the exit code is not known".into()
    } else {
        "the host went down while it ran".into()
    };
    state
}

/// Whether the process that was written down is still the same.
fn is_alive(state: &State) -> bool {
    state.boot == boot() && begun(state.pid) == Some(state.pid_begun)
}

/// The identity of this boot.
pub fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim_end().to_owned()
}

/// When a process began, in clock ticks since the boot: proc_pid_stat(5), field 22. A zombie has
/// ended.
pub fn begun(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    let alive = fields.next()? != "Z";
    fields.nth(18)?.parse().ok().filter(|_| alive)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn running(pid: u32, pid_begun: u64, boot: String) -> State {
        State { status: Status::Running, pid, pid_begun, boot, ..State::default() }
    }

    #[test]
    fn a_process_is_believed_with_its_beginning_and_its_boot_only() {
        let own = std::process::id();
        let begun = begun(own).unwrap();
        assert!(is_alive(&running(own, begun, boot())));
        assert!(!is_alive(&running(own, begun + 1, boot())), "another process with this number");
        assert!(!is_alive(&running(own, begun, "another boot".into())));
        let lost = lost(running(own, begun, "another boot".into()));
        assert_eq!((lost.status, lost.exit_code), (Status::Exited, UNKNOWN_EXIT));
    }

    #[test]
    fn who_looks_for_a_monitor_is_not_taken_for_one() {
        let root = std::env::temp_dir().join(format!("dok-liveness-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let store = Store::open(root.join("root"), root.join("run")).unwrap();
        drop(store.become_monitor("web").unwrap());
        let looks = || {
            store.wait_for_monitor("web").unwrap();
            store.has_monitor("web")
        };
        std::thread::scope(|scope| {
            let one = || (0..2000).filter(|_| looks()).count();
            let others = [scope.spawn(one), scope.spawn(one)];
            assert_eq!(others.map(|other| other.join().unwrap()), [0, 0], "there is none");
        });
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let one = || {
                while !done.load(Ordering::Relaxed) {
                    looks();
                }
            };
            let others = [scope.spawn(one), scope.spawn(one)];
            let became = (0..200).try_for_each(|_| store.become_monitor("web").map(drop));
            done.store(true, Ordering::Relaxed);
            others.into_iter().for_each(|other| other.join().unwrap());
            became.unwrap();
        });
        let monitor = store.become_monitor("web").unwrap();
        assert!(store.has_monitor("web") && store.become_monitor("web").is_err());
        drop(monitor);
        fs::remove_dir_all(root).unwrap();
    }
}
