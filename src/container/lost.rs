//! A container whose state directory was lost while it lived: root's containers have a copy of
//! their state at their cgroup, as an extended attribute that only root can set or see, and that is
//! gone with the cgroup. Whoever names a container that is not in the store has it put back.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::saved::Saved;
use super::store::Directory;
use super::{ContainerId, Store};
use crate::cgroup::Cgroup;
use crate::error::{Doing, Result};
use crate::host::{self, cgroups};
use crate::log;
use crate::sys::identity::effective_ids;
use crate::sys::xattr;

const ATTRIBUTE: &str = "trusted.onggi.state";

/// The attribute's value.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<S> {
    /// The state directory: two stores may have containers of one name.
    directory: PathBuf,
    /// The runtime's pid namespace, by its inode: elsewhere the ids mean other processes.
    pid_namespace: u64,
    state: S,
}

/// Saves the state, and keeps a copy where that can be done.
pub(super) fn save(directory: &Directory, saved: &Saved) -> Result<()> {
    directory.save(saved)?;
    keep(directory.path(), saved);
    Ok(())
}

/// Who may not set an attribute, or has no cgroup, has no copy: a lost state stays lost then.
fn keep(directory: &Path, saved: &Saved) {
    let cgroup = Cgroup::open(&saved.onggi.cgroup);
    let (Some(group), 0) = (cgroup.main_directory(), effective_ids().0) else { return };
    let Ok(pid_namespace) = pid_namespace() else { return };
    let kept = Kept { directory: directory.to_owned(), pid_namespace, state: saved };
    if let Ok(text) = serde_json::to_vec(&kept) {
        let _ = xattr::set(group, ATTRIBUTE, &text);
    }
}

fn pid_namespace() -> Result<u64> {
    let own = std::fs::metadata("/proc/self/ns/pid").doing(|| "look at /proc/self/ns/pid".into());
    Ok(own?.ino())
}

/// Puts the state of a container back that has no directory; tells whether there was a copy.
///
/// # Errors
/// The directory cannot be made again.
pub(super) fn recover(store: &Store, id: &ContainerId) -> Result<bool> {
    if effective_ids().0 != 0 {
        return Ok(false);
    }
    let (directory, own) = (store.root.join(id.as_str()), pid_namespace()?);
    let is_it = |kept: &Kept<Saved>| kept.directory == directory && kept.pid_namespace == own;
    let Some(mut kept) = mount().and_then(|mount| find(&mount, &is_it)) else { return Ok(false) };
    let reserved = store.reserve(id)?;
    kept.state.tell_others();
    reserved.directory()?.save(&kept.state)?;
    reserved.keep();
    log::warning(&format!("the state of container {id} was lost: it is back but for its hooks"));
    Ok(true)
}

/// The hierarchy that has the copies.
fn mount() -> Option<PathBuf> {
    let host::Cgroups { legacy, unified } = cgroups::probe().ok()?;
    let freezer = |hierarchy: &host::Hierarchy| {
        hierarchy.controllers.iter().any(|controller| controller == "freezer")
    };
    let legacy = legacy.into_iter().find(freezer).map(|hierarchy| hierarchy.mount);
    legacy.or(unified.map(|unified| unified.mount))
}

fn find(group: &Path, is_it: &dyn Fn(&Kept<Saved>) -> bool) -> Option<Kept<Saved>> {
    let value = xattr::get(group, ATTRIBUTE).ok().flatten();
    let kept = value.and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(kept) = kept.filter(is_it) {
        return Some(kept);
    }
    let entries = std::fs::read_dir(group).ok()?.flatten();
    let mut groups = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    groups.find_map(|entry| find(&entry.path(), is_it))
}
