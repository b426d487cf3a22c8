//! The counts of cgroup v2.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{CpuTime, MemoryUse, Sample, number, of, pair, pids, table};
use crate::model::BlockCount;

/// Counts of time are in microseconds.
const MICRO: u64 = 1000;

pub(super) fn sample(group: &Path) -> Sample {
    let io = fs::read_to_string(group.join("io.stat")).unwrap_or_default();
    Sample {
        cpu: cpu(&table(group, "cpu.stat")),
        memory: MemoryUse {
            usage: number(group, "memory.current").unwrap_or_default(),
            most: number(group, "memory.peak").unwrap_or_default(),
            limit: number(group, "memory.max").unwrap_or(u64::MAX),
            failures: 0,
            stat: table(group, "memory.stat").into_iter().collect(),
        },
        pids: pids(group),
        block: io.lines().flat_map(devices).collect(),
        ..Sample::default()
    }
}

fn cpu(stat: &[(String, u64)]) -> CpuTime {
    CpuTime {
        total: of(stat, "usage_usec") * MICRO,
        kernel: of(stat, "system_usec") * MICRO,
        user: of(stat, "user_usec") * MICRO,
        each: Vec::new(),
        periods: of(stat, "nr_periods"),
        throttled_periods: of(stat, "nr_throttled"),
        throttled_time: of(stat, "throttled_usec") * MICRO,
    }
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`
fn devices(line: &str) -> Vec<BlockCount> {
    let mut words = line.split_whitespace();
    let device = words.next().and_then(|device| {
        let (major, minor) = device.split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    let Some((major, minor)) = device else { return Vec::new() };
    let counts: BTreeMap<String, u64> = words.filter_map(|word| pair(word, '=')).collect();
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    [("read", "rbytes", "rios"), ("write", "wbytes", "wios")]
        .map(|(op, bytes, operations)| BlockCount {
            major,
            minor,
            op,
            bytes: count(bytes),
            operations: count(operations),
        })
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_nanoseconds_and_devices_have_both_directions() {
        let stat = [("usage_usec".to_owned(), 5), ("nr_throttled".to_owned(), 2)];
        assert_eq!((cpu(&stat).total, cpu(&stat).throttled_periods), (5000, 2));
        let found = devices("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0");
        let told: Vec<_> = found.iter().map(|c| (c.op, c.bytes, c.operations)).collect();
        assert_eq!(told, [("read", 4096, 1), ("write", 8192, 2)]);
        assert!(devices("").is_empty());
    }
}
