//! A container's life: the interface that the command line calls.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::plan::RootSwitch;

mod id;
mod state_view;
pub mod template;

pub use id::ContainerId;
pub use state_view::StateView;

/// The directory that holds every container's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// An absolute path.
    pub root: PathBuf,
}

impl Store {
    /// The store below this absolute path; nothing is made until a container is.
    pub fn open(root: PathBuf) -> Store {
        Store { root }
    }
}

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

/// Which session keyring a container has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// A new one of its own.
    New,
    /// The caller's (`--no-new-keyring`).
    Keep,
}

/// Who makes the cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupManager {
    /// The runtime, in the file system.
    Cgroupfs,
    /// systemd, by a transient scope.
    Systemd,
    /// Nobody: the caller's cgroup is kept.
    Disabled,
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
    /// Groups below the container's own, one for each entry.
    pub cgroups: Vec<SubCgroup>,
    /// Whether a paused container is entered.
    pub paused: Paused,
}

/// Where the process of `exec` is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecProcess {
    /// In a file that holds a whole `process` object (`--process`).
    File(PathBuf),
    /// On the command line; the rest is that of the container's own process.
    Command(Box<ExecCommand>),
}

/// A process as the command line describes it; what is not given is the container's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecCommand {
    /// The program and its arguments, at least one.
    pub args: Vec<String>,
    /// The working directory inside.
    pub cwd: Option<String>,
    /// `NAME=value`, added to the container's.
    pub env: Vec<String>,
    /// Whether it gets a terminal of its own.
    pub tty: bool,
    /// The ids inside.
    pub user: Option<ExecUser>,
    /// Groups inside, added to the container's.
    pub additional_gids: Vec<u32>,
    /// The SELinux context.
    pub process_label: Option<String>,
    /// The AppArmor profile.
    pub apparmor: Option<String>,
    /// Whether PR_SET_NO_NEW_PRIVS is set even if the container leaves it.
    pub no_new_privileges: bool,
    /// Names like `CAP_NET_RAW`, added to bounding, effective and permitted.
    pub capabilities: Vec<String>,
}

/// `UID[:GID]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecUser {
    /// The user inside.
    pub uid: u32,
    /// The group inside; nothing leaves the container's.
    pub gid: Option<u32>,
}

/// `[CONTROLLER,…:]PATH`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubCgroup {
    /// The v1 controllers it is for; none means all.
    pub controllers: Vec<String>,
    /// From the container's own group.
    pub path: String,
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

fn not_built_yet<T>() -> Result<T> {
    Err(Error::new("not built yet"))
}

/// Makes a container up to where its program would be run.
pub fn create(_: &Store, _: &ContainerId, _: &CreateOptions) -> Result<()> {
    not_built_yet()
}

/// Makes a container and runs its program; gives the exit code.
pub fn run(_: &Store, _: &ContainerId, _: &CreateOptions, _: &RunOptions) -> Result<i32> {
    not_built_yet()
}

/// Lets a created container run its program.
pub fn start(_: &Store, _: &ContainerId) -> Result<()> {
    not_built_yet()
}

/// The state of a container.
pub fn state(_: &Store, _: &ContainerId) -> Result<StateView> {
    not_built_yet()
}

/// The state of every container; an error of number ENOENT means that there is no store.
pub fn list(_: &Store) -> Result<Vec<StateView>> {
    not_built_yet()
}

/// Sends a signal.
pub fn kill(_: &Store, _: &ContainerId, _: i32, _: All) -> Result<()> {
    not_built_yet()
}

/// Removes a container and all that belongs to it.
pub fn delete(_: &Store, _: &ContainerId, _: Force) -> Result<()> {
    not_built_yet()
}

/// Adds a process to a container; gives its exit code, or 0 if detached.
pub fn exec(_: &Store, _: &ContainerId, _: &ExecOptions) -> Result<i32> {
    not_built_yet()
}

/// The process ids of a container, as the host sees them.
pub fn processes(_: &Store, _: &ContainerId) -> Result<Vec<i32>> {
    not_built_yet()
}

/// Freezes every process of a container.
pub fn pause(_: &Store, _: &ContainerId) -> Result<()> {
    not_built_yet()
}

/// Lets a paused container go on.
pub fn resume(_: &Store, _: &ContainerId) -> Result<()> {
    not_built_yet()
}

/// Changes limits: the text of a `linux.resources` object, where what is absent stays.
pub fn update(_: &Store, _: &ContainerId, _: &[u8]) -> Result<()> {
    not_built_yet()
}

/// The numbers of a container, as the `data` of a stats event.
pub fn stats(_: &Store, _: &ContainerId) -> Result<serde_json::Value> {
    not_built_yet()
}

/// Tells what happens until the container stops: the numbers at each interval, and each time
/// that memory ran out. An error of `tell` ends it.
pub fn events(
    _: &Store,
    _: &ContainerId,
    _: Duration,
    _: &mut dyn FnMut(Event) -> Result<()>,
) -> Result<()> {
    not_built_yet()
}
