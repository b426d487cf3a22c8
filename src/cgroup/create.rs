//! Makes a container's groups and writes their limits before anyone is inside.

mod scope;

use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::systemd::Systemd;
use super::{Cgroup, Group, is_permission};
use crate::error::{Code, Doing, Error, Result};
use crate::plan::{self, CgroupDir, CgroupWrite};
use crate::sys::file;

/// Groups that vanish again unless they are kept.
#[derive(Debug)]
pub struct Created {
    cgroup: Cgroup,
    /// The directories that were made, parents first.
    made: Vec<PathBuf>,
    warnings: Vec<String>,
    /// What is to make the scope, once there is a process for it.
    systemd: Option<Systemd>,
    is_finished: bool,
}

impl Cgroup {
    /// Makes the groups in cgroupfs, writes the limits and sets the device filter. A scope is made
    /// by [`Created::finish`], around a process.
    ///
    /// # Errors
    /// A group that is in use or frozen, a limit that the kernel refuses, no right to make a group
    /// (unless the plan calls it optional and asks for no limit).
    pub fn create(plan: &plan::Cgroup) -> Result<Created> {
        let mut created = Cgroup::begin(plan)?;
        if plan.unit.is_none() {
            created.finish(plan, 0)?;
        }
        Ok(created)
    }

    /// Makes only what the child must be born in: the group in the cgroup2 hierarchy, with its
    /// limits where there is no other. The rest is for [`Created::finish`], which may do it while
    /// the child is busy already. A scope can only be made around a process: systemd is but
    /// greeted.
    ///
    /// # Errors
    /// As [`Cgroup::create`].
    pub fn begin(plan: &plan::Cgroup) -> Result<Created> {
        let cgroup = Cgroup { groups: Vec::new(), unit: None };
        let mut created = Created {
            cgroup,
            made: Vec::new(),
            warnings: Vec::new(),
            systemd: None,
            is_finished: false,
        };
        if let Some(unit) = &plan.unit {
            created.systemd = Some(scope::greet(&unit.id)?);
            return Ok(created);
        }
        for dir in plan.groups.iter().filter(|dir| dir.controllers.is_empty()) {
            created.add(dir, plan)?;
        }
        if plan.groups.len() == 1 {
            created.finish(plan, 0)?;
        }
        Ok(created)
    }
}

