//! What a container has used, in the form in which runc's `events` tells it: the callers read that.

mod legacy;
mod unified;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Cgroup, Group};
use crate::error::Result;

/// The `data` of a `stats` event. Numbers that are 0 are left out where runc leaves them out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Time on the CPUs.
    pub cpu: Cpu,
    /// CPUs and memory nodes that may be used.
    pub cpuset: CpuSet,
    /// Memory in bytes.
    pub memory: Memory,
    /// Processes and threads.
    pub pids: Pids,
    /// Block devices.
    pub blkio: Blkio,
    /// Huge pages by their size.
    pub hugetlb: BTreeMap<String, HugePages>,
    /// Filled by who knows the container's groups of resource control.
    pub intel_rdt: Nothing,
    /// Filled by who knows the container's network.
    pub network_interfaces: Option<()>,
}

/// An object without a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Nothing {}

/// Times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// Time used.
    pub usage: CpuUsage,
    /// Time waited for the quota.
    pub throttling: Throttling,
    /// Time lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// Times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CpuUsage {
    /// All of it.
    #[serde(skip_serializing_if = "is_zero")]
    pub total: u64,
    /// By CPU.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu: Vec<u64>,
    /// By CPU, in the kernel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_kernel: Vec<u64>,
    /// By CPU, outside of the kernel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_user: Vec<u64>,
    /// In the kernel.
    pub kernel: u64,
    /// Outside of the kernel.
    pub user: u64,
}

/// What the quota did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttling {
    /// Periods that have passed.
    #[serde(skip_serializing_if = "is_zero")]
    pub periods: u64,
    /// Periods in which the quota was used up.
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_periods: u64,
    /// Nanoseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_time: u64,
}

/// cpuset(7)
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names of the kernel's files")]
pub struct CpuSet {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u16>,
    pub cpu_exclusive: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mems: Vec<u16>,
    pub mem_hardwall: u64,
    pub mem_exclusive: u64,
    pub memory_migrate: u64,
    pub memory_spread_page: u64,
    pub memory_spread_slab: u64,
    pub memory_pressure: u64,
    pub sched_load_balance: u64,
    pub sched_relax_domain_level: i64,
}

/// Memory in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Page cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache: u64,
    /// Memory.
    pub usage: MemoryUse,
    /// Memory and swap together.
    pub swap: MemoryUse,
    /// Memory of the kernel (v1).
    pub kernel: MemoryUse,
    /// Buffers of TCP (v1).
    #[serde(rename = "kernelTCP")]
    pub kernel_tcp: MemoryUse,
    /// memory.stat
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, u64>,
    /// Time lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// Bytes of one kind of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemoryUse {
    /// How much there may be; 2^64 - 1 is no limit.
    pub limit: u64,
    /// How much there is.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    /// How much there has been.
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    /// How often the limit was hit.
    pub failcnt: u64,
}

/// Processes and threads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pids {
    /// How many there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub current: u64,
    /// How many there may be; 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: u64,
}

/// Tables of block devices.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names of the kernel's files")]
pub struct Blkio {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_bytes_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_serviced_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "ioQueueRecursive")]
    pub io_queued_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_wait_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_merged_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_time_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sectors_recursive: Vec<BlkioEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
}

/// One number of one block device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BlkioEntry {
    /// Device number, major part.
    #[serde(skip_serializing_if = "is_zero")]
    pub major: u64,
    /// Device number, minor part.
    #[serde(skip_serializing_if = "is_zero")]
    pub minor: u64,
    /// `Read`, `Write` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub op: String,
    /// In the table's unit.
    #[serde(skip_serializing_if = "is_zero")]
    pub value: u64,
}

/// Bytes of huge pages of one size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HugePages {
    /// How much there is.
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    /// How much there has been (v1).
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    /// How often the limit was hit.
    pub failcnt: u64,
}

/// Pressure stall information (Documentation/accounting/psi.rst).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// Somebody waited.
    pub some: Stall,
    /// Everybody waited.
    pub full: Stall,
}

