//! Limits as properties. systemd must know them, or it would write its own over them when it is
//! reloaded; they are written to the group as well, so that none is lost on the way.

use super::{Property, put};
use crate::dbus::Value;
use crate::plan::number_list;
use crate::plan::types::{CgroupWrite, Manner};

/// What systemd takes for no limit.
const INFINITY: u64 = u64::MAX;
/// Microseconds, in both versions.
const DEFAULT_PERIOD: u64 = 100_000;
const SECOND: u64 = 1_000_000;
/// systemd writes a quota down in percent of a processor, which is this much of a second.
const PERCENT: u64 = SECOND / 100;

/// The properties that say the same as these writes, as far as there are any. A quota is rounded
/// up, here and in the write, to what systemd can say.
pub fn properties(writes: &mut [CgroupWrite]) -> Vec<Property> {
    let mut all = Vec::new();
    let period = legacy_period(writes);
    for write in writes {
        for property in of_write(write, period) {
            put(&mut all, property);
        }
    }
    all
}

fn of_write(write: &mut CgroupWrite, period: Option<u64>) -> Vec<Property> {
    if &*write.file == "cpu.max" {
        return quota(&mut write.value);
    }
    if &*write.file == "cpu.cfs_quota_us" {
        return legacy_quota(&mut write.value, period);
    }
    let value = write.value.as_str();
    let one = match &*write.file {
        "memory.max" => size("MemoryMax", value),
        "memory.high" => size("MemoryHigh", value),
        "memory.low" => size("MemoryLow", value),
        "memory.min" => size("MemoryMin", value),
        "memory.swap.max" => size("MemorySwapMax", value),
        "memory.limit_in_bytes" => size("MemoryLimit", value),
        "pids.max" => size("TasksMax", value),
        "cpu.weight" => number("CPUWeight", value),
        "cpu.shares" => number("CPUShares", value),
        "cpuset.cpus" => numbers("AllowedCPUs", value),
        "cpuset.mems" => numbers("AllowedMemoryNodes", value),
        "io.weight" => number("IOWeight", value.strip_prefix("default ").unwrap_or(value)),
        "blkio.weight" => number("BlockIOWeight", value),
        "io.bfq.weight" => match &write.manner {
            Manner::Else { value, .. } => number("IOWeight", value),
            _ => None,
        },
        // Since systemd 252.
        "cpu.idle" if value == "1" => Some(("CPUWeight", Value::Uint64(0))),
        // Since systemd 253.
        "memory.oom.group" => {
            let policy = if value == "1" { "kill" } else { "continue" };
            Some(("OOMPolicy", Value::text(policy)))
        }
        _ => None,
    };
    one.map(|(name, value)| Property::if_known(name, value)).into_iter().collect()
}

type Named = (&'static str, Value);

/// Bytes or a count; `max` or -1 is no limit. What is no number, systemd cannot be told.
fn size(name: &'static str, value: &str) -> Option<Named> {
    match value.trim() {
        "max" | "-1" => Some((name, Value::Uint64(INFINITY))),
        value => number(name, value),
    }
}

fn number(name: &'static str, value: &str) -> Option<Named> {
    value.trim().parse().ok().map(|number| (name, Value::Uint64(number)))
}

/// One bit for each number, in the order of the bytes.
fn numbers(name: &'static str, list: &str) -> Option<Named> {
    let numbers = number_list::parse(list).ok()?;
    let mut bits = vec![0_u8; numbers.last().map_or(0, |last| *last as usize / 8 + 1)];
    for number in numbers {
        bits[number as usize / 8] |= 1 << (number % 8);
    }
    Some((name, Value::bytes(&bits)))
}

/// `cpu.max`: a quota, and the period after it.
fn quota(value: &mut String) -> Vec<Property> {
    let (quota, period) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    let Ok(period) = (if period.is_empty() { Ok(None) } else { period.parse().map(Some) }) else {
        return Vec::new();
    };
    let (quota, properties) = rounded(quota, period);
    if let Some(quota) = quota {
        *value = match period {
            Some(period) => format!("{quota} {period}"),
            None => quota.to_string(),
        };
    }
    properties
}

fn legacy_period(writes: &[CgroupWrite]) -> Option<u64> {
    let write = writes.iter().find(|write| write.file == "cpu.cfs_period_us")?;
    write.value.parse().ok()
}

fn legacy_quota(value: &mut String, period: Option<u64>) -> Vec<Property> {
    let (quota, properties) = rounded(value, period);
    if let Some(quota) = quota {
        *value = quota.to_string();
    }
    properties
}

/// What a quota becomes, where it changes, and its properties.
fn rounded(quota: &str, period: Option<u64>) -> (Option<u64>, Vec<Property>) {
    let mut properties = Vec::new();
    if let Some(period) = period {
        // Since systemd 242.
        properties.push(Property::if_known("CPUQuotaPeriodUSec", Value::Uint64(period)));
    }
    let period = u128::from(period.unwrap_or(DEFAULT_PERIOD).max(1));
    let (quota, each_second) = match quota.parse::<u64>() {
        Ok(quota) => {
            let exact = (u128::from(quota) * u128::from(SECOND)).div_ceil(period);
            let whole = exact.next_multiple_of(u128::from(PERCENT));
            let quota = u64::try_from(whole * period / u128::from(SECOND)).unwrap_or(u64::MAX);
            (Some(quota), u64::try_from(whole).unwrap_or(INFINITY))
        }
        Err(_) if ["max", "-1"].contains(&quota) => (None, INFINITY),
        Err(_) => return (None, properties),
    };
    properties.push(Property::if_known("CPUQuotaPerSecUSec", Value::Uint64(each_second)));
    (quota, properties)
}
