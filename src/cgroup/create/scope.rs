//! The groups of a scope that systemd has made around init.

use std::path::{Path, PathBuf};

use super::{Created, enable_controllers};
use crate::cgroup::systemd::Systemd;
use crate::cgroup::{Cgroup, Group};
use crate::error::{Doing, Error, Result};
use crate::host::cgroups;
use crate::plan::{self, CgroupDir, CgroupWrite, UnitId};
use crate::sys::file;

/// Connects to systemd, and has it tell of the unit's jobs.
pub(super) fn greet(unit: &UnitId) -> Result<Systemd> {
    let connected = Systemd::connect(unit).and_then(|mut systemd| {
        systemd.watch()?;
        Ok(systemd)
    });
    connected.doing(|| "ask systemd".into())
}

impl Created {
    /// Takes the scope's group as the container's.
    ///
    /// # Errors
    /// A process that is in another group; a group inside that cannot be made.
    pub(super) fn adopt(&mut self, plan: &plan::Cgroup, unit: &UnitId, child: i32) -> Result<()> {
        let unified = plan.groups.iter().find(|dir| dir.controllers.is_empty());
        let Some(dir) = unified else { return Ok(()) };
        if plan.groups.len() > 1 {
            return self.add(dir, plan);
        }
        let group = Group::new(Vec::new(), path_of(dir, unit, child)?);
        group.enable_for_limits(dir, plan)?;
        for below in self.cgroup.below(&group) {
            file::make_dir(&below).doing(|| format!("make cgroup {}", below.display()))?;
        }
        self.cgroup.groups.push(group);
        Ok(())
    }
}

/// Where the scope is, the process inside tells: a user's manager may be anywhere.
fn path_of(dir: &CgroupDir, unit: &UnitId, child: i32) -> Result<PathBuf> {
    let group = cgroups::unified_group_of(child)?.unwrap_or_default();
    match group.file_name().is_some_and(|name| name == unit.name.as_str()) {
        true => Ok(cgroups::below(&dir.mount, &group)),
        false => Err(Error::new(format!(
            "init is in the cgroup {}, and not in that of {}",
            group.display(),
            unit.name
        ))),
    }
}

impl Group {
    /// systemd enables the controllers that it knows; the others only somebody who needs them.
    fn enable_for_limits(&self, dir: &CgroupDir, plan: &plan::Cgroup) -> Result<()> {
        let have = self.read("cgroup.controllers")?;
        let lacks = |write: &CgroupWrite| {
            let controller = write.controller();
            controller != "cgroup" && !have.split_whitespace().any(|name| name == controller)
        };
        if !plan.writes.iter().any(lacks) {
            return Ok(());
        }
        let path = self.path.strip_prefix(&dir.mount).unwrap_or(Path::new("")).to_owned();
        enable_controllers(&CgroupDir { path, ..dir.clone() }, self, plan)
    }
}

impl Cgroup {
    /// The groups that whoever manages groups inside gets: those below a scope, where there are.
    pub(super) fn given_away(&self, group: &Group) -> Vec<Group> {
        let mut paths = self.below(group);
        if paths.is_empty() {
            paths.push(group.path.clone());
        }
        paths.into_iter().map(|path| Group::new(Vec::new(), path)).collect()
    }
}
