//! `state.json`: what a later command must know, under the names that readers of runc's file use.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cgroup;
use crate::error::{Code, Error, Result};
use crate::plan::{Keyring, Kind, Plan};
use crate::resctrl;
use crate::sys::procfs::Procfs;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The container's name.
    pub id: String,
    /// Process id of init in the runtime's pid namespace; 0 before there is one.
    pub init_process_pid: i32,
    /// When init started, in clock ticks since boot.
    pub init_process_start: u64,
    /// RFC 3339 with nanoseconds, in UTC.
    pub created: String,
    /// What readers of runc's file look for.
    pub config: Config,
    /// Whether the runtime had no rights over the host.
    pub rootless: bool,
    /// Directories by controller; the key of v2 is empty. For others to read: see [`Own::cgroup`].
    #[serde(skip_deserializing)]
    pub cgroup_paths: BTreeMap<String, PathBuf>,
    /// Namespace files of init by clone flag name. For others to read.
    #[serde(skip_deserializing)]
    pub namespace_paths: BTreeMap<String, PathBuf>,
    /// What only this runtime reads.
    pub onggi: Own,
}

impl Saved {
    /// Names init, which is the same one for as long as its id and its start time are.
    ///
    /// # Errors
    /// It has died already.
    pub(super) fn set_init(&mut self, pid: i32) -> Result<()> {
        let life = Procfs::of_this_process()?.life(pid)?;
        let life = life.ok_or_else(|| Error::of(Code::InitDied, "init has died"))?;
        self.init_process_pid = pid;
        self.init_process_start = life.start;
        self.onggi.phase = Phase::Made;
        self.tell_others();
        Ok(())
    }

    /// Fills in what is written for other readers than this runtime.
    pub(super) fn tell_others(&mut self) {
        self.cgroup_paths = self.onggi.cgroup.paths.clone();
        let pid = self.init_process_pid;
        let place = |file: &str| PathBuf::from(format!("/proc/{pid}/ns/{file}"));
        let name = |kind: Kind| match kind {
            Kind::Mount => "NEWNS".to_owned(),
            kind => format!("NEW{}", kind.file().to_uppercase()),
        };
        let paths = Kind::ALL.iter().map(|(kind, ..)| (name(*kind), place(kind.file())));
        self.namespace_paths = paths.collect();
    }
}

/// The part of runc's `config` that outside readers use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The root file system, an absolute path of the host.
    pub rootfs: String,
    /// `bundle=PATH`.
    pub labels: Vec<String>,
}

/// What only this runtime reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// Version of this object.
    pub version: u32,
    /// How far the creation has come, which the file's name tells.
    #[serde(skip)]
    pub phase: Phase,
    /// The bundle, an absolute path.
    pub bundle: String,
    /// Uid of the user who created it.
    pub owner: u32,
    /// Their gid. Files of before it was written have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Namespaces that init does not share with the runtime.
    pub namespaces: Vec<Kind>,
    /// Whether the container has a session keyring of its own.
    pub keyring: Keyring,
    /// The cgroup.
    pub cgroup: cgroup::Saved,
    /// The groups of resource control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rdt: Option<resctrl::Saved>,
    /// `linux.resources` after an update; null before the first one.
    pub resources: serde_json::Value,
    /// The annotations of config.json.
    pub annotations: BTreeMap<String, String>,
}

impl Own {
    /// Makes the groups of resource control, if the plan has some.
    pub(super) fn make_rdt(&self, plan: &Plan) -> Result<resctrl::Made> {
        match (&self.rdt, &plan.rdt) {
            (Some(saved), Some(plan)) => saved.make(plan),
            _ => Ok(resctrl::Made::default()),
        }
    }
}

/// How far the creation has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Its cgroup may have been made, and nobody is inside.
    Preparing,
    /// Its init was made.
    #[default]
    Made,
}
