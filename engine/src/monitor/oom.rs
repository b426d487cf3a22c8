//! Whether the kernel killed one of a container's processes for want of memory: the container's
//! group counts that, until it is removed.

use std::fs;
use std::path::Path;

use crate::bundle;
use crate::model::Container;

/// Where groups of version 2 and of version 1 count it.
const COUNTS: [(&str, &str); 2] =
    [("/sys/fs/cgroup", "memory.events"), ("/sys/fs/cgroup/memory", "memory.oom_control")];

pub(super) fn happened(container: &Container) -> bool {
    let group = bundle::cgroup(container);
    COUNTS.iter().any(|(root, file)| {
        let path = Path::new(root).join(group.trim_start_matches('/')).join(file);
        fs::read_to_string(path).is_ok_and(|text| has_killed(&text))
    })
}

fn has_killed(counts: &str) -> bool {
    let mut numbers = counts.lines().filter_map(|line| line.strip_prefix("oom_kill "));
    numbers.any(|number| number.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_count_are_read() {
        assert!(has_killed("low 0\noom 1\noom_kill 1\noom_group_kill 0\n"));
        assert!(has_killed("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"));
        assert!(!has_killed("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n"));
    }
}
