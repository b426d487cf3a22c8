//! Policies for CPU, I/O and memory. Resource limits come from the runtime, which may raise them.

use super::Init;
use crate::error::{Doing, Result};
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
    scheduling::set(attributes).doing(|| {
        "set the scheduler (the deadline policy also needs every CPU of the cpuset)".into()
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
