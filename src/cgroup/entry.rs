//! How a process gets into the container's groups.
//!
//! Moving another process takes the kernel's lock of all thread groups, for which it may have to
//! wait many milliseconds. A process that is born inside, or a thread that moves only itself, needs
//! no lock. So the child is cloned into the cgroup2 group, and it writes itself, while it still has
//! one thread, to `tasks` of each v1 group.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::systemd::Systemd;
use super::{Cgroup, Group};
use crate::error::{Doing, Error, Result};
use crate::host::cgroups;
use crate::sys::file;

/// The way into the groups. The descriptors close at execve(2).
#[derive(Debug, Default)]
pub struct Entry {
    /// For clone3(2) with CLONE_INTO_CGROUP.
    directory: Option<Rc<OwnedFd>>,
    /// The `tasks` files of the v1 groups, the one that counts memory last; `cgroup.procs` of the
    /// groups below a scope.
    tasks: Vec<OwnedFd>,
}

impl Entry {
    /// The cgroup2 directory that the child is to be born in (CLONE_INTO_CGROUP).
    pub fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.directory.as_ref().map(|directory| directory.as_fd())
    }

    /// The calling process, which has one thread, enters the v1 groups, the one that counts memory
    /// last. Allocates nothing. Before Linux 5.16 it must still be in the runtime's user namespace.
    ///
    /// # Errors
    /// `write(2)`: ENOSPC (a cpuset without CPUs), EINVAL (real-time without a budget)
    pub fn join(&self) -> std::io::Result<()> {
        self.tasks.iter().try_for_each(|tasks| file::write(tasks, "0"))
    }

    /// Another process, which has one thread, enters as by [`Entry::join`].
    ///
    /// # Errors
    /// As there; ESRCH: it is gone.
    pub fn admit(&self, pid: i32) -> std::io::Result<()> {
        self.tasks.iter().try_for_each(|tasks| file::write(tasks, &pid.to_string()))
    }

    /// The descriptors that are held.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let tasks = self.tasks.iter().map(AsRawFd::as_raw_fd);
        self.directory.iter().map(|directory| directory.as_raw_fd()).chain(tasks)
    }

    /// The way in as another process was given it: the `tasks` files, the one that counts memory
    /// last. That one becomes an entry of its own for a child that enters it later than the others:
    /// what it allocates until then is not charged to the container.
    pub fn of_tasks(mut tasks: Vec<OwnedFd>, memory_is_late: bool) -> (Entry, Entry) {
        let memory = if memory_is_late { tasks.pop() } else { None };
        let memory = Entry { directory: None, tasks: memory.into_iter().collect() };
        (Entry { directory: None, tasks }, memory)
    }

    /// The `tasks` files of the v1 groups.
    pub fn tasks(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tasks.iter().map(AsFd::as_fd)
    }
}

/// `exec --cgroup [CONTROLLER,…:]PATH`: a group below the container's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubGroup {
    /// The v1 controllers that it is meant for; none is every group.
    pub controllers: Vec<String>,
    /// Below the container's group.
    pub path: PathBuf,
}

impl SubGroup {
    /// Reads the option's values.
    ///
    /// # Errors
    /// A path with `..`, a controller that is named twice or not at all.
    pub fn parse_all(values: &[String]) -> Result<Vec<SubGroup>> {
        let subs = values.iter().map(|value| SubGroup::parse(value, values.len()));
        let subs = subs.collect::<Result<Vec<_>>>()?;
        let mut names: Vec<&String> = subs.iter().flat_map(|sub| &sub.controllers).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::new(format!("--cgroup: {} is named twice", pair[0]))),
            None => Ok(subs),
        }
    }

    fn parse(value: &str, count: usize) -> Result<SubGroup> {
        let invalid = |why: &str| Error::new(format!("invalid --cgroup argument: {value} ({why})"));
        let leads_out = || Error::new(format!("bad sub cgroup path: {value} (it leads out)"));
        let (names, path) = match value.split_once(':') {
            Some((names, path)) => (names.split(',').map(str::to_owned).collect(), path),
            None if count > 1 => return Err(invalid("missing CONTROLLER: in front of the path")),
            None => (Vec::new(), value),
        };
        if names.iter().any(String::is_empty) {
            return Err(invalid("an empty name of a controller"));
        }
        let mut below = PathBuf::new();
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) => below.push(name),
                Component::ParentDir => return Err(leads_out()),
                _ => {}
            }
        }
        Ok(SubGroup { controllers: names, path: below })
    }

    fn is_for(&self, group: &Group) -> bool {
        self.controllers.is_empty() || self.controllers.iter().any(|name| group.has(name))
    }
}

