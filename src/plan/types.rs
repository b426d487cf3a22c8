//! The plan as data. `Option` and "default" end in this room: afterwards a field is there, and
//! `Option` only means that there is nothing to do.

use std::borrow::Cow;
use std::path::PathBuf;

use super::cgroup::{Property, Unit};
use serde::Serialize;

/// A path as the container sees it, absolute; only `sys::path::Root` may resolve it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ContainerPath(String);

impl ContainerPath {
    /// Makes a path absolute: a relative one starts at the container's root.
    pub fn new(path: &str) -> ContainerPath {
        match path.starts_with('/') {
            true => ContainerPath(path.to_owned()),
            false => ContainerPath(format!("/{path}")),
        }
    }

    /// The path's text, for messages and for `sys::path::Root`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All that `create` and `run` do for one container, in the order of its fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Namespaces to make and to join.
    pub namespaces: Namespaces,
    /// The control group and its limits.
    pub cgroup: Cgroup,
    /// The class of service for caches and memory bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdt: Option<super::Rdt>,
    /// Where the root file system is and how it is entered.
    pub root: Root,
    /// Mounts, in the order of the spec.
    pub mounts: Vec<Mount>,
    /// What /dev gets; nothing when the user brings a /dev of their own.
    pub dev: Option<Dev>,
    /// Paths that are hidden.
    pub masked: Vec<ContainerPath>,
    /// Paths that become read-only.
    pub readonly: Vec<ContainerPath>,
    /// SELinux context for mounts, or nothing.
    pub mount_label: Option<MountLabel>,
    /// Whether no other container's threads run beside it on one core (core scheduling).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own_cores: bool,
    /// sethostname(2)
    pub hostname: Option<String>,
    /// setdomainname(2)
    pub domainname: Option<String>,
    /// Whether the loopback interface is brought up (a new network namespace has it down).
    pub loopback: bool,
    /// Network devices of the host that move inside.
    pub net_devices: Vec<NetDevice>,
    /// Files below /proc/sys and what is written to them.
    pub sysctls: Vec<Sysctl>,
    /// The session keyring's name, or nothing when the caller's is kept.
    pub keyring: Option<String>,
    /// The process itself.
    pub process: Process,
    /// The hooks, for the runtime and for init.
    pub hooks: Hooks,
    /// What was passed over, for the log.
    pub warnings: Vec<String>,
}

/// The kinds of namespaces (namespaces(7)).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// user_namespaces(7)
    User,
    /// mount_namespaces(7)
    Mount,
    /// network_namespaces(7)
    Network,
    /// ipc_namespaces(7)
    Ipc,
    /// uts_namespaces(7)
    Uts,
    /// pid_namespaces(7)
    Pid,
    /// cgroup_namespaces(7)
    Cgroup,
    /// time_namespaces(7)
    Time,
}

impl Kind {
    /// Every kind, with its name in config.json, its file under /proc/PID/ns and its clone flag.
    pub const ALL: [(Kind, &'static str, &'static str, u64); 8] = [
        (Kind::User, "user", "user", 0x1000_0000),
        (Kind::Mount, "mount", "mnt", 0x0002_0000),
        (Kind::Network, "network", "net", 0x4000_0000),
        (Kind::Ipc, "ipc", "ipc", 0x0800_0000),
        (Kind::Uts, "uts", "uts", 0x0400_0000),
        (Kind::Pid, "pid", "pid", 0x2000_0000),
        (Kind::Cgroup, "cgroup", "cgroup", 0x0200_0000),
        (Kind::Time, "time", "time", 0x0000_0080),
    ];

    /// The kind that config.json calls by this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The name in config.json.
    pub fn name(self) -> &'static str {
        Kind::ALL[self as usize].1
    }

    /// The file's name under /proc/PID/ns.
    pub fn file(self) -> &'static str {
        Kind::ALL[self as usize].2
    }

    /// The flag for clone3(2), unshare(2) and setns(2).
    pub fn flag(self) -> u64 {
        Kind::ALL[self as usize].3
    }
}

