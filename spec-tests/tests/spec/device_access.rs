//! linux.resources.devices: what may be opened and made, on either cgroup version.

use serde_json::{Value, json};
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    a_device_that_is_not_allowed_cannot_be_opened,
    the_default_devices_are_allowed,
    an_allowed_device_can_be_opened,
    a_device_allowed_to_read_cannot_be_written,
    the_order_of_the_rules_counts,
    ghsa_g54h_a_list_of_nothing_but_allow_rules_denies_the_rest,
    a_rule_without_numbers_covers_all,
    mknod_is_allowed,
    a_privileged_container_may_open_everything,
    a_block_rule_does_not_cover_character_devices,
    exec_is_under_the_same_rules,
    an_unknown_type_is_refused,
    an_empty_access_is_refused,
    a_letter_without_sense_is_passed_over,
];

/// Two devices that every kernel has and no default list names: /dev/mem's neighbours.
const KMSG: (u32, u32) = (1, 11);

fn node(path: &str, (major, minor): (u32, u32)) -> Value {
    json!({"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666})
}

fn rules(script: &str, rules: Value) -> Bundle {
    let sets = ["bounding", "effective", "permitted"];
    Bundle::busybox()
        .sh(script)
        .capabilities(&sets, &["CAP_MKNOD", "CAP_SYSLOG", "CAP_SYS_ADMIN", "CAP_KILL"])
        .set("/linux/resources/devices", rules)
}

/// Makes the node by itself (every container may), so that no list entry is made for it.
const OPEN: &str = "mknod /kmsg c 1 11; (: < /kmsg) 2>&1 | grep -o 'not permitted' || echo read; \
                    (: >> /kmsg) 2>&1 | grep -o 'not permitted' || echo written";

fn deny() -> Value {
    json!({"allow": false, "access": "rwm"})
}

fn allow(access: &str) -> Value {
    let (major, minor) = KMSG;
    json!({"allow": true, "type": "c", "major": major, "minor": minor, "access": access})
}

fn opens(list: Value, expected: &[&str]) -> Result {
    let output = rules(OPEN, list).run()?.ok()?;
    assert_eq!(output.lines(), expected, "{output}");
    Ok(())
}

const REFUSED: &str = "not permitted";

fn a_device_that_is_not_allowed_cannot_be_opened() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    opens(json!([deny()]), &[REFUSED, REFUSED])
}

fn the_default_devices_are_allowed() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let script = "echo x > /dev/null && head -c 1 /dev/zero /dev/urandom /dev/random > /dev/null \
                  && test -r /dev/full && (: < /dev/ptmx) && echo open";
    rules(script, json!([deny()])).run()?.says("open")?;
    Ok(())
}

fn an_allowed_device_can_be_opened() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    opens(json!([deny(), allow("rwm")]), &["read", "written"])
}

fn a_device_allowed_to_read_cannot_be_written() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    opens(json!([deny(), allow("r")]), &["read", REFUSED])?;
    opens(json!([deny(), allow("w")]), &[REFUSED, "written"])
}

fn the_order_of_the_rules_counts() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    opens(json!([allow("rwm"), deny()]), &[REFUSED, REFUSED])
}

fn ghsa_g54h_a_list_of_nothing_but_allow_rules_denies_the_rest() -> Result {
    chapter!("cli#create");
    let other = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"});
    opens(json!([other]), &[REFUSED, REFUSED])?;
    opens(json!([]), &[REFUSED, REFUSED])
}

fn a_rule_without_numbers_covers_all() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let all = json!({"allow": true, "type": "c", "access": "rwm"});
    opens(json!([deny(), all]), &["read", "written"])?;
    let major = json!({"allow": true, "type": "c", "major": 1, "access": "rwm"});
    opens(json!([deny(), major]), &["read", "written"])
}

fn mknod_is_allowed() -> Result {
    chapter!("cli#create");
    let script = "mknod /c c 200 200 && mknod /b b 200 200 && echo made";
    rules(script, json!([deny()])).run()?.says("made")?;
    Ok(())
}

fn a_privileged_container_may_open_everything() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let all = json!({"allow": true, "access": "rwm"});
    opens(json!([all]), &["read", "written"])?;
    opens(json!([deny(), all]), &["read", "written"])
}

fn a_block_rule_does_not_cover_character_devices() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let block = json!({"allow": true, "type": "b", "major": 1, "minor": 11, "access": "rwm"});
    opens(json!([deny(), block]), &[REFUSED, REFUSED])
}

fn exec_is_under_the_same_rules() -> Result {
    chapter!("cli#exec");
    let container: Container = rules("true", json!([deny()]))
        .set("/linux/devices/-", node("/dev/harmless", (1, 3)))
        .sleeping()
        .start()?;
    let output = container.exec_sh(OPEN).ok()?;
    assert_eq!(output.lines(), [REFUSED, REFUSED]);
    Ok(())
}

fn an_unknown_type_is_refused() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let rule = json!({"allow": true, "type": "x", "access": "rwm"});
    rules("true", json!([rule])).is_refused("")
}

fn an_empty_access_is_refused() -> Result {
    chapter!("config-linux.md#allowed-device-list");
    let rule = json!({"allow": true, "type": "c", "major": 1, "minor": 3, "access": ""});
    rules("true", json!([rule])).is_refused("")
}

fn a_letter_without_sense_is_passed_over() -> Result {
    chapter!("cli#create");
    let rule = |access: &str, allow: bool| json!({"allow": allow, "type": "c", "major": 1, "minor": 11, "access": access});
    opens(json!([deny(), rule("rwa", false)]), &[REFUSED, REFUSED])?;
    opens(json!([deny(), rule("rwa", true)]), &["read", "written"])
}
