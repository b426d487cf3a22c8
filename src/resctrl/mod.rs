//! Resource control: the class of service (cache, memory bandwidth) that a container's processes
//! are in, and the group that counts for them (Documentation/filesystems/resctrl.rst).

mod stats;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::plan::{Rdt, RdtClass, rdt_agrees};
use crate::sys::file;

/// What a container's state keeps of its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The class of service, an absolute directory.
    pub group: PathBuf,
    /// Whether the class was made for this container and goes with it.
    pub made: bool,
    /// The group that counts for the container alone; it goes with the container.
    pub monitor: Option<PathBuf>,
}

/// Groups that vanish again unless they are kept.
#[derive(Debug, Default)]
pub struct Made(Option<Saved>);

impl Made {
    /// The groups stay.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(saved) = &self.0 {
            // What cannot be removed has processes of others by now.
            let _ = saved.remove();
        }
    }
}

impl Saved {
    /// What will be made of a plan, so that it can be saved before anything is.
    pub fn planned(plan: &Rdt) -> Saved {
        let made = plan.class != RdtClass::Existing && !plan.group.exists();
        Saved { group: plan.group.clone(), made, monitor: plan.monitor.clone() }
    }

    /// Makes the groups and writes the schemata.
    ///
    /// # Errors
    /// A class that must be there and is not, or is there with other schemata; schemata that the
    /// kernel refuses, with its reason.
    pub fn make(&self, plan: &Rdt) -> Result<Made> {
        let group = self.group.display();
        match (self.made, plan.class) {
            (true, _) => {
                file::make_dir(&self.group).doing(|| format!("linux.intelRdt: make {group}"))?;
            }
            (false, RdtClass::Own) => {}
            (false, _) => check(&self.group, &plan.schemata)?,
        }
        let made = Made(Some(self.clone()));
        if self.made || plan.class == RdtClass::Own {
            self.write_schemata(&plan.schemata)?;
        }
        if let Some(monitor) = &self.monitor {
            match file::make_dir(monitor) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => other.doing(|| {
                    format!("linux.intelRdt.enableMonitoring: make {}", monitor.display())
                })?,
            }
        }
        Ok(made)
    }

    /// Writes schemata into the class of service, all lines at once.
    ///
    /// # Errors
    /// What the kernel refuses, with its reason.
    pub fn write_schemata(&self, lines: &[String]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.group.join("schemata");
        let text = lines.join("\n") + "\n";
        fs::write(&path, text)
            .map_err(|error| self.explain(error))
            .doing(|| format!("linux.intelRdt: write {:?} to {}", lines.join(" "), path.display()))
    }

    /// Puts a process or thread into the groups.
    ///
    /// # Errors
    /// A group that is gone, or a process that is.
    pub fn assign(&self, pid: i32) -> Result<()> {
        for group in [Some(&self.group), self.monitor.as_ref()].into_iter().flatten() {
            let path = group.join("tasks");
            fs::write(&path, pid.to_string())
                .doing(|| format!("linux.intelRdt: write {pid} to {}", path.display()))?;
        }
        Ok(())
    }

    /// Puts every thread of a process into the groups; one that has ended by now needs none.
    ///
    /// # Errors
    /// As [`Saved::assign`].
    pub fn assign_all(&self, pid: i32) -> Result<()> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()) {
            match self.assign(task) {
                Err(error) if error.is(libc::ESRCH) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Removes what was made for the container; a class that others have entered stays.
    ///
    /// # Errors
    /// A group that cannot be removed.
    pub fn remove(&self) -> Result<()> {
        if let Some(monitor) = &self.monitor {
            remove(monitor)?;
        }
        match self.made && !is_used(&self.group) {
            true => remove(&self.group),
            false => Ok(()),
        }
    }

    /// The kernel says more in a file of the root than by its error number.
    fn explain(&self, error: std::io::Error) -> Error {
        let root = self.group.ancestors().find(|path| path.join("info").is_dir());
        let told = root.and_then(|root| fs::read_to_string(root.join("info/last_cmd_status")).ok());
        match told.as_deref().map(str::trim) {
            Some(words) if !words.is_empty() && words != "ok" => {
                Error::told(format!("{error}: {words}"), error.raw_os_error())
            }
            _ => error.into(),
        }
    }
}

/// A class that was there before.
fn check(group: &Path, lines: &[String]) -> Result<()> {
    let path = group.join("schemata");
    let there = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let group = group.display();
            return Err(Error::new(format!("linux.intelRdt.closID: there is no class {group}")));
        }
        other => other.doing(|| format!("read {}", path.display()))?,
    };
    match rdt_agrees(lines, &there) {
        true => Ok(()),
        false => Err(Error::new(format!(
            "linux.intelRdt: {} has other schemata than {:?}",
            group.display(),
            lines.join(" ")
        ))),
    }
}

/// The container's own processes have gone by now.
fn is_used(group: &Path) -> bool {
    fs::read_to_string(group.join("tasks")).is_ok_and(|tasks| !tasks.trim().is_empty())
}

fn remove(group: &Path) -> Result<()> {
    match file::remove_dir(group) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.doing(|| format!("remove {}", group.display())),
    }
}

#[cfg(test)]
mod tests;
