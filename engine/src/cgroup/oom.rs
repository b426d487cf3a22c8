//! Whether the kernel killed one of a container's processes for want of memory: the container's
//! group counts that, until it is removed.

use std::fs;
use std::path::Path;

use super::ROOT;

/// Where groups of version 2 and of version 1 count it, by their controller's folder.
const COUNTS: [(&str, &str); 2] = [("", "memory.events"), ("memory", "memory.oom_control")];

/// Whether it did, in the group of this path.
pub fn has_killed(group: &str) -> bool {
    let group = group.trim_start_matches('/');
    COUNTS.iter().any(|(controller, file)| {
        let path = Path::new(ROOT).join(controller).join(group).join(file);
        fs::read_to_string(path).is_ok_and(|text| counts_a_kill(&text))
    })
}

fn counts_a_kill(counts: &str) -> bool {
    let mut numbers = counts.lines().filter_map(|line| line.strip_prefix("oom_kill "));
    numbers.any(|number| number.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_count_are_read() {
        assert!(counts_a_kill("low 0\noom 1\noom_kill 1\noom_group_kill 0\n"));
        assert!(counts_a_kill("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"));
        assert!(!counts_a_kill("oom_kill_disable 1\nunder_oom 0\noom_kill 0\n"));
    }
}
