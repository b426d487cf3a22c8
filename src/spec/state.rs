//! The state of a container as hooks and seccomp agents are told it

use serde::Serialize;

use super::object::{Pairs, Str};

/// runtime.md#state
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State<'a> {
    /// Version of the specification that the state follows.
    pub oci_version: &'a str,
    /// The container's name.
    pub id: &'a str,
    /// `creating`, `created`, `running` or `stopped`.
    pub status: &'static str,
    /// Process id of init as the reader knows it.
    #[serde(skip_serializing_if = "is_zero")]
    pub pid: i32,
    /// The bundle, an absolute path.
    pub bundle: &'a str,
    /// The annotations of config.json.
    #[serde(skip_serializing_if = "has_none")]
    pub annotations: &'a Pairs<'a, Str<'a>>,
}

fn is_zero(pid: &i32) -> bool {
    *pid == 0
}

fn has_none(annotations: &&Pairs<'_, Str<'_>>) -> bool {
    annotations.is_empty()
}

impl State<'_> {
    /// Compact JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers are always JSON")
    }
}
