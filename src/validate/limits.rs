//! Rules for resources and memory.

use super::{Found, Subject};
use crate::spec::IntelRdt;

pub(super) fn device_rules_have_an_access(subject: &Subject<'_>, found: &mut Found) {
    let Some(resources) = &subject.spec.linux.resources else { return };
    for (index, rule) in resources.devices.iter().enumerate() {
        if rule.access.is_empty() {
            let words = format!("device access at {index} field cannot be empty");
            found.add("linux.resources.devices", words);
        }
    }
}

pub(super) fn classes_of_service_are_sound(subject: &Subject<'_>, found: &mut Found) {
    let problem = subject.spec.linux.intel_rdt.as_ref().and_then(rdt_problem);
    if let Some((field, words)) = problem {
        found.add(field, words);
    }
}

/// What is wrong with a class of service: its field, and the words.
pub fn rdt_problem(rdt: &IntelRdt<'_>) -> Option<(&'static str, String)> {
    let id = rdt.clos_id.as_str();
    let bandwidth = rdt.mem_bw_schema.as_str();
    if id != "/" && (id.contains(['/', '\n']) || [".", ".."].contains(&id)) {
        return Some(("linux.intelRdt.closID", format!("{id:?} is no name of a directory")));
    }
    if !bandwidth.is_empty() && !bandwidth.starts_with("MB:") || bandwidth.contains('\n') {
        let words = format!("{bandwidth:?} is not one line that starts with MB:");
        return Some(("linux.intelRdt.memBwSchema", words));
    }
    let cache = rdt.l3_cache_schema.lines().find(|line| !is_schema(line));
    if let Some(line) = cache {
        let words = format!("{line:?} is no line like L3:0=f;1=f0");
        return Some(("linux.intelRdt.l3CacheSchema", words));
    }
    let line = rdt.schemata.iter().find(|line| line.contains('\n'))?;
    Some(("linux.intelRdt.schemata", format!("{line:?} is more than one line")))
}

fn is_schema(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.split_once(':').is_some_and(|(name, _)| !name.trim().is_empty())
}

/// What set_mempolicy(2) would say, and why.
const EXCLUDE_EACH_OTHER: &str =
    "set_mempolicy: invalid argument: static and relative nodes exclude each other";

/// Which modes need nodes (set_mempolicy(2)).
pub(super) fn memory_policy_has_its_nodes(subject: &Subject<'_>, found: &mut Found) {
    let Some(policy) = &subject.spec.linux.memory_policy else { return };
    let has_nodes = policy.nodes.contains(|character: char| character.is_ascii_digit());
    let mode = policy.mode.as_str();
    match mode {
        "" => found.add("linux.memoryPolicy.mode", "invalid memory policy mode: it is missing"),
        "MPOL_BIND" | "MPOL_INTERLEAVE" | "MPOL_PREFERRED_MANY" | "MPOL_WEIGHTED_INTERLEAVE"
            if !has_nodes =>
        {
            found.add("linux.memoryPolicy.nodes", format!("{mode} needs at least one node"));
        }
        _ => {}
    }
    let has = |flag: &str| policy.flags.iter().any(|known| &**known == flag);
    if has("MPOL_F_STATIC_NODES") && has("MPOL_F_RELATIVE_NODES") {
        found.add("linux.memoryPolicy.flags", EXCLUDE_EACH_OTHER);
    }
}
