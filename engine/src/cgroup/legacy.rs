//! The counts of cgroup v1, where each controller has its own tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CpuTime, MemoryUse, Sample, TICK, number, of, pids, table};
use crate::model::BlockCount;

/// `folder` is the container's group of a controller.
pub(super) fn sample(folder: &dyn Fn(&str) -> PathBuf) -> Sample {
    let memory = folder("memory");
    let read = |file| number(&memory, file).unwrap_or_default();
    Sample {
        cpu: cpu(&folder("cpuacct"), &folder("cpu")),
        memory: MemoryUse {
            usage: read("memory.usage_in_bytes"),
            most: read("memory.max_usage_in_bytes"),
            limit: number(&memory, "memory.limit_in_bytes").unwrap_or(u64::MAX),
            failures: read("memory.failcnt"),
            stat: table(&memory, "memory.stat").into_iter().collect(),
        },
        pids: pids(&folder("pids")),
        block: block(&folder("blkio")),
        ..Sample::default()
    }
}

fn cpu(account: &Path, quota: &Path) -> CpuTime {
    let (spent, waited) = (table(account, "cpuacct.stat"), table(quota, "cpu.stat"));
    let each = fs::read_to_string(account.join("cpuacct.usage_percpu")).unwrap_or_default();
    CpuTime {
        total: number(account, "cpuacct.usage").unwrap_or_default(),
        kernel: of(&spent, "system") * TICK,
        user: of(&spent, "user") * TICK,
        each: each.split_whitespace().filter_map(|number| number.parse().ok()).collect(),
        periods: of(&waited, "nr_periods"),
        throttled_periods: of(&waited, "nr_throttled"),
        throttled_time: of(&waited, "throttled_time"),
    }
}

fn block(group: &Path) -> Vec<BlockCount> {
    // A group counts what groups below it did only in the one that says so.
    let read = |what: &str| {
        let files = ["_recursive", ""].map(|end| format!("blkio.throttle.io_{what}{end}"));
        let text = files.iter().find_map(|file| fs::read_to_string(group.join(file)).ok());
        text.unwrap_or_default()
    };
    counts(&read("service_bytes"), &read("serviced"))
}

/// Lines like `8:0 Read 4096`.
fn counts(bytes: &str, operations: &str) -> Vec<BlockCount> {
    let operations: Vec<_> = operations.lines().filter_map(line).collect();
    let count = |(major, minor, op, bytes)| {
        let same =
            operations.iter().find(|other| (other.0, other.1, other.2) == (major, minor, op));
        BlockCount { major, minor, op, bytes, operations: same.map_or(0, |other| other.3) }
    };
    bytes.lines().filter_map(line).map(count).collect()
}

fn line(line: &str) -> Option<(u64, u64, &'static str, u64)> {
    let mut words = line.split_whitespace();
    let (major, minor) = words.next()?.split_once(':')?;
    let op = match words.next()? {
        "Read" => "read",
        "Write" => "write",
        _ => return None,
    };
    Some((major.parse().ok()?, minor.parse().ok()?, op, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_operations_of_a_device_come_together() {
        let bytes = "8:0 Read 4096\n8:0 Write 0\n8:0 Sync 4096\n8:0 Total 4096\nTotal 4096\n";
        let found = counts(bytes, "8:0 Read 3\n8:0 Write 1\n");
        let told: Vec<_> = found.iter().map(|c| (c.op, c.bytes, c.operations)).collect();
        assert_eq!(told, [("read", 4096, 3), ("write", 0, 1)]);
    }
}
