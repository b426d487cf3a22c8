//! What the command line asks of the lifecycle, as data.

use std::path::PathBuf;

use crate::plan::{CgroupManager, ExecOverrides, Keyring, RootSwitch};

/// How `create` and `run` make a container. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// The bundle.
    pub bundle: PathBuf,
    /// Another configuration than the bundle's `config.json`; a relative one is the bundle's.
    pub config: Option<PathBuf>,
    /// The socket that gets the terminal's master end.
    pub console_socket: Option<PathBuf>,
    /// The file that gets init's process id.
    pub pid_file: Option<PathBuf>,
    /// The socket that gets a pidfd of init.
    pub pidfd_socket: Option<PathBuf>,
    /// How the root file system becomes `/`.
    pub root_switch: RootSwitch,
    /// Which session keyring the container has.
    pub keyring: Keyring,
    /// How many descriptors from 3 on the container keeps, besides those of socket activation.
    pub preserve_fds: u32,
    /// Who makes the cgroup.
    pub cgroup_manager: CgroupManager,
    /// Whether a cgroup that cannot be made is passed over.
    pub rootless: Rootless,
}

/// Whether the runtime takes itself to be without root's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rootless {
    /// It finds out.
    Auto,
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl Rootless {
    /// What holds when `found` was found out.
    pub(super) fn or(self, found: bool) -> bool {
        match self {
            Rootless::Auto => found,
            Rootless::Yes => true,
            Rootless::No => false,
        }
    }
}

/// What `run` does besides creating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Whether the runtime stays.
    pub attach: Attach,
    /// What becomes of the container when its process has ended.
    pub after_exit: AfterExit,
    /// Whether orphans of the container come to the runtime.
    pub subreaper: Subreaper,
}

/// Whether the runtime stays with the process it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// It passes on signals and the terminal, and ends with the process's code.
    Foreground,
    /// It ends as soon as the process runs (`--detach`).
    Detached,
}

/// What becomes of a container when its process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterExit {
    /// It is deleted.
    Delete,
    /// It stays, stopped (`--keep`).
    Keep,
}

/// Whether orphans come to the runtime (PR_SET_CHILD_SUBREAPER).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subreaper {
    /// They do.
    Become,
    /// They go where the caller has them go (`--no-subreaper`).
    Leave,
}

/// The process that `exec` adds. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOptions {
    /// What is run.
    pub process: ExecProcess,
    /// The socket that gets the terminal's master end.
    pub console_socket: Option<PathBuf>,
    /// The file that gets the process id.
    pub pid_file: Option<PathBuf>,
    /// The socket that gets a pidfd of the process.
    pub pidfd_socket: Option<PathBuf>,
    /// Whether the runtime stays.
    pub attach: Attach,
    /// How many descriptors from 3 on the process keeps, besides those of socket activation.
    pub preserve_fds: u32,
    /// `[CONTROLLER,…:]PATH`: groups below the container's own.
    pub cgroups: Vec<String>,
    /// Whether a paused container is entered.
    pub paused: Paused,
}

/// Where the process of `exec` is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecProcess {
    /// In a file that holds a whole `process` object (`--process`).
    File(PathBuf),
    /// On the command line; the rest is that of the container's own process.
    Command(Box<ExecOverrides>),
}

/// Whether `exec` enters a paused container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// It refuses.
    Refuse,
    /// The process waits until the container is resumed (`--ignore-paused`).
    Enter,
}

/// Whom a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum All {
    /// Init alone.
    Init,
    /// Every process of the container (`--all`).
    Processes,
}

/// What `delete` does with a container that has not stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It refuses a running one.
    No,
    /// It kills it first; one that does not exist is no error.
    Yes,
}

/// Something that `events` tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The numbers of now.
    Stats(serde_json::Value),
    /// The kernel killed a process for want of memory.
    OutOfMemory,
}