/// Which namespaces are made and which are joined.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Namespaces {
    /// Made for this container.
    pub new: Vec<Kind>,
    /// Joined by the path of a namespace file of the host.
    pub join: Vec<(Kind, PathBuf)>,
    /// Maps of a new user namespace.
    pub id_maps: Option<IdMaps>,
    /// What the spec says of the maps of a joined user namespace: one with others is refused.
    pub joined_maps: Option<IdMaps>,
    /// Lines for timens_offsets of a new time namespace: clock name, seconds, nanoseconds.
    pub time_offsets: Vec<(String, i64, u32)>,
}

impl Namespaces {
    /// Whether a namespace of this kind is made.
    pub fn makes(&self, kind: Kind) -> bool {
        self.new.contains(&kind)
    }

    /// Whether the process ends up in a namespace of this kind that is not the runtime's.
    pub fn has(&self, kind: Kind) -> bool {
        self.makes(kind) || self.join.iter().any(|(joined, _)| *joined == kind)
    }
}

/// The id maps of a user namespace or of an idmapped mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IdMaps {
    /// uid_map
    pub uids: Vec<IdMap>,
    /// gid_map
    pub gids: Vec<IdMap>,
    /// How the maps of a new user namespace are written.
    pub write: MapWriter,
}

/// Who may write an id map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapWriter {
    /// The runtime itself has the right.
    #[default]
    Runtime,
    /// The runtime may map only its own id, and must give up setgroups(2).
    RuntimeWithoutGroups,
    /// newuidmap(1) and newgidmap(1).
    Helpers,
}

/// One line of an id map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IdMap {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub size: u32,
}

/// The root file system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Root {
    /// An absolute path of the host.
    pub path: PathBuf,
    /// How it becomes `/`.
    pub switch: RootSwitch,
    /// Propagation of the host's tree inside the new mount namespace, before anything is mounted;
    /// without a mount namespace of our own (`Chroot`) it stays as it is.
    pub host_propagation: Propagation,
    /// Propagation that the new root gets once it is entered (shared or unbindable).
    pub own_propagation: Option<Propagation>,
    /// Whether the root is made read-only at the end.
    pub readonly: bool,
}

/// How the root file system becomes `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootSwitch {
    /// pivot_root(2)
    Pivot,
    /// MS_MOVE and chroot(2), for roots that cannot be pivoted (`--no-pivot`).
    Move,
    /// chroot(2) only: there is no mount namespace of our own.
    Chroot,
}

/// A propagation type (mount_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Propagation {
    /// What it is.
    pub kind: PropagationKind,
    /// Whether the mounts below get it too.
    pub recursive: bool,
}

/// The four propagation types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PropagationKind {
    /// MS_SHARED
    Shared,
    /// MS_SLAVE
    Slave,
    /// MS_PRIVATE
    Private,
    /// MS_UNBINDABLE
    Unbindable,
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mount {
    /// Where it goes.
    pub target: ContainerPath,
    /// What is mounted.
    pub what: MountSource,
    /// Attributes of this mount alone.
    pub attributes: Attributes,
    /// Attributes of this mount and all below it (`rro`, `rnosuid` …).
    pub recursive: Attributes,
    /// Propagation changes, in order.
    pub propagation: Vec<Propagation>,
    /// Translation of ids, or nothing.
    pub idmap: Option<MountIdMap>,
    /// What is done about symbolic links at both ends of a bind.
    #[serde(skip_serializing_if = "Links::are_followed")]
    pub links: Links,
}

/// What is done about symbolic links that paths of a bind mount end in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Links {
    /// The source's.
    pub source: SourceLink,
    /// The destination's.
    pub target: TargetLink,
}

impl Links {
    /// Whether both are followed.
    pub fn are_followed(&self) -> bool {
        *self == Links::default()
    }
}

