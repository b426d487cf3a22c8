//! The device filter for systemd on cgroup v1, where it writes its own over ours whenever it is
//! reloaded: "all" unless it is told better. On v2 a filter of ours stays whatever it does.

use super::Property;
use crate::dbus::Value;
use crate::plan::types::{DeviceKind, DeviceRule};

/// A list of what is allowed. Rules that take a part of an earlier one away cannot be said so; they
/// hold by the group's own file until systemd is reloaded.
pub(super) fn properties(rules: &[DeviceRule]) -> Vec<Property> {
    let mut allowed: Vec<DeviceRule> = Vec::new();
    let mut policy = "strict";
    for rule in rules {
        match (rule.allow, is_everything(rule)) {
            (true, true) => policy = "auto",
            (false, true) => {
                allowed.clear();
                policy = "strict";
            }
            (true, false) => allowed.push(*rule),
            (false, false) => allowed.retain(|known| !is_covered(known, rule)),
        }
    }
    let mut properties = vec![Property::must("DevicePolicy", Value::text(policy))];
    if policy == "strict" {
        let items = allowed.iter().flat_map(items).collect();
        properties.push(Property::must("DeviceAllow", Value::Array("(ss)".into(), items)));
    }
    properties
}

fn is_everything(rule: &DeviceRule) -> bool {
    let any = rule.kind == DeviceKind::Any && rule.major.is_none() && rule.minor.is_none();
    any && rule.access == DeviceRule::ANY_ACCESS
}

fn is_covered(known: &DeviceRule, by: &DeviceRule) -> bool {
    let number = |by: Option<u32>, known: Option<u32>| by.is_none() || by == known;
    (by.kind == DeviceKind::Any || by.kind == known.kind)
        && number(by.major, known.major)
        && number(by.minor, known.minor)
        && known.access & !by.access == 0
}

/// A device is named by its link below /dev, a whole class by its number or by `*`.
fn items(rule: &DeviceRule) -> Vec<Value> {
    let kinds: &[(&str, &str)] = match rule.kind {
        DeviceKind::Any => &[("char", "char"), ("block", "block")],
        DeviceKind::Char => &[("char", "char")],
        DeviceKind::Block => &[("block", "block")],
    };
    let letters = [(2, 'r'), (4, 'w'), (1, 'm')];
    let access: String = letters
        .into_iter()
        .filter(|(bit, _)| rule.access & bit != 0)
        .map(|(_, letter)| letter)
        .collect();
    let name = |(folder, class): &(&str, &str)| match (rule.major, rule.minor) {
        (Some(major), Some(minor)) => Some(format!("/dev/{folder}/{major}:{minor}")),
        (Some(major), None) => Some(format!("{class}-{major}")),
        (None, None) => Some(format!("{class}-*")),
        // No class of systemd's has every major number and one minor number.
        (None, Some(_)) => None,
    };
    let item = |name| Value::Struct(vec![Value::Text(name), Value::text(access.as_str())]);
    kinds.iter().filter_map(name).map(item).collect()
}
