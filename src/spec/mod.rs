//! `config.json` as the callers of runc write it, borrowed from the text it was read from.
//!
//! Words that the specification lists (actions, namespace types, mount options …) stay text here:
//! an unknown one is an error only where it is used, and `validate` and `plan` say so.

mod hooks;
mod linux;
mod mount;
mod object;
mod process;
mod resources;
mod seccomp;
mod state;

pub use hooks::{Hook, Hooks};
pub use linux::{
    Device, IdMapping, IntelRdt, Linux, MemoryPolicy, Namespace, NetDevice, Personality, TimeOffset,
};
pub use mount::{Mount, Root};
pub use object::{Pairs, Str};
pub use process::{
    Affinity, Capabilities, ConsoleSize, IoPriority, Process, Rlimit, Scheduler, User,
};
pub use resources::{
    BlockIo, Cpu, DeviceRule, HugepageLimit, InterfacePriority, Memory, Network, Pids, Rdma,
    Resources, ThrottleDevice, WeightDevice,
};
pub use seccomp::{Arg, Seccomp, Syscall};
pub use state::State;

/// The newest version of the runtime specification that is served whole.
pub const OCI_VERSION: &str = "1.3.0";

object::object! {
    /// A container's configuration (config.md of the runtime specification 1.3).
    pub struct Spec<'a> {
        oci_version: Str<'a> = "ociVersion",
        root: Option<Root<'a>> = "root",
        mounts: Vec<Mount<'a>> = "mounts",
        process: Option<Process<'a>> = "process",
        hostname: Str<'a> = "hostname",
        domainname: Str<'a> = "domainname",
        hooks: Hooks<'a> = "hooks",
        annotations: Pairs<'a, Str<'a>> = "annotations",
        linux: Linux<'a> = "linux",
    }
}

impl<'a> Spec<'a> {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The place (line, column and field) of what is not JSON or not of the expected type.
    pub fn read(text: &'a [u8]) -> serde_json::Result<Spec<'a>> {
        serde_json::from_slice(text)
    }

    /// Where a new user namespace is asked for, or needed because the caller is not root, and
    /// nobody says who is in it: its root is the caller, and nobody else is there.
    pub fn map_own_ids(&mut self, uid: u32, gid: u32) {
        let linux = &mut self.linux;
        if !linux.uid_mappings.is_empty() || !linux.gid_mappings.is_empty() {
            return;
        }
        let user = linux.namespaces.iter().find(|namespace| &*namespace.kind == "user");
        match user.map(|namespace| namespace.path.is_empty()) {
            Some(true) => {}
            None if uid != 0 => {
                linux.namespaces.push(Namespace { kind: "user".into(), path: Str::default() });
            }
            _ => return,
        }
        let root = |host_id| IdMapping { container_id: 0, host_id, size: 1 };
        (linux.uid_mappings, linux.gid_mappings) = (vec![root(uid)], vec![root(gid)]);
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(known, _)| &**known == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_absent_and_the_last_of_a_repeated_key_wins() {
        let spec = Spec::read(
            br#"{"ociVersion":"1.0.2","hostname":"a","hostname":"b","process":null,"mounts":null,
                 "linux":null,"x-unknown":[{"a":1}]}"#,
        )
        .unwrap();
        assert_eq!(spec.hostname.as_str(), "b");
        assert_eq!(spec.process, None);
        assert!(spec.mounts.is_empty());
    }

    #[test]
    fn an_error_names_the_field_and_the_place() {
        let error = Spec::read(br#"{"process":{"user":{"uid":"0"}}}"#).unwrap_err().to_string();
        assert!(error.starts_with("process: user: uid: invalid type: string \"0\""), "{error}");
        assert!(error.ends_with("at line 1 column 29"), "{error}");
    }

    #[test]
    fn integers_are_strict() {
        for uid in ["-1", "4294967296", "1.5", "1e3", "\"1\""] {
            let text = format!(r#"{{"process":{{"user":{{"uid":{uid}}}}}}}"#);
            assert!(Spec::read(text.as_bytes()).is_err(), "{uid}");
        }
    }

    #[test]
    fn escapes_are_decoded_and_plain_text_is_borrowed() {
        let spec = Spec::read(br#"{"hostname":"a\u0062c","domainname":"plain"}"#).unwrap();
        assert_eq!(spec.hostname.as_str(), "abc");
        assert_eq!(spec.domainname.as_str(), "plain");
    }
}
