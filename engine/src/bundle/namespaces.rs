//! Which namespaces are made, joined, or the host's, and the kernel parameters in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Facts;
use crate::error::{Kind, Result, refuse};
use crate::model::HostConfig;

/// The list of the configuration: what is not in it is the host's.
pub(super) fn namespaces(host: &HostConfig, facts: &Facts) -> Vec<Value> {
    let mut list = vec![json!({"type": "mount"})];
    let mut add = |kind: &str, of_host: bool, joined: Option<&PathBuf>| match joined {
        _ if of_host => {}
        Some(path) => list.push(json!({"type": kind, "path": path})),
        None => list.push(json!({"type": kind})),
    };
    add("network", host.network_mode == "host", facts.joined.network.as_ref());
    add("pid", host.pid_mode == "host", facts.joined.pid.as_ref());
    add("ipc", host.ipc_mode == "host", facts.joined.ipc.as_ref());
    add("uts", host.uts_mode == "host", None);
    add("cgroup", cgroup_namespace(host, facts.unified) == "host", None);
    list
}

/// Has a configuration join a network namespace instead of making its own.
pub fn join_network(configuration: &mut Value, namespace: &Path) {
    let list = configuration["linux"]["namespaces"].as_array_mut();
    for one in list.into_iter().flatten().filter(|one| one["type"] == "network") {
        one["path"] = namespace.display().to_string().into();
    }
}

/// Whose cgroups the container sees: `host` or `private`, also where it says nothing.
pub fn cgroup_namespace(host: &HostConfig, unified: bool) -> &str {
    match host.cgroupns_mode.as_str() {
        "" if unified => "private",
        "" => "host",
        said => said,
    }
}

/// Kernel parameters: a container may listen on any port of its own network, and ping.
///
/// # Errors
/// A parameter of a namespace that is the host's.
pub(super) fn sysctl(host: &HostConfig) -> Result<BTreeMap<String, String>> {
    let mut all = host.sysctls.clone().unwrap_or_default();
    let shared = [("net.", host.network_mode == "host"), ("kernel.", host.ipc_mode == "host")];
    for name in all.keys() {
        let is_shared = |(prefix, of_host): &&(&str, bool)| *of_host && name.starts_with(prefix);
        if let Some((prefix, _)) = shared.iter().find(is_shared) {
            let kind = if *prefix == "net." { "network" } else { "ipc" };
            let words = format!("sysctl {name:?} not allowed in host {kind} namespace");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    // Its own may be joined too: then it was made before, for its place in networks.
    let is_own = host.network_mode != "host" && !host.network_mode.starts_with("container:");
    if is_own {
        let mut default = |name: &str, value: &str| {
            all.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        };
        default("net.ipv4.ip_unprivileged_port_start", "0");
        default("net.ipv4.ping_group_range", "0 2147483647");
    }
    Ok(all)
}
