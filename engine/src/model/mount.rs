//! Mounts: as they are asked for, and as they are.

use std::collections::BTreeMap;
use std::ops::Not;

use serde::{Deserialize, Serialize};

/// A mount in the long form, as `--mount` says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`; empty is `volume`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// A path of the host or a volume's name; empty is a volume without a name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Where it is inside.
    pub target: String,
    /// Whether it cannot be written.
    #[serde(skip_serializing_if = "Not::not")]
    pub read_only: bool,
    /// For a bind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_options: Option<BindOptions>,
    /// For a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_options: Option<VolumeOptions>,
    /// For a tmpfs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs_options: Option<TmpfsOptions>,
}

/// What a bind mount may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BindOptions {
    /// `rprivate`, `rshared`, …; empty is `rprivate`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub propagation: String,
    /// Whether mounts below the source stay behind.
    #[serde(skip_serializing_if = "Not::not")]
    pub non_recursive: bool,
    /// Whether a missing source is made.
    #[serde(skip_serializing_if = "Not::not")]
    pub create_mountpoint: bool,
    /// Whether mounts below a source that cannot be written can.
    #[serde(skip_serializing_if = "Not::not")]
    pub read_only_non_recursive: bool,
    /// Whether it is refused where mounts below it could still be written.
    #[serde(skip_serializing_if = "Not::not")]
    pub read_only_force_recursive: bool,
}

/// What a volume may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VolumeOptions {
    /// Whether the image's files are not copied into a new volume.
    #[serde(skip_serializing_if = "Not::not")]
    pub no_copy: bool,
    /// Labels of a new volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// A folder of the volume in place of all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// Of a new volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_config: Option<DriverConfig>,
}

/// What makes a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DriverConfig {
    /// `local`, or nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Options of the driver: `type`, `device`, `o`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<BTreeMap<String, String>>,
}

/// What a tmpfs may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TmpfsOptions {
    /// Bytes; 0 is half of the memory.
    #[serde(skip_serializing_if = "is_zero")]
    pub size_bytes: i64,
    /// Permission bits; 0 is 1777.
    #[serde(skip_serializing_if = "is_zero")]
    pub mode: u32,
}

/// A mount as the container has it: what `inspect` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountPoint {
    /// `bind`, `volume`, `tmpfs`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// A volume's name.
    #[serde(rename = "Name", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The path on the host.
    #[serde(rename = "Source")]
    pub source: String,
    /// The part of the source that is mounted, a path below it; empty is all of it.
    #[serde(rename = "Subpath", skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// The path inside.
    #[serde(rename = "Destination")]
    pub destination: String,
    /// A volume's driver.
    #[serde(rename = "Driver", skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// The options as they were typed.
    #[serde(rename = "Mode")]
    pub mode: String,
    /// Whether it can be written.
    #[serde(rename = "RW")]
    pub writable: bool,
    /// How mounts made later spread.
    #[serde(rename = "Propagation")]
    pub propagation: String,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mount_only_what_was_said_is_told() {
        let mount = Mount {
            kind: "volume".into(),
            target: "/d".into(),
            bind_options: Some(BindOptions::default()),
            volume_options: Some(VolumeOptions { no_copy: true, ..VolumeOptions::default() }),
            tmpfs_options: Some(TmpfsOptions::default()),
            ..Mount::default()
        };
        let told = concat!(
            r#"{"Type":"volume","Target":"/d","BindOptions":{},"#,
            r#""VolumeOptions":{"NoCopy":true},"TmpfsOptions":{}}"#
        );
        assert_eq!(serde_json::to_string(&mount).unwrap(), told);
        assert_eq!(serde_json::from_str::<Mount>(told).unwrap(), mount);
    }
}
