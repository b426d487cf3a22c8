//! The files of cgroup v2.

use super::legacy::pids;
use super::{
    BlkioEntry, Cpu, CpuSet, HugePages, Memory, MemoryUse, Stats, list, number, pairs, pressure,
    value,
};
use crate::cgroup::Group;
use crate::error::Result;

pub(super) fn stats(group: &Group) -> Result<Stats> {
    let mut stats = Stats {
        cpu: cpu(group)?,
        cpuset: cpuset(group)?,
        memory: memory(group)?,
        pids: pids(group)?,
        ..Stats::default()
    };
    let io = group.text("io.stat")?;
    stats.blkio.io_service_bytes_recursive = table(&io, "rbytes", "wbytes");
    stats.blkio.io_serviced_recursive = table(&io, "rios", "wios");
    stats.blkio.psi = pressure(&group.text("io.pressure")?);
    for size in group.page_sizes(".current") {
        let usage = group.number(&format!("hugetlb.{size}.current"))?;
        let failcnt = value(&group.text(&format!("hugetlb.{size}.events"))?, "max");
        stats.hugetlb.insert(size, HugePages { usage, max: 0, failcnt });
    }
    Ok(stats)
}

fn cpu(group: &Group) -> Result<Cpu> {
    let text = group.text("cpu.stat")?;
    let nanoseconds = |key: &str| value(&text, key).saturating_mul(1000);
    let mut cpu = Cpu { psi: pressure(&group.text("cpu.pressure")?), ..Cpu::default() };
    cpu.usage.total = nanoseconds("usage_usec");
    cpu.usage.user = nanoseconds("user_usec");
    cpu.usage.kernel = nanoseconds("system_usec");
    cpu.throttling.periods = value(&text, "nr_periods");
    cpu.throttling.throttled_periods = value(&text, "nr_throttled");
    cpu.throttling.throttled_time = nanoseconds("throttled_usec");
    Ok(cpu)
}

fn cpuset(group: &Group) -> Result<CpuSet> {
    Ok(CpuSet {
        cpus: list(&group.text("cpuset.cpus.effective")?),
        mems: list(&group.text("cpuset.mems.effective")?),
        ..CpuSet::default()
    })
}

fn memory(group: &Group) -> Result<Memory> {
    let raw = group.text("memory.stat")?;
    let usage = |kind: &str| -> Result<MemoryUse> {
        let file = |name: &str| group.number(&format!("memory{kind}.{name}"));
        let (limit, usage, max) = (file("max")?, file("current")?, file("peak")?);
        Ok(MemoryUse { limit, usage, max, failcnt: 0 })
    };
    let memory = usage("")?;
    let swap = usage(".swap")?;
    // The callers know swap from v1: with the memory in it. The highest sum nobody knows.
    let sum = MemoryUse {
        limit: swap.limit.saturating_add(memory.limit),
        usage: swap.usage.saturating_add(memory.usage),
        max: 0,
        failcnt: 0,
    };
    Ok(Memory {
        cache: value(&raw, "file"),
        usage: memory,
        swap: sum,
        raw: pairs(&raw).map(|(key, value)| (key.to_owned(), value)).collect(),
        psi: pressure(&group.text("memory.pressure")?),
        ..Memory::default()
    })
}

/// `MAJOR:MINOR key=value …` as the tables of v1.
fn table(text: &str, read: &str, write: &str) -> Vec<BlkioEntry> {
    let mut entries = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let device = words.next().and_then(|device| device.split_once(':'));
        let Some((Ok(major), Ok(minor))) = device.map(|(a, b)| (a.parse(), b.parse())) else {
            continue;
        };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let op = match key {
                key if key == read => "Read",
                key if key == write => "Write",
                _ => continue,
            };
            entries.push(BlkioEntry { major, minor, op: op.to_owned(), value: number(value) });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_stat_becomes_the_tables_of_v1() {
        let text =
            "254:1 rbytes=69 wbytes=14 rios=2 wios=3 dbytes=0 dios=0\n254:0 \n7:x rbytes=1\n";
        let entry = |op: &str, value| BlkioEntry { major: 254, minor: 1, op: op.into(), value };
        assert_eq!(table(text, "rbytes", "wbytes"), [entry("Read", 69), entry("Write", 14)]);
        assert_eq!(table(text, "rios", "wios"), [entry("Read", 2), entry("Write", 3)]);
    }
}