/// What is done about a source that is a symbolic link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceLink {
    /// What it leads to is bound.
    #[default]
    Follow,
    /// It is bound itself (`src-nofollow`).
    Bind,
    /// The destination becomes a link with the same text (`copy-symlink`).
    Copy,
}

/// What is done about a destination that is a symbolic link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetLink {
    /// What it leads to, inside the root, is covered.
    #[default]
    Follow,
    /// It is covered itself (`dest-nofollow`).
    Cover,
}

/// Bits of mount_setattr(2), `MOUNT_ATTR_*`, to set and to clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Attributes {
    /// attr_set
    pub set: u64,
    /// attr_clr
    pub clear: u64,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// A file or directory of the host.
    Bind {
        /// An absolute path.
        from: PathBuf,
        /// Whether the mounts below come along.
        recursive: bool,
    },
    /// A new instance of a file system.
    Filesystem(Filesystem),
    /// The container's own part of the cgroup2 hierarchy.
    Cgroup2,
    /// A tmpfs with each v1 hierarchy's own part below it.
    CgroupV1,
    /// An existing mount at the target gets new attributes (`remount`).
    Remount,
}

/// A new instance of a file system.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Filesystem {
    /// Its type, like `tmpfs`.
    pub kind: String,
    /// The source as mount(2) takes it.
    pub source: String,
    /// Superblock flags by name: `ro`, `sync`, `dirsync`, `lazytime` and `mand` are known to
    /// fsconfig(2) and mount(2), `iversion` and `silent` to mount(2) alone. A tmpfs is never `ro`
    /// here, since it is written to first: its `attributes` are.
    pub flags: Vec<&'static str>,
    /// Options of the file system: `key` or `key=value`, in order; quotes and backslashes are
    /// left as they are.
    pub data: Vec<String>,
    /// A tmpfs that starts with a copy of what it covers (`tmpcopyup`).
    pub copy_up: bool,
}

/// An SELinux context as a mount option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountLabel {
    /// `context`, `fscontext`, `defcontext` or `rootcontext` (mount(8)).
    pub option: String,
    /// The context.
    pub context: String,
}

/// The id translation of a mount.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountIdMap {
    /// Own maps.
    Maps {
        /// The maps.
        maps: IdMaps,
        /// Whether the mounts below get it too.
        recursive: bool,
    },
    /// The maps of the container's own user namespace.
    Container {
        /// Whether the mounts below get it too.
        recursive: bool,
    },
}

/// What is made in /dev.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dev {
    /// Nodes, the default ones first.
    pub nodes: Vec<Node>,
    /// Whether nodes are bound from the host (a user namespace cannot make them).
    pub bind: bool,
}

/// A device node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Where it goes.
    pub path: ContainerPath,
    /// `S_IFCHR`, `S_IFBLK` or `S_IFIFO`.
    pub kind: u32,
    /// Device number, major part.
    pub major: u32,
    /// Device number, minor part.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
    /// Owner inside.
    pub uid: u32,
    /// Group inside.
    pub gid: u32,
}

/// A file below /proc/sys and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sysctl {
    /// Like `net/ipv4/ip_forward`.
    pub path: String,
    /// What is written.
    pub value: String,
}

impl Sysctl {
    /// The kind of namespace that it belongs to.
    pub fn kind(&self) -> Kind {
        match self.path.split('/').next() {
            Some("net") => Kind::Network,
            Some("user") => Kind::User,
            _ if self.path == "kernel/domainname" => Kind::Uts,
            _ => Kind::Ipc,
        }
    }
}

/// A network device of the host that moves inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetDevice {
    /// Its name on the host.
    pub outside: String,
    /// Its name inside.
    pub inside: String,
}

