//! The files of cgroup v1.

use super::{
    Blkio, BlkioEntry, CpuSet, HugePages, Memory, MemoryUse, Pids, Stats, list, number, pairs,
    value,
};
use crate::cgroup::{Cgroup, Group};
use crate::error::Result;

/// cpuacct.stat counts in ticks of USER_HZ, which is 100 on all of Linux.
const TICK: u64 = 10_000_000;

pub(super) fn stats(cgroup: &Cgroup) -> Result<Stats> {
    let mut stats = Stats::default();
    if let Some(group) = cgroup.legacy("cpu") {
        let text = group.text("cpu.stat")?;
        stats.cpu.throttling.periods = value(&text, "nr_periods");
        stats.cpu.throttling.throttled_periods = value(&text, "nr_throttled");
        stats.cpu.throttling.throttled_time = value(&text, "throttled_time");
    }
    if let Some(group) = cgroup.legacy("cpuacct") {
        cpu_time(group, &mut stats)?;
    }
    if let Some(group) = cgroup.legacy("cpuset") {
        stats.cpuset = cpuset(group)?;
    }
    if let Some(group) = cgroup.legacy("memory") {
        stats.memory = memory(group)?;
    }
    if let Some(group) = cgroup.legacy("pids") {
        stats.pids = pids(group)?;
    }
    if let Some(group) = cgroup.legacy("blkio") {
        stats.blkio = blkio(group)?;
    }
    if let Some(group) = cgroup.legacy("hugetlb") {
        for size in group.page_sizes(".usage_in_bytes") {
            let file = |name: &str| group.number(&format!("hugetlb.{size}.{name}"));
            let usage = file("usage_in_bytes")?;
            let (max, failcnt) = (file("max_usage_in_bytes")?, file("failcnt")?);
            stats.hugetlb.insert(size, HugePages { usage, max, failcnt });
        }
    }
    Ok(stats)
}

fn cpu_time(group: &Group, stats: &mut Stats) -> Result<()> {
    let usage = &mut stats.cpu.usage;
    let ticks = group.text("cpuacct.stat")?;
    usage.user = value(&ticks, "user").saturating_mul(TICK);
    usage.kernel = value(&ticks, "system").saturating_mul(TICK);
    usage.total = group.number("cpuacct.usage")?;
    let percpu = group.text("cpuacct.usage_percpu")?;
    usage.percpu = percpu.split_whitespace().map(number).collect();
    // A table with a line of titles: CPU, user, system.
    for line in group.text("cpuacct.usage_all")?.lines().skip(1) {
        if let [_, user, kernel] = line.split(' ').collect::<Vec<_>>()[..] {
            usage.percpu_user.push(number(user));
            usage.percpu_kernel.push(number(kernel));
        }
    }
    Ok(())
}

fn cpuset(group: &Group) -> Result<CpuSet> {
    let flag = |name: &str| group.number(&format!("cpuset.{name}"));
    Ok(CpuSet {
        cpus: list(&group.text("cpuset.cpus")?),
        cpu_exclusive: flag("cpu_exclusive")?,
        mems: list(&group.text("cpuset.mems")?),
        mem_hardwall: flag("mem_hardwall")?,
        mem_exclusive: flag("mem_exclusive")?,
        memory_migrate: flag("memory_migrate")?,
        memory_spread_page: flag("memory_spread_page")?,
        memory_spread_slab: flag("memory_spread_slab")?,
        memory_pressure: flag("memory_pressure")?,
        sched_load_balance: flag("sched_load_balance")?,
        sched_relax_domain_level: group
            .text("cpuset.sched_relax_domain_level")?
            .trim()
            .parse()
            .unwrap_or(0),
    })
}

fn memory(group: &Group) -> Result<Memory> {
    let raw = group.text("memory.stat")?;
    let usage = |kind: &str| -> Result<MemoryUse> {
        let file = |name: &str| group.number(&format!("memory{kind}.{name}"));
        Ok(MemoryUse {
            limit: file("limit_in_bytes")?,
            usage: file("usage_in_bytes")?,
            max: file("max_usage_in_bytes")?,
            failcnt: file("failcnt")?,
        })
    };
    Ok(Memory {
        cache: value(&raw, "cache"),
        usage: usage("")?,
        swap: usage(".memsw")?,
        kernel: usage(".kmem")?,
        kernel_tcp: usage(".kmem.tcp")?,
        raw: pairs(&raw).map(|(key, value)| (key.to_owned(), value)).collect(),
        psi: None,
    })
}

/// The files have the same names in both versions.
pub(super) fn pids(group: &Group) -> Result<Pids> {
    let limit = Some(group.number("pids.max")?).filter(|limit| *limit != u64::MAX);
    Ok(Pids { current: group.number("pids.current")?, limit: limit.unwrap_or(0) })
}

/// The scheduler that counts most wins: BFQ, CFQ of old kernels, the throttling layer.
fn blkio(group: &Group) -> Result<Blkio> {
    const SERVED: [&str; 5] = [
        "blkio.bfq.io_serviced_recursive",
        "blkio.io_serviced_recursive",
        "blkio.throttle.io_serviced_recursive",
        "blkio.throttle.io_serviced",
        "",
    ];
    let mut blkio = Blkio::default();
    for served in SERVED.iter().take_while(|name| !name.is_empty()) {
        blkio.io_serviced_recursive = table(&group.text(served)?);
        if blkio.io_serviced_recursive.is_empty() {
            continue;
        }
        let table = |name: &str| -> Result<Vec<BlkioEntry>> {
            Ok(table(&group.text(&served.replace("io_serviced", name))?))
        };
        blkio.io_service_bytes_recursive = table("io_service_bytes")?;
        blkio.io_queued_recursive = table("io_queued")?;
        blkio.io_service_time_recursive = table("io_service_time")?;
        blkio.io_wait_time_recursive = table("io_wait_time")?;
        blkio.io_merged_recursive = table("io_merged")?;
        blkio.io_time_recursive = table("time")?;
        blkio.sectors_recursive = table("sectors")?;
        break;
    }
    Ok(blkio)
}

/// Lines of `MAJOR:MINOR [OP] VALUE`, and a sum at the end.
fn table(text: &str) -> Vec<BlkioEntry> {
    let entry = |line: &str| {
        let (device, rest) = line.split_once(' ')?;
        let (major, minor) = device.split_once(':')?;
        let (op, value) = rest.split_once(' ').unwrap_or(("", rest));
        let op = op.to_owned();
        let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
        Some(BlkioEntry { major, minor, op, value: value.parse().ok()? })
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_device_maybe_an_operation_and_a_value() {
        let entry = |major, minor, op: &str, value| {
            let op = op.to_owned();
            BlkioEntry { major, minor, op, value }
        };
        let text =
            "8:0 Read 100\n8:0 Write 200\n8:16 5\nTotal 300\nTotal\nx:y Read 1\n8:0 Read x\n";
        let entries = [entry(8, 0, "Read", 100), entry(8, 0, "Write", 200), entry(8, 16, "", 5)];
        assert_eq!(table(text), entries);
    }
}
