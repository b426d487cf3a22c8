//! Limits as cgroup v1 knows them (Documentation/admin-guide/cgroup-v1).

use super::{Writes, cpuset, hugepages, pids, rdma, refuse, set, size, weight};
use crate::error::{Error, Result};
use crate::plan::types::Manner;
use crate::spec::{BlockIo, Cpu, Memory, Network, Resources};

pub(super) fn writes(resources: &Resources, writes: &mut Writes) -> Result<()> {
    if !resources.unified.is_empty() {
        return Err(Error::new(
            "linux.resources.unified: invalid configuration: cannot use unified on cgroup v1",
        ));
    }
    pids(resources, writes);
    if let Some(memory) = &resources.memory {
        self::memory(memory, writes)?;
    }
    if let Some(io) = &resources.block_io {
        block_io(io, writes)?;
    }
    if let Some(cpu) = &resources.cpu {
        self::cpu(cpu, writes)?;
        cpuset(cpu, writes);
    }
    hugepages(resources, "limit_in_bytes", writes)?;
    rdma(resources, writes);
    if let Some(network) = &resources.network {
        self::network(network, writes);
    }
    Ok(())
}

fn memory(memory: &Memory, writes: &mut Writes) -> Result<()> {
    const LIMIT: &str = "linux.resources.memory.limit";
    const SWAP: &str = "linux.resources.memory.swap";
    let limit = size(LIMIT, memory.limit)?;
    let swap = size(SWAP, memory.swap)?;
    if let Some(hierarchy) = memory.use_hierarchy {
        const FIELD: &str = "linux.resources.memory.useHierarchy";
        writes.add(FIELD, "memory.use_hierarchy", u8::from(hierarchy));
    }
    if let Some(limit) = limit {
        // The limit may not be above that of memory and swap, which may be about to grow.
        writes.add(LIMIT, "memory.limit_in_bytes", limit).manner = Manner::Again;
    }
    const SUM: &str = "memory.memsw.limit_in_bytes";
    match (limit, swap) {
        (_, Some(swap)) => drop(writes.add(SWAP, SUM, swap)),
        (Some(-1), None) => writes.add(LIMIT, SUM, -1).manner = Manner::IfThere,
        (_, None) => {}
    }
    const RESERVATION: &str = "linux.resources.memory.reservation";
    if let Some(reservation) = size(RESERVATION, memory.reservation)? {
        writes.add(RESERVATION, "memory.soft_limit_in_bytes", reservation);
    }
    if memory.disable_oom_killer == Some(true) {
        writes.add("linux.resources.memory.disableOOMKiller", "memory.oom_control", 1);
    }
    const SWAPPINESS: &str = "linux.resources.memory.swappiness";
    match memory.swappiness {
        // -1 of those who count without a sign
        None | Some(u64::MAX) => {}
        Some(value @ ..=100) => drop(writes.add(SWAPPINESS, "memory.swappiness", value)),
        Some(value) => return Err(refuse(SWAPPINESS, &value, "not from 0 to 100")),
    }
    Ok(())
}

fn cpu(cpu: &Cpu, writes: &mut Writes) -> Result<()> {
    const SHARES: &str = "linux.resources.cpu.shares";
    match set(cpu.shares) {
        None => {}
        // The kernel would silently take the nearest value that it has.
        Some(1) => {
            return Err(Error::new(format!("{SHARES}: the minimum allowed cpu-shares is 2")));
        }
        Some(262_145..) => {
            return Err(Error::new(format!("{SHARES}: the maximum allowed cpu-shares is 262144")));
        }
        // A group that is idle has no shares until it is idle no longer.
        Some(shares) => writes.add(SHARES, "cpu.shares", shares).manner = Manner::Again,
    }
    if let Some(idle) = cpu.idle {
        writes.add("linux.resources.cpu.idle", "cpu.idle", idle);
    }
    // Each of these is checked against the others, so that any of them may have to wait.
    let times = [
        ("linux.resources.cpu.period", "cpu.cfs_period_us", set(cpu.period).map(|v| v.to_string())),
        ("linux.resources.cpu.burst", "cpu.cfs_burst_us", cpu.burst.map(|v| v.to_string())),
        ("linux.resources.cpu.quota", "cpu.cfs_quota_us", set(cpu.quota).map(|v| v.to_string())),
        (
            "linux.resources.cpu.realtimePeriod",
            "cpu.rt_period_us",
            set(cpu.realtime_period).map(|v| v.to_string()),
        ),
        (
            "linux.resources.cpu.realtimeRuntime",
            "cpu.rt_runtime_us",
            set(cpu.realtime_runtime).map(|v| v.to_string()),
        ),
    ];
    for (field, file, value) in times {
        if let Some(value) = value {
            writes.add(field, file, value).manner = Manner::Again;
        }
    }
    Ok(())
}

fn block_io(io: &BlockIo, writes: &mut Writes) -> Result<()> {
    const WEIGHT: &str = "linux.resources.blockIO.weight";
    const LEAF: &str = "linux.resources.blockIO.leafWeight";
    const DEVICE: &str = "linux.resources.blockIO.weightDevice";
    if let Some(weight) = weight(WEIGHT, io.weight)? {
        let bfq = Manner::Else { file: "blkio.bfq.weight", value: weight.to_string() };
        writes.add(WEIGHT, "blkio.weight", weight).manner = bfq;
    }
    if let Some(weight) = weight(LEAF, io.leaf_weight)? {
        writes.add(LEAF, "blkio.leaf_weight", weight);
    }
    for device in &io.weight_device {
        let number = format!("{}:{}", device.major, device.minor);
        if let Some(weight) = weight(DEVICE, device.weight)? {
            let line = format!("{number} {weight}");
            let bfq = Manner::Else { file: "blkio.bfq.weight_device", value: line.clone() };
            writes.add(DEVICE, "blkio.weight_device", line).manner = bfq;
        }
        if let Some(weight) = weight(DEVICE, device.leaf_weight)? {
            writes.add(DEVICE, "blkio.leaf_weight_device", format!("{number} {weight}"));
        }
    }
    for (field, what, devices) in [
        ("linux.resources.blockIO.throttleReadBpsDevice", "read_bps", &io.throttle_read_bps),
        ("linux.resources.blockIO.throttleWriteBpsDevice", "write_bps", &io.throttle_write_bps),
        ("linux.resources.blockIO.throttleReadIOPSDevice", "read_iops", &io.throttle_read_iops),
        ("linux.resources.blockIO.throttleWriteIOPSDevice", "write_iops", &io.throttle_write_iops),
    ] {
        for device in devices {
            let value = format!("{}:{} {}", device.major, device.minor, device.rate);
            writes.add(field, format!("blkio.throttle.{what}_device"), value);
        }
    }
    Ok(())
}

fn network(network: &Network, writes: &mut Writes) {
    if let Some(class) = set(network.class_id) {
        writes.add("linux.resources.network.classID", "net_cls.classid", class);
    }
    for interface in &network.priorities {
        let line = format!("{} {}", interface.name, interface.priority);
        writes.add("linux.resources.network.priorities", "net_prio.ifpriomap", line);
    }
}
