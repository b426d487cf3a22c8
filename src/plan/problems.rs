//! Everything that keeps a spec from being planned, where [`super::container`] stops at the first.

use super::{
    Options, cgroup, devices, hooks, mount_label, mounts, namespaces, net_devices, own_cores,
    paths, process, rdt, sysctls,
};
use crate::error::Result;
use crate::host::Host;
use crate::spec::Spec;
use crate::validate::Problem;

/// Every part of the plan by itself, with its chapter of the specification. What `validate` tells
/// of a spec without a process or a root is not told again.
pub fn problems(spec: &Spec<'_>, host: &Host, options: &Options<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    let place = mounts::Place { bundle: options.bundle, host };
    let of_mounts = mounts::problems(spec, &place);
    found.extend(of_mounts.into_iter().map(|error| problem("config.md#mounts", &error)));
    let mut note = |chapter, outcome: Result<()>| {
        found.extend(outcome.err().map(|error| problem(chapter, &error)));
    };
    let linux = &spec.linux;
    let warnings = &mut Vec::new();
    match namespaces::namespaces(spec, host) {
        Ok(namespaces) if spec.root.is_some() => {
            note("config.md#root", paths::root(spec, options, &namespaces).map(drop));
        }
        other => note("config-linux.md#namespaces", other.map(drop)),
    }
    if let Some(process) = &spec.process {
        let planned = process::process(spec, process, host, warnings);
        note("config.md#process", planned.map(drop));
    }
    let masked = paths::container_paths("linux.maskedPaths", &linux.masked_paths);
    let readonly = paths::container_paths("linux.readonlyPaths", &linux.readonly_paths);
    note("config-linux.md#control-groups", cgroup(spec, host, options.id).map(drop));
    note("config-linux.md#devices", devices::dev(spec, host, &[], warnings).map(drop));
    note("config-linux.md#masked-paths", masked.map(drop));
    note("config-linux.md#readonly-paths", readonly.map(drop));
    note("config-linux.md#mount-label", mount_label(spec, host, warnings).map(drop));
    note("config-linux.md#namespaced-network-devices", net_devices(spec).map(drop));
    note("config-linux.md#sysctl", sysctls(spec).map(drop));
    note("config.md#posix-platform-hooks", hooks(spec).map(drop));
    note("config.md#annotations", own_cores(spec).map(drop));
    if let Some(wanted) = &linux.intel_rdt {
        let planned = rdt(wanted, host.resctrl.as_deref(), options.id);
        note("config-linux.md#intelrdt", planned.map(drop));
    }
    found
}

/// The words of such errors begin with the field.
fn problem(chapter: &'static str, error: &crate::error::Error) -> Problem {
    Problem::of_words(chapter, &error.to_string())
}
