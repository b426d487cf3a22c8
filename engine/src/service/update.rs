//! Changing what a container may use, also while it runs.

use std::path::Path;

use super::{Engine, create, host};
use crate::bundle::resources::resources;
use crate::error::{Context, Kind, Result, refuse, told};
use crate::model::{Container, Event, HostConfig, RestartPolicy};

/// What is to change; what is not said stays. The units are those of [`HostConfig`].
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of HostConfig")]
pub struct Update {
    pub blkio_weight: Option<u16>,
    pub cpu_period: Option<i64>,
    pub cpu_quota: Option<i64>,
    pub cpu_realtime_period: Option<i64>,
    pub cpu_realtime_runtime: Option<i64>,
    pub cpu_shares: Option<i64>,
    pub cpuset_cpus: Option<String>,
    pub cpuset_mems: Option<String>,
    pub memory: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub memory_swap: Option<i64>,
    pub nano_cpus: Option<i64>,
    pub pids_limit: Option<i64>,
    pub restart_policy: Option<RestartPolicy>,
}

impl Engine {
    /// Changes the limits of a container, by its id: of its processes now, and of its next starts.
    ///
    /// # Errors
    /// The limits make no sense together, or the kernel does not take them; nothing has changed
    /// then.
    pub fn update(&self, id: &str, update: &Update) -> Result<()> {
        let _lock = self.store.lock_container(id)?;
        let mut container = self.store.container(id)?;
        let removes_itself = container.host_config.auto_remove;
        if removes_itself
            && update.restart_policy.as_ref().is_some_and(|policy| policy.name != "no")
        {
            let words = "Restart policy cannot be updated because AutoRemove is enabled for the \
                         container";
            return Err(cannot(&container, refuse(Kind::Conflict, words)));
        }
        if let Some(words) = update.contradiction(&container.host_config) {
            return Err(cannot(&container, refuse(Kind::Conflict, words)));
        }
        update.apply(&mut container.host_config);
        create::check(&container.config, &container.host_config)
            .map_err(|error| cannot(&container, error))?;
        if self.store.state(id)?.status.is_alive() {
            let host = &container.host_config;
            let devices = host::block_devices(host)?;
            let number = |path: &str| {
                devices.iter().find(|(own, _)| own == path).map(|(_, numbers)| *numbers)
            };
            let limits = resources(host, host.memory > 0 && crate::cgroup::limits_swap(), &number);
            let file = self.store.bundle(id).join("limits.json");
            self.set_limits(id, &file, &serde_json::Value::Object(limits))
                .map_err(|error| cannot(&container, error))?;
        }
        self.store.change_container(&container)?;
        self.store.tell(&Event::of_container(&container, "update"));
        Ok(())
    }

    fn set_limits(&self, id: &str, file: &Path, limits: &serde_json::Value) -> Result<()> {
        std::fs::write(file, limits.to_string())
            .with_context(|| format!("write {}", file.display()))?;
        self.runtime().update(id, file)
    }
}

fn cannot(container: &Container, error: anyhow::Error) -> anyhow::Error {
    let words = format!("Cannot update container {}: {}", container.id, told(&error));
    refuse(crate::error::kind(&error).unwrap_or(Kind::Conflict), words)
}

impl Update {
    /// What contradicts what is in force, and does not change that too.
    fn contradiction(&self, host: &HostConfig) -> Option<&'static str> {
        let says = |wanted: Option<i64>| wanted.is_some_and(|value| value != 0);
        let in_billionths = host.nano_cpus > 0;
        let words = [
            (
                says(self.cpu_period) && in_billionths,
                "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been \
                 set",
            ),
            (
                says(self.cpu_quota) && in_billionths,
                "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
            ),
            (
                says(self.nano_cpus) && host.cpu_quota > 0,
                "Conflicting options: NanoCPUs cannot be updated as CPU Quota has already been set",
            ),
            (
                says(self.nano_cpus) && host.cpu_period > 0,
                "Conflicting options: NanoCPUs cannot be updated as CPU Period has already been \
                 set",
            ),
            (
                self.memory_swap.is_none()
                    && host.memory_swap > 0
                    && self.memory.is_some_and(|memory| memory > host.memory_swap),
                "Memory limit should be smaller than already set memoryswap limit, update the \
                 memoryswap at the same time",
            ),
        ];
        words.into_iter().find(|(is_so, _)| *is_so).map(|(_, words)| words)
    }

    fn apply(&self, host: &mut HostConfig) {
        fn set<T: Clone>(place: &mut T, wanted: &Option<T>) {
            if let Some(wanted) = wanted {
                place.clone_from(wanted);
            }
        }
        set(&mut host.blkio_weight, &self.blkio_weight);
        set(&mut host.cpu_period, &self.cpu_period);
        set(&mut host.cpu_quota, &self.cpu_quota);
        set(&mut host.cpu_realtime_period, &self.cpu_realtime_period);
        set(&mut host.cpu_realtime_runtime, &self.cpu_realtime_runtime);
        set(&mut host.cpu_shares, &self.cpu_shares);
        set(&mut host.cpuset_cpus, &self.cpuset_cpus);
        set(&mut host.cpuset_mems, &self.cpuset_mems);
        set(&mut host.memory, &self.memory);
        set(&mut host.memory_reservation, &self.memory_reservation);
        set(&mut host.memory_swap, &self.memory_swap);
        set(&mut host.nano_cpus, &self.nano_cpus);
        if self.pids_limit.is_some() {
            // No limit has two numbers, of which Docker keeps this one.
            host.pids_limit = self.pids_limit.map(|limit| limit.max(0));
        }
        set(&mut host.restart_policy, &self.restart_policy);
    }
}
