//! Pure: a container's definition, and what was found out about its files and this host, become
//! the configuration that the runtime reads.

pub mod capabilities;
mod defaults;
mod namespaces;
mod process;
pub mod resources;
pub mod seccomp;
#[cfg(test)]
mod tests;
pub mod user;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::model::{Container, HostConfig, items};
pub use namespaces::{cgroup_namespace, join_network};
pub use process::{merge_variables, process};
use resources::{Numbers, resources};
use user::Identity;

/// Whether the options of `--security-opt` are known.
///
/// # Errors
/// Names the one that is not.
pub fn check_security(options: &[String]) -> Result<()> {
    defaults::Security::read(options)?;
    seccomp::requested(options).map(drop)
}

/// What the configuration needs to know besides the container's definition.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Where the root file system is mounted.
    pub rootfs: PathBuf,
    /// Who the program is.
    pub identity: Identity,
    /// Variables below those of the definition.
    pub variables: Vec<String>,
    /// Files and folders that come from outside, in the order in which they are mounted.
    pub mounts: Vec<OuterMount>,
    /// Namespaces that are joined rather than made.
    pub joined: Joined,
    /// Devices that the container gets.
    pub devices: Vec<DeviceNode>,
    /// The program of `--init`, where it was asked for: mounted already among `mounts`.
    pub init: Option<String>,
    /// dok's own capabilities, as bits.
    pub capabilities: u64,
    /// Whether the host shows its message queues in `/dev/mqueue`.
    pub message_queues: bool,
    /// Whether the host's cgroups are version 2.
    pub unified: bool,
    /// Whether memory and swap can be limited together.
    pub swap: bool,
    /// The text of the profile that `--security-opt seccomp=` names.
    pub seccomp: Option<Value>,
    /// Which devices the paths of block limits are.
    pub block_devices: Vec<(String, Numbers)>,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
}

/// Something of the host that is mounted inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuterMount {
    /// `bind` or `tmpfs`.
    pub kind: &'static str,
    /// The path on the host.
    pub source: String,
    /// The path inside.
    pub destination: String,
    /// In mount(8)'s words.
    pub options: Vec<String>,
}

/// Paths of namespaces that the container shares with another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Of a network.
    pub network: Option<PathBuf>,
    /// Of processes.
    pub pid: Option<PathBuf>,
    /// Of shared memory and queues.
    pub ipc: Option<PathBuf>,
}

/// A device of the host as the container gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNode {
    /// The path inside.
    pub path: String,
    /// `c` or `b`.
    pub kind: char,
    /// Its driver and its place there.
    pub numbers: Numbers,
    /// Permission bits.
    pub mode: u32,
    /// The user and the group that it belongs to.
    pub owner: (u32, u32),
    /// Some of `rwm`.
    pub access: String,
}

/// The version of the specification whose words are used.
const VERSION: &str = "1.2.0";

/// The configuration of the container.
///
/// # Errors
/// What the definition says wrongly.
pub fn configuration(container: &Container, facts: &Facts) -> Result<Value> {
    let host = &container.host_config;
    let capabilities = capabilities::allowed(
        items(&host.cap_add),
        items(&host.cap_drop),
        host.privileged,
        facts.capabilities,
    )?;
    let mut mounts = defaults::mounts(container, facts);
    mounts.retain(|own| facts.mounts.iter().all(|mount| own["destination"] != mount.destination));
    mounts.extend(facts.mounts.iter().map(|mount| {
        json!({"destination": mount.destination, "type": mount.kind, "source": mount.source,
               "options": mount.options})
    }));
    let mut configuration = json!({
        "ociVersion": VERSION,
        "root": {"path": facts.rootfs, "readonly": host.readonly_rootfs},
    });
    // Moved in: `json!` copies what it is given, string by string.
    configuration["process"] = process(container, facts, &capabilities)?;
    configuration["mounts"] = mounts.into();
    configuration["linux"] = linux(container, facts, &capabilities)?;
    if host.uts_mode != "host" {
        configuration["hostname"] = container.hostname().into();
        if !container.config.domainname.is_empty() {
            configuration["domainname"] = container.config.domainname.as_str().into();
        }
    }
    if let Some(annotations) = &host.annotations {
        configuration["annotations"] = json!(annotations);
    }
    Ok(configuration)
}

