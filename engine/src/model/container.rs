//! A container as it was created: what never changes, or only by `rename` and `update`.

use serde::{Deserialize, Serialize};

use super::{Config, HostConfig, MountPoint, NetworkingConfig};
use crate::time::Time;

/// A container's definition. What runs in it is [`super::State`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Container {
    /// Sixty-four hexadecimal digits.
    pub id: String,
    /// Without Docker's leading slash.
    pub name: String,
    /// When it was created.
    pub created: Time,
    /// The image's id, with its algorithm; empty after the image was removed by force.
    pub image: String,
    /// With the image's defaults merged in.
    pub config: Config,
    /// What it may use of the host.
    pub host_config: HostConfig,
    /// The networks that it joins.
    pub networking_config: NetworkingConfig,
    /// Its binds and volumes, with their places on the host.
    pub mounts: Vec<MountPoint>,
}

impl Container {
    /// The first twelve digits of the id, which people see.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// The program and its arguments: the entry point, then the command.
    pub fn command_line(&self) -> Vec<String> {
        let parts = [&self.config.entrypoint, &self.config.cmd];
        parts.into_iter().flatten().flatten().cloned().collect()
    }

    /// The host name inside.
    pub fn hostname(&self) -> &str {
        if self.config.hostname.is_empty() { self.short_id() } else { &self.config.hostname }
    }
}
