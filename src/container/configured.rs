//! What a container was created from, as commands read it that come later.

use super::saved::Saved;
use super::{Container, create};
use crate::error::{Doing, Result};
use crate::host::{self, Host};
use crate::plan::{self, Plan};
use crate::spec::Spec;

/// The saved configuration, with the ids of whoever created the container where it names none, and
/// what its plan must know of the machine.
///
/// # Errors
/// A configuration that is none; the host, if it cannot be asked.
pub(super) fn read<'a>(text: &'a [u8], saved: &Saved) -> Result<(Spec<'a>, Host)> {
    let mut spec = Spec::read(text).doing(|| "read the saved configuration".into())?;
    let host = host::probe(&spec)?;
    let own = &saved.onggi;
    spec.map_own_ids(own.owner, own.group.unwrap_or(host.egid));
    Ok((spec, host))
}

/// The plan that the container was created from.
///
/// # Errors
/// What cannot be done on this machine any more.
pub(super) fn plan(spec: &Spec<'_>, host: &Host, container: &Container) -> Result<Plan> {
    let own = &container.saved.onggi;
    plan::container(
        spec,
        host,
        &plan::Options {
            id: &container.saved.id,
            bundle: own.bundle.as_ref(),
            root_switch: plan::RootSwitch::Pivot,
            keyring: own.keyring,
            // The cgroup is there, whoever made it.
            cgroup_manager: plan::CgroupManager::Disabled,
            unit_properties: plan::PROPERTIES_OF_LIMITS,
            seccomp: create::compile_filter(spec)?,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was written before the group was in it.
    const OLD: &str = r#"{"id": "web", "init_process_pid": 7, "init_process_start": 8,
        "created": "2026-11-21T05:45:30.888014227Z", "rootless": true,
        "config": {"rootfs": "/b/rootfs", "labels": []},
        "onggi": {"version": 1, "bundle": "/b", "owner": 1000, "namespaces": [],
        "keyring": "new", "cgroup": {"paths": {}, "unit": null}, "resources": null,
        "annotations": {}}}"#;

    #[test]
    fn ids_that_nobody_named_are_those_of_the_creator() {
        let text = br#"{"linux": {"namespaces": [{"type": "user"}]}}"#;
        let mut saved: Saved = serde_json::from_str(OLD).unwrap();
        for group in [Some(100), None] {
            saved.onggi.group = group;
            let again = serde_json::from_slice(&serde_json::to_vec(&saved).unwrap()).unwrap();
            let (spec, host) = read(text, &again).unwrap();
            assert_eq!(spec.linux.uid_mappings[0].host_id, 1000);
            assert_eq!(spec.linux.gid_mappings[0].host_id, group.unwrap_or(host.egid));
        }
    }
}
