//! The plan as data. `Option` and "default" end in this room: afterwards a field is there, and
//! `Option` only means that there is nothing to do.

mod cgroup;
mod hooks;
mod mounts;
mod namespaces;
mod process;

use serde::Serialize;

pub use cgroup::*;
pub use hooks::*;
pub use mounts::*;
pub use namespaces::*;
pub use process::*;

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
