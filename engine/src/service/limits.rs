//! Pure: limits whose numbers make no sense, before the kernel refuses them at the start.

use crate::error::{Kind, Result, refuse};
use crate::model::{HostConfig, items};

/// The least memory that a program can start in.
const LEAST_MEMORY: i64 = 6 << 20;

/// The periods in which the kernel counts processor time, in microseconds.
const PERIODS: std::ops::RangeInclusive<i64> = 1_000..=1_000_000;

/// Whether the limits make sense, in Docker's words.
pub(super) fn check(host: &HostConfig) -> Result<()> {
    let wrong = |words: String| Err(refuse(Kind::Invalid, words));
    if let Some(words) = wrong_memory(host).or_else(|| wrong_time(host)) {
        return wrong(words.into());
    }
    if let Some(value) = host.memory_swappiness.filter(|value| !(-1..=100).contains(value)) {
        return wrong(format!("Invalid value: {value}, valid memory swappiness range is 0-100"));
    }
    if host.cpu_shares < 0 {
        return wrong("shares: invalid argument".into());
    }
    for (text, what) in [(&host.cpuset_cpus, "cpus"), (&host.cpuset_mems, "mems")] {
        if numbers(text).is_none() {
            return wrong(format!("Invalid value {text} for cpuset {what}"));
        }
    }
    let adjusted = host.oom_score_adj;
    if !(-1000..=1000).contains(&adjusted) {
        let words = "range for oom score adj is [-1000, 1000]";
        return wrong(format!("Invalid value {adjusted}, {words}"));
    }
    let weights = items(&host.blkio_weight_device).iter().map(|device| device.weight);
    let mut weights = weights.chain([host.blkio_weight]);
    if weights.any(|weight| weight != 0 && !(10..=1000).contains(&weight)) {
        return wrong("Range of blkio weight is from 10 to 1000".into());
    }
    for rule in items(&host.device_cgroup_rules) {
        if !is_device_rule(rule) {
            return wrong(format!("invalid device cgroup rule format: '{rule}'"));
        }
    }
    Ok(())
}

fn wrong_memory(host: &HostConfig) -> Option<&'static str> {
    let (memory, reserved) = (host.memory, host.memory_reservation);
    if memory != 0 && memory < LEAST_MEMORY {
        return Some("Minimum memory limit allowed is 6MB");
    }
    if host.memory_swap > 0 && memory == 0 {
        return Some(
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        );
    }
    if host.memory_swap > 0 && host.memory_swap < memory {
        return Some("Minimum memoryswap limit should be larger than memory limit, see usage");
    }
    if reserved != 0 && reserved < LEAST_MEMORY {
        return Some("Minimum memory reservation allowed is 6MB");
    }
    let words = "Minimum memory limit can not be less than memory reservation limit, see usage";
    (memory > 0 && reserved > memory).then_some(words)
}

fn wrong_time(host: &HostConfig) -> Option<&'static str> {
    if host.nano_cpus > 0 && host.cpu_period > 0 {
        return Some("Conflicting options: Nano CPUs and CPU Period cannot both be set.");
    }
    if host.nano_cpus > 0 && host.cpu_quota > 0 {
        return Some("Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
    }
    if host.cpu_period != 0 && !PERIODS.contains(&host.cpu_period) {
        return Some(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        );
    }
    let words = "CPU cfs quota can not be less than 1ms (i.e. 1000)";
    (host.cpu_quota > 0 && host.cpu_quota < *PERIODS.start()).then_some(words)
}

/// Whether the machine has the processors and the memory nodes that are named.
///
/// # Errors
/// In Docker's words, which tell of both sides.
pub(super) fn check_machine(host: &HostConfig, machine: &Machine) -> Result<()> {
    let processors = i64::try_from(machine.processors).unwrap_or(i64::MAX);
    if host.nano_cpus < 0 || host.nano_cpus > processors.saturating_mul(1_000_000_000) {
        let words = format!(
            "Range of CPUs is from 0.01 to {processors}.00, as there are only {processors} CPUs \
             available"
        );
        return Err(refuse(Kind::Invalid, words));
    }
    for (wanted, there, what) in [
        (&host.cpuset_cpus, &machine.cpus, "CPUs"),
        (&host.cpuset_mems, &machine.mems, "memory nodes"),
    ] {
        if !is_within(wanted, there) {
            let words = format!(
                "Requested {what} are not available - requested {wanted}, available: {there}"
            );
            return Err(refuse(Kind::Invalid, words));
        }
    }
    Ok(())
}