impl Cgroup {
    /// The way into the container's groups.
    ///
    /// # Errors
    /// A group that is gone (ENOENT) or not ours to enter (EACCES).
    pub fn entry(&self) -> Result<Entry> {
        self.entry_below(&[])
    }

    /// The way into groups below the container's, which must exist; where none is named, into the
    /// container's own.
    ///
    /// # Errors
    /// A group that does not exist, a controller that the container has no group for.
    pub fn entry_below(&self, subs: &[SubGroup]) -> Result<Entry> {
        for name in subs.iter().flat_map(|sub| &sub.controllers) {
            if self.legacy(name).is_none() {
                return Err(Error::new(format!("--cgroup: unknown controller {name}")));
            }
        }
        let mut entry = Entry::default();
        for group in &self.groups {
            let sub = subs.iter().find(|sub| sub.is_for(group));
            let path = match sub {
                Some(sub) => Some(group.path.join(&sub.path)),
                None => self.below(group).pop(),
            };
            let below = path.map(|path| Group::new(Vec::new(), path));
            let inside = below.as_ref().unwrap_or(group);
            if group.is_unified() {
                entry.directory = Some(inside.dir()?.clone());
            } else {
                entry.tasks.push(inside.open_to_write("tasks")?);
            }
        }
        Ok(entry)
    }

    /// The way into what init was not born in: the v1 groups, or those below a scope.
    ///
    /// # Errors
    /// As [`Cgroup::entry`].
    pub fn later_entry(&self) -> Result<Entry> {
        let mut entry = self.entry()?;
        for path in self.only_unified().map(|group| self.below(group)).unwrap_or_default() {
            let group = Group::new(Vec::new(), path);
            entry.tasks.push(group.open_to_write("cgroup.procs")?);
        }
        Ok(entry)
    }

    /// Has systemd move a process into the container's scope.
    ///
    /// # Errors
    /// What systemd refuses; systemd did not make the groups.
    pub fn attach(&self, pid: i32) -> Result<()> {
        let none = || Error::new("the container's cgroup is not systemd's");
        let unit = self.unit.as_ref().ok_or_else(none)?;
        let below: String = unit.below.iter().map(|name| format!("/{name}")).collect();
        Systemd::connect(unit)
            .and_then(|systemd| systemd.attach(&below, pid))
            .doing(|| format!("enter {}", unit.name))
    }

    /// The way into the group that process `pid` of the container is in now, on v2: where the
    /// container's own group cannot be entered (EBUSY) because the processes inside manage groups
    /// below it, or where it has been replaced (ENOENT).
    ///
    /// # Errors
    /// A process that is gone; no pure cgroup v2 host.
    pub fn entry_beside(&self, pid: i32, host: &cgroups::Cgroups) -> Result<Entry> {
        let group = cgroups::unified_group_of(pid)?;
        let (Some(group), Some(unified)) = (group, &host.unified) else {
            return Err(Error::new(format!("process {pid} is in no group of cgroup v2")));
        };
        let path = cgroups::below(&unified.mount, &group);
        let directory = file::open_dir(&path).doing(|| format!("open {}", path.display()))?;
        Ok(Entry { directory: Some(Rc::new(directory)), tasks: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(values: &[&str]) -> Result<Vec<SubGroup>> {
        SubGroup::parse_all(&values.iter().map(|value| value.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn a_group_below_is_named_by_controllers_and_path() {
        let sub = |names: &[&str], path: &str| SubGroup {
            controllers: names.iter().map(|name| name.to_string()).collect(),
            path: path.into(),
        };
        assert_eq!(parse(&["/a/./b/"]).unwrap(), [sub(&[], "a/b")]);
        assert_eq!(
            parse(&["cpu,pids:/a", "memory:b"]).unwrap(),
            [sub(&["cpu", "pids"], "a"), sub(&["memory"], "b")]
        );
    }

    #[test]
    fn a_group_that_is_not_below_is_refused() {
        for values in [
            &["../x"][..],
            &["a/../b"],
            &["cpu:.."],
            &["cpu,:a"],
            &[":a"],
            &["a", "b"],
            &["cpu:a", "pids,cpu:b"],
        ] {
            assert!(parse(values).is_err(), "{values:?}");
        }
    }
}
