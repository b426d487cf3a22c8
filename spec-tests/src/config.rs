//! The config.json every bundle starts from, and editing it by JSON pointer.

use serde_json::{Map, Value, json};

/// A container with its own pid, network, ipc, uts and mount namespace, few capabilities and a
/// writable root. The caller names the cgroup.
pub fn default(cgroup: &str) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": CAPABILITIES,
                "effective": CAPABILITIES,
                "permitted": CAPABILITIES,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true
        },
        "root": {"path": "rootfs", "readonly": false},
        "hostname": "spec",
        "mounts": mounts(),
        "linux": {
            "cgroupsPath": cgroup,
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                {"type": "mount"}
            ],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"]
        }
    })
}

/// What the default process may do: nothing that a test would notice by accident.
pub const CAPABILITIES: [&str; 3] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

fn mounts() -> Value {
    let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    let shm = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"];
    let dev = ["nosuid", "strictatime", "mode=755", "size=65536k"];
    let safe = ["nosuid", "noexec", "nodev"];
    json!([
        mount("/proc", ("proc", "proc"), &[]),
        mount("/dev", ("tmpfs", "tmpfs"), &dev),
        mount("/dev/pts", ("devpts", "devpts"), &pts),
        mount("/dev/shm", ("tmpfs", "shm"), &shm),
        mount("/dev/mqueue", ("mqueue", "mqueue"), &safe),
        mount("/sys", ("sysfs", "sysfs"), &["nosuid", "noexec", "nodev", "ro"]),
    ])
}

/// One entry of `mounts`: destination, type and source, options.
pub fn mount(destination: &str, (kind, source): (&str, &str), options: &[&str]) -> Value {
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

/// Puts `value` at `pointer` (`/process/user/uid`); objects on the way are made, `-` appends to an
/// array. A pointer through something that is neither is a mistake in the test and panics.
pub fn set(config: &mut Value, pointer: &str, value: Value) {
    let mut place = config;
    for key in pointer.split('/').skip(1) {
        if place.is_null() {
            *place = if key == "-" { Value::Array(Vec::new()) } else { Map::new().into() };
        }
        place = match place {
            Value::Object(map) => map.entry(key).or_insert(Value::Null),
            Value::Array(list) => element(list, key),
            other => panic!("{pointer}: {other} has no {key}"),
        };
    }
    *place = value;
}

fn element<'a>(list: &'a mut Vec<Value>, key: &str) -> &'a mut Value {
    let index = if key == "-" { list.len() } else { key.parse().expect("an index of an array") };
    if index == list.len() {
        list.push(Value::Null);
    }
    &mut list[index]
}

/// Takes away what stands at `pointer`; nothing there is fine.
pub fn remove(config: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    match config.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(key)),
        Some(Value::Array(list)) => drop(list.remove(key.parse().expect("an index of an array"))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{remove, set};
    use serde_json::json;

    #[test]
    fn set_makes_what_is_missing_on_the_way() {
        for (pointer, expected) in [
            ("/a", json!({"a": 1, "list": [7]})),
            ("/x/y", json!({"x": {"y": 1}, "list": [7]})),
            ("/list/-", json!({"list": [7, 1]})),
            ("/list/0", json!({"list": [1]})),
            ("/new/-/z", json!({"new": [{"z": 1}], "list": [7]})),
        ] {
            let mut config = json!({"list": [7]});
            set(&mut config, pointer, json!(1));
            assert_eq!(config, expected, "{pointer}");
        }
    }

    #[test]
    fn remove_takes_one_property_away() {
        let mut config = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        for pointer in ["/a/b", "/list/0", "/nowhere/at/all"] {
            remove(&mut config, pointer);
        }
        assert_eq!(config, json!({"a": {"c": 2}, "list": [2]}));
    }
}
