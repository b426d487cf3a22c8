//! Annotations that are meant for the driver.

use std::borrow::Cow;

use super::Property;
use crate::dbus::Value;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::spec::Spec;

/// In front of a property's name.
const PREFIX: &str = "org.systemd.property.";

/// What annotations of any container may set: what limits it, how it is ended, and in which order.
/// Who writes annotations need not be who may do everything on the host: a property that runs
/// programs, stops or starts other units, or reboots is none of these (CVE-2024-3154).
pub const PROPERTIES_OF_LIMITS: &[&str] = &[
    "After",
    "AllowedCPUs",
    "AllowedMemoryNodes",
    "Before",
    "BlockIOWeight",
    "CPUQuotaPerSecUSec",
    "CPUQuotaPeriodUSec",
    "CPUShares",
    "CPUWeight",
    "CollectMode",
    "DefaultDependencies",
    "FinalKillSignal",
    "IODeviceLatencyTargetUSec",
    "IODeviceWeight",
    "IOReadBandwidthMax",
    "IOReadIOPSMax",
    "IOWeight",
    "IOWriteBandwidthMax",
    "IOWriteIOPSMax",
    "KillMode",
    "KillSignal",
    "ManagedOOMMemoryPressure",
    "ManagedOOMMemoryPressureLimit",
    "ManagedOOMPreference",
    "ManagedOOMSwap",
    "MemoryHigh",
    "MemoryLimit",
    "MemoryLow",
    "MemoryMax",
    "MemoryMin",
    "MemorySwapMax",
    "MemoryZSwapMax",
    "OOMPolicy",
    "RuntimeMaxUSec",
    "SendSIGHUP",
    "SendSIGKILL",
    "StartupAllowedCPUs",
    "StartupCPUWeight",
    "StartupIOWeight",
    "TasksMax",
    "TimeoutStopUSec",
];

/// The properties that annotations set, in their order.
///
/// # Errors
/// The annotation that names what is not `allowed`, or whose text is no value.
pub(super) fn properties(spec: &Spec<'_>, allowed: &[&str]) -> Result<Vec<Property>> {
    let ours = spec.annotations.iter().filter_map(|(key, text)| {
        let name = key.strip_prefix(PREFIX)?;
        Some((name, text.as_str()))
    });
    ours.map(|(name, text)| {
        let refuse = |words: &str| Error::new(format!("annotations.{PREFIX}{name}: {words}"));
        let value: Value = text.parse().map_err(|error: Error| refuse(&error.to_string()))?;
        let (known, value) = in_microseconds(name, value).map_err(|words| refuse(&words))?;
        match allowed.contains(&&*known) {
            true => Ok(Property::must(known.into_owned(), value)),
            false => Err(refuse("a container may not set this property")),
        }
    })
    .collect()
}

/// `…Sec` is what people write; D-Bus knows `…USec` only, a number of microseconds.
fn in_microseconds(name: &str, value: Value) -> std::result::Result<(Cow<'_, str>, Value), String> {
    let stem = name.strip_suffix("Sec").filter(|stem| !stem.ends_with('U'));
    let Some(stem) = stem else { return Ok((name.into(), value)) };
    let seconds = match value {
        Value::Double(seconds) => seconds,
        Value::Int16(seconds) => seconds.into(),
        Value::Uint16(seconds) => seconds.into(),
        Value::Int32(seconds) => seconds.into(),
        Value::Uint32(seconds) => seconds.into(),
        Value::Int64(seconds) => seconds as f64,
        Value::Uint64(seconds) => seconds as f64,
        other => return Err(format!("{other} is no number of seconds")),
    };
    if seconds.is_nan() || seconds < 0.0 {
        return Err(format!("{seconds} is no number of seconds"));
    }
    Ok((format!("{stem}USec").into(), Value::Uint64((seconds * 1e6) as u64)))
}

/// The groups below the scope that annotations ask for.
///
/// # Errors
/// A name that leads elsewhere, a group inside of none, cgroup v1.
pub(super) fn groups(spec: &Spec<'_>, host: &Host) -> Result<Vec<String>> {
    const OUTER: &str = "run.oci.systemd.subgroup";
    const INNER: &str = "run.oci.delegate-cgroup";
    let refuse = |key: &str, words: &str| Err(Error::new(format!("annotations.{key}: {words}")));
    match (group(spec, OUTER)?, group(spec, INNER)?) {
        (None, Some(_)) => refuse(INNER, &format!("needs {OUTER}")),
        (Some(_), _) if !host.cgroups.is_unified() => refuse(OUTER, "needs cgroup v2"),
        (outer, inner) => Ok(outer.into_iter().chain(inner).collect()),
    }
}

fn group(spec: &Spec<'_>, key: &str) -> Result<Option<String>> {
    let found = spec.annotations.iter().find(|(known, _)| known.as_str() == key);
    let name = found.map_or("", |(_, name)| name.as_str());
    match name.contains(['/', '\0', '\n']) || name.starts_with('.') {
        true => Err(Error::new(format!("annotations.{key}: {name:?} is no name of a group"))),
        false => Ok(Some(name.to_owned()).filter(|name| !name.is_empty())),
    }
}