/// The container's process, or one that `exec` adds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Process {
    /// The program's arguments, the first of which is its name or path.
    pub args: Vec<String>,
    /// `NAME=value`, each name once.
    pub env: Vec<String>,
    /// The working directory.
    pub cwd: ContainerPath,
    /// The ids to become.
    pub user: User,
    /// umask(2)
    pub umask: u32,
    /// Capabilities; a spec without them gives none at all, as runc does.
    pub capabilities: Option<Capabilities>,
    /// PR_SET_NO_NEW_PRIVS
    pub no_new_privileges: bool,
    /// setrlimit(2)
    pub rlimits: Vec<Rlimit>,
    /// /proc/self/oom_score_adj
    pub oom_score_adj: Option<i32>,
    /// sched_setattr(2)
    pub scheduler: Option<Scheduler>,
    /// ioprio_set(2): class in the upper bits.
    pub io_priority: Option<u16>,
    /// CPUs before and after the cgroup is entered.
    pub affinity: Affinity,
    /// personality(2)
    pub personality: Option<u64>,
    /// set_mempolicy(2)
    pub memory_policy: Option<MemoryPolicy>,
    /// The AppArmor profile for the program.
    pub apparmor: Option<String>,
    /// The SELinux context for the program.
    pub selinux: Option<String>,
    /// The system call filter.
    pub seccomp: Option<crate::seccomp::Filter>,
    /// The Landlock domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landlock: Option<super::Landlock>,
    /// Whether the process gets a terminal of its own.
    pub terminal: Terminal,
}

/// The terminal of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terminal {
    /// None: stdio is inherited.
    None,
    /// A new pty.
    New {
        /// Rows and columns; nothing leaves the kernel's 0 × 0.
        size: Option<(u16, u16)>,
    },
}

/// The ids to become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// setresuid(2)
    pub uid: u32,
    /// setresgid(2)
    pub gid: u32,
    /// setgroups(2); nothing means that the call must be left out (rootless).
    pub groups: Option<Vec<u32>>,
}

/// Capability sets as masks: bit n is capability number n.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// What can ever be had.
    pub bounding: u64,
    /// What is in force.
    pub effective: u64,
    /// What is kept over execve(2) by files with inheritable bits.
    pub inheritable: u64,
    /// What may be put in force.
    pub permitted: u64,
    /// What is kept over execve(2).
    pub ambient: u64,
}

/// A resource limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rlimit {
    /// `RLIMIT_*`
    pub resource: u32,
    /// In the resource's own unit.
    pub soft: u64,
    /// In the resource's own unit.
    pub hard: u64,
}

/// `struct sched_attr` of sched_setattr(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scheduler {
    /// `SCHED_*`
    pub policy: u32,
    /// `SCHED_FLAG_*`
    pub flags: u64,
    /// -20 to 19.
    pub nice: i32,
    /// Real-time priority.
    pub priority: u32,
    /// Nanoseconds.
    pub runtime: u64,
    /// Nanoseconds.
    pub deadline: u64,
    /// Nanoseconds.
    pub period: u64,
}

/// CPUs by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Affinity {
    /// Before the cgroup is entered.
    pub initial: Option<Vec<u32>>,
    /// Afterwards; nothing means every CPU that the cgroup allows.
    pub last: Option<Vec<u32>>,
}

/// set_mempolicy(2)
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryPolicy {
    /// `MPOL_*` with its flags.
    pub mode: u32,
    /// Memory nodes by number.
    pub nodes: Vec<u32>,
}

/// A hook as it is run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hook {
    /// The program.
    pub path: PathBuf,
    /// Its arguments, the name first.
    pub args: Vec<String>,
    /// Its environment, where the spec does not leave it out.
    pub env: Option<Vec<String>>,
    /// Seconds until it is killed.
    pub timeout: Option<u64>,
}

