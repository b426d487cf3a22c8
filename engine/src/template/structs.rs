//! Objects that are structs to Docker's client, which prints their values in order and no names.

use serde_json::{Map, Value};

use super::fields;

/// What a field holds, and how nothing of it is printed.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Number,
    Truth,
    Duration,
    Time,
    List,
    Map,
    /// What may not be there.
    Pointer,
}

use Holds::{Duration, List, Number, Pointer, Text, Time, Truth};

type Struct = &'static [(&'static str, Holds)];

/// They are known by their fields: an object is one where it has no others, and has the first.
const STRUCTS: &[Struct] = &[
    // A restart policy.
    &[("Name", Text), ("MaximumRetryCount", Number)],
    // What logs are written by.
    &[("Type", Text), ("Config", Holds::Map)],
    // What a port is published as.
    &[("HostIp", Text), ("HostPort", Text)],
    // A mount of a container.
    &[
        ("Type", Text),
        ("Name", Text),
        ("Source", Text),
        ("Destination", Text),
        ("Driver", Text),
        ("Mode", Text),
        ("RW", Truth),
        ("Propagation", Text),
    ],
    // A container's state.
    &[
        ("Status", Text),
        ("Running", Truth),
        ("Paused", Truth),
        ("Restarting", Truth),
        ("OOMKilled", Truth),
        ("Dead", Truth),
        ("Pid", Number),
        ("ExitCode", Number),
        ("Error", Text),
        ("StartedAt", Text),
        ("FinishedAt", Text),
        ("Health", Pointer),
    ],
    // A health check, what it has found, and one time that it ran.
    &[
        ("Test", List),
        ("Interval", Duration),
        ("Timeout", Duration),
        ("StartPeriod", Duration),
        ("StartInterval", Duration),
        ("Retries", Number),
    ],
    &[("Status", Text), ("FailingStreak", Number), ("Log", List)],
    &[("Start", Time), ("End", Time), ("ExitCode", Number), ("Output", Text)],
    // Addresses of a network, and of a container in it.
    &[("Driver", Text), ("Options", Holds::Map), ("Config", List)],
    &[("Subnet", Text), ("IPRange", Text), ("Gateway", Text), ("AuxiliaryAddresses", Holds::Map)],
    &[
        ("Name", Text),
        ("EndpointID", Text),
        ("MacAddress", Text),
        ("IPv4Address", Text),
        ("IPv6Address", Text),
    ],
    // What an event is about.
    &[("ID", Text), ("Attributes", Holds::Map)],
    // The layers of an image, and where they are.
    &[("Type", Text), ("Layers", List)],
    &[("Data", Holds::Map), ("Name", Text)],
];

/// The values of an object that is a struct, by Go's order.
pub(super) fn fields_of(object: &Map<String, Value>) -> Option<Vec<(&'static str, Value)>> {
    let is_it = |fields: &&Struct| {
        let known = |name: &String, value: &Value| {
            fields.iter().any(|(own, holds)| own == name && holds.may_be(value))
        };
        let (first, holds) = fields[0];
        // A few texts may as well be labels; a health check may have its test alone.
        let is_enough = object.len() >= 2 && object.len() * 2 >= fields.len();
        object.contains_key(first)
            && (is_enough || matches!(holds, List))
            && object.iter().all(|(name, value)| known(name, value))
    };
    let fields = STRUCTS.iter().find(is_it)?;
    let value = |name: &str| object.get(name).unwrap_or(&Value::Null);
    Some(fields.iter().map(|(name, holds)| (*name, holds.print(value(name)))).collect())
}

impl Holds {
    fn may_be(self, value: &Value) -> bool {
        match self {
            Holds::Text | Holds::Time => value.is_string(),
            Holds::Number => value.is_number(),
            Holds::Truth => value.is_boolean(),
            Holds::Duration => value.is_number() || value.is_null(),
            Holds::List => value.is_array() || value.is_null(),
            Holds::Map => value.is_object() || value.is_null(),
            Holds::Pointer => true,
        }
    }

    /// A value, or the text that Go prints for it where another would be printed.
    fn print(self, value: &Value) -> Value {
        match (self, value) {
            (Holds::Text, Value::Null) => "".into(),
            (Holds::Number, Value::Null) => 0.into(),
            (Holds::Truth, Value::Null) => false.into(),
            (Holds::Duration, nanos) => fields::duration(nanos.as_i64().unwrap_or_default()).into(),
            (Holds::Time, time) => time.as_str().map_or_else(String::new, fields::time).into(),
            (Holds::List, Value::Null) => Value::Array(Vec::new()),
            (Holds::Map, Value::Null) => "map[]".into(),
            (Holds::Map, Value::Object(fields)) if fields.is_empty() => "map[]".into(),
            (_, value) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::functions::print;

    #[test]
    fn structs_are_printed_as_go_prints_them() {
        let health = json!({"Status": "starting", "FailingStreak": 0, "Log": []});
        for (object, text) in [
            (json!({"MaximumRetryCount": 3, "Name": "on-failure"}), "{on-failure 3}"),
            (json!({"Type": "json-file", "Config": {"a": "b"}}), "{json-file map[a:b]}"),
            (json!({"Type": "json-file", "Config": {}}), "{json-file map[]}"),
            (
                json!({"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null}),
                "map[80/tcp:[{0.0.0.0 8080}] 81/tcp:[]]",
            ),
            (
                json!([
                    {"Type": "bind", "Source": "/tmp", "Destination": "/t", "Mode": "ro",
                     "RW": false, "Propagation": "rslave"},
                    {"Type": "volume", "Name": "v", "Source": "/s", "Destination": "/d",
                     "Driver": "local", "Mode": "z", "RW": true, "Propagation": ""},
                ]),
                "[{bind  /tmp /t  ro false rslave} {volume v /s /d local z true }]",
            ),
            (
                json!({
                    "Status": "running", "Running": true, "Paused": false, "Restarting": false,
                    "OOMKilled": false, "Dead": false, "Pid": 242, "ExitCode": 0, "Error": "",
                    "StartedAt": "2026-11-22T07:23:22.3Z", "FinishedAt": "0001-01-01T00:00:00Z",
                }),
                "{running true false false false false 242 0  2026-11-22T07:23:22.3Z \
                 0001-01-01T00:00:00Z <nil>}",
            ),
            (
                json!({"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000_i64,
                       "Timeout": 1_500_000_000_i64, "Retries": 2}),
                "{[CMD-SHELL true] 5s 1.5s 0s 0s 2}",
            ),
            (health, "{starting 0 []}"),
            (json!({"Test": ["NONE"]}), "{[NONE] 0s 0s 0s 0s 0}"),
            (
                json!({"Start": "2026-11-22T07:24:43.23891834Z", "End": "2026-11-22T07:24:44Z",
                       "ExitCode": 0, "Output": ""}),
                "{2026-11-22 07:24:43.23891834 +0000 UTC 2026-11-22 07:24:44 +0000 UTC 0 }",
            ),
            (
                json!({"Driver": "default", "Options": null,
                       "Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}),
                "{default map[] [{172.17.0.0/16  172.17.0.1 map[]}]}",
            ),
            (json!({"ID": "a", "Attributes": {"b": "c"}}), "{a map[b:c]}"),
            (json!({"Type": "x"}), "map[Type:x]"),
            (json!({"Name": "x", "other": "y"}), "map[Name:x other:y]"),
            (json!({"Name": "a", "Type": "x", "Config": "y"}), "map[Config:y Name:a Type:x]"),
        ] {
            assert_eq!(print(&object), text);
        }
    }
}
