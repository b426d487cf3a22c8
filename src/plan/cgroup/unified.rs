//! Limits as cgroup v2 knows them (Documentation/admin-guide/cgroup-v2.rst).

use super::{Writes, cpuset, hugepages, pids, rdma, refuse, set, size, weight};
use crate::error::{Error, Result};
use crate::plan::types::{CgroupWrite, Manner};
use crate::spec::{BlockIo, Cpu, Memory, Network, Resources};

pub(super) fn writes(resources: &Resources, writes: &mut Writes) -> Result<()> {
    pids(resources, writes);
    if let Some(memory) = &resources.memory {
        self::memory(memory, writes)?;
    }
    if let Some(io) = &resources.block_io {
        block_io(io, writes)?;
    }
    if let Some(cpu) = &resources.cpu {
        self::cpu(cpu, writes);
        cpuset(cpu, writes);
    }
    hugepages(resources, "max", writes)?;
    rdma(resources, writes);
    if resources.network.as_ref().is_some_and(|network| *network != Network::default()) {
        writes.warn("linux.resources.network exists only in cgroup v1");
    }
    raw(resources, writes)?;
    warn_idle_weight(writes);
    Ok(())
}

fn warn_idle_weight(writes: &mut Writes) {
    let weighs = writes.list.iter().any(|write| write.file == "cpu.weight");
    let idles = |write: &CgroupWrite| write.file == "cpu.idle" && write.value == "1";
    if weighs && writes.list.iter().any(idles) {
        writes.warn("unable to apply both cpu.weight and cpu.idle: an idle group has no weight");
    }
}

fn memory(memory: &Memory, writes: &mut Writes) -> Result<()> {
    const LIMIT: &str = "linux.resources.memory.limit";
    const SWAP: &str = "linux.resources.memory.swap";
    let limit = size(LIMIT, memory.limit)?;
    let swap = size(SWAP, memory.swap)?;
    let beyond_usage = |size: Option<i64>| {
        let bound = size.filter(|_| memory.check_before_update == Some(true));
        bound.and_then(|size| size.try_into().ok())
    };
    if let Some(alone) = swap_alone(limit, swap)? {
        let write = writes.add(SWAP, "memory.swap.max", or_max(alone));
        write.beyond_usage = beyond_usage(swap);
        // Without swap accounting, no swap and unlimited swap are what there is anyway.
        if alone <= 0 {
            write.manner = Manner::IfThere;
        }
    }
    if let Some(limit) = limit {
        writes.add(LIMIT, "memory.max", or_max(limit)).beyond_usage = beyond_usage(Some(limit));
    }
    const RESERVATION: &str = "linux.resources.memory.reservation";
    if let Some(reservation) = size(RESERVATION, memory.reservation)? {
        writes.add(RESERVATION, "memory.low", or_max(reservation));
    }
    if memory.use_hierarchy == Some(false) {
        writes.warn("linux.resources.memory.useHierarchy: cgroup v2 always counts groups below");
    }
    if memory.swappiness.is_some() {
        writes.warn("linux.resources.memory.swappiness exists only in cgroup v1");
    }
    if memory.disable_oom_killer == Some(true) {
        writes.warn("linux.resources.memory.disableOOMKiller exists only in cgroup v1");
    }
    Ok(())
}

/// Swap without memory: config.json means the sum of both, v2 only the swap.
fn swap_alone(limit: Option<i64>, sum: Option<i64>) -> Result<Option<i64>> {
    const SWAP: &str = "linux.resources.memory.swap";
    match (limit, sum) {
        (Some(-1), None) => Ok(Some(-1)),
        (_, None) => Ok(None),
        (_, Some(-1)) => Ok(Some(-1)),
        (Some(-1), sum) => Ok(sum),
        (None, Some(_)) => {
            Err(Error::new(format!("{SWAP}: unable to set swap limit without memory limit")))
        }
        (Some(limit), Some(sum)) if sum < limit => {
            Err(Error::new(format!("{SWAP}: memory+swap limit should be >= memory limit")))
        }
        (Some(limit), Some(sum)) => Ok(Some(sum - limit)),
    }
}

fn or_max(size: i64) -> String {
    if size < 0 { "max".to_owned() } else { size.to_string() }
}

fn cpu(cpu: &Cpu, writes: &mut Writes) {
    if let Some(shares) = set(cpu.shares) {
        // A group that is idle has no weight until it is idle no longer.
        let write = writes.add("linux.resources.cpu.shares", "cpu.weight", cpu_weight(shares));
        write.manner = Manner::Again;
    }
    if let Some(idle) = cpu.idle {
        writes.add("linux.resources.cpu.idle", "cpu.idle", idle);
    }
    if let Some(burst) = cpu.burst {
        // The burst may not be larger than the quota, which may be about to grow.
        writes.add("linux.resources.cpu.burst", "cpu.max.burst", burst).manner = Manner::Again;
    }
    let (field, value) = match (set(cpu.quota), set(cpu.period)) {
        (None, None) => return warn_realtime(cpu, writes),
        (Some(quota), None) => ("linux.resources.cpu.quota", or_max(quota)),
        (None, Some(period)) => ("linux.resources.cpu.period", format!("max {period}")),
        (Some(quota), Some(period)) => {
            ("linux.resources.cpu.quota", format!("{} {period}", or_max(quota)))
        }
    };
    writes.add(field, "cpu.max", value);
    warn_realtime(cpu, writes);
}

