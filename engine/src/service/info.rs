//! What this engine is, what it keeps, and what the machine offers it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::Engine;
use super::list::Selection;
use crate::cgroup::{self, Controllers};
use crate::error::Result;
use crate::image::Digest;
use crate::image::platform::Platform;
use crate::model::Status;
use crate::runtime::Version as RuntimeVersion;
use crate::time::Time;

/// `GET /info`, as far as it is about something that is there.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
#[expect(clippy::struct_excessive_bools, reason = "and so are their types")]
pub struct Info {
    #[serde(rename = "ID")]
    pub id: String,
    pub containers: usize,
    pub containers_running: usize,
    pub containers_paused: usize,
    pub containers_stopped: usize,
    pub images: usize,
    pub driver: &'static str,
    pub driver_status: Vec<[String; 2]>,
    pub plugins: Plugins,
    pub memory_limit: bool,
    pub swap_limit: bool,
    pub cpu_cfs_period: bool,
    pub cpu_cfs_quota: bool,
    #[serde(rename = "CPUShares")]
    pub cpu_shares: bool,
    #[serde(rename = "CPUSet")]
    pub cpu_set: bool,
    pub pids_limit: bool,
    #[serde(rename = "IPv4Forwarding")]
    pub ipv4_forwarding: bool,
    pub debug: bool,
    pub oom_kill_disable: bool,
    pub system_time: Time,
    pub logging_driver: &'static str,
    pub cgroup_driver: &'static str,
    pub cgroup_version: &'static str,
    pub kernel_version: String,
    pub operating_system: String,
    #[serde(rename = "OSVersion")]
    pub os_version: String,
    #[serde(rename = "OSType")]
    pub os_type: &'static str,
    pub architecture: &'static str,
    pub index_server_address: &'static str,
    pub registry_config: RegistryConfig,
    #[serde(rename = "NCPU")]
    pub cpus: usize,
    pub mem_total: u64,
    pub generic_resources: Option<Vec<String>>,
    pub docker_root_dir: String,
    pub http_proxy: String,
    pub https_proxy: String,
    pub no_proxy: String,
    pub name: String,
    pub labels: Vec<String>,
    pub experimental_build: bool,
    pub server_version: &'static str,
    pub runtimes: BTreeMap<String, RuntimePath>,
    pub default_runtime: String,
    pub swarm: Swarm,
    pub live_restore_enabled: bool,
    pub isolation: &'static str,
    pub init_binary: &'static str,
    pub containerd_commit: Commit,
    pub runc_commit: Commit,
    pub init_commit: Commit,
    pub security_options: Vec<&'static str>,
    pub warnings: Vec<String>,
}

/// What may be named as a driver.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
pub struct Plugins {
    pub volume: Vec<&'static str>,
    pub network: Vec<&'static str>,
    pub authorization: Option<Vec<&'static str>>,
    pub log: Vec<&'static str>,
}

/// The swarm that this engine is in: none.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
pub struct Swarm {
    #[serde(rename = "NodeID")]
    pub node_id: &'static str,
    pub node_addr: &'static str,
    pub local_node_state: &'static str,
    pub control_available: bool,
    pub error: &'static str,
    pub remote_managers: Option<Vec<String>>,
}

impl Default for Swarm {
    fn default() -> Swarm {
        Swarm {
            node_id: "",
            node_addr: "",
            local_node_state: "inactive",
            control_available: false,
            error: "",
            remote_managers: None,
        }
    }
}

/// What a program was built from; nothing, where there is no such program.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the field is that of Docker's API")]
pub struct Commit {
    #[serde(rename = "ID")]
    pub id: String,
}

/// What is special about registries.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
pub struct RegistryConfig {
    pub mirrors: Vec<String>,
    #[serde(rename = "InsecureRegistryCIDRs")]
    pub insecure_networks: Vec<String>,
    pub insecure_registries: Vec<String>,
}

/// Where a runtime is.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the field is that of Docker's API")]
pub struct RuntimePath {
    pub path: String,
}

/// `GET /version`, as far as it is about something that is there.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
pub struct Version {
    pub platform: Named,
    pub components: Vec<Component>,
    pub version: &'static str,
    pub os: String,
    pub arch: String,
    pub kernel_version: String,
}

/// Something with a name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the field is that of Docker's API")]
pub struct Named {
    pub name: String,
}

