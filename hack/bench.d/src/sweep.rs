//! What a runtime that was killed half-way leaves behind.
use std::fs;
use std::path::PathBuf;

/// Where a runtime may have made cgroups: the root of each hierarchy, and this process's own
/// cgroup in it.
fn places() -> Vec<PathBuf> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let mut places = vec![root.clone()];
    for line in fs::read_to_string("/proc/self/cgroup")
        .unwrap_or_default()
        .lines()
    {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(names), Some(own)) = (fields.next(), fields.next()) else {
            continue;
        };
        let hierarchies = match names.trim_start_matches("name=") {
            "" => vec![root.clone(), root.join("unified")],
            name => vec![root.join(name)],
        };
        for hierarchy in hierarchies {
            places.push(hierarchy.join(own.trim_start_matches('/')));
            places.push(hierarchy);
        }
    }
    places
}

/// Removes the empty cgroups whose name begins so.
pub fn cgroups(prefix: &str) {
    for place in places() {
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        for entry in ours {
            if let Err(error) = fs::remove_dir(entry.path()) {
                eprintln!("{}: left behind: {error}", entry.path().display());
            }
        }
    }
}
