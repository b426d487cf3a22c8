//! Rules for a process.

use std::ops::RangeInclusive;

use super::{Found, Subject, namespace};
use crate::host::Host;
use crate::spec::{self, IdMapping, Spec};

pub(super) fn cwd_is_absolute(subject: &Subject<'_>, found: &mut Found) {
    let Some(process) = subject.process else { return };
    if process.cwd.is_empty() {
        found.add("process.cwd", "Cwd property must not be empty");
    } else if !process.cwd.starts_with('/') {
        found.add("process.cwd", "Cwd must be an absolute path");
    }
}

pub(super) fn args_are_there(subject: &Subject<'_>, found: &mut Found) {
    if subject.process.is_some_and(|process| process.args.is_empty()) {
        found.add("process.args", "args must not be empty");
    }
}

pub(super) fn limits_are_there_once(subject: &Subject<'_>, found: &mut Found) {
    let Some(process) = subject.process else { return };
    for (index, limit) in process.rlimits.iter().enumerate() {
        if process.rlimits[..index].iter().any(|earlier| earlier.kind == limit.kind) {
            let words = format!("{} is there twice", limit.kind);
            found.add(format!("process.rlimits[{index}]"), words);
        }
    }
}

pub(super) fn labels_need_their_module(subject: &Subject<'_>, found: &mut Found) {
    let Some(process) = subject.process else { return };
    if !process.selinux_label.is_empty() && !subject.host.selinux {
        let words =
            "selinux label is specified in config, but selinux is disabled or not supported";
        found.add("process.selinuxLabel", words);
    }
    let profile = process.apparmor_profile.as_str();
    // Without AppArmor every process is unconfined already.
    if !matches!(profile, "" | "unconfined") && !subject.host.apparmor {
        let words = "apparmor: config provided but apparmor not supported";
        found.add("process.apparmorProfile", words);
    }
}

pub(super) fn scheduler_fields_fit_the_policy(subject: &Subject<'_>, found: &mut Found) {
    let Some(scheduler) = subject.process.and_then(|process| process.scheduler.as_ref()) else {
        return;
    };
    let field = "process.scheduler";
    let policy = scheduler.policy.as_str();
    if policy.is_empty() {
        found.add(field, "scheduler policy is required");
    }
    if matches!(policy, "SCHED_OTHER" | "SCHED_BATCH") && !(-20..=19).contains(&scheduler.nice) {
        let words =
            format!("invalid scheduler.nice: {} when scheduler.policy is {policy}", scheduler.nice);
        found.add(field, words);
    }
    if scheduler.priority != 0 && !matches!(policy, "SCHED_FIFO" | "SCHED_RR") {
        let words = "scheduler.priority can only be specified for SchedFIFO or SchedRR policy";
        found.add(field, words);
    }
    let times = [scheduler.runtime, scheduler.deadline, scheduler.period];
    if policy == "SCHED_DEADLINE" {
        if let Some(words) = deadline_problem(scheduler) {
            found.add(field, format!("sched_setattr: `SCHED_DEADLINE` {words}"));
        }
    } else if times.iter().any(|time| time.unwrap_or(0) != 0) {
        let words =
            "scheduler runtime/deadline/period can only be specified for SchedDeadline policy";
        found.add(field, words);
    }
}

/// What the kernel takes, in nanoseconds (sched_setattr(2), `__checkparam_dl` in the kernel). Its
/// own answer is `EINVAL` to all of it; without a period the deadline is one.
fn deadline_problem(scheduler: &spec::Scheduler<'_>) -> Option<String> {
    const RANGE: RangeInclusive<u64> = 1 << 10..=i64::MAX as u64;
    let Some(runtime) = scheduler.runtime else { return Some("requires `runtime`".into()) };
    let Some(deadline) = scheduler.deadline else { return Some("requires `deadline`".into()) };
    let period = scheduler.period.filter(|period| *period != 0).unwrap_or(deadline);
    if runtime == 0 {
        return Some("runtime must be greater than 0".into());
    }
    for (name, time) in [("runtime", runtime), ("deadline", deadline), ("period", period)] {
        if !RANGE.contains(&time) {
            let (least, most) = (RANGE.start(), RANGE.end());
            return Some(format!("{name} {time} must be between {least} and {most}"));
        }
    }
    match (runtime <= deadline, deadline <= period) {
        (false, _) => Some(format!("runtime {runtime} must be <= deadline {deadline}")),
        (_, false) => Some(format!("deadline {deadline} must be <= period {period}")),
        _ => None,
    }
}

pub(super) fn io_priority_is_in_range(subject: &Subject<'_>, found: &mut Found) {
    let Some(priority) = subject.process.and_then(|process| process.io_priority.as_ref()) else {
        return;
    };
    if !(0..=7).contains(&priority.priority) {
        let words = format!("invalid ioPriority.Priority: {}", priority.priority);
        found.add("process.ioPriority", words);
    }
}

/// An id that a new user namespace does not map cannot be become. The largest number is no id:
/// it tells the kernel to leave the id as it is.
pub(super) fn ids_are_mapped(subject: &Subject<'_>, found: &mut Found) {
    let Some(process) = subject.process else { return };
    let linux = &subject.spec.linux;
    let own_maps = subject.namespace("user") == Some("");
    let mut look = |verb: &str, kind: &str, id: u32, maps: &[IdMapping]| {
        if id == u32::MAX {
            found.add("process.user", format!("{id} is not a {kind}"));
        } else if own_maps && !maps.is_empty() && !maps.iter().any(|line| line.maps(id)) {
            let words = format!("cannot {verb} to unmapped {kind} {id} in user namespace");
            found.add("process.user", words);
        }
    };
    look("setuid", "uid", process.user.uid, &linux.uid_mappings);
    look("setgid", "gid", process.user.gid, &linux.gid_mappings);
    for gid in &process.user.additional_gids {
        look("setgroups", "gid", *gid, &linux.gid_mappings);
    }
}

pub(super) fn groups_can_be_set(subject: &Subject<'_>, found: &mut Found) {
    let Some(process) = subject.process else { return };
    // For root they are passed over with a warning: a nested engine cannot know of the denial.
    let rootless = subject.host.euid != 0 && !may_set_groups(subject.spec, subject.host);
    if rootless && !process.user.additional_gids.is_empty() {
        let words = "cannot set any additional groups in a rootless container";
        found.add("process.user.additionalGids", words);
    }
}

/// Whether setgroups(2) is allowed in the container: not where the runtime's user namespace denies
/// it, and without privileges only where newgidmap(1) writes the map of a new one.
pub fn may_set_groups(spec: &Spec<'_>, host: &Host) -> bool {
    let linux = &spec.linux;
    let only = |lines: &[IdMapping], id: u32| match lines {
        [line] => line.host_id == id && line.size == 1,
        _ => false,
    };
    let own_maps_only =
        only(&linux.uid_mappings, host.euid) && only(&linux.gid_mappings, host.egid);
    let new = namespace(spec, "user") == Some("");
    host.setgroups && (host.euid == 0 || new && !own_maps_only)
}
