//! The groups that are there of a container which has ended: the runtime forgot it before it had
//! removed them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ROOT;
use crate::error::{Context, IfThere, Result};

/// The groups of this path that are there, in all hierarchies: each of version 1 is a folder of the
/// first.
pub fn groups(group: &str) -> Vec<PathBuf> {
    let group = group.trim_start_matches('/');
    let hierarchies = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let roots = hierarchies.map(|entry| entry.path()).chain([Path::new(ROOT).to_owned()]);
    roots.map(|root| root.join(group)).filter(|group| group.is_dir()).collect()
}

/// Removes them, with those that its programs made below.
///
/// # Errors
/// Names the group that cannot be removed: somebody is in it.
pub fn remove(group: &str) -> Result<()> {
    let mut found = groups(group).into_iter();
    found.try_for_each(|group| {
        remove_tree(&group).with_context(|| format!("remove {}", group.display()))
    })
}

fn remove_tree(group: &Path) -> io::Result<()> {
    let removed = below(group).and_then(|mut groups| {
        groups.try_for_each(|group| remove_tree(&group))?;
        fs::remove_dir(group)
    });
    // Two controllers of version 1 may share a hierarchy, which then has two names.
    removed.if_there()
}

fn below(group: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(group)?.collect::<io::Result<Vec<_>>>()?.into_iter();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders.map(|entry| entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_go_with_those_below_them() {
        let group = format!("/dok-left-{}", std::process::id());
        let made = fs::read_dir(ROOT).into_iter().flatten().flatten().map(|entry| entry.path());
        let made = made.chain([Path::new(ROOT).to_owned()]).filter(|root| {
            let below = root.join(group.trim_start_matches('/')).join("of/systemd");
            root.join("cgroup.procs").exists() && fs::create_dir_all(below).is_ok()
        });
        if made.count() == 0 {
            eprintln!("skipped: no cgroup can be made");
            return;
        }
        assert!(!groups(&group).is_empty());
        remove(&group).unwrap();
        assert_eq!(groups(&group), [] as [PathBuf; 0]);
    }
}
