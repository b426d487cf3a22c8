//! The container's first process (or one that `exec` adds), from the clone to execve(2): it does
//! the plan in the order of a list, and tells the runtime the first thing that fails.

mod cgroup_mounts;
mod console;
mod copy;
mod devices;
mod exec;
mod home;
mod identity;
mod labels;
mod landlock;
mod limits;
mod mounts;
mod namespaces;
mod network;
mod paths;
mod root;
mod steps;

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

pub use home::home_of;
pub use limits::set_limits;
pub use steps::{ADD_MOUNTS, EXEC, NEW_CONTAINER, REMOVE_MOUNTS, Step};

use crate::cgroup::Entry;
use crate::error::{Doing, Error, Result};
use crate::failpoint;
use crate::hooks::Output;
use crate::launch::{Failure, FromInit, InitEnd, Rest, ToInit};
use crate::log::Laps;
use crate::plan::{Plan, Process};
use crate::spec::State;
use crate::sys::fifo::Fifo;
use crate::sys::path::Root;
use crate::sys::procfs::Procfs;
use crate::sys::{fd, pidfd, process};
use crate::weakness;

/// What init waits for before it becomes the program.
#[derive(Debug)]
pub enum Start {
    /// Nothing: `run` and mostly `exec`.
    AtOnce,
    /// A connection to this socket: `start`.
    Await(OwnedFd),
    /// A reader of this fifo: `exec --exec-wait-fifo`.
    AwaitReader(Fifo),
}

/// Whose mount namespace has the sources of bind mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Init's own, which is a copy of the runtime's.
    Own,
    /// The runtime's: init has joined the container's.
    Runtime,
}

/// What init holds. The plan is the runtime's own memory, which the clone copied.
#[derive(Debug)]
pub struct Init<'a> {
    /// The container.
    pub plan: &'a Plan,
    /// The process that this one becomes.
    pub process: &'a Process,
    /// The talk with the runtime.
    pub channel: InitEnd,
    /// Namespaces that the process itself makes and joins.
    pub rest: Rest,
    /// The way into the cgroup, where it is known before the clone.
    pub entry: Entry,
    /// The way into the cgroup that counts memory, where it is entered late.
    pub memory: Entry,
    /// The runtime's program as it cannot be written, unless it runs from there already.
    pub program_file: Option<OwnedFd>,
    /// Whose paths the sources of bind mounts are.
    pub sources: Sources,
    /// Where the container's cgroup is in each hierarchy of the host: controllers, directory.
    pub cgroups: Vec<(String, PathBuf)>,
    /// What it waits for.
    pub start: Start,
    /// The descriptors from 3 on that the program gets from the caller.
    pub passed: Vec<RawFd>,
    /// The container's state, for hooks.
    pub state: State<'a>,
    /// Where what the container's hooks print goes.
    pub hook_output: Output,
    /// Whether the runtime may yet have to set what only it can. It does so before it answers
    /// anything.
    pub awaits_runtime: Cell<bool>,
    /// The container's root once it is there.
    pub root: Option<Root>,
    /// The private procfs once it was needed.
    pub procfs: Option<Procfs>,
    /// The program's path once it was found.
    pub program: String,
    /// `HOME=…`, where the configuration gives none.
    pub home: Option<String>,
    /// Whether the working directory was entered already.
    pub in_directory: bool,
}

impl Init<'_> {
    /// Does the steps, up to execve(2).
    ///
    /// # Errors
    /// The first failure, which the runtime has been told.
    pub fn run(mut self, steps: &[Step]) -> Result<()> {
        process::set_parent_death_signal(libc::SIGKILL)?;
        let mut laps = Laps::start("init");
        for (name, step) in steps {
            if weakness::leaves_out(name) {
                continue;
            }
            if let Err(error) = failpoint::reach(name).and_then(|()| step(&mut self)) {
                self.tell_of(name, &error);
                return Err(error);
            }
            if let Some(microseconds) = laps.lap() {
                // A filter may forbid it.
                let _ = self.channel.send(&FromInit::Took((*name).to_owned(), microseconds));
            }
        }
        Ok(())
    }

    /// The runtime is told, or, where it was let go, whoever has the program's standard error.
    fn tell_of(&self, step: &str, error: &Error) {
        if self.channel.send(&FromInit::Failed(Failure::new(step, error))).is_err() {
            let words = format!("{error}\n");
            // Nobody is left to tell when that is closed too.
            let _ = fd::write_once(std::io::stderr().as_fd(), words.as_bytes());
        }
    }

    /// Asks the runtime for something and waits until it is done; gives what came along.
    ///
    /// # Errors
    /// The runtime has gone, or may not look into init.
    fn ask(&self, message: &FromInit) -> Result<Vec<OwnedFd>> {
        match self.channel.ask(message)? {
            (ToInit::Show, _) => Err(Error::new("the runtime may not look into init")),
            (_, fds) => {
                self.awaits_runtime.set(false);
                Ok(fds)
            }
        }
    }

    /// Tells the runtime something for its log.
    fn warn(&self, words: String) -> Result<()> {
        self.channel.send(&FromInit::Warn(words))
    }

    /// The container's root.
    fn root(&self) -> Result<&Root> {
        self.root.as_ref().ok_or_else(|| Error::new("the root is not prepared"))
    }

    /// The private procfs, which is made when it is first needed.
    fn procfs(&mut self) -> Result<&Procfs> {
        if self.procfs.is_none() {
            let procfs = Procfs::private().doing(|| "open a private procfs".into())?;
            self.procfs = Some(procfs);
        }
        self.procfs.as_ref().ok_or_else(|| Error::new("no private procfs"))
    }

    /// From now on this process ends when the runtime does. A change of ids undoes that, and the
    /// runtime may be gone already.
    fn end_with_the_runtime(&self) -> Result<()> {
        process::set_parent_death_signal(libc::SIGKILL).doing(|| "prctl".into())?;
        // The runtime only ever answers, so that there is nothing to read but its hang-up.
        match pidfd::wait_readable(self.channel.as_fd(), Some(Duration::ZERO))? {
            true => Err(Error::new("the runtime has gone away")),
            false => Ok(()),
        }
    }

    /// After a change of ids, which may also undo that nobody looks into this process
    /// (`fs.suid_dumpable`).
    fn hide_again(&self) -> Result<()> {
        process::set_dumpable(false).doing(|| "become undumpable".into())?;
        self.end_with_the_runtime()
    }

    /// Closes everything that the clone copied from the runtime.
    fn close_what_is_the_runtimes(&mut self) -> Result<()> {
        let mut keep = self.passed.clone();
        keep.push(self.channel.as_fd().as_raw_fd());
        keep.extend(self.rest.join.iter().map(|join| join.through.as_raw_fd()));
        keep.extend(self.entry.descriptors());
        keep.extend(self.hook_output.descriptors());
        keep.extend(self.program_file.iter().map(AsRawFd::as_raw_fd));
        match &self.start {
            Start::AtOnce => {}
            Start::Await(listener) => keep.push(listener.as_raw_fd()),
            Start::AwaitReader(fifo) => keep.extend(fifo.descriptors()),
        }
        Ok(fd::close_all_but(&keep)?)
    }
}