fn warn_realtime(cpu: &Cpu, writes: &mut Writes) {
    if set(cpu.realtime_runtime).is_some() || set(cpu.realtime_period).is_some() {
        writes
            .warn("linux.resources.cpu.realtimeRuntime and realtimePeriod exist only in cgroup v1");
    }
}

/// The weight (1 to 10000, 100 by default) for shares (2 to 262144, 1024 by default): the curve of
/// second order, in logarithms, through both ends and both defaults, as the newest runc has it.
fn cpu_weight(shares: u64) -> u64 {
    match shares {
        ..=2 => return 1,
        262_144.. => return 10_000,
        _ => {}
    }
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    10_f64.powf(exponent).ceil() as u64
}

fn block_io(io: &BlockIo, writes: &mut Writes) -> Result<()> {
    const WEIGHT: &str = "linux.resources.blockIO.weight";
    const DEVICE: &str = "linux.resources.blockIO.weightDevice";
    let line = |device: &str, weight| {
        (format!("{device}{weight}"), format!("{device}{}", io_weight(weight)))
    };
    if let Some(weight) = weight(WEIGHT, io.weight)? {
        let (bfq, value) = line("", weight);
        writes.add(WEIGHT, "io.bfq.weight", bfq).manner = Manner::Else { file: "io.weight", value };
    }
    for device in &io.weight_device {
        if let Some(weight) = weight(DEVICE, device.weight)? {
            let (bfq, value) = line(&format!("{}:{} ", device.major, device.minor), weight);
            let otherwise = Manner::Else { file: "io.weight", value };
            writes.add(DEVICE, "io.bfq.weight", bfq).manner = otherwise;
        }
    }
    let leaf = io.weight_device.iter().any(|device| set(device.leaf_weight).is_some());
    if leaf || set(io.leaf_weight).is_some() {
        writes.warn("linux.resources.blockIO.leafWeight exists only in cgroup v1");
    }
    for (field, key, devices) in [
        ("linux.resources.blockIO.throttleReadBpsDevice", "rbps", &io.throttle_read_bps),
        ("linux.resources.blockIO.throttleWriteBpsDevice", "wbps", &io.throttle_write_bps),
        ("linux.resources.blockIO.throttleReadIOPSDevice", "riops", &io.throttle_read_iops),
        ("linux.resources.blockIO.throttleWriteIOPSDevice", "wiops", &io.throttle_write_iops),
    ] {
        for device in devices {
            let rate = if device.rate == 0 { "max".to_owned() } else { device.rate.to_string() };
            let value = format!("{}:{} {key}={rate}", device.major, device.minor);
            writes.add(field, "io.max", value);
        }
    }
    Ok(())
}

/// The weight of io.weight (1 to 10000) for one of blkio (10 to 1000).
fn io_weight(weight: u16) -> u64 {
    1 + (u64::from(weight) - 10) * 9999 / 990
}

/// `unified`: files of v2 by their own names, last, so that they win.
fn raw(resources: &Resources, writes: &mut Writes) -> Result<()> {
    const FIELD: &str = "linux.resources.unified";
    for (file, value) in resources.unified.iter() {
        let name = file.as_str();
        if name.contains('/') || ["", ".", ".."].contains(&name) {
            return Err(refuse(FIELD, &format!("{name:?}"), "no name of a file (no slashes)"));
        }
        if !name.contains('.') {
            let words = format!("the specified key has not the form CONTROLLER.VALUE `{name}`");
            return Err(Error::new(format!("{FIELD}: {words}")));
        }
        writes.add(FIELD, name.to_owned(), value.as_str()).manner = Manner::Lines;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_weights_on_the_curve_of_runc() {
        // Calculated with forty digits.
        for (shares, weight) in [
            (0, 1),
            (2, 1),
            (3, 2),
            (10, 4),
            (128, 21),
            (512, 59),
            (1024, 100),
            (2048, 174),
            (102_400, 4429),
            (262_143, 10_000),
            (u64::MAX, 10_000),
        ] {
            assert_eq!(cpu_weight(shares), weight, "{shares}");
        }
        assert!((2..262_144).step_by(97).all(|x| cpu_weight(x) <= cpu_weight(x + 97)));
    }

    #[test]
    fn weights_of_blkio_cover_the_range_of_io() {
        for (old, new) in [(10, 1), (100, 910), (500, 4950), (1000, 10000)] {
            assert_eq!(io_weight(old), new);
        }
    }

    #[test]
    fn swap_is_the_sum_without_the_memory() {
        for (limit, sum, swap) in [
            (None, None, None),
            (Some(100), None, None),
            (Some(-1), None, Some(-1)),
            (Some(100), Some(100), Some(0)),
            (Some(100), Some(300), Some(200)),
            (Some(100), Some(-1), Some(-1)),
            (None, Some(-1), Some(-1)),
            (Some(-1), Some(300), Some(300)),
        ] {
            assert_eq!(swap_alone(limit, sum).unwrap(), swap, "{limit:?} {sum:?}");
        }
        assert!(
            swap_alone(None, Some(5)).unwrap_err().to_string().contains("without memory limit")
        );
        assert!(swap_alone(Some(6), Some(5)).unwrap_err().to_string().contains(">= memory limit"));
    }
}
