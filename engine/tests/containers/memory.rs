//! What a monitor costs.

use super::setting::Dok;

/// 0.5 MiB, in KiB.
const MOST: u64 = 512;

#[test]
fn a_monitor_takes_little_memory_of_its_own() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "one", "--network=none", "busybox", "sleep", "100"]);
    let store = dok.store();
    let pid = store.state(&store.container("one").unwrap().id).unwrap().pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let monitor = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
    let smaps = std::fs::read_to_string(format!("/proc/{monitor}/smaps_rollup")).unwrap();
    let private = smaps.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
    let private: u64 = private.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(private <= MOST, "{private} KiB");
}