/// Shares of time in percent, and microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stall {
    /// Over ten seconds.
    pub avg10: f64,
    /// Over a minute.
    pub avg60: f64,
    /// Over five minutes.
    pub avg300: f64,
    /// Microseconds in all.
    pub total: u64,
}

impl Cgroup {
    /// Reads all that the kernel counts.
    ///
    /// # Errors
    /// A file that is there and cannot be read. What this kernel does not count is 0.
    pub fn stats(&self) -> Result<Stats> {
        match self.only_unified() {
            Some(group) => unified::stats(group),
            None => legacy::stats(self),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Group {
    /// A file's text; nothing when this kernel does not have it.
    fn text(&self, name: &str) -> Result<String> {
        match self.read(name) {
            Err(error) if error.is(libc::ENOENT) || error.is(libc::EOPNOTSUPP) => Ok(String::new()),
            text => text,
        }
    }

    /// A file of one number; `max` is the greatest one, and one that is not there is 0.
    fn number(&self, name: &str) -> Result<u64> {
        Ok(number(&self.text(name)?))
    }

    /// The sizes of huge pages that have files which end in `suffix`, like `2MB`.
    fn page_sizes(&self, suffix: &str) -> Vec<String> {
        let names = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let size = |name: String| {
            let size = name.strip_prefix("hugetlb.")?.strip_suffix(suffix)?;
            (!size.contains('.')).then(|| size.to_owned())
        };
        names.filter_map(size).collect()
    }
}

fn number(text: &str) -> u64 {
    match text.trim() {
        "max" => u64::MAX,
        text => text.parse().unwrap_or(0),
    }
}

/// Lines of a name and a number.
fn pairs(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| line.split_once(' ')).map(|(key, value)| (key, number(value)))
}

fn value(text: &str, key: &str) -> u64 {
    pairs(text).find(|(name, _)| *name == key).map_or(0, |(_, value)| value)
}

/// A list like `0-2,7`.
fn list(text: &str) -> Vec<u16> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u16>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same for `full`.
fn pressure(text: &str) -> Option<Pressure> {
    let stall = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        let word = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key));
        let share = |key: &str| word(key).and_then(|value| value.parse().ok()).unwrap_or(0.0);
        Some(Stall {
            avg10: share("avg10="),
            avg60: share("avg60="),
            avg300: share("avg300="),
            total: word("total=").map_or(0, number),
        })
    };
    // Before Linux 5.13 the CPU has no line for `full`.
    Some(Pressure { some: stall("some ")?, full: stall("full ").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_spelled_out() {
        for (text, numbers) in [
            ("0-2,7\n", &[0, 1, 2, 7][..]),
            ("5", &[5]),
            ("", &[]),
            ("\n", &[]),
            ("x,3-,1", &[1]),
            ("3-1", &[]),
        ] {
            assert_eq!(list(text), numbers, "{text:?}");
        }
    }

    #[test]
    fn pressure_is_read_with_and_without_full() {
        let some = Stall { avg10: 1.71, avg60: 2.36, avg300: 2.57, total: 230_548_833 };
        let text = "some avg10=1.71 avg60=2.36 avg300=2.57 total=230548833\n";
        let read = pressure(text).unwrap();
        assert_eq!(read, Pressure { some: some.clone(), full: Stall::default() });
        let both = format!("{text}full avg10=1.71 avg60=2.36 avg300=2.57 total=230548833\n");
        assert_eq!(pressure(&both).unwrap().full, some);
        assert_eq!(pressure(""), None);
    }

    #[test]
    fn a_container_that_used_nothing_looks_as_it_does_with_runc() {
        let text = serde_json::to_string(&Stats::default()).unwrap();
        let expected = r#"{"cpu":{"usage":{"kernel":0,"user":0},"throttling":{}},
            "cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,
            "memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,
            "sched_load_balance":0,"sched_relax_domain_level":0},
            "memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},
            "kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},
            "pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}"#;
        assert_eq!(text, expected.replace(char::is_whitespace, ""));
    }
}
