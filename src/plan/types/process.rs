//! The program and what it is allowed.

use serde::Serialize;

use super::ContainerPath;
use crate::plan::Landlock;

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
    pub landlock: Option<Landlock>,
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
