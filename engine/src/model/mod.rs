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

/// What a list that may be `null` holds.
pub fn items<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}
