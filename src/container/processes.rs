//! The processes of a container: those of its cgroup or, where it has none, of its pid namespace.

use std::os::unix::fs::MetadataExt;

use super::Container;
use crate::error::{Doing, Error, Result};
use crate::plan::Kind;

/// Their ids as the runtime sees them; none once the container has stopped.
///
/// # Errors
/// Nothing tells them from others.
pub(super) fn of(container: &Container) -> Result<Vec<i32>> {
    let cgroup = container.cgroup();
    if !cgroup.is_none() {
        return cgroup.processes();
    }
    if container.init()?.is_none() {
        return Ok(Vec::new());
    }
    if !container.saved.onggi.namespaces.contains(&Kind::Pid) {
        return Err(Error::new(
            "the container has neither a cgroup nor a pid namespace of its own",
        ));
    }
    let own = namespace_of(container.saved.init_process_pid);
    let entries = std::fs::read_dir("/proc").doing(|| "read /proc".into())?;
    let all = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let mut pids: Vec<i32> = all.filter(|pid| own.is_some() && namespace_of(*pid) == own).collect();
    pids.sort_unstable();
    Ok(pids)
}

/// Nothing for a process that has gone or may not be looked at: it is another user's.
fn namespace_of(pid: i32) -> Option<(u64, u64)> {
    let found = std::fs::metadata(format!("/proc/{pid}/ns/pid")).ok()?;
    Some((found.dev(), found.ino()))
}