/// What the machine has of what can be named: lists as `0-3,8`.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) processors: usize,
    pub(super) cpus: String,
    pub(super) mems: String,
}

fn is_within(wanted: &str, there: &str) -> bool {
    let there = numbers(there).unwrap_or_default();
    let holds = |number: u32| there.iter().any(|range| range.contains(&number));
    numbers(wanted).unwrap_or_default().into_iter().all(|mut range| range.all(holds))
}

/// `0-2,5`, as ranges; nothing is no range.
fn numbers(list: &str) -> Option<Vec<std::ops::RangeInclusive<u32>>> {
    /// The kernel knows no higher one.
    const HIGHEST: u32 = 8191;
    let range = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last && last <= HIGHEST).then_some(first..=last)
    };
    list.split(',').filter(|_| !list.is_empty()).map(range).collect()
}

/// `c 1:3 rwm`: a kind, numbers or `*`, and what may be done.
fn is_device_rule(rule: &str) -> bool {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let [kind, numbers, access] = *words else { return false };
    let is_number = |text: &str| text == "*" || text.parse::<u32>().is_ok();
    matches!(kind, "a" | "b" | "c")
        && !access.is_empty()
        && numbers.split_once(':').is_some_and(|(a, b)| is_number(a) && is_number(b))
        && access.chars().all(|letter| "rwm".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_kernel_takes_are_refused() {
        check(&HostConfig::default()).unwrap();
        let rule = |text: &str| Some(vec![text.to_owned()]);
        let right = rule("c 1:* rw");
        check(&HostConfig { device_cgroup_rules: right, ..HostConfig::default() }).unwrap();
        for wrong in [
            HostConfig { memory: 1 << 20, ..HostConfig::default() },
            HostConfig { memory: 8 << 20, memory_reservation: 9 << 20, ..HostConfig::default() },
            HostConfig { memory_swappiness: Some(101), ..HostConfig::default() },
            HostConfig { memory_swap: 32 << 20, ..HostConfig::default() },
            HostConfig { memory_reservation: 1 << 10, ..HostConfig::default() },
            HostConfig { nano_cpus: 5, cpu_quota: 5000, ..HostConfig::default() },
            HostConfig { cpu_period: 500, ..HostConfig::default() },
            HostConfig { cpu_quota: 500, ..HostConfig::default() },
            HostConfig { cpuset_cpus: "1-10,11--".into(), ..HostConfig::default() },
            HostConfig { cpuset_mems: "3-1".into(), ..HostConfig::default() },
            HostConfig { oom_score_adj: 1001, ..HostConfig::default() },
            HostConfig { blkio_weight: 5, ..HostConfig::default() },
            HostConfig { device_cgroup_rules: rule("c 1 rw"), ..HostConfig::default() },
            HostConfig { device_cgroup_rules: rule("x 1:3 rw"), ..HostConfig::default() },
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_machine_gives_only_what_it_has() {
        let machine = Machine { processors: 4, cpus: "0-2,6".into(), mems: "0".into() };
        let said = |host: HostConfig| check_machine(&host, &machine).map_err(|e| e.to_string());
        let cpus = |list: &str| HostConfig { cpuset_cpus: list.into(), ..HostConfig::default() };
        said(HostConfig { nano_cpus: 4_000_000_000, ..cpus("0,2,6") }).unwrap();
        assert_eq!(
            said(cpus("0-3")).unwrap_err(),
            "Requested CPUs are not available - requested 0-3, available: 0-2,6"
        );
        let more = HostConfig { nano_cpus: 4_000_000_001, ..HostConfig::default() };
        assert!(said(more).unwrap_err().starts_with("Range of CPUs is from 0.01 to 4.00"));
        let node = HostConfig { cpuset_mems: "1".into(), ..HostConfig::default() };
        assert!(said(node).unwrap_err().starts_with("Requested memory nodes are not available"));
    }
}
