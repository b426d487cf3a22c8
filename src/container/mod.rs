//! A container's life: what each command does with the state directory, the cgroup and init.

mod checkpoint;
mod configured;
mod create;
mod delete;
mod exec;
mod host_root;
mod id;
mod images;
mod kill;
mod list;
mod lost;
mod mounts;
mod namespaces;
mod network;
mod notify;
mod options;
mod outside;
mod passed;
mod pause;
mod poststop;
mod problems;
mod processes;
mod restore;
mod run;
pub mod saved;
mod serve;
mod sources;
mod start;
mod state_view;
mod status;
mod store;
mod supervise;
pub mod template;
mod update;
mod user_namespace;
mod watch;

use std::os::fd::{AsFd, OwnedFd};

pub use checkpoint::checkpoint;
pub use create::create;
pub use delete::delete;
pub use exec::exec;
pub use id::ContainerId;
pub use images::pipes_in;
pub use kill::kill;
pub use list::{list, names};
pub use mounts::change_mounts;
pub use options::{
    AfterDump, AfterExit, All, Attach, CheckpointOptions, CreateOptions, CriuOptions, Event,
    ExecOptions, ExecProcess, Force, MountChange, Paused, RestoreOptions, Rootless, RunOptions,
    Subreaper, Update,
};
pub use pause::{pause, resume};
pub use problems::problems;
pub use restore::restore;
pub use run::run;
pub use start::start;
pub use state_view::StateView;
pub use store::Store;
pub use update::{events, stats, update};
pub use watch::{Condition, wait, watch};

use crate::cgroup::{self, Cgroup};
use crate::error::{Code, Doing, Error, Result};
pub use crate::plan::CgroupManager;
use crate::spec::{OCI_VERSION, Pairs, State};
use crate::sys::pidfd;
use crate::sys::procfs::{Life, Procfs};
use saved::{Phase, Saved};
use status::Status;
use store::Directory;

/// A container that was created: its directory and what it holds.
#[derive(Debug)]
struct Container {
    directory: Directory,
    saved: Saved,
}

impl Container {
    /// Finds a container.
    ///
    /// # Errors
    /// `container does not exist`
    fn find(store: &Store, id: &ContainerId) -> Result<Container> {
        let directory = Container::directory(store, id)?;
        let saved = directory
            .state()?
            .ok_or_else(|| Error::of(Code::NotFound, "container does not exist"))?;
        Ok(Container { directory, saved })
    }

    /// Finds a container and waits until no other command changes it.
    fn find_and_lock(store: &Store, id: &ContainerId) -> Result<Container> {
        let directory = Container::directory(store, id)?;
        directory.lock()?;
        let saved = directory
            .state()?
            .ok_or_else(|| Error::of(Code::NotFound, "container does not exist"))?;
        Ok(Container { directory, saved })
    }

    /// Its directory, which is put back if it was lost.
    fn directory(store: &Store, id: &ContainerId) -> Result<Directory> {
        match store.find(id) {
            Err(error) if error.code() == Code::NotFound && lost::recover(store, id)? => {
                store.find(id)
            }
            found => found,
        }
    }

    /// What it is in, as the machine shows it right now.
    fn status(&self) -> Result<Status> {
        self.status_by(&Procfs::of_this_process()?)
    }

    fn status_by(&self, proc: &Procfs) -> Result<Status> {
        let life = self.life(proc)?;
        let has_program = life.as_ref().is_some_and(|life| !life.is_a_copy);
        // Its maker holds the lock for as long as it lives.
        if !has_program && self.directory.is_being_made() && self.directory.is_locked()? {
            return Ok(Status::Creating);
        }
        let Some(life) = life else { return Ok(Status::Stopped) };
        if self.saved.onggi.cgroup.may_be_frozen(life.state) && self.cgroup().is_frozen()? {
            return Ok(Status::Paused);
        }
        // What was restored from a checkpoint is a copy as well, but waits for nobody.
        let waits = life.is_a_copy && self.directory.has_start_socket();
        // Or it has been deleted since it was looked at.
        if life.is_a_copy && !waits && self.life(proc)?.is_none() {
            return Ok(Status::Stopped);
        }
        Ok(if waits { Status::Created } else { Status::Running })
    }

    /// None while it may be somebody else's still.
    fn cgroup(&self) -> Cgroup {
        match self.saved.onggi.phase {
            Phase::Preparing => Cgroup::open(&cgroup::Saved::default()),
            _ => Cgroup::open(&self.saved.onggi.cgroup),
        }
    }

    /// Looks at init, and not at another process that got its id; nothing when it has ended.
    fn life(&self, proc: &Procfs) -> Result<Option<Life>> {
        let pid = self.saved.init_process_pid;
        if pid <= 0 {
            return Ok(None);
        }
        let life = proc.life(pid).doing(|| format!("look at process {pid}"))?;
        let start = self.saved.init_process_start;
        Ok(life.filter(|life| life.start == start && !life.has_ended()))
    }

    /// A descriptor of init; nothing when it has ended.
    fn init(&self) -> Result<Option<OwnedFd>> {
        let pid = self.saved.init_process_pid;
        if pid <= 0 {
            return Ok(None);
        }
        // Opened first and compared then: the id cannot change hands between.
        let fd = match pidfd::open(pid) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            other => other.doing(|| format!("open process {pid}"))?,
        };
        Ok(self.life(&Procfs::of_this_process()?)?.map(|_| fd))
    }

    /// Waits until init has ended, for so long at the most; tells whether it has.
    fn wait_end(&self, limit: std::time::Duration) -> Result<bool> {
        match self.init()? {
            None => Ok(true),
            Some(init) => Ok(pidfd::wait_end(init.as_fd(), Some(limit))?),
        }
    }
}

/// The state as hooks are told it.
fn state_for_hooks(saved: &Saved, status: &'static str, pid: i32) -> Vec<u8> {
    let annotations = saved.onggi.annotations.iter();
    let annotations = Pairs(
        annotations.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
    );
    let state = State {
        oci_version: OCI_VERSION,
        id: &saved.id,
        status,
        pid,
        bundle: &saved.onggi.bundle,
        annotations: &annotations,
    };
    state.to_json()
}

/// The state of a container.
pub fn state(store: &Store, id: &ContainerId) -> Result<StateView> {
    let container = Container::find(store, id)?;
    let status = container.status()?;
    StateView::new(container.saved, status)
}

/// The process ids of a container, as the host sees them.
pub fn processes(store: &Store, id: &ContainerId) -> Result<Vec<i32>> {
    processes::of(&Container::find(store, id)?)
}
