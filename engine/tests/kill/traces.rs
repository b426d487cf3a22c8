//! All that a store has of the machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::setting::Dok;

/// What there is, by name; files with their sizes, where these do not change with the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traces(BTreeSet<String>);

impl Traces {
    /// `apart` are containers whose own files may change.
    pub(crate) fn of(dok: &Dok, groups: &str, apart: &[String]) -> Traces {
        let mut found = BTreeSet::new();
        let folder = dok.root().parent().unwrap().to_owned();
        for root in [dok.root(), dok.run_folder()] {
            walk(&root, &mut |path, facts| {
                let name = path.strip_prefix(&folder).unwrap().display().to_string();
                // What happened is remembered, up to a limit of its own.
                if name.starts_with("root/events/") {
                    return;
                }
                // A record has a time in it, which is written without its last zeros.
                let is_apart =
                    name.ends_with(".json") || apart.iter().any(|id| name.contains(&**id));
                let size = if facts.is_file() && !is_apart { facts.len() } else { 0 };
                found.insert(format!("{name} {size}"));
            });
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        let own = folder.display().to_string();
        found.extend(mounts.filter(|at| at.starts_with(&own)).map(|at| format!("mount {at}")));
        found.extend(processes(&folder).iter().map(|(_, words)| format!("process {words}")));
        found.extend(groups_below(groups).iter().map(|path| format!("group {}", path.display())));
        for words in [&["ip", "-o", "link"][..], &["nft", "list", "ruleset"]] {
            let said = Command::new(words[0]).args(&words[1..]).output();
            let said = said.map(|said| said.stdout).unwrap_or_default();
            let said = String::from_utf8(said).unwrap();
            // The numbers of devices count up, the states of those without members change.
            let line = |line: &str| line.split("mtu").next().unwrap().to_owned();
            let line = |text: &str| line(text.split_once(": ").map_or(text, |(_, rest)| rest));
            found.extend(said.lines().map(|text| format!("{} {}", words[0], line(text))));
        }
        Traces(found)
    }

    /// Whether anything has this in its name.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.0.iter().any(|line| line.contains(part))
    }

    /// What is more and what is less than in another.
    pub(crate) fn unlike(&self, other: &Traces) -> Vec<String> {
        let more = self.0.difference(&other.0).map(|line| format!("+ {line}"));
        more.chain(other.0.difference(&self.0).map(|line| format!("- {line}"))).collect()
    }
}

fn walk(path: &Path, told: &mut dyn FnMut(&Path, &fs::Metadata)) {
    // A process that still ends may take it away.
    let Ok(facts) = path.symlink_metadata() else { return };
    told(path, &facts);
    // What is mounted there is not the store's.
    if facts.is_dir() && !path.ends_with("rootfs") {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), told);
        }
    }
}

/// The processes that name a folder on their command lines.
pub(crate) fn processes(folder: &Path) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_str().unwrap_or_default().parse::<i32>() else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&*folder.to_string_lossy()) {
            found.push((pid, line));
        }
    }
    found
}

/// Cgroups of containers below a parent, in every hierarchy.
fn groups_below(parent: &str) -> Vec<PathBuf> {
    let inside = parents(parent)
        .into_iter()
        .flat_map(|parent| fs::read_dir(parent).into_iter().flatten().flatten());
    inside.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Where a cgroup is or would be, in every hierarchy.
pub(crate) fn parents(group: &str) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|entry| entry.path());
    let roots = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
    roots.map(|root| root.join(group.trim_start_matches('/'))).collect()
}
