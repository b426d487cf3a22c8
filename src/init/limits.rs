//! Policies for CPU, I/O and memory, and resource limits.

use super::Init;
use crate::error::{Doing, Result};
use crate::launch::FromInit;
use crate::plan::{Kind, Rlimit};
use crate::sys::{process, scheduling};

pub(super) fn set_scheduling(init: &mut Init<'_>) -> Result<()> {
    let process = init.process;
    match &process.affinity.last {
        Some(cpus) => scheduling::set_affinity(0, cpus)
            .doing(|| "set the CPU affinity (execCPUAffinity.final)".into())?,
        // The runtime's own affinity is not the container's.
        None => scheduling::reset_affinity().doing(|| "reset the CPU affinity".into())?,
    }
    if let Some(plan) = process.scheduler {
        set_scheduler(plan)?;
    }
    if let Some(priority) = process.io_priority {
        scheduling::set_io_priority(priority).doing(|| "set the I/O priority".into())?;
    }
    if let Some(persona) = process.personality {
        process::set_personality(persona).doing(|| "set the personality".into())?;
    }
    if let Some(policy) = &process.memory_policy {
        scheduling::set_memory_policy(policy.mode, &policy.nodes)
            .doing(|| "set the memory policy".into())?;
    }
    Ok(())
}

/// In a user namespace the right to raise them is gone, so that the runtime does it. Its answer
/// says as well that all else is set that only it can set.
pub(super) fn set_own_limits(init: &mut Init<'_>) -> Result<()> {
    let limits = &init.process.rlimits;
    let needs_rights = init.plan.namespaces.has(Kind::User) && !limits.is_empty();
    match needs_rights || init.awaits_runtime.get() {
        true => init.ask(&FromInit::SetLimits).map(drop),
        false => set_limits(0, limits),
    }
}

/// Sets the limits of a process; 0 is the caller.
///
/// # Errors
/// Names the limit; EPERM when it is to be raised without the right to.
pub fn set_limits(pid: i32, limits: &[Rlimit]) -> Result<()> {
    limits.iter().try_for_each(|limit| {
        process::set_limit(pid, limit.resource, limit.soft, limit.hard)
            .doing(|| format!("setrlimit `{}`", limit.name()))
    })
}

fn set_scheduler(plan: crate::plan::Scheduler) -> Result<()> {
    let attributes = scheduling::Attributes {
        size: 0,
        policy: plan.policy,
        flags: plan.flags,
        nice: plan.nice,
        priority: plan.priority,
        runtime: plan.runtime,
        deadline: plan.deadline,
        period: plan.period,
    };
    scheduling::set(attributes).doing(|| match plan.policy {
        scheduling::DEADLINE => "set the scheduler (SCHED_DEADLINE takes CAP_SYS_NICE, and a \
             process scheduler can't be used together with AllowedCPUs)"
            .into(),
        _ => "set the scheduler".into(),
    })
}

/// Core scheduling: threads with other cookies do not run on a core at the same time as these.
pub(super) fn take_own_cores(init: &mut Init<'_>) -> Result<()> {
    match init.plan.own_cores {
        true => scheduling::take_own_cores().doing(|| {
            "org.onggi.sched.core (ENODEV: no core has two threads; EINVAL: the kernel lacks it)"
                .into()
        }),
        false => Ok(()),
    }
}
