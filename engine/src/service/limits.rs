//! Pure: limits whose numbers make no sense, before the kernel refuses them at the start.

use crate::error::{Kind, Result, refuse};
use crate::model::{HostConfig, items};

/// The least memory that a program can start in.
const LEAST_MEMORY: i64 = 6 << 20;

/// Whether the limits make sense, in Docker's words.
pub(super) fn check(host: &HostConfig) -> Result<()> {
    let wrong = |words: String| Err(refuse(Kind::Invalid, words));
    if host.memory != 0 && host.memory < LEAST_MEMORY {
        return wrong("Minimum memory limit allowed is 6MB".into());
    }
    if host.memory_swap > 0 && host.memory_swap < host.memory {
        let words = "Minimum memoryswap limit should be larger than memory limit, see usage";
        return wrong(words.into());
    }
    if host.memory > 0 && host.memory_reservation > host.memory {
        let words = "Minimum memory limit can not be less than memory reservation limit, see usage";
        return wrong(words.into());
    }
    if let Some(value) = host.memory_swappiness.filter(|value| !(-1..=100).contains(value)) {
        return wrong(format!("Invalid value: {value}, valid memory swappiness range is 0-100"));
    }
    if host.nano_cpus > 0 && (host.cpu_period > 0 || host.cpu_quota > 0) {
        let words = "Conflicting options: CPU Period or Quota cannot be updated as NanoCPUs has \
                     already been set";
        return Err(refuse(Kind::Conflict, words));
    }
    let machine = std::thread::available_parallelism().map_or(1, |count| count.get());
    if host.nano_cpus > 0 && (host.nano_cpus - 1) / 1_000_000_000 >= i64::try_from(machine)? {
        let most = format!("{machine}.00, as there are only {machine} CPUs available");
        return wrong(format!("Range of CPUs is from 0.01 to {most}"));
    }
    let adjusted = host.oom_score_adj;
    if !(-1000..=1000).contains(&adjusted) {
        let words = "the range for oom score adj is [-1000, 1000]";
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
            HostConfig { oom_score_adj: 1001, ..HostConfig::default() },
            HostConfig { blkio_weight: 5, ..HostConfig::default() },
            HostConfig { device_cgroup_rules: rule("c 1 rw"), ..HostConfig::default() },
            HostConfig { device_cgroup_rules: rule("x 1:3 rw"), ..HostConfig::default() },
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
