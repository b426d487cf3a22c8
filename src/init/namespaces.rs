//! Namespaces that the process itself enters, makes or names.

use super::Init;
use crate::cgroup::Entry;
use crate::error::{Doing, Error, Result};
use crate::launch::{FromInit, become_root, join_all};
use crate::plan::{CgroupDir, IdMaps, Kind};
use crate::sys::namespace;
use crate::sys::procfs::Procfs;

/// What need not come with the clone: it takes as long as what the runtime does meanwhile.
pub(super) fn make(init: &mut Init<'_>) -> Result<()> {
    match init.rest.make {
        0 => Ok(()),
        flags => namespace::leave(flags).doing(|| "unshare".into()),
    }
}

/// What the clone could not enter for us.
pub(super) fn join(init: &mut Init<'_>) -> Result<()> {
    join_all(&std::mem::take(&mut init.rest.join))
}

/// A new user namespace has no ids until the runtime, outside, maps them; a joined one has those
/// that it has, whatever the spec says beside its path.
pub(super) fn wait_for_id_maps(init: &mut Init<'_>) -> Result<()> {
    let namespaces = &init.plan.namespaces;
    match (&namespaces.id_maps, &namespaces.joined_maps) {
        (Some(_), _) => init.ask(&FromInit::MapIds).map(drop),
        (None, Some(maps)) => compare(maps),
        (None, None) => Ok(()),
    }
}

fn compare(maps: &IdMaps) -> Result<()> {
    let proc = Procfs::of_this_process()?;
    let read = |file: &str| proc.read(file).doing(|| format!("read /proc/{file}"));
    match maps.agree_with(&read("self/uid_map")?, &read("self/gid_map")?) {
        true => Ok(()),
        false => Err(Error::new(
            "linux.uidMappings and gidMappings are not those of the user namespace to join",
        )),
    }
}

/// The ids of the host mean nothing inside.
pub(super) fn become_root_inside(init: &mut Init<'_>) -> Result<()> {
    match init.plan.namespaces.has(Kind::User) {
        true => become_root().and_then(|()| init.hide_again()),
        false => Ok(()),
    }
}

/// By itself: a thread that moves only itself waits for no lock.
pub(super) fn enter_cgroup(init: &mut Init<'_>) -> Result<()> {
    init.entry.join().doing(|| "write 0 to tasks".into())
}

/// The same once the runtime has made it. Memory comes later: what is allocated until then is not
/// the container's. (Not where a cgroup namespace is made, which shows the groups of that moment.)
pub(super) fn enter_new_cgroup(init: &mut Init<'_>) -> Result<()> {
    let groups = &init.plan.cgroup.groups;
    let unit = init.plan.cgroup.unit.as_ref();
    if unit.is_none() && groups.iter().all(|group| group.controllers.is_empty()) {
        return Ok(());
    }
    let tasks = init.ask(&FromInit::EnterCgroup)?;
    let counts = |group: &CgroupDir| group.controllers.iter().any(|name| name == "memory");
    let is_counted = groups.last().is_some_and(counts) && !tasks.is_empty();
    let is_late = match unit {
        // Below the root of the namespace.
        Some(unit) if unit.id.below.len() > 1 => true,
        _ => is_counted && !init.plan.namespaces.makes(Kind::Cgroup),
    };
    (init.entry, init.memory) = Entry::of_tasks(tasks, is_late);
    enter_cgroup(init)
}

/// Before the runtime says that the container is created.
pub(super) fn enter_memory_cgroup(init: &mut Init<'_>) -> Result<()> {
    init.memory.join().doing(|| "write 0 to tasks of memory".into())
}

pub(super) fn make_late_ones(init: &mut Init<'_>) -> Result<()> {
    init.plan.namespaces.made_late().try_for_each(|kind| {
        namespace::leave(kind.flag()).doing(|| format!("make the {} namespace", kind.name()))
    })
}

pub(super) fn set_names(init: &mut Init<'_>) -> Result<()> {
    if let Some(name) = &init.plan.hostname {
        namespace::set_host_name(name).doing(|| format!("sethostname {name}"))?;
    }
    if let Some(name) = &init.plan.domainname {
        namespace::set_domain_name(name).doing(|| format!("setdomainname {name}"))?;
    }
    Ok(())
}