impl Created {
    /// Makes the other groups, or has systemd make a scope around process `child`; writes the
    /// limits and sets the device filter.
    ///
    /// # Errors
    /// As [`Cgroup::create`]; what systemd says.
    pub fn finish(&mut self, plan: &plan::Cgroup, child: i32) -> Result<()> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        if let (Some(unit), Some(systemd)) = (&plan.unit, self.systemd.take()) {
            self.cgroup.unit = Some(unit.id.clone());
            systemd.start(unit, child).doing(|| format!("start {}", unit.id.name))?;
            self.adopt(plan, &unit.id, child)?;
        }
        for dir in plan.groups.iter().filter(|dir| !dir.controllers.is_empty()) {
            self.add(dir, plan)?;
        }
        let cgroup = &self.cgroup;
        cgroup.write_all(&plan.writes)?;
        if let Some(rules) = &plan.devices {
            cgroup.filter_devices(rules).doing(|| "filter devices".into())?;
        }
        if let (Some(owner), Some(group)) = (plan.owner, cgroup.only_unified()) {
            for group in cgroup.given_away(group) {
                let path = group.path.display();
                group.give_to(owner).doing(|| format!("give {path} to {owner}"))?;
            }
        }
        Ok(())
    }

    /// The groups stay.
    pub fn keep(mut self) -> Cgroup {
        self.made.clear();
        let empty = Cgroup { groups: Vec::new(), unit: None };
        std::mem::replace(&mut self.cgroup, empty)
    }

    /// What was asked for and is not there, for the log.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn add(&mut self, dir: &CgroupDir, plan: &plan::Cgroup) -> Result<()> {
        let group = Group::new(dir.controllers.clone(), dir.mount.join(&dir.path));
        let made = self.made.len();
        match self.make(dir, &group, plan) {
            Ok(()) => self.cgroup.groups.push(group),
            Err(error) if plan.optional && is_permission(&error) => {
                self.made.drain(made..).rev().for_each(|path| drop(file::remove_dir(&path)));
                // The others will say the same.
                if self.warnings.is_empty() {
                    let words = "the container has no cgroup of its own";
                    self.warnings.push(format!("{words}: {error}"));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn make(&mut self, dir: &CgroupDir, group: &Group, plan: &plan::Cgroup) -> Result<()> {
        let before = self.made.len();
        make_dirs(dir, &mut self.made)
            .map_err(|error| if plan.optional { error } else { in_runcs_words(error) })
            .doing(|| format!("make cgroup {}", group.path.display()))?;
        let is_new = self.made.last() == Some(&group.path);
        // A scope of the same path is the container's own.
        if !is_new && plan.unit.is_none() {
            group.is_free()?;
        }
        if group.is_unified() && plan.groups.len() == 1 {
            enable_controllers(dir, group, plan)?;
        }
        if group.has("cpuset") {
            for path in self.made[before..].iter().filter(|path| **path != group.path) {
                let above = Group::new(Vec::new(), path.clone());
                fill_cpuset(&above, &dir.mount, Some(&[]))?;
            }
            fill_cpuset(group, &dir.mount, is_new.then_some(&plan.writes[..]))?;
        }
        Ok(())
    }

    fn undo(&mut self) {
        // Nobody was inside before: what a hook has left behind is the container's.
        if self.cgroup.processes().is_ok_and(|left| !left.is_empty()) {
            let _ = self.cgroup.kill_all();
        }
        if self.cgroup.unit.is_some() {
            let _ = self.cgroup.remove();
        }
        let leaves: Vec<PathBuf> = self.cgroup.groups.drain(..).map(|group| group.path).collect();
        for path in self.made.drain(..).rev() {
            // What cannot be removed has got processes or children of others by now.
            let _ = match leaves.contains(&path) {
                true => super::remove::remove_tree(&path),
                false => file::remove_dir(&path).doing(String::new),
            };
        }
    }
}

impl Deref for Created {
    type Target = Cgroup;
    fn deref(&self) -> &Cgroup {
        &self.cgroup
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        self.undo();
    }
}

/// A refusal as callers of runc look for it.
fn in_runcs_words(error: Error) -> Error {
    let words = "unable to apply cgroup configuration: permission denied";
    if error.is(libc::EACCES) { Error::told(words.into(), Some(libc::EACCES)) } else { error }
}

/// Makes a group, and those above it that are missing; notes what it made.
fn make_dirs(dir: &CgroupDir, made: &mut Vec<PathBuf>) -> Result<()> {
    let path = dir.mount.join(&dir.path);
    match file::make_dir(&path) {
        Ok(()) => made.push(path),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
            let mut path = dir.mount.clone();
            for part in &dir.path {
                path.push(part);
                match file::make_dir(&path) {
                    Ok(()) => made.push(path.clone()),
                    Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

impl Group {
    /// A group that was there already may be taken over, if it is empty and not frozen.
    fn is_free(&self) -> Result<()> {
        let processes = self.processes()?.len();
        if processes > 0 {
            let words = format!("container's cgroup is not empty: {processes} process(es) found");
            return Err(Error::of(Code::InUse, words)).doing(|| self.path.display().to_string());
        }
        if self.is_frozen()? {
            let words = "container's cgroup unexpectedly frozen";
            return Err(Error::of(Code::InUse, words)).doing(|| self.path.display().to_string());
        }
        Ok(())
    }
}

/// Lets a group of v2 have every controller that its hierarchy has. Each one has to be enabled in
/// all groups above, from the top down; but that takes locks for which the kernel may wait, so that
/// nothing is written where nothing would change.
fn enable_controllers(dir: &CgroupDir, group: &Group, plan: &plan::Cgroup) -> Result<()> {
    let top = Group::new(Vec::new(), dir.mount.clone());
    let available = top.read("cgroup.controllers")?;
    let have = group.read("cgroup.controllers")?;
    if missing(&available, &have).next().is_none() {
        return Ok(());
    }
    let mut level = top;
    for part in &dir.path {
        let below = level.path.join(part);
        level.enable(&available)?;
        level = Group::new(Vec::new(), below);
    }
    group.be_enterable(plan)
}

fn missing<'a>(wanted: &'a str, have: &'a str) -> impl Iterator<Item = &'a str> {
    wanted.split_whitespace().filter(|name| !have.split_whitespace().any(|known| known == *name))
}

impl Group {
    /// Enables controllers for the groups below. What cannot be enabled is no error: a limit that
    /// needs it will say so.
    fn enable(&self, available: &str) -> Result<()> {
        const FILE: &str = "cgroup.subtree_control";
        let enabled = self.read(FILE)?;
        let more: Vec<String> =
            missing(available, &enabled).map(|name| format!("+{name}")).collect();
        if !more.is_empty() && self.write(FILE, &more.join(" ")).is_err() {
            for name in &more {
                let _ = self.write(FILE, name);
            }
        }
        Ok(())
    }

    /// A group below one that has processes of its own can only be entered as a threaded one, and
    /// those know no memory, I/O and huge pages (cgroup-v2.rst, "Threads").
    fn be_enterable(&self, plan: &plan::Cgroup) -> Result<()> {
        let kind = self.read("cgroup.type")?;
        let domain =
            |write: &&CgroupWrite| ["memory", "io", "hugetlb"].contains(&write.controller());
        match (kind.trim_end(), plan.writes.iter().find(domain)) {
            ("domain", _) => Ok(()),
            (kind, Some(write)) => Err(Error::new(format!(
                "{}: {} is {kind}, because the cgroup above it has processes or threads",
                write.field,
                self.path.display()
            ))),
            ("domain invalid", None) => self.write("cgroup.type", "threaded"),
            _ => Ok(()),
        }
    }
}

/// A new cpuset of v1 has no CPU and no memory node, and nobody can enter it: it gets those of the
/// group above, except for what its own `limits` say. A group that was there already has none, and
/// is filled where it is empty.
fn fill_cpuset(group: &Group, mount: &Path, limits: Option<&[CgroupWrite]>) -> Result<()> {
    let Some(parent) = group.path.parent().filter(|_| group.path != mount) else { return Ok(()) };
    let above = Group::new(Vec::new(), parent.to_owned());
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let has_own = match limits {
            Some(limits) => limits.iter().any(|write| write.file == name),
            None => !group.read(name)?.trim().is_empty(),
        };
        if has_own {
            continue;
        }
        let mut value = above.read(name)?;
        if value.trim().is_empty() {
            fill_cpuset(&above, mount, None)?;
            value = above.read(name)?;
        }
        group.write(name, value.trim())?;
    }
    Ok(())
}
