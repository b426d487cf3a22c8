//! The part of a container that is about this host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Mount, PortMap};

/// What the container may use of the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostConfig {
    /// `SOURCE:TARGET[:OPTIONS]`.
    pub binds: Option<Vec<String>>,
    /// A file that got the id.
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: String,
    /// Where output goes.
    pub log_config: LogConfig,
    /// `bridge`, `none`, `host`, `container:NAME`, or a network's name.
    pub network_mode: String,
    /// Ports of the host that lead to ports inside.
    pub port_bindings: Option<PortMap>,
    /// What happens when it ends.
    pub restart_policy: RestartPolicy,
    /// Whether it is removed when it ends.
    pub auto_remove: bool,
    /// The driver of volumes that are named only.
    pub volume_driver: String,
    /// Containers whose volumes it shares.
    pub volumes_from: Option<Vec<String>>,
    /// Rows and columns of the terminal at first.
    pub console_size: [u32; 2],
    /// Annotations for the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Capabilities more than the default.
    pub cap_add: Option<Vec<String>>,
    /// Capabilities fewer.
    pub cap_drop: Option<Vec<String>>,
    /// `host`, `private`, or empty: the host's on cgroup v1, its own on v2.
    pub cgroupns_mode: String,
    /// Name servers.
    pub dns: Option<Vec<String>>,
    /// Options of the resolver.
    pub dns_options: Option<Vec<String>>,
    /// Domains to search in.
    pub dns_search: Option<Vec<String>>,
    /// `NAME:ADDRESS` for `/etc/hosts`.
    pub extra_hosts: Option<Vec<String>>,
    /// Groups more than the user's own.
    pub group_add: Option<Vec<String>>,
    /// `private`, `none`, `shareable`, `host`, `container:NAME`.
    pub ipc_mode: String,
    /// Old links to other containers.
    pub links: Option<Vec<String>>,
    /// From -1000, never killed, to 1000, first.
    pub oom_score_adj: i64,
    /// `host`, `container:NAME`, or its own.
    pub pid_mode: String,
    /// Whether nothing is kept from it.
    pub privileged: bool,
    /// Whether every exposed port gets a port of the host.
    pub publish_all_ports: bool,
    /// Whether the root file system cannot be written.
    pub readonly_rootfs: bool,
    /// `no-new-privileges`, `seccomp=…`, `apparmor=…`, `label=…`.
    pub security_opt: Option<Vec<String>>,
    /// Folders with a tmpfs, and its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs: Option<BTreeMap<String, String>>,
    /// `host`, or its own.
    #[serde(rename = "UTSMode")]
    pub uts_mode: String,
    /// `host`, or empty.
    pub userns_mode: String,
    /// Bytes of `/dev/shm`; 0 is 64 MiB.
    pub shm_size: i64,
    /// Kernel parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysctls: Option<BTreeMap<String, String>>,
    /// The runtime's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
    /// Relative weight, 2 to 262144.
    pub cpu_shares: i64,
    /// Bytes; 0 is no limit.
    pub memory: i64,
    /// Billionths of a CPU.
    pub nano_cpus: i64,
    /// The group above the container's.
    pub cgroup_parent: String,
    /// 10 to 1000.
    pub blkio_weight: u16,
    /// The same for one device.
    pub blkio_weight_device: Option<Vec<WeightDevice>>,
    /// Bytes per second.
    pub blkio_device_read_bps: Option<Vec<ThrottleDevice>>,
    /// Bytes per second.
    pub blkio_device_write_bps: Option<Vec<ThrottleDevice>>,
    /// Operations per second.
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_iops: Option<Vec<ThrottleDevice>>,
    /// Operations per second.
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_iops: Option<Vec<ThrottleDevice>>,
    /// Microseconds.
    pub cpu_period: i64,
    /// Microseconds in each period.
    pub cpu_quota: i64,
    /// Microseconds.
    pub cpu_realtime_period: i64,
    /// Microseconds in each period.
    pub cpu_realtime_runtime: i64,
    /// `0-2,5`.
    pub cpuset_cpus: String,
    /// Memory nodes, as for CPUs.
    pub cpuset_mems: String,
    /// Devices of the host.
    pub devices: Option<Vec<Device>>,
    /// `c 1:3 rwm`.
    pub device_cgroup_rules: Option<Vec<String>>,
    /// Bytes that are left to it when memory is short.
    pub memory_reservation: i64,
    /// Bytes of memory and swap together; -1 is no limit.
    pub memory_swap: i64,
    /// 0 to 100; -1 or null is the kernel's.
    pub memory_swappiness: Option<i64>,
    /// Whether it is stopped rather than killed when memory runs out.
    pub oom_kill_disable: Option<bool>,
    /// Processes; 0, -1 and null are no limit.
    pub pids_limit: Option<i64>,
    /// Limits of each process.
    pub ulimits: Option<Vec<Ulimit>>,
    /// Mounts in the long form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts: Option<Vec<Mount>>,
    /// Paths that show nothing; null is the default.
    pub masked_paths: Option<Vec<String>>,
    /// Paths below `/proc` that cannot be written; null is the default.
    pub readonly_paths: Option<Vec<String>>,
    /// Whether a small init reaps orphans and passes signals on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
}

/// The log's driver and its options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    /// `json-file`, `local` or `none`; empty is `json-file`.
    #[serde(rename = "Type")]
    pub driver: String,
    /// `max-size`, `max-file`.
    pub config: Option<BTreeMap<String, String>>,
}

/// What happens when the program ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// `no`, `always`, `unless-stopped`, `on-failure`; empty is `no`.
    pub name: String,
    /// How often after a failure; 0 is without end.
    pub maximum_retry_count: u32,
}

/// A device of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Device {
    /// Where it is.
    pub path_on_host: String,
    /// Where it is inside.
    pub path_in_container: String,
    /// Some of `rwm`.
    pub cgroup_permissions: String,
}

/// A limit of each process; -1 is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ulimit {
    /// `nofile`.
    pub name: String,
    /// What it may raise by itself.
    pub hard: i64,
    /// What is in force.
    pub soft: i64,
}

/// A device's share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WeightDevice {
    /// The device's file.
    pub path: String,
    /// 10 to 1000.
    pub weight: u16,
}

/// A device's rate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ThrottleDevice {
    /// The device's file.
    pub path: String,
    /// Per second.
    pub rate: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dockers_client_sends_decodes() {
        let sent = r#"{"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},
            "NetworkMode":"default","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},
            "RestartPolicy":{"Name":"no","MaximumRetryCount":0},"ConsoleSize":[0,0],
            "UTSMode":"host","MemorySwappiness":-1,"OomKillDisable":false,"PidsLimit":0,
            "BlkioDeviceReadIOps":[],"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}],
            "Isolation":"","CpuCount":0,"DeviceRequests":null}"#;
        let host: HostConfig = serde_json::from_str(sent).unwrap();
        assert_eq!(host.uts_mode, "host");
        assert_eq!(host.port_bindings.unwrap()["80/tcp"].as_ref().unwrap()[0].host_port, "8080");
        assert_eq!(host.ulimits.unwrap()[0].soft, 1);
        assert_eq!(serde_json::from_str::<HostConfig>("{}").unwrap(), HostConfig::default());
    }
}