/// The six lists of hooks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Hooks {
    /// In the runtime's namespaces, once all namespaces and mounts are there.
    pub prestart: Vec<Hook>,
    /// The same, after `prestart`.
    pub create_runtime: Vec<Hook>,
    /// In the container's namespaces, before the root is entered.
    pub create_container: Vec<Hook>,
    /// In the container, right before the program.
    pub start_container: Vec<Hook>,
    /// In the runtime's namespaces, once the program runs.
    pub poststart: Vec<Hook>,
    /// In the runtime's namespaces, once the container is gone.
    pub poststop: Vec<Hook>,
    /// The file of the host that gets what they print, instead of an error's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<PathBuf>,
    /// The same for what they print to standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<PathBuf>,
}

/// The control group: where it is, what is written, which devices are let through.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cgroup {
    /// The container's group in each hierarchy, the one that counts memory last.
    pub groups: Vec<CgroupDir>,
    /// What is written, in order, once the groups are there.
    pub writes: Vec<CgroupWrite>,
    /// Device rules in order (later ones win); nothing leaves devices as they are.
    pub devices: Option<Vec<DeviceRule>>,
    /// Whether a group that may not be made is passed over (rootless, no `cgroupsPath`).
    pub optional: bool,
    /// The host's uid that the group's files are given to (delegation, v2), if any.
    pub owner: Option<u32>,
    /// The scope that systemd makes, if it does; the groups are then its own.
    pub unit: Option<Unit>,
    /// What is asked for and cannot be served, for the log.
    pub warnings: Vec<String>,
}

/// A group in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupDir {
    /// The hierarchy's controllers or its `name=…`; none is the cgroup2 hierarchy.
    pub controllers: Vec<String>,
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The group, relative to the mount; without `..`.
    pub path: PathBuf,
}

/// What `update` does to a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CgroupUpdate {
    /// What is written, in order.
    pub writes: Vec<CgroupWrite>,
    /// What systemd is told, where the group is its own.
    pub properties: Vec<Property>,
    /// What is asked for and cannot be served, for the log.
    pub warnings: Vec<String>,
}

/// A file of a controller and what is written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupWrite {
    /// The file's name, which begins with its controller's.
    pub file: Cow<'static, str>,
    /// What is written.
    pub value: String,
    /// The field of config.json that asked for it, for messages.
    pub field: &'static str,
    /// What a failure means.
    pub manner: Manner,
    /// memory.checkBeforeUpdate: refused when the group already uses this many bytes; of
    /// memory.swap.max that is the limit for memory and swap together.
    pub beyond_usage: Option<u64>,
}

impl CgroupWrite {
    /// The controller that the file belongs to (`memory`, `cpu` …).
    pub fn controller(&self) -> &str {
        self.file.split('.').next().unwrap_or_default()
    }
}

/// How a file of a group is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// It must succeed.
    Must,
    /// A file that the kernel does not have is passed over.
    IfThere,
    /// What does not fit the values that are there (EINVAL) is tried again after the others.
    Again,
    /// Where the kernel does not have the file, another one is written.
    Else {
        /// The other file's name.
        file: &'static str,
        /// What is written to it.
        value: String,
    },
    /// One write(2) for each line.
    Lines,
}

/// A rule of the device filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DeviceRule {
    /// Whether it lets through.
    pub allow: bool,
    /// Character or block devices.
    pub kind: DeviceKind,
    /// Nothing matches every number.
    pub major: Option<u32>,
    /// Nothing matches every number.
    pub minor: Option<u32>,
    /// Bits: 1 mknod, 2 read, 4 write (`BPF_DEVCG_ACC_*`).
    pub access: u32,
}

impl DeviceRule {
    /// Every kind of access.
    pub const ANY_ACCESS: u32 = 7;

    /// Whether the rule decides about every device and every access.
    pub fn is_total(&self) -> bool {
        let every = (DeviceKind::Any, None, None, DeviceRule::ANY_ACCESS);
        (self.kind, self.major, self.minor, self.access) == every
    }
}

/// Which kind of device a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// `a`
    Any,
    /// `b`
    Block,
    /// `c`
    Char,
}
