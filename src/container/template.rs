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
pub fn config(whom: For) -> String {
    let (terminal_group, sys, isolation) = match whom {
        For::Root => (",\n\t\t\t\t\"gid=5\"", FRESH_SYS, NETWORK_NAMESPACE.to_owned()),
        For::User { uid, gid } => ("", BOUND_SYS, user_namespace(uid, gid)),
    };
    TEMPLATE
        .replace(",\"@terminal group@\"", terminal_group)
        .replace("\"@sys@\"", sys)
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
            let text = config(whom);
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
        assert_eq!(namespaces(&config(For::Root)), [&["network"], &common[..]].concat());
        assert_eq!(namespaces(&config(USER)), [&["user"], &common[..]].concat());
        let text = config(USER);
        let spec = Spec::read(text.as_bytes()).unwrap();
        assert_eq!(spec.linux.uid_mappings[0].host_id, 1000);
        assert_eq!(spec.linux.gid_mappings[0].host_id, 100);
        assert_eq!(spec.linux.resources, None);
    }

    #[test]
    fn a_user_mounts_nothing_that_takes_the_hosts_ids_or_a_network_namespace() {
        let text = config(USER);
        let spec = Spec::read(text.as_bytes()).unwrap();
        assert!(!spec.mounts.iter().any(|mount| &*mount.kind == "sysfs"));
        assert!(
            !spec.mounts.iter().flat_map(|mount| &mount.options).any(|o| o.starts_with("gid="))
        );
        assert!(config(For::Root).contains("\"gid=5\""));
    }
}
