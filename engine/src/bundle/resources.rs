//! `--memory`, `--cpus`, … in the specification's words.

use serde_json::{Map, Value, json};

use crate::model::{HostConfig, ThrottleDevice, items};

/// A device's file with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Its driver.
    pub major: u64,
    /// Its place in the driver.
    pub minor: u64,
}

/// The length of a period of `--cpus`, in microseconds.
const PERIOD: i64 = 100_000;

/// `linux.resources`, without its rules of devices. `numbers` says which device a path is.
pub fn resources(
    host: &HostConfig,
    swap: bool,
    numbers: &dyn Fn(&str) -> Option<Numbers>,
) -> Map<String, Value> {
    let parts = [
        ("memory", memory(host, swap)),
        ("cpu", cpu(host)),
        ("pids", pids(host)),
        ("blockIO", block(host, numbers)),
    ];
    let said = parts.into_iter().filter(|(_, part)| !part.is_empty());
    said.map(|(name, part)| (name.to_owned(), Value::Object(part))).collect()
}

/// Puts a number where one was said.
fn put(part: &mut Map<String, Value>, name: &str, number: i64) {
    if number != 0 {
        part.insert(name.to_owned(), number.into());
    }
}

fn memory(host: &HostConfig, swap: bool) -> Map<String, Value> {
    let mut part = Map::new();
    put(&mut part, "limit", host.memory);
    put(&mut part, "reservation", host.memory_reservation);
    if swap {
        put(&mut part, "swap", host.memory_swap);
    }
    if let Some(swappiness) = host.memory_swappiness.filter(|value| *value >= 0) {
        part.insert("swappiness".into(), swappiness.into());
    }
    if host.oom_kill_disable == Some(true) {
        part.insert("disableOOMKiller".into(), true.into());
    }
    part
}

fn cpu(host: &HostConfig) -> Map<String, Value> {
    let mut part = Map::new();
    put(&mut part, "shares", host.cpu_shares);
    put(&mut part, "quota", host.cpu_quota);
    put(&mut part, "period", host.cpu_period);
    if host.nano_cpus > 0 {
        part.insert("quota".into(), (host.nano_cpus / (1_000_000_000 / PERIOD)).into());
        part.insert("period".into(), PERIOD.into());
    }
    put(&mut part, "realtimePeriod", host.cpu_realtime_period);
    put(&mut part, "realtimeRuntime", host.cpu_realtime_runtime);
    for (name, list) in [("cpus", &host.cpuset_cpus), ("mems", &host.cpuset_mems)] {
        if !list.is_empty() {
            part.insert(name.into(), list.as_str().into());
        }
    }
    part
}

fn pids(host: &HostConfig) -> Map<String, Value> {
    let mut part = Map::new();
    // What was limited before and is no more has to be said.
    if let Some(limit) = host.pids_limit {
        part.insert("limit".into(), if limit > 0 { limit } else { -1 }.into());
    }
    part
}

fn block(host: &HostConfig, numbers: &dyn Fn(&str) -> Option<Numbers>) -> Map<String, Value> {
    let mut part = Map::new();
    put(&mut part, "weight", host.blkio_weight.into());
    let weights = items(&host.blkio_weight_device).iter().filter_map(|device| {
        let at = numbers(&device.path)?;
        Some(json!({"major": at.major, "minor": at.minor, "weight": device.weight}))
    });
    put_list(&mut part, "weightDevice", weights.collect());
    for (name, list) in [
        ("throttleReadBpsDevice", &host.blkio_device_read_bps),
        ("throttleWriteBpsDevice", &host.blkio_device_write_bps),
        ("throttleReadIOPSDevice", &host.blkio_device_read_iops),
        ("throttleWriteIOPSDevice", &host.blkio_device_write_iops),
    ] {
        let rate = |device: &ThrottleDevice| {
            let at = numbers(&device.path)?;
            Some(json!({"major": at.major, "minor": at.minor, "rate": device.rate}))
        };
        put_list(&mut part, name, items(list).iter().filter_map(rate).collect());
    }
    part
}

fn put_list(part: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    if !list.is_empty() {
        part.insert(name.to_owned(), list.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_were_not_asked_for_are_not_there() {
        let nothing = resources(&HostConfig::default(), true, &|_| None);
        assert!(nothing.is_empty());
        let host = HostConfig {
            memory: 64 << 20,
            memory_swap: 128 << 20,
            nano_cpus: 500_000_000,
            pids_limit: Some(20),
            memory_swappiness: Some(-1),
            ..HostConfig::default()
        };
        let expected = json!({
            "memory": {"limit": 67_108_864, "swap": 134_217_728},
            "cpu": {"quota": 50_000, "period": 100_000},
            "pids": {"limit": 20},
        });
        assert_eq!(Value::Object(resources(&host, true, &|_| None)), expected);
        assert!(resources(&host, false, &|_| None)["memory"].get("swap").is_none());
    }
}
