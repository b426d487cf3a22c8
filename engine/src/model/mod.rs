//! What a container is asked to be and what became of it, in Docker's own shapes: what a request
//! carries, what `inspect` shows, and what lies in the store are the same words.
//!
//! Every field has a default, so that `{}` decodes. Lists are optional where Docker tells `null`
//! from an empty list; [`items`] reads both.

mod config;
mod container;
mod endpoint;
mod event;
mod host_config;
mod mount;
pub mod network;
mod sample;
mod state;

pub use config::{Config, Empty, Healthcheck};
pub use container::Container;
pub use endpoint::{EndpointConfig, IpamConfig, NetworkingConfig, PortBinding, PortMap};
pub use event::{Event, Subject};
pub use host_config::{
    Device, HostConfig, LogConfig, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice,
};
pub use mount::{BindOptions, DriverConfig, Mount, MountPoint, TmpfsOptions, VolumeOptions};
pub use sample::{BlockCount, CpuTime, Interface, MemoryUse, Pids, Sample, Traffic};
pub use state::{Health, Probe, State, Status};

/// A word for true or false, as Go reads them.
pub fn truth(word: &str) -> Option<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What a list that may be `null` holds.
pub fn items<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}
