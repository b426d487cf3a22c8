//! The control group and its limits.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use crate::plan::{Property, Unit};

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
