//! The host's facts, read once; only this room asks the machine.

pub mod cgroups;

pub use cgroups::{Cgroups, Hierarchy, Unified};

/// What the plan must know of the machine. A plain struct: a test writes one as a literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Effective user id of the runtime.
    pub euid: u32,
    /// Effective group id of the runtime.
    pub egid: u32,
    /// Whether the runtime lacks root's rights over the host: not uid 0, or in a user namespace.
    pub rootless: bool,
    /// Whether the runtime runs in a user namespace other than the initial one.
    pub in_user_namespace: bool,
    /// The cgroup hierarchies.
    pub cgroups: Cgroups,
    /// Whether AppArmor is enabled.
    pub apparmor: bool,
    /// Whether SELinux is enabled.
    pub selinux: bool,
    /// The runtime's bounding set as a mask.
    pub bounding: u64,
}
