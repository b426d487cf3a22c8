//! What a container has used until an instant, as the kernel counts it.

use std::collections::BTreeMap;

use crate::time::Time;

/// All counts of one instant, those of Docker's API (later) among them; what nobody counts is 0 or
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// When they were read.
    pub read: Time,
    /// The container's time on CPUs.
    pub cpu: CpuTime,
    /// The machine's time on all CPUs together, idle or not, in nanoseconds.
    pub machine_cpu: u64,
    /// The machine's CPUs.
    pub online_cpus: u32,
    /// The container's memory.
    pub memory: MemoryUse,
    /// The container's processes and threads.
    pub pids: Pids,
    /// What went to and from block devices.
    pub block: Vec<BlockCount>,
    /// What went through its network devices, by name; `lo` is not among them.
    pub interfaces: BTreeMap<String, Interface>,
}

/// Time on CPUs, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// All of it.
    pub total: u64,
    /// In the kernel.
    pub kernel: u64,
    /// Outside of the kernel.
    pub user: u64,
    /// On each CPU, where that is counted (cgroup v1).
    pub each: Vec<u64>,
    /// Periods of the quota that have passed.
    pub periods: u64,
    /// Periods in which the quota was used up.
    pub throttled_periods: u64,
    /// Time waited for the quota.
    pub throttled_time: u64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// What is used now, the cache of files among it.
    pub usage: u64,
    /// The most that was used.
    pub most: u64,
    /// What may be used: the machine's memory, where nothing less was said.
    pub limit: u64,
    /// How often the limit was hit (cgroup v1).
    pub failures: u64,
    /// The group's `memory.stat`.
    pub stat: BTreeMap<String, u64>,
}

/// Processes and threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pids {
    /// How many there are.
    pub current: u64,
    /// How many there may be; 0 is any number.
    pub limit: u64,
}

/// What went to or from one block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockCount {
    /// The device's driver.
    pub major: u64,
    /// Its place in the driver.
    pub minor: u64,
    /// `read` or `write`.
    pub op: &'static str,
    /// Bytes.
    pub bytes: u64,
    /// Operations.
    pub operations: u64,
}

/// What went through one network device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interface {
    /// What came in.
    pub received: Traffic,
    /// What went out.
    pub sent: Traffic,
}

/// One direction of a network device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets with errors.
    pub errors: u64,
    /// Packets that were dropped.
    pub dropped: u64,
}

impl Sample {
    /// Memory without files that nobody has touched for a while: what Docker tells of as used.
    pub fn working_memory(&self) -> u64 {
        let memory = &self.memory;
        let idle = ["total_inactive_file", "inactive_file"].iter();
        let idle = idle.filter_map(|name| memory.stat.get(*name)).next().copied().unwrap_or(0);
        memory.usage.checked_sub(idle).unwrap_or(memory.usage)
    }

    /// The part of one CPU that was used since an earlier sample, in percent: with two CPUs at work
    /// it is 200.
    #[expect(clippy::cast_precision_loss, reason = "it is told with two digits")]
    pub fn cpu_percent(&self, before: &Sample) -> f64 {
        let own = self.cpu.total.saturating_sub(before.cpu.total) as f64;
        let all = self.machine_cpu.saturating_sub(before.machine_cpu) as f64;
        if all > 0.0 { own / all * f64::from(self.online_cpus) * 100.0 } else { 0.0 }
    }

    /// The part of the memory that it may use which it does use, in percent.
    #[expect(clippy::cast_precision_loss, reason = "it is told with two digits")]
    pub fn memory_percent(&self) -> f64 {
        match self.memory.limit {
            0 => 0.0,
            limit => self.working_memory() as f64 / limit as f64 * 100.0,
        }
    }

    /// Bytes that came in and went out by its network devices.
    pub fn network_bytes(&self) -> (u64, u64) {
        self.interfaces.values().fold((0, 0), |(received, sent), device| {
            (received + device.received.bytes, sent + device.sent.bytes)
        })
    }

    /// Bytes that were read from block devices and written to them.
    pub fn block_bytes(&self) -> (u64, u64) {
        let of = |op| self.block.iter().filter(move |one| one.op == op).map(|one| one.bytes).sum();
        (of("read"), of("write"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_what_dockers_client_makes_of_the_counts() {
        let before = Sample { machine_cpu: 3_000_000_000, ..Sample::default() };
        let memory = MemoryUse {
            usage: 300,
            limit: 1000,
            stat: [("total_inactive_file".to_owned(), 100), ("inactive_file".to_owned(), 7)].into(),
            ..MemoryUse::default()
        };
        let now = Sample {
            machine_cpu: 5_000_000_000,
            cpu: CpuTime { total: 500_000_000, ..CpuTime::default() },
            online_cpus: 2,
            memory,
            ..Sample::default()
        };
        assert!((now.cpu_percent(&before) - 50.0).abs() < 1e-9);
        assert!(now.cpu_percent(&now).abs() < 1e-9);
        assert_eq!(now.working_memory(), 200);
        assert!((now.memory_percent() - 20.0).abs() < 1e-9);
        assert!(before.memory_percent().abs() < 1e-9);
    }
}