fn linux(container: &Container, facts: &Facts, capabilities: &[&str]) -> Result<Value> {
    let host = &container.host_config;
    let security = defaults::Security::read(items(&host.security_opt))?;
    let numbers = |path: &str| {
        facts.block_devices.iter().find(|(known, _)| known == path).map(|(_, numbers)| *numbers)
    };
    let mut limits = resources(host, facts.swap, &numbers);
    limits.insert("devices".into(), device_rules(container, facts));
    let guarded = guarded_paths(host)?;
    let mut linux = json!({
        "cgroupsPath": cgroup(container),
        "maskedPaths": guarded.masked,
        "readonlyPaths": guarded.read_only,
        "sysctl": namespaces::sysctl(host)?,
    });
    linux["namespaces"] = namespaces::namespaces(host, facts).into();
    linux["resources"] = limits.into();
    let devices: Vec<Value> = facts.devices.iter().map(device).collect();
    if !devices.is_empty() {
        linux["devices"] = devices.into();
    }
    match (host.privileged, security.unconfined, &facts.seccomp) {
        (_, _, Some(profile)) => linux["seccomp"] = profile.clone(),
        (false, false, None) => {
            linux["seccomp"] = seccomp::default_profile(capabilities, &facts.architecture);
        }
        _ => {}
    }
    Ok(linux)
}

/// The group below `--cgroup-parent`, or below dok's own.
pub fn cgroup(container: &Container) -> String {
    let parent = container.host_config.cgroup_parent.as_str();
    let parent = if parent.is_empty() { "/dok" } else { parent.trim_end_matches('/') };
    format!("{parent}/{}", container.id)
}

/// Paths of `/proc` and `/sys` that are kept from a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardedPaths {
    /// They show nothing.
    pub masked: Vec<String>,
    /// They cannot be written.
    pub read_only: Vec<String>,
}

/// The paths that are asked for, or those of everybody.
///
/// # Errors
/// An option of `--security-opt` that is not known.
pub fn guarded_paths(host: &HostConfig) -> Result<GuardedPaths> {
    let security = defaults::Security::read(items(&host.security_opt))?;
    if host.privileged || security.unmasked {
        return Ok(GuardedPaths::default());
    }
    let or = |given: &Option<Vec<String>>, default: &[&str]| match given {
        Some(given) => given.clone(),
        None => default.iter().map(|path| (*path).to_owned()).collect(),
    };
    Ok(GuardedPaths {
        masked: or(&host.masked_paths, defaults::MASKED),
        read_only: or(&host.readonly_paths, defaults::READ_ONLY),
    })
}

fn device(node: &DeviceNode) -> Value {
    json!({"path": node.path, "type": node.kind.to_string(), "major": node.numbers.major,
           "minor": node.numbers.minor, "fileMode": node.mode,
           "uid": node.owner.0, "gid": node.owner.1})
}

/// Nothing, and then what was asked for; the runtime adds the devices that everybody has.
fn device_rules(container: &Container, facts: &Facts) -> Value {
    let host = &container.host_config;
    if host.privileged {
        return json!([{"allow": true, "access": "rwm"}]);
    }
    let mut rules = vec![json!({"allow": false, "access": "rwm"})];
    rules.extend(facts.devices.iter().map(|node| {
        json!({"allow": true, "type": node.kind.to_string(), "major": node.numbers.major,
               "minor": node.numbers.minor, "access": node.access})
    }));
    rules.extend(items(&host.device_cgroup_rules).iter().filter_map(|rule| device_rule(rule)));
    rules.into()
}

/// `c 1:3 rwm`, where `*` is any number.
fn device_rule(rule: &str) -> Option<Value> {
    let mut words = rule.split_whitespace();
    let (kind, numbers, access) = (words.next()?, words.next()?, words.next()?);
    let (major, minor) = numbers.split_once(':')?;
    let mut value = Map::new();
    value.insert("allow".into(), true.into());
    value.insert("type".into(), kind.into());
    value.insert("access".into(), access.into());
    for (name, number) in [("major", major), ("minor", minor)] {
        if number != "*" {
            value.insert(name.into(), number.parse::<i64>().ok()?.into());
        }
    }
    Some(value.into())
}
