//! What Docker's client knows of fields beyond their JSON: that some are missing where there is
//! nothing to tell, how it prints nothing, and that some numbers are durations.

use serde_json::Value;

/// A number, a truth or an object that may not be there.
const POINTERS: &[&str] = &[
    "Health",
    "Healthcheck",
    "IPAMConfig",
    "Init",
    "MemorySwappiness",
    "OomKillDisable",
    "PidsLimit",
    "SizeRootFs",
    "SizeRw",
    "StopTimeout",
];
const LISTS: &[&str] = &[
    "Aliases",
    "Binds",
    "CapAdd",
    "CapDrop",
    "ClientErrors",
    "Cmd",
    "DNSNames",
    "Devices",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "Entrypoint",
    "Env",
    "ExecIDs",
    "ExtraHosts",
    "GroupAdd",
    "Links",
    "Mounts",
    "OnBuild",
    "SecurityOpt",
    "ServerErrors",
    "Shell",
    "Ulimits",
    "VolumesFrom",
];
const MAPS: &[&str] = &[
    "Annotations",
    "AuxiliaryAddresses",
    "DriverOpts",
    "ExposedPorts",
    "Labels",
    "Options",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "Volumes",
];
const TEXTS: &[&str] =
    &["Gateway", "IPRange", "MacAddress", "OsVersion", "Runtime", "StopSignal", "Variant"];

/// Nanoseconds of a health check.
const DURATIONS: &[&str] = &["Interval", "StartInterval", "StartPeriod", "Timeout"];

/// Whether a field that is not there has no value, and is no mistake.
pub(super) fn may_be_missing(name: &str) -> bool {
    [POINTERS, LISTS, MAPS, DURATIONS].iter().any(|names| names.contains(&name))
}

/// Whether a field is a pointer: what it leads to has no fields where it leads nowhere.
pub(super) fn is_pointer(name: &str) -> bool {
    POINTERS.contains(&name)
}

/// Whether it has no fields but keys, of which any may not be there.
pub(super) fn is_map(name: &str) -> bool {
    MAPS.contains(&name) || matches!(name, "Attributes" | "Networks")
}

/// Whether a field that is not there is an empty text.
pub(super) fn is_text(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// Docker's fields are called `ID` and `CPUShares` where its JSON has `Id` and `CpuShares`.
pub(super) fn spelt_otherwise<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if !name.starts_with(char::is_uppercase) {
        return None;
    }
    let mut fields = value.as_object()?.iter();
    fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether a field that is not there is zero.
pub(super) fn is_number(name: &str) -> bool {
    name == "Retries"
}

/// As Go prints a value of such a field; `None` where that is no other than of any.
pub(super) fn print(path: &[String], value: &Value) -> Option<String> {
    let name = path.last()?.as_str();
    let before = path.len().checked_sub(2).and_then(|at| path.get(at));
    if before.is_some_and(|name| name == "Healthcheck") && DURATIONS.contains(&name) {
        return Some(duration(value.as_i64().unwrap_or_default()));
    }
    if let ("Start" | "End", Value::String(text)) = (name, value) {
        return Some(time(text));
    }
    if !value.is_null() {
        return None;
    }
    let kinds = [(POINTERS, "<nil>"), (LISTS, "[]"), (MAPS, "map[]")];
    let kind = kinds.iter().find(|(names, _)| names.contains(&name));
    kind.map(|(_, nothing)| (*nothing).to_owned())
}

/// An empty list or an empty map for the null of a field that holds one: Go prints them so.
pub(super) fn typed(name: &str, value: Value) -> Value {
    match value {
        Value::Null if LISTS.contains(&name) || is_port(name) => Value::Array(Vec::new()),
        Value::Null if MAPS.contains(&name) => Value::Object(serde_json::Map::new()),
        value => value,
    }
}

/// Whether a key is a port, under which a list is of what it is published as.
fn is_port(name: &str) -> bool {
    ["/tcp", "/udp", "/sctp"].iter().any(|protocol| name.ends_with(protocol))
}

/// A time of JSON as Go prints it: `2026-11-22 07:24:43.5 +0000 UTC`.
pub(super) fn time(text: &str) -> String {
    match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
        Some((day, hours)) => format!("{day} {hours} +0000 UTC"),
        None => text.to_owned(),
    }
}

/// Nanoseconds as Go writes them: `1h30m0s`, `1.5s`, `500ms`.
pub(super) fn duration(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    let part = |value: i64, digits: usize, unit: i64| {
        let text = format!("{}.{:0digits$}", value / unit, value % unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", part(nanos, 3, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", part(nanos, 6, 1_000_000)),
        _ => {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = part(nanos % 60_000_000_000, 9, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, minutes) => format!("{minutes}m{rest}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_as_go_tells_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1_500, "1.5µs"),
            (500_000_000, "500ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (5_430_000_000_000, "1h30m30s"),
        ] {
            assert_eq!(duration(nanos), text);
        }
    }
}
