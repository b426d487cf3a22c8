//! Namespaces and the ids that are mapped into them.

use std::path::PathBuf;

use serde::Serialize;

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

    /// Those that are made once the process has its cgroup and its ids: a cgroup namespace takes
    /// its maker's cgroup for its root, and message queues belong to who made their namespace.
    pub fn made_late(&self) -> impl Iterator<Item = Kind> {
        let has_late_ids = self.has(Kind::User);
        let is_late = move |kind: &Kind| match kind {
            Kind::Cgroup => true,
            Kind::Ipc => has_late_ids,
            _ => false,
        };
        self.new.iter().copied().filter(is_late)
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
