//! The root file system, what is mounted, and what is made in /dev.

use std::path::PathBuf;

use serde::Serialize;

use super::{ContainerPath, IdMaps};

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
    /// chroot(2) only: there is no mount namespace of our own. What is mounted stays in the host's
    /// tree, below the root as a mount of its own.
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
