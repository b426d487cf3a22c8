//! What `state` and `list` show of a container (runtime.md#state).

use std::collections::BTreeMap;

use serde::Serialize;

use super::ContainerId;
use super::saved::Saved;
use super::status::Status;
use crate::error::Result;
use crate::spec::OCI_VERSION;

/// The state of a container, its keys in runc's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateView {
    /// Version of the specification that the state follows.
    #[serde(rename = "ociVersion")]
    pub oci_version: &'static str,
    /// The container's name.
    pub id: ContainerId,
    /// Process id of init as the runtime sees it; 0 once it has stopped.
    pub pid: i32,
    /// `creating`, `created`, `running`, `paused` or `stopped`.
    pub status: &'static str,
    /// The bundle, an absolute path.
    pub bundle: String,
    /// The root file system, an absolute path of the host.
    pub rootfs: String,
    /// When the container was created: RFC 3339 with nanoseconds, in UTC.
    pub created: String,
    /// The annotations of config.json.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The scope of systemd's that it is in, where systemd made its cgroup.
    #[serde(rename = "systemd-scope", skip_serializing_if = "Option::is_none")]
    pub systemd_scope: Option<String>,
    /// Who created it: a user's name, or `#` and the uid; `state` leaves it empty, as runc does.
    pub owner: String,
}

impl StateView {
    /// What is shown of a container in this status; whose it is, is left out.
    ///
    /// # Errors
    /// What was saved has no name of a container.
    pub(super) fn new(saved: Saved, status: Status) -> Result<StateView> {
        let own = saved.onggi;
        Ok(StateView {
            oci_version: OCI_VERSION,
            id: ContainerId::new(&saved.id)?,
            pid: if status == Status::Stopped { 0 } else { saved.init_process_pid },
            status: status.word(),
            bundle: own.bundle,
            rootfs: saved.config.rootfs,
            created: saved.created,
            annotations: own.annotations,
            systemd_scope: own.cgroup.unit.map(|unit| unit.name),
            owner: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> StateView {
        StateView {
            oci_version: "1.3.0",
            id: ContainerId::new("web").unwrap(),
            pid: 7,
            status: "running",
            bundle: "/b".into(),
            rootfs: "/b/rootfs".into(),
            created: "2026-01-02T03:04:05.6Z".into(),
            annotations: BTreeMap::new(),
            systemd_scope: None,
            owner: "root".into(),
        }
    }

    #[test]
    fn keys_are_in_runcs_order_and_no_annotations_are_left_out() {
        assert_eq!(
            serde_json::to_string(&view()).unwrap(),
            concat!(
                r#"{"ociVersion":"1.3.0","id":"web","pid":7,"status":"running","bundle":"/b","#,
                r#""rootfs":"/b/rootfs","created":"2026-01-02T03:04:05.6Z","owner":"root"}"#
            )
        );
    }

    #[test]
    fn annotations_come_before_the_owner() {
        let mut view = view();
        view.annotations.insert("a".into(), "b".into());
        let json = serde_json::to_string(&view).unwrap();
        assert!(json.ends_with(r#""annotations":{"a":"b"},"owner":"root"}"#), "{json}");
        view.systemd_scope = Some("runc-web.scope".into());
        let json = serde_json::to_string(&view).unwrap();
        assert!(json.ends_with(r#","systemd-scope":"runc-web.scope","owner":"root"}"#), "{json}");
    }
}
