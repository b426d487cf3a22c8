//! Rules for resources and memory.

use super::{Found, Subject};

pub(super) fn device_rules_have_an_access(subject: &Subject<'_>, found: &mut Found) {
    let Some(resources) = &subject.spec.linux.resources else { return };
    for (index, rule) in resources.devices.iter().enumerate() {
        if rule.access.is_empty() {
            let words = format!("device access at {index} field cannot be empty");
            found.add("linux.resources.devices", words);
        }
    }
}

pub(super) fn intel_rdt_is_not_served(subject: &Subject<'_>, found: &mut Found) {
    if subject.spec.linux.intel_rdt.is_some() {
        found.add("linux.intelRdt", "is not supported yet");
    }
}

/// Which modes take nodes (set_mempolicy(2)).
pub(super) fn memory_policy_has_its_nodes(subject: &Subject<'_>, found: &mut Found) {
    let Some(policy) = &subject.spec.linux.memory_policy else { return };
    let has_nodes = policy.nodes.contains(|character: char| character.is_ascii_digit());
    let mode = policy.mode.as_str();
    match mode {
        "" => found.add("linux.memoryPolicy.mode", "is missing"),
        "MPOL_DEFAULT" | "MPOL_LOCAL" if has_nodes => {
            found.add("linux.memoryPolicy.nodes", format!("{mode} takes no nodes"));
        }
        "MPOL_BIND" | "MPOL_INTERLEAVE" | "MPOL_PREFERRED_MANY" | "MPOL_WEIGHTED_INTERLEAVE"
            if !has_nodes =>
        {
            found.add("linux.memoryPolicy.nodes", format!("{mode} needs at least one node"));
        }
        _ => {}
    }
    let has = |flag: &str| policy.flags.iter().any(|known| &**known == flag);
    if has("MPOL_F_STATIC_NODES") && has("MPOL_F_RELATIVE_NODES") {
        found.add("linux.memoryPolicy.flags", "static and relative nodes exclude each other");
    }
}
