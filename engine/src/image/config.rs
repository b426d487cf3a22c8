//! The configuration of an image: what its containers run by default, and what it is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::Digest;
use super::platform::Platform;

/// An empty object: sets are written as maps to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// What a container of the image runs, where it is not told otherwise. The words are Docker's; OCI
/// has the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// `USER[:GROUP]`, by names or numbers.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// `PORT[/PROTOCOL]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Empty>>,
    /// `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// What goes before `cmd`.
    pub entrypoint: Option<Vec<String>>,
    /// The program and its arguments, or the arguments of the entrypoint.
    pub cmd: Option<Vec<String>>,
    /// How to see whether it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Absolute paths.
    pub volumes: Option<BTreeMap<String, Empty>>,
    /// An absolute path.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// Notes.
    pub labels: Option<BTreeMap<String, String>>,
    /// What a build on top of this image does first.
    pub on_build: Option<Vec<String>>,
    /// A signal's name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i64>,
    /// What runs a command that is given as one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
    /// The command is one text, for Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args_escaped: Option<bool>,
}

/// How to see whether a container is well. Times are in nanoseconds; 0 is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, `CMD` and arguments, or `CMD-SHELL` and a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Vec<String>>,
    /// Between two looks.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// Of one look.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// In which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Between two looks in the start period.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures in a row that make it unwell.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A value, where `null` stands for its default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The layers by what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`, always.
    #[serde(rename = "type")]
    pub kind: String,
    /// The digests of the layers' tar archives, the lowest first.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// One step of how the image was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By which command.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub created_by: String,
    /// By whom.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub author: String,
    /// A note.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub comment: String,
    /// It made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// The whole file, whose digest is the image's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    /// `amd64`, …
    #[serde(default, deserialize_with = "or_default")]
    pub architecture: String,
    /// `v7`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// `linux`.
    #[serde(default, deserialize_with = "or_default")]
    pub os: String,
    /// When it was made, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By whom.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub author: String,
    /// What containers run.
    #[serde(default, deserialize_with = "or_default")]
    pub config: Config,
    /// The layers.
    pub rootfs: RootFs,
    /// How it was made, the oldest step first.
    #[serde(default, deserialize_with = "or_default")]
    pub history: Vec<History>,
    /// What else the file says.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl File {
    /// The machine that it is for.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_writes_as_null_is_the_default() {
        let text = r#"{"architecture":"amd64","os":"linux","config":{"Env":null,"User":null,
            "Volumes":{"/data":{}},"ExposedPorts":{"80/tcp":{}},"Cmd":["sh"],"Labels":null},
            "rootfs":{"type":"layers","diff_ids":null},"history":null,"docker_version":"20"}"#;
        let file: File = serde_json::from_str(text).unwrap();
        assert_eq!(file.config.cmd, Some(vec!["sh".to_owned()]));
        assert_eq!(file.config.env, None);
        assert!(file.config.volumes.unwrap().contains_key("/data"));
        assert_eq!(file.more["docker_version"], "20");
        let no_config: File =
            serde_json::from_str(r#"{"config":null,"rootfs":{"type":"layers","diff_ids":[]}}"#)
                .unwrap();
        assert_eq!(no_config.config, Config::default());
    }
}
