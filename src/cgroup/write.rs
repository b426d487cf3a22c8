//! Limits: the plan's writes, and their undoing when an update fails half-way.

use super::systemd::Systemd;
use super::{Cgroup, Group};
use crate::error::{Doing, Error, Result};
use crate::plan::{CgroupUpdate, CgroupWrite, Manner, Property};

impl Cgroup {
    /// Writes limits in order; those that have to wait for others come once more at the end.
    pub(super) fn write_all(&self, writes: &[CgroupWrite]) -> Result<()> {
        self.write_noting(writes, &mut None)
    }

    /// Changes limits: all of them, or none.
    ///
    /// # Errors
    /// The first limit that the kernel refuses, or what systemd does; the earlier ones have their
    /// old values again.
    pub fn update(&self, changes: &CgroupUpdate) -> Result<()> {
        for write in &changes.writes {
            self.check_usage(write)?;
        }
        let mut undo = Some(Vec::new());
        let result = self
            .write_noting(&changes.writes, &mut undo)
            .and_then(|()| self.tell_systemd(&changes.properties));
        if result.is_err() {
            for (group, file, value) in undo.unwrap_or_default().into_iter().rev() {
                // The first error is the one that counts.
                let _ = group.write(&file, &value);
            }
        }
        result
    }

    /// Or it would bring the old limits back when it is reloaded.
    fn tell_systemd(&self, properties: &[Property]) -> Result<()> {
        match &self.unit {
            Some(unit) if !properties.is_empty() => Systemd::connect(unit)
                .and_then(|systemd| systemd.set(properties))
                .doing(|| format!("change {}", unit.name)),
            _ => Ok(()),
        }
    }

    fn write_noting<'a>(&'a self, writes: &[CgroupWrite], undo: &mut Undo<'a>) -> Result<()> {
        let mut again = Vec::new();
        for write in writes {
            match self.write_one(write, undo) {
                Err(error) if write.manner == Manner::Again && error.is(libc::EINVAL) => {
                    again.push(write);
                }
                result => result.doing(|| write.field.into())?,
            }
        }
        again
            .into_iter()
            .try_for_each(|write| self.write_one(write, undo).doing(|| write.field.into()))
    }

    fn write_one<'a>(&'a self, write: &CgroupWrite, undo: &mut Undo<'a>) -> Result<()> {
        let group = self.group_of(write)?;
        let put = |file: &str, value: &str, undo: &mut Undo<'a>| {
            group.note(file, value, undo);
            group.write(file, value)
        };
        let result = match &write.manner {
            Manner::Lines => write.value.lines().try_for_each(|line| put(&write.file, line, undo)),
            _ => put(&write.file, &write.value, undo),
        };
        match (&write.manner, result) {
            (Manner::IfThere, Err(error)) if error.is(libc::ENOENT) => Ok(()),
            (Manner::Else { file, value }, Err(error)) if error.is(libc::ENOENT) => {
                put(file, value, undo).or_else(|error| group.explain(write, error))
            }
            (_, result) => result.or_else(|error| group.explain(write, error)),
        }
    }

    fn group_of(&self, write: &CgroupWrite) -> Result<&Group> {
        self.governing(write.controller()).ok_or_else(|| {
            let words = "container could not join or create cgroup";
            Error::new(format!("cannot set {} limit: {words}", write.controller()))
        })
    }

    fn check_usage(&self, write: &CgroupWrite) -> Result<()> {
        let Some(limit) = write.beyond_usage else { return Ok(()) };
        let what = if write.file == "memory.swap.max" { "memory+swap" } else { "memory" };
        let usage = self.group_of(write)?.read("memory.current").unwrap_or_default();
        match usage.trim_end().parse::<u64>() {
            Ok(usage) if limit <= usage => Err(Error::new(format!(
                "{}: rejecting {what} limit {limit} <= usage {usage}",
                write.field
            ))),
            _ => Ok(()),
        }
    }
}

/// Old values in the order in which they were overwritten; nothing when nobody wants them.
type Undo<'a> = Option<Vec<(&'a Group, String, String)>>;

