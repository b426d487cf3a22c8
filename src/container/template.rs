//! The configuration that `spec` writes, to start from.

/// Whom a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Root, with all rights over the host.
    Root,
    /// A user, who becomes root in a user namespace of the container.
    User {
        /// The user's id on the host.
        uid: u32,
        /// The user's group on the host.
        gid: u32,
    },
}

const TEMPLATE: &str = include_str!("config.json.in");

/// The text of a `config.json` that runs `sh` in `rootfs`, as little privileged as it can be.
///
/// On cgroup v1 there is no cgroup namespace, as in runc: who adds one does not have it twice.
pub fn config(whom: For, cgroup_v1: bool) -> String {
    let cgroup = if cgroup_v1 { "" } else { CGROUP_NAMESPACE };
    let (terminal_group, sys, isolation) = match whom {
        For::Root => (",\n\t\t\t\t\"gid=5\"", FRESH_SYS, NETWORK_NAMESPACE.to_owned()),
        For::User { uid, gid } => ("", BOUND_SYS, user_namespace(uid, gid)),
    };
    TEMPLATE
        .replace(",\"@terminal group@\"", terminal_group)
        .replace("\"@sys@\"", sys)
        .replace(",\"@cgroup namespace@\"", cgroup)
        .replace("\"@isolation@\"", &isolation)
}

const FRESH_SYS: &str = r#"{
			"destination": "/sys",
			"type": "sysfs",
			"source": "sysfs",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]
		},
		{
			"destination": "/sys/fs/cgroup",
			"type": "cgroup",
			"source": "cgroup",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"relatime",
				"ro"
			]
		}"#;

// A new sysfs takes a network namespace of one's own, which a user could not connect to anything.
const BOUND_SYS: &str = r#"{
			"destination": "/sys",
			"type": "none",
			"source": "/sys",
			"options": [
				"rbind",
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]
		}"#;

const CGROUP_NAMESPACE: &str = r#",
			{
				"type": "cgroup"
			}"#;

const NETWORK_NAMESPACE: &str = r#""resources": {
			"devices": [
				{
					"allow": false,
					"access": "rwm"
				}
			]
		},
		"namespaces": [
			{
				"type": "network"
			},"#;

fn user_namespace(uid: u32, gid: u32) -> String {
    let map = |name: &str, id: u32| {
        format!(
            "\"{name}\": [\n\t\t\t{{\n\t\t\t\t\"containerID\": 0,\n\t\t\t\t\"hostID\": {id},\n\
             \t\t\t\t\"size\": 1\n\t\t\t}}\n\t\t],\n\t\t"
        )
    };
    let (uids, gids) = (map("uidMappings", uid), map("gidMappings", gid));
    format!("{uids}{gids}\"namespaces\": [\n\t\t\t{{\n\t\t\t\t\"type\": \"user\"\n\t\t\t}},")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    const USER: For = For::User { uid: 1000, gid: 100 };

    #[test]
    fn both_configurations_are_whole_and_have_no_marks_left() {
        for whom in [For::Root, USER] {
            let text = config(whom, false);
            assert!(!text.contains('@'), "{text}");
            let spec = Spec::read(text.as_bytes()).unwrap();
            assert_eq!(spec.oci_version.as_str(), crate::spec::OCI_VERSION);
            let process = spec.process.unwrap();
            assert!(process.no_new_privileges && process.terminal);
            let sets = process.capabilities.unwrap();
            assert!(sets.inheritable.is_empty() && sets.ambient.is_empty());
            assert_eq!(sets.bounding, sets.permitted);
            let masked: Vec<&str> = spec.linux.masked_paths.iter().map(|path| &**path).collect();
            assert!(masked.contains(&"/sys/devices/virtual/powercap"), "{masked:?}");
        }
    }

    fn namespaces(text: &str) -> Vec<String> {
        let spec = Spec::read(text.as_bytes()).unwrap();
        spec.linux.namespaces.iter().map(|namespace| namespace.kind.to_string()).collect()
    }

    #[test]
    fn a_user_has_a_user_namespace_instead_of_a_network_namespace() {
        let common = ["pid", "ipc", "uts", "mount", "cgroup"];
        assert_eq!(namespaces(&config(For::Root, false)), [&["network"], &common[..]].concat());
        assert_eq!(namespaces(&config(USER, false)), [&["user"], &common[..]].concat());
        let text = config(USER, false);
        let spec = Spec::read(text.as_bytes()).unwrap();
        assert_eq!(spec.linux.uid_mappings[0].host_id, 1000);
        assert_eq!(spec.linux.gid_mappings[0].host_id, 100);
        assert_eq!(spec.linux.resources, None);
    }

    #[test]
    fn a_user_mounts_nothing_that_takes_the_hosts_ids_or_a_network_namespace() {
        let text = config(USER, false);
        let spec = Spec::read(text.as_bytes()).unwrap();
        assert!(!spec.mounts.iter().any(|mount| &*mount.kind == "sysfs"));
        assert!(
            !spec.mounts.iter().flat_map(|mount| &mount.options).any(|o| o.starts_with("gid="))
        );
        assert!(config(For::Root, false).contains("\"gid=5\""));
    }

    #[test]
    fn a_cgroup_namespace_is_for_cgroup_v2() {
        for whom in [For::Root, USER] {
            let has = |cgroup_v1| {
                let text = config(whom, cgroup_v1);
                let spec = Spec::read(text.as_bytes()).unwrap();
                spec.linux.namespaces.iter().any(|namespace| &*namespace.kind == "cgroup")
            };
            assert!(has(false) && !has(true), "{whom:?}");
        }
    }
}
