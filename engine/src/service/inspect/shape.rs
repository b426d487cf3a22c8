//! What `inspect` tells of a container, in Docker's order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::model::network::{Endpoint, is_predefined, names_in_network};
use crate::model::{
    Config, Container, EndpointConfig, Health, HostConfig, IpamConfig, MountPoint, PortBinding,
    PortMap, State, Status, items,
};
use crate::service::list::Size;
use crate::time::Time;

/// Where a container's files are, and what this machine has for it.
pub(super) struct Places {
    pub runtime: String,
    pub(super) apparmor_profile: String,
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
    pub(super) lower: String,
    pub(super) merged: PathBuf,
    pub(super) upper: PathBuf,
    pub(super) work: PathBuf,
    pub(super) namespace: PathBuf,
}

/// A container.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the words are Docker's")]
pub struct Inspected {
    pub id: String,
    pub created: Time,
    pub path: String,
    pub args: Vec<String>,
    pub state: ShownState,
    pub image: String,
    pub resolv_conf_path: PathBuf,
    pub hostname_path: PathBuf,
    pub hosts_path: PathBuf,
    pub log_path: PathBuf,
    pub name: String,
    pub restart_count: u32,
    pub driver: &'static str,
    pub platform: &'static str,
    pub mount_label: &'static str,
    pub process_label: &'static str,
    pub app_armor_profile: String,
    #[serde(rename = "ExecIDs")]
    pub exec_ids: Option<Vec<String>>,
    pub host_config: ShownHostConfig,
    pub graph_driver: ShownLayers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_rw: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_root_fs: Option<u64>,
    pub mounts: Vec<MountPoint>,
    pub config: Config,
    pub network_settings: ShownNetworks,
}

/// Its state.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownState {
    pub status: Status,
    pub running: bool,
    pub paused: bool,
    pub restarting: bool,
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    pub dead: bool,
    pub pid: u32,
    pub exit_code: i32,
    pub error: String,
    pub started_at: Time,
    pub finished_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What it may use of the host, with the fields that only other systems have.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownHostConfig {
    #[serde(flatten)]
    pub own: HostConfig,
    pub cgroup: &'static str,
    pub isolation: &'static str,
    pub device_requests: Option<()>,
    pub cpu_count: u32,
    pub cpu_percent: u32,
    #[serde(rename = "IOMaximumIOps")]
    pub io_maximum_iops: u32,
    #[serde(rename = "IOMaximumBandwidth")]
    pub io_maximum_bandwidth: u32,
}

/// Its root file system.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownLayers {
    pub data: ShownFolders,
    pub name: &'static str,
}

/// The folders that overlayfs lays over one another.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownFolders {
    #[serde(rename = "ID")]
    pub id: String,
    pub lower_dir: String,
    pub merged_dir: PathBuf,
    pub upper_dir: PathBuf,
    pub work_dir: PathBuf,
}

/// Its networks; the fields beside them are those of `bridge`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownNetworks {
    pub bridge: &'static str,
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    pub sandbox_key: PathBuf,
    pub ports: PortMap,
    pub hairpin_mode: bool,
    #[serde(rename = "LinkLocalIPv6Address")]
    pub link_local_ipv6_address: &'static str,
    #[serde(rename = "LinkLocalIPv6PrefixLen")]
    pub link_local_ipv6_prefix_len: u8,
    #[serde(rename = "SecondaryIPAddresses")]
    pub secondary_ip_addresses: Option<()>,
    #[serde(rename = "SecondaryIPv6Addresses")]
    pub secondary_ipv6_addresses: Option<()>,
    #[serde(flatten)]
    pub of_bridge: ShownAddresses,
    pub mac_address: String,
    pub networks: BTreeMap<String, ShownEndpoint>,
}

/// Addresses in a network.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownAddresses {
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    pub gateway: String,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
}

/// A place in a network.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownEndpoint {
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: Option<IpamConfig>,
    pub links: Option<Vec<String>>,
    pub aliases: Option<Vec<String>>,
    pub mac_address: String,
    pub driver_opts: Option<BTreeMap<String, String>>,
    pub gw_priority: i64,
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    #[serde(flatten)]
    pub addresses: ShownAddresses,
    #[serde(rename = "DNSNames")]
    pub dns_names: Option<Vec<String>>,
}

impl Inspected {
    pub(super) fn new(
        container: Container,
        state: State,
        networks: Vec<(String, EndpointConfig, Option<Endpoint>)>,
        places: Places,
        size: Option<Size>,
    ) -> Inspected {
        let mut command_line = container.command_line();
        let path = if command_line.is_empty() { String::new() } else { command_line.remove(0) };
        Inspected {
            network_settings: ShownNetworks::new(&container, networks, &places),
            created: container.created,
            path,
            args: command_line,
            restart_count: state.restart_count,
            state: ShownState::new(state),
            image: container.image,
            resolv_conf_path: places.folder.join("resolv.conf"),
            hostname_path: places.folder.join("hostname"),
            hosts_path: places.folder.join("hosts"),
            log_path: places.log,
            name: format!("/{}", container.name),
            driver: "overlay2",
            platform: "linux",
            mount_label: "",
            process_label: "",
            app_armor_profile: places.apparmor_profile,
            exec_ids: None,
            host_config: ShownHostConfig::new(container.host_config, &places.runtime),
            graph_driver: ShownLayers {
                data: ShownFolders {
                    id: container.id.clone(),
                    lower_dir: places.lower,
                    merged_dir: places.merged,
                    upper_dir: places.upper,
                    work_dir: places.work,
                },
                name: "overlay2",
            },
            size_rw: size.map(|size| size.own),
            size_root_fs: size.map(|size| size.virtually),
            mounts: container.mounts,
            config: container.config,
            id: container.id,
        }
    }
}

