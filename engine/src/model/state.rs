//! What became of a container.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It never ran.
    #[default]
    Created,
    /// It runs.
    Running,
    /// It is frozen.
    Paused,
    /// It ended, and will run again.
    Restarting,
    /// It ended.
    Exited,
    /// It ended and could not be cleaned up.
    Dead,
}

impl Status {
    /// Whether there are processes, frozen or not.
    pub fn is_alive(self) -> bool {
        matches!(self, Status::Running | Status::Paused)
    }

    /// Whether there are processes, or will be again.
    pub fn is_up(self) -> bool {
        self.is_alive() || self == Status::Restarting
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Restarting => "restarting",
            Status::Exited => "exited",
            Status::Dead => "dead",
        })
    }
}

/// A container's state. Only its monitor writes it while there is one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct State {
    /// Where it is in its life.
    pub status: Status,
    /// Whether the kernel killed one of its processes for want of memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Its first process; 0 when there is none.
    pub pid: u32,
    /// When that process began, in clock ticks since the boot.
    pub pid_begun: u64,
    /// Of the last run: the program's, or 128 and the signal, or 127 and 126 where it could not be
    /// executed.
    pub exit_code: i32,
    /// Why it could not be started.
    pub error: String,
    /// When it was last started.
    pub started_at: Time,
    /// When it last ended.
    pub finished_at: Time,
    /// How often its policy restarted it.
    pub restart_count: u32,
    /// Whether its end was asked for, by a stop or a kill.
    pub stopped_by_request: bool,
    /// What its health check says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The boot in which it ran: a process id means nothing in another.
    pub boot: String,
}

/// What the health check says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`.
    pub status: String,
    /// Failures since the last success.
    pub failing_streak: u32,
    /// The last five checks.
    pub log: Vec<Probe>,
}

/// One check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Probe {
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// 0 is healthy; -1 could not be told.
    pub exit_code: i32,
    /// The first 4096 bytes of what it wrote, and `...` where there was more.
    pub output: String,
}
