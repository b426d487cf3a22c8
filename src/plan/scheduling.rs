//! Words for the scheduler, I/O priority, memory policy, CPUs and personality become numbers.

use super::number_list;
use super::text::{bits, number};
use super::types::{Affinity, MemoryPolicy, Scheduler};
use crate::error::{Doing, Error, Result};
use crate::spec;

/// `SCHED_*` (linux/sched.h)
const POLICIES: [(&str, u32); 7] = [
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_ISO", 4),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
];

/// `SCHED_FLAG_*` (linux/sched.h)
const SCHEDULER_FLAGS: [(&str, u64); 7] = [
    ("SCHED_FLAG_RESET_ON_FORK", 0x01),
    ("SCHED_FLAG_RECLAIM", 0x02),
    ("SCHED_FLAG_DL_OVERRUN", 0x04),
    ("SCHED_FLAG_KEEP_POLICY", 0x08),
    ("SCHED_FLAG_KEEP_PARAMS", 0x10),
    ("SCHED_FLAG_UTIL_CLAMP_MIN", 0x20),
    ("SCHED_FLAG_UTIL_CLAMP_MAX", 0x40),
];

/// `IOPRIO_CLASS_*` (linux/ioprio.h)
const IO_CLASSES: [(&str, u16); 3] =
    [("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)];
const IO_CLASS_SHIFT: u16 = 13;

/// `MPOL_*` (linux/mempolicy.h)
const MEMORY_MODES: [(&str, u32); 7] = [
    ("MPOL_DEFAULT", 0),
    ("MPOL_PREFERRED", 1),
    ("MPOL_BIND", 2),
    ("MPOL_INTERLEAVE", 3),
    ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5),
    ("MPOL_WEIGHTED_INTERLEAVE", 6),
];

/// `MPOL_F_*` (linux/mempolicy.h)
const MEMORY_FLAGS: [(&str, u64); 3] = [
    ("MPOL_F_NUMA_BALANCING", 1 << 13),
    ("MPOL_F_RELATIVE_NODES", 1 << 14),
    ("MPOL_F_STATIC_NODES", 1 << 15),
];

/// personality(2)
const DOMAINS: [(&str, u64); 2] = [("LINUX", 0x00), ("LINUX32", 0x08)];

/// The words that `linux.memoryPolicy.mode` may be.
pub fn memory_modes() -> impl Iterator<Item = &'static str> {
    MEMORY_MODES.iter().map(|(name, _)| *name)
}

/// The words that `linux.memoryPolicy.flags` may hold.
pub fn memory_flags() -> impl Iterator<Item = &'static str> {
    MEMORY_FLAGS.iter().map(|(name, _)| *name)
}

/// For sched_setattr(2).
pub(super) fn scheduler(scheduler: &spec::Scheduler<'_>) -> Result<Scheduler> {
    Ok(Scheduler {
        policy: number("process.scheduler.policy", &POLICIES, &scheduler.policy)?,
        flags: bits("process.scheduler.flags", &SCHEDULER_FLAGS, &scheduler.flags)?,
        nice: scheduler.nice,
        priority: u32::try_from(scheduler.priority).map_err(|_| {
            Error::new(format!("process.scheduler.priority: {} is negative", scheduler.priority))
        })?,
        runtime: scheduler.runtime.unwrap_or(0),
        deadline: scheduler.deadline.unwrap_or(0),
        period: scheduler.period.unwrap_or(0),
    })
}

/// For ioprio_set(2).
pub(super) fn io_priority(priority: &spec::IoPriority<'_>) -> Result<u16> {
    let class = number("process.ioPriority.class", &IO_CLASSES, &priority.class)?;
    match u16::try_from(priority.priority) {
        Ok(level @ 0..=7) => Ok(class << IO_CLASS_SHIFT | level),
        _ => {
            let words = format!("invalid ioPriority.Priority: {}", priority.priority);
            Err(Error::new(format!("process.ioPriority: {words}")))
        }
    }
}

/// The CPUs of `exec`.
pub(super) fn affinity(affinity: Option<&spec::Affinity<'_>>) -> Result<Affinity> {
    let Some(affinity) = affinity else { return Ok(Affinity::default()) };
    let cpus = |field: &str, list: &str| match list {
        "" => Ok(None),
        list => match number_list::parse(list) {
            Ok(cpus) if cpus.is_empty() => Err(Error::new("names no CPU")),
            cpus => cpus.map(Some),
        }
        .doing(|| format!("process.execCPUAffinity.{field}")),
    };
    Ok(Affinity {
        initial: cpus("initial", &affinity.initial)?,
        last: cpus("final", &affinity.last)?,
    })
}

/// For set_mempolicy(2).
pub(super) fn memory_policy(policy: &spec::MemoryPolicy<'_>) -> Result<MemoryPolicy> {
    const FIELD: &str = "linux.memoryPolicy";
    let field = |name: &str| format!("{FIELD}.{name}: invalid memory policy {name}");
    let mode = number(&field("mode"), &MEMORY_MODES, &policy.mode)?;
    let flags =
        bits(&format!("{FIELD}.flags: invalid memory policy flag"), &MEMORY_FLAGS, &policy.flags)?;
    let nodes = number_list::parse(&policy.nodes).doing(|| field("nodes"))?;
    if matches!(policy.mode.as_str(), "MPOL_DEFAULT" | "MPOL_LOCAL") && !nodes.is_empty() {
        let words = format!("{} mode requires 0 nodes but got {}", &*policy.mode, nodes.len());
        return Err(Error::new(format!("{FIELD}.nodes: {words}")));
    }
    Ok(MemoryPolicy { mode: mode | flags as u32, nodes })
}

/// For personality(2). There are no flags yet, so they are passed over as in runc.
pub(super) fn personality(
    personality: &spec::Personality<'_>,
    warnings: &mut Vec<String>,
) -> Result<u64> {
    if !personality.flags.is_empty() {
        warnings.push("linux.personality.flags are passed over: none are supported".into());
    }
    number("linux.personality.domain", &DOMAINS, &personality.domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_kernels_numbers() {
        let wanted = spec::Scheduler {
            policy: "SCHED_FIFO".into(),
            priority: 9,
            flags: vec!["SCHED_FLAG_RESET_ON_FORK".into(), "SCHED_FLAG_DL_OVERRUN".into()],
            ..Default::default()
        };
        let planned = scheduler(&wanted).unwrap();
        assert_eq!((planned.policy, planned.flags, planned.priority), (1, 0b101, 9));
        let io = spec::IoPriority { class: "IOPRIO_CLASS_RT".into(), priority: 7 };
        assert_eq!(io_priority(&io).unwrap(), 0x2007);
        let memory = spec::MemoryPolicy {
            mode: "MPOL_WEIGHTED_INTERLEAVE".into(),
            nodes: "0".into(),
            flags: vec!["MPOL_F_STATIC_NODES".into()],
        };
        let planned = memory_policy(&memory).unwrap();
        assert_eq!(planned, MemoryPolicy { mode: 0x8006, nodes: vec![0] });
    }
}
