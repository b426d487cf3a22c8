//! The directories of a cgroup that a test has made, in whichever hierarchies there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::field;
use crate::runtime::wait_until;

/// The directories of the cgroup `name`, right below the root of each hierarchy or, where a path is
/// relative, below our own cgroup in it.
pub fn directories(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut above = BTreeSet::from([""]);
    above.extend(text.lines().filter_map(|line| line.split_once(":/")).map(|(_, own)| own));
    let places = hierarchies.chain([root.to_owned()]);
    let places = places.flat_map(|place| above.iter().map(move |own| place.join(own).join(name)));
    places.filter(|path| path.is_dir()).collect()
}

/// The processes of a cgroup and of those below it.
pub fn collect_processes(cgroup: &Path, found: &mut Vec<i32>) {
    let text = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let pids = text.lines().filter_map(|line| line.parse().ok());
    found.extend(pids.filter(|pid| lives(*pid)));
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect_processes(&entry.path(), found);
        }
    }
}

/// A zombie is its parent's business, unless threads have outlived the first one.
fn lives(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let is_zombie = field(&status, "State").is_none_or(|state| state.starts_with(['Z', 'X']));
    !is_zombie || field(&status, "Threads").is_some_and(|count| count != "1")
}

/// A frozen process cannot even die (v1). Whichever file the cgroup has not is not made.
pub fn thaw(cgroup: &Path) {
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        if cgroup.join(file).exists() {
            let _ = fs::write(cgroup.join(file), word);
        }
    }
}

/// Removes a cgroup and those below it.
pub fn remove(path: &Path) {
    thaw(path);
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove(&entry.path());
        }
    }
    wait_until(Duration::from_secs(1), || fs::remove_dir(path).ok());
}