impl ShownState {
    fn new(state: State) -> ShownState {
        ShownState {
            running: state.status.is_up(),
            paused: state.status == Status::Paused,
            restarting: state.status == Status::Restarting,
            dead: state.status == Status::Dead,
            status: state.status,
            oom_killed: state.oom_killed,
            pid: if state.status.is_alive() { state.pid } else { 0 },
            exit_code: state.exit_code,
            error: state.error,
            started_at: state.started_at,
            finished_at: state.finished_at,
            health: state.health,
        }
    }
}

impl ShownHostConfig {
    fn new(mut own: HostConfig, runtime: &str) -> ShownHostConfig {
        if own.runtime.is_empty() {
            runtime.clone_into(&mut own.runtime);
        }
        ShownHostConfig {
            own,
            cgroup: "",
            isolation: "",
            device_requests: None,
            cpu_count: 0,
            cpu_percent: 0,
            io_maximum_iops: 0,
            io_maximum_bandwidth: 0,
        }
    }
}

impl ShownNetworks {
    fn new(
        container: &Container,
        networks: Vec<(String, EndpointConfig, Option<Endpoint>)>,
        places: &Places,
    ) -> ShownNetworks {
        let mut shown = ShownNetworks::default();
        let endpoints = || networks.iter().filter_map(|(_, _, endpoint)| endpoint.as_ref());
        if endpoints().next().is_some() {
            shown.sandbox_id.clone_from(&container.id);
            shown.sandbox_key.clone_from(&places.namespace);
        }
        if endpoints().any(Endpoint::is_open) {
            for (port, _) in container.config.exposed_ports.iter().flatten() {
                shown.ports.insert(port.clone(), None);
            }
        }
        for binding in endpoints().flat_map(|endpoint| &endpoint.bindings) {
            let port = format!("{}/{}", binding.container, binding.protocol);
            let to = PortBinding {
                host_ip: binding.address.to_string(),
                host_port: binding.host.to_string(),
            };
            shown.ports.entry(port).or_default().get_or_insert_default().push(to);
        }
        for (name, wanted, endpoint) in networks {
            let dns_names = (!is_predefined(&name)).then(|| dns_names(container, &wanted));
            let endpoint = ShownEndpoint { dns_names, ..ShownEndpoint::new(wanted, endpoint) };
            if name == "bridge" {
                shown.of_bridge = endpoint.addresses.clone();
                shown.mac_address.clone_from(&endpoint.mac_address);
            }
            shown.networks.insert(name, endpoint);
        }
        shown
    }
}

fn dns_names(container: &Container, wanted: &EndpointConfig) -> Vec<String> {
    let aliases = items(&wanted.aliases);
    let names = names_in_network(&container.name, aliases, &container.id, container.hostname());
    names.into_iter().map(str::to_owned).collect()
}

impl ShownEndpoint {
    fn new(wanted: EndpointConfig, endpoint: Option<Endpoint>) -> ShownEndpoint {
        let mac_address = match &endpoint {
            Some(endpoint) => endpoint.mac.to_string(),
            None => wanted.mac_address,
        };
        ShownEndpoint {
            ipam_config: wanted.ipam_config,
            links: wanted.links,
            aliases: Some(items(&wanted.aliases).to_vec()).filter(|list| !list.is_empty()),
            mac_address,
            driver_opts: None,
            gw_priority: wanted.gw_priority,
            network_id: endpoint.as_ref().map(|e| e.network.clone()).unwrap_or_default(),
            addresses: endpoint.map(ShownAddresses::new).unwrap_or_default(),
            dns_names: None,
        }
    }
}

impl ShownAddresses {
    fn new(endpoint: Endpoint) -> ShownAddresses {
        let text = |address: Option<IpAddr>| address.map(|a| a.to_string()).unwrap_or_default();
        ShownAddresses {
            gateway: text(endpoint.gateway4.map(IpAddr::V4)),
            ipv6_gateway: text(endpoint.gateway6.map(IpAddr::V6)),
            ip_address: text(endpoint.ipv4.map(|net| IpAddr::V4(net.addr()))),
            ip_prefix_len: endpoint.ipv4.map(|net| net.prefix_len()).unwrap_or_default(),
            global_ipv6_address: text(endpoint.ipv6.map(|net| IpAddr::V6(net.addr()))),
            global_ipv6_prefix_len: endpoint.ipv6.map(|net| net.prefix_len()).unwrap_or_default(),
            endpoint_id: endpoint.id,
        }
    }
}