impl Group {
    /// Notes what brings back the old value of a file.
    fn note<'a>(&'a self, file: &str, value: &str, undo: &mut Undo<'a>) {
        let Some(undo) = undo else { return };
        if let Ok(old) = self.read(file) {
            undo.push((self, file.to_owned(), restoring(file, value, &old)));
        }
    }

    /// An error number of cgroupfs says little; the reason is looked up.
    fn explain(&self, write: &CgroupWrite, error: Error) -> Result<()> {
        if error.is(libc::EBUSY) && write.file == "memory.limit_in_bytes" {
            let read =
                |name| self.read(name).map_or_else(|_| "?".into(), |v| v.trim_end().to_owned());
            return Err(Error::new(format!(
                "unable to set memory limit to {} (current usage: {}, peak usage: {})",
                write.value,
                read("memory.usage_in_bytes"),
                read("memory.max_usage_in_bytes")
            )));
        }
        let controllers = self.read("cgroup.controllers").unwrap_or_default();
        let absent = !controllers.split_whitespace().any(|name| name == write.controller());
        let refused = error.is(libc::ENOENT) || error.is(libc::EPERM) || error.is(libc::EACCES);
        if self.is_unified() && refused && absent && write.controller() != "cgroup" {
            let name = write.controller();
            let words = format!("the requested cgroup controller `{name}` is not available");
            return Err(error).doing(|| words);
        }
        Err(error)
    }
}

/// What has to be written to `file` so that it holds `old` again after `new` was written. Files of
/// several lines have one for each device, which begins with its name.
fn restoring(file: &str, new: &str, old: &str) -> String {
    let lines = || old.lines().map(str::trim);
    let first = lines().next().unwrap_or_default();
    if file == "memory.oom_control" {
        return first.trim_start_matches("oom_kill_disable ").to_owned();
    }
    let Some((key, value)) = new.split_once(' ').filter(|(key, _)| by_device(file, key)) else {
        return first.to_owned();
    };
    match lines().find(|line| line.split(' ').next() == Some(key)) {
        Some(line) => line.to_owned(),
        None => format!("{key} {}", without_limit(file, value)),
    }
}

fn by_device(file: &str, key: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let device = key.split_once(':').is_some_and(|(major, minor)| number(major) && number(minor));
    device || file == "rdma.max" || file == "net_prio.ifpriomap"
}

/// What a device gets that had no line.
fn without_limit(file: &str, value: &str) -> String {
    let keys = || value.split(' ').filter_map(|word| Some(word.split_once('=')?.0));
    match file {
        "io.max" | "rdma.max" => {
            keys().map(|key| format!("{key}=max")).collect::<Vec<_>>().join(" ")
        }
        "io.weight" | "io.bfq.weight" => "default".to_owned(),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_old_value_is_written_as_the_file_wants_it() {
        for (file, new, old, restoring) in [
            ("pids.max", "5", "max\n", "max"),
            ("cpu.max", "50000 100000", "max 100000\n", "max 100000"),
            ("cpuset.cpus", "0", "\n", ""),
            ("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\n", "0"),
            ("io.weight", "200", "default 100\n8:0 50\n", "default 100"),
            ("io.weight", "8:0 200", "default 100\n8:0 50\n", "8:0 50"),
            ("io.weight", "8:16 200", "default 100\n8:0 50\n", "8:16 default"),
            ("io.max", "8:0 rbps=5", "8:0 rbps=1 wbps=max\n", "8:0 rbps=1 wbps=max"),
            ("io.max", "8:0 rbps=5", "", "8:0 rbps=max"),
            ("blkio.throttle.read_bps_device", "8:0 5", "", "8:0 0"),
            ("blkio.throttle.read_bps_device", "8:0 5", "8:0 1\n", "8:0 1"),
            ("net_prio.ifpriomap", "eth0 5", "lo 0\neth0 1\n", "eth0 1"),
            (
                "rdma.max",
                "mlx hca_handle=2",
                "mlx hca_handle=max hca_object=3\n",
                "mlx hca_handle=max hca_object=3",
            ),
        ] {
            assert_eq!(super::restoring(file, new, old), restoring, "{file}: {new}");
        }
    }
}
