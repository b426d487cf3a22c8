//! A container's control group: made with its limits before anyone enters, entered without a wait,
//! watched, changed and removed. Hybrid hosts have one group in each hierarchy.
//!
//! The groups are made in cgroupfs by our own hands, or by systemd, which is asked for a scope:
//! `create`, `update` and `remove` know of that. Entering, freezing and statistics work on the
//! paths, whoever made them.

mod create;
mod delegate;
mod devices;
mod entry;
mod freeze;
mod oom;
mod processes;
mod remove;
pub mod stats;
mod systemd;
mod write;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub use create::Created;
pub use entry::{Entry, SubGroup};
pub use oom::{Oom, OomEvents};

use crate::error::{Doing, Error, Result};
use crate::plan::{self, UnitId};
use crate::sys::{fd, file};

/// The groups of one container.
#[derive(Debug)]
pub struct Cgroup {
    /// The one that counts memory is last.
    groups: Vec<Group>,
    /// The scope that they belong to, where systemd made them.
    unit: Option<UnitId>,
}

/// Where the groups of a container are, as its state keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Absolute paths by controller; the group in the cgroup2 hierarchy has the empty name.
    pub paths: BTreeMap<String, PathBuf>,
    /// The scope that they belong to, where systemd made them.
    pub unit: Option<UnitId>,
}

impl Saved {
    /// Whether a process of the group that is in this state in /proc/PID/stat may be frozen. With
    /// the freezer of v1 it neither runs nor sleeps a sleep that a signal would end; v2 does not
    /// show it.
    pub fn may_be_frozen(&self, state: char) -> bool {
        match state {
            'R' | 'S' if self.paths.contains_key("freezer") => false,
            _ => !self.paths.is_empty(),
        }
    }
}

impl Cgroup {
    /// The groups of a saved container; nothing is looked at before it is needed.
    pub fn open(saved: &Saved) -> Cgroup {
        let mut groups: Vec<Group> = Vec::new();
        for (controller, path) in &saved.paths {
            // As they are spelled: that two are one under different spellings does not happen.
            let same = |group: &Group| group.path.as_os_str() == path.as_os_str();
            let position = groups.iter().position(same);
            let position = position.unwrap_or_else(|| {
                groups.push(Group::new(Vec::new(), path.clone()));
                groups.len() - 1
            });
            if !controller.is_empty() {
                groups[position].controllers.push(controller.clone());
            }
        }
        groups.sort_by_key(|group| group.has("memory"));
        Cgroup { groups, unit: saved.unit.clone() }
    }

    /// The groups that a plan asks for, whether they are there or not.
    pub fn planned(plan: &plan::Cgroup) -> Cgroup {
        let group =
            |dir: &plan::CgroupDir| Group::new(dir.controllers.clone(), dir.mount.join(&dir.path));
        let unit = plan.unit.as_ref().map(|unit| unit.id.clone());
        Cgroup { groups: plan.groups.iter().map(group).collect(), unit }
    }

    /// What the container's state keeps.
    pub fn saved(&self) -> Saved {
        let mut paths = BTreeMap::new();
        for group in &self.groups {
            if group.is_unified() {
                paths.insert(String::new(), group.path.clone());
            }
            for controller in &group.controllers {
                paths.insert(controller.clone(), group.path.clone());
            }
        }
        Saved { paths, unit: self.unit.clone() }
    }

    /// Whether systemd made the groups.
    pub fn is_systemds(&self) -> bool {
        self.unit.is_some()
    }

    /// Each hierarchy's name (its controllers, none for cgroup2) and the container's group in it.
    pub fn hierarchies(&self) -> Vec<(String, PathBuf)> {
        let name = |group: &Group| group.controllers.join(",");
        self.groups.iter().map(|group| (name(group), group.path.clone())).collect()
    }

    /// Whether the container has no group at all (rootless, without the right to make one).
    pub fn is_none(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups below a scope's that its processes are in, the innermost last; mostly none.
    fn below(&self, group: &Group) -> Vec<PathBuf> {
        let names = self.unit.as_ref().filter(|_| group.is_unified()).map(|unit| &unit.below);
        let mut path = group.path.clone();
        let enter = |name| {
            path.push(name);
            path.clone()
        };
        names.into_iter().flatten().map(enter).collect()
    }

    /// The directory of the group that the freezer has, and in v2 of the only one.
    pub fn main_directory(&self) -> Option<&Path> {
        self.governing("freezer").map(|group| &*group.path)
    }

    /// The group in the cgroup2 hierarchy, also on a hybrid host.
    fn unified(&self) -> Option<&Group> {
        self.groups.iter().find(|group| group.is_unified())
    }

    /// The group in a v1 hierarchy.
    fn legacy(&self, controller: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.has(controller))
    }

    /// Whether there is nothing but cgroup v2.
    fn only_unified(&self) -> Option<&Group> {
        match &self.groups[..] {
            [group] if group.is_unified() => Some(group),
            _ => None,
        }
    }

    /// The group whose files govern `controller`.
    fn governing(&self, controller: &str) -> Option<&Group> {
        self.only_unified().or_else(|| self.legacy(controller))
    }
}

/// The container's group in one hierarchy.
#[derive(Debug)]
struct Group {
    /// None in the cgroup2 hierarchy.
    controllers: Vec<String>,
    path: PathBuf,
    dir: OnceCell<Rc<OwnedFd>>,
}

impl Group {
    fn new(controllers: Vec<String>, path: PathBuf) -> Group {
        Group { controllers, path, dir: OnceCell::new() }
    }

    fn is_unified(&self) -> bool {
        self.controllers.is_empty()
    }

    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }

    /// The group's directory, opened when it is first needed.
    fn dir(&self) -> Result<&Rc<OwnedFd>> {
        if let Some(dir) = self.dir.get() {
            return Ok(dir);
        }
        let dir = file::open_dir(&self.path).doing(|| format!("open {}", self.path.display()))?;
        Ok(self.dir.get_or_init(|| Rc::new(dir)))
    }

    /// Opens one file of the group: by way of the directory, if that is open.
    fn open_to_write(&self, name: &str) -> Result<OwnedFd> {
        let opened = match self.dir.get() {
            Some(dir) => file::open_to_write(dir, name),
            None => file::open_to_write(file::HERE, self.path.join(name)),
        };
        opened.doing(|| format!("open {}", self.file(name)))
    }

    /// A single file of a group that nothing else is done with is opened by its whole path.
    fn read(&self, name: &str) -> Result<String> {
        match self.dir.get() {
            Some(dir) => file::read_at(&**dir, name),
            None => file::read_at(fd::here(), self.path.join(name)),
        }
        .doing(|| format!("read {}", self.file(name)))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let doing = || format!("write {:?} to {}", text.trim_end(), self.file(name));
        // No byte would be no write.
        let text = if text.is_empty() { "\n" } else { text };
        file::write_at(self.dir()?, name, text).doing(doing)
    }

    /// A file's path, for messages.
    fn file(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

/// The value after `key` in a file of lines like `frozen 1`.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

/// Whether an error says that a group has been removed, before or after it was opened.
fn is_gone(error: &Error) -> bool {
    error.is(libc::ENOENT) || error.is(libc::ENODEV)
}

fn is_permission(error: &Error) -> bool {
    [libc::EPERM, libc::EACCES, libc::EROFS].iter().any(|errno| error.is(*errno))
}
