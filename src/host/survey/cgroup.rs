//! The cgroup hierarchies: their layout, their controllers, and who may make a group.

use std::path::{Path, PathBuf};

use super::{Fact, value};
use crate::host::cgroups::{self, Cgroups, below};

/// A controller, and what is lost without it.
const CONTROLLERS: &[(&str, &str)] = &[
    ("cpu", "no linux.resources.cpu.shares and quota"),
    ("cpuset", "no linux.resources.cpu.cpus and mems"),
    ("memory", "no linux.resources.memory"),
    ("pids", "no linux.resources.pids"),
    ("io", "no linux.resources.blockIO"),
    ("hugetlb", "no linux.resources.hugepageLimits"),
    ("rdma", "no linux.resources.rdma"),
];
/// The controllers of v1 that v2 has under another name, or without one.
const OF_V1: &[(&str, &str)] = &[
    ("freezer", "no pause and resume"),
    ("devices", "no device rules: containers may use every device that they can name"),
];

pub(super) fn facts() -> Vec<Fact> {
    let found = cgroups::probe().unwrap_or_default();
    let mut facts = vec![layout(&found), own_group(&found)];
    let listed = listed(&found);
    let has = |name: &str| listed.iter().any(|known| known == name || v1_name(name) == known);
    facts.extend(
        CONTROLLERS.iter().map(|(name, without)| Fact::new("cgroups", name, has(name), without)),
    );
    match found.is_unified() {
        true => facts.extend(files_of_v2(&found)),
        false => facts.extend(
            OF_V1.iter().map(|(name, without)| Fact::new("cgroups", name, has(name), without)),
        ),
    }
    let systemd = Path::new("/run/systemd/system").is_dir();
    let without = "no systemd cgroup driver: engines have to use cgroupfs";
    facts.push(Fact::new("cgroups", "systemd", systemd, without));
    facts
}

fn v1_name(name: &str) -> &str {
    if name == "io" { "blkio" } else { name }
}

fn layout(found: &Cgroups) -> Fact {
    let word = match (found.legacy.is_empty(), &found.unified) {
        (true, Some(_)) => "v2",
        (false, Some(_)) => "v1 and v2 (hybrid)",
        (false, None) => "v1",
        (true, None) => "",
    };
    let without = "no limits, no pause, no statistics";
    Fact::new("cgroups", "mounted", !word.is_empty(), without).saying(word)
}

/// The controllers that a group of ours could have.
fn listed(found: &Cgroups) -> Vec<String> {
    let mut listed: Vec<String> =
        found.legacy.iter().flat_map(|hierarchy| hierarchy.controllers.clone()).collect();
    if let Some(unified) = &found.unified {
        let file = unified.mount.join("cgroup.controllers");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        listed.extend(text.split_whitespace().map(str::to_owned));
    }
    listed
}

fn groups(found: &Cgroups) -> impl Iterator<Item = PathBuf> {
    let legacy = found.legacy.iter().map(|hierarchy| below(&hierarchy.mount, &hierarchy.own));
    legacy.chain(found.unified.iter().map(|unified| below(&unified.mount, &unified.own)))
}

/// Whether a group can be made below the one that this process is in.
fn own_group(found: &Cgroups) -> Fact {
    let may = |path: &PathBuf| nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok();
    let all: Vec<PathBuf> = groups(found).collect();
    let writable = all.iter().filter(|path| may(path)).count();
    Fact::new(
        "cgroups",
        "writable",
        writable > 0 && writable == all.len(),
        "no limits for this user",
    )
    .saying(format!("{writable} of {} hierarchies", all.len()))
}

/// Files that came after v2 itself, looked for in a group that is not the root.
fn files_of_v2(found: &Cgroups) -> Vec<Fact> {
    let own: Vec<PathBuf> = groups(found).collect();
    // The root group has neither file.
    let any_child = |path: &PathBuf| {
        let entries = std::fs::read_dir(path).ok()?;
        entries.flatten().map(|entry| entry.path()).find(|path| path.is_dir())
    };
    let group = own.iter().find(|path| path.join("cgroup.events").exists()).cloned();
    let group = group.or_else(|| own.iter().find_map(any_child)).unwrap_or_default();
    let psi = value("/proc/pressure/cpu").is_some();
    vec![
        Fact::new(
            "cgroups",
            "freezer",
            group.join("cgroup.freeze").exists(),
            "no pause and resume",
        ),
        Fact::new(
            "cgroups",
            "kill",
            group.join("cgroup.kill").exists(),
            "processes are killed one by one",
        ),
        Fact::new("cgroups", "pressure", psi, "no pressure figures in `events`"),
    ]
}
