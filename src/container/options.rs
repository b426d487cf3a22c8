//! What the command line asks of the lifecycle, as data.

use std::path::{Component, PathBuf};

use crate::criu::{CgroupsMode, Dump, NetworkLock, PageServer, Switch};
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

impl CreateOptions {
    /// The bundle as its state tells it, once it is the working directory: what the caller calls
    /// it, unless that leads up again.
    pub(super) fn bundle_name(&self) -> String {
        let leads_up = self.bundle.components().any(|part| part == Component::ParentDir);
        let own = self.bundle.components().collect();
        let bundle = if leads_up { std::env::current_dir().unwrap_or(own) } else { own };
        bundle.to_string_lossy().into_owned()
    }
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
    /// The fifo whose first reader lets the program run (`--exec-wait-fifo`).
    pub wait_fifo: Option<PathBuf>,
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

/// What `checkpoint` and `restore` tell CRIU alike. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriuOptions {
    /// The directory of the images.
    pub images: PathBuf,
    /// The directory of the log, if it is another one.
    pub work: Option<PathBuf>,
    /// What is on.
    pub switches: Vec<Switch>,
    /// What is done with cgroups.
    pub cgroups: CgroupsMode,
    /// `CLONE_NEW*` of namespaces whose content is left out.
    pub empty_namespaces: u64,
    /// How connections are kept quiet.
    pub network_lock: Option<NetworkLock>,
}

/// How `checkpoint` writes a container down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// What CRIU is told.
    pub criu: CriuOptions,
    /// How much is dumped.
    pub dump: Dump,
    /// The images before these, relative to them.
    pub parent: Option<String>,
    /// Where pages are sent to.
    pub page_server: Option<PageServer>,
    /// A descriptor of the caller that is told when pages can be fetched.
    pub status_fd: Option<i32>,
    /// What becomes of the container.
    pub after: AfterDump,
}

/// What becomes of a container that was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterDump {
    /// Its processes end, and it is deleted.
    Delete,
    /// Its processes go on (`--leave-running`).
    GoOn,
}

/// How `restore` makes a container again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOptions {
    /// What CRIU is told.
    pub criu: CriuOptions,
    /// `TYPE:NAME` of the label or profile that the processes get instead of theirs.
    pub lsm_profile: Option<String>,
    /// The SELinux context that mounts get instead of theirs.
    pub lsm_mount_context: Option<String>,
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

/// What `mounts` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountChange {
    /// It makes them.
    Add,
    /// It takes away the topmost one at each destination.
    Remove,
}

/// What `update` changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// The text of a `linux.resources` object. Its `devices` are passed over, as in runc: who
    /// sends them means what the container was made with.
    pub resources: Vec<u8>,
    /// `linux.intelRdt.l3CacheSchema`, or nothing.
    pub l3_cache_schema: String,
    /// `linux.intelRdt.memBwSchema`, or nothing.
    pub mem_bw_schema: String,
    /// Rules that are added to the device filter, like `allow c 10:200 rwm`.
    pub device_rules: Vec<String>,
}

/// Something that `events` tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The numbers of now.
    Stats(serde_json::Value),
    /// The kernel killed a process for want of memory.
    OutOfMemory,
}