/// A program that takes part.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the fields are those of Docker's API")]
pub struct Component {
    pub name: String,
    pub version: String,
    pub details: BTreeMap<&'static str, String>,
}

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Engine {
    /// What there is.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn info(&self) -> Result<Info> {
        let all = self.list_containers(&Selection { all: true, ..Selection::default() })?;
        let count = |status| all.iter().filter(|listed| listed.state.status == status).count();
        let (running, paused) = (count(Status::Running), count(Status::Paused));
        let settings = self.registries.settings()?;
        let runtime = self.runtime_name();
        let path = self.runtime.display().to_string();
        let RuntimeVersion { version, commit } = self.runtime().version();
        let controllers = Controllers::read();
        Ok(Info {
            id: id(self.store.root()),
            containers: all.len(),
            containers_running: running,
            containers_paused: paused,
            containers_stopped: all.len() - running - paused,
            images: self.store.image_ids()?.len(),
            docker_root_dir: self.store.root().display().to_string(),
            driver_status: vec![["Backing Filesystem".into(), file_system(self.store.root())]],
            registry_config: RegistryConfig {
                mirrors: settings.registry_mirrors,
                insecure_networks: vec!["::1/128".into(), "127.0.0.0/8".into()],
                insecure_registries: settings.insecure_registries,
            },
            runtimes: [(runtime.clone(), RuntimePath { path })].into(),
            default_runtime: runtime,
            runc_commit: Commit { id: commit.unwrap_or(version) },
            warnings: warnings(&controllers),
            ..of_machine(&controllers)
        })
    }

    /// Which programs take part.
    pub fn version(&self) -> Version {
        let own = Platform::own();
        let kernel = kernel();
        let engine = Component {
            name: "Engine".into(),
            version: VERSION.into(),
            details: [
                ("Os", own.os.clone()),
                ("Arch", own.architecture.clone()),
                ("KernelVersion", kernel.clone()),
            ]
            .into(),
        };
        let mut details = BTreeMap::from([("Path", self.runtime.display().to_string())]);
        let RuntimeVersion { version, commit } = self.runtime().version();
        details.extend(commit.map(|commit| ("GitCommit", commit)));
        let runtime = Component { name: self.runtime_name(), version, details };
        Version {
            platform: Named { name: "dok".into() },
            components: vec![engine, runtime],
            version: VERSION,
            os: own.os,
            arch: own.architecture,
            kernel_version: kernel,
        }
    }

    /// The runtime by its program's name.
    pub(super) fn runtime_name(&self) -> String {
        let name = self.runtime.file_name().unwrap_or(self.runtime.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// What nobody can limit here.
fn warnings(controllers: &Controllers) -> Vec<String> {
    let limits = ["memory", "cpu", "cpuset", "pids"].into_iter();
    limits
        .filter(|name| !controllers.has(name))
        .map(|name| format!("WARNING: No {name} limit support: there is no such controller"))
        .collect()
}

/// What of the information is about the machine.
fn of_machine(controllers: &Controllers) -> Info {
    let unified = cgroup::is_unified();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let forwarding = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default();
    Info {
        driver: "overlay2",
        plugins: Plugins {
            volume: vec!["local"],
            network: vec!["bridge", "host", "null"],
            authorization: None,
            log: vec!["json-file", "local", "none"],
        },
        memory_limit: controllers.has("memory"),
        swap_limit: controllers.has("memory") && cgroup::limits_swap(),
        cpu_cfs_period: controllers.has("cpu"),
        cpu_cfs_quota: controllers.has("cpu"),
        cpu_shares: controllers.has("cpu"),
        cpu_set: controllers.has("cpuset"),
        pids_limit: controllers.has("pids"),
        ipv4_forwarding: forwarding.trim() == "1",
        oom_kill_disable: !unified && controllers.has("memory"),
        system_time: Time::now(),
        logging_driver: "json-file",
        cgroup_driver: "cgroupfs",
        cgroup_version: if unified { "2" } else { "1" },
        kernel_version: kernel(),
        operating_system: of_release(&release, "PRETTY_NAME").unwrap_or("Linux".into()),
        os_version: of_release(&release, "VERSION_ID").unwrap_or_default(),
        os_type: "linux",
        architecture: std::env::consts::ARCH,
        index_server_address: "https://index.docker.io/v1/",
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        mem_total: cgroup::machine_memory(),
        http_proxy: proxy("HTTP_PROXY"),
        https_proxy: proxy("HTTPS_PROXY"),
        no_proxy: proxy("NO_PROXY"),
        name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        server_version: VERSION,
        // Containers never end with an engine.
        live_restore_enabled: true,
        init_binary: "dok",
        security_options: vec!["name=seccomp,profile=builtin"],
        ..Info::default()
    }
}

/// An id of this store on this machine that stays the same, of which the machine's own id cannot be
/// told: that one is nobody else's business.
fn id(root: &Path) -> String {
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let hex = Digest::of(format!("dok {} {}", machine.trim(), root.display()).as_bytes()).hex();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}

/// Through whom registries are reached, without the name and the password for it.
fn proxy(variable: &str) -> String {
    let value = std::env::var(variable).or_else(|_| std::env::var(variable.to_lowercase()));
    without_password(&value.unwrap_or_default())
}

fn without_password(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    match rest.rsplit_once('@') {
        Some((_, host)) if scheme.is_empty() => format!("xxxxx:xxxxx@{host}"),
        Some((_, host)) => format!("{scheme}://xxxxx:xxxxx@{host}"),
        None => address.to_owned(),
    }
}

fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// A field of os-release(5).
fn of_release(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// The file system that a folder is on, by the longest mount point that leads to it.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let at = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        folder.starts_with(point).then(|| (point.len(), kind.to_owned()))
    };
    let longest = mounts.lines().filter_map(at).max_by_key(|(length, _)| *length);
    longest.map_or("unknown".into(), |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_named_by_its_release() {
        let text = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=12\n";
        assert_eq!(of_release(text, "PRETTY_NAME").as_deref(), Some("Debian GNU/Linux 12"));
        assert_eq!(of_release(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(of_release(text, "VERSION"), None);
        assert_eq!(file_system(Path::new("/proc/self")), "proc");
    }

    #[test]
    fn a_proxy_is_told_without_its_password() {
        for (address, told) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://me:pass@proxy:3128", "http://xxxxx:xxxxx@proxy:3128"),
            ("me:p@ss@proxy", "xxxxx:xxxxx@proxy"),
        ] {
            assert_eq!(without_password(address), told);
        }
    }
}
