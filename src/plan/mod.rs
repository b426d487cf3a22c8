//! What to do, decided before anything is done: pure data from a sound spec and the host's facts.
//!
//! `validate` tells what is wrong with a spec; here only that is refused which cannot be put into
//! a plan, like a word that nothing stands for.

mod capabilities;
mod cgroup;
mod devices;
mod exec;
mod hooks;
mod id_maps;
mod landlock;
mod mount_options;
mod mounts;
mod namespaces;
mod number_list;
mod paths;
mod problems;
mod process;
mod rdt;
mod scheduling;
mod text;
mod types;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::hooks::hooks;
pub use capabilities::names as capability_names;
pub use cgroup::{
    DeviceUpdate, Manager, Need, PROPERTIES_OF_LIMITS, Property, Unit, UnitId, cgroup,
    cgroup_of_systemd, device_rule, device_update, merge, properties, update,
};
pub use exec::{Exec, ExecOverrides, ExecSource, exec};
pub use landlock::{Landlock, PathAccess};
pub use mount_options::names as mount_option_names;
pub use mounts::removed as removed_mounts;
pub use problems::problems;
pub use rdt::{Rdt, RdtClass, rdt, rdt_agrees, rdt_update};
pub use scheduling::{memory_flags, memory_modes};
pub use types::*;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::seccomp::Filter;
use crate::spec::Spec;
use crate::validate::sysctl_path;
use text::{optional, text};

/// What `create` and `run` were told besides the spec.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The container's name, already known to be a sound one.
    pub id: &'a str,
    /// The bundle's absolute path: relative paths of the spec start here.
    pub bundle: &'a Path,
    /// `Pivot`, or `Move` for `--no-pivot`.
    pub root_switch: RootSwitch,
    /// `--no-new-keyring`
    pub keyring: Keyring,
    /// `--systemd-cgroup`
    pub cgroup_manager: CgroupManager,
    /// What annotations may set of a scope's properties.
    pub unit_properties: &'a [&'a str],
    /// The compiled `linux.seccomp`.
    pub seccomp: Option<Filter>,
}

/// The session keyring (session-keyring(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keyring {
    /// A new one for the container.
    New,
    /// The caller's.
    Keep,
}

/// Who makes the cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupManager {
    /// The runtime, in the file system.
    Cgroupfs,
    /// systemd, by a transient scope.
    Systemd,
    /// Nobody: the caller's cgroup is kept.
    Disabled,
}

/// Plans a new container from a spec that `validate` has found sound.
///
/// # Errors
/// The field that cannot be planned, and why.
pub fn container(spec: &Spec<'_>, host: &Host, options: &Options<'_>) -> Result<Plan> {
    let linux = &spec.linux;
    let mut warnings = Vec::new();
    let namespaces = namespaces::namespaces(spec, host)?;
    let process = spec.process.as_ref().ok_or_else(|| Error::new("process: is missing"))?;
    let mounts =
        mounts::mounts(spec, &mounts::Place { bundle: options.bundle, host }, &mut warnings)?;
    let root = paths::root(spec, options, &namespaces)?;
    let mut process = process::process(spec, process, host, &mut warnings)?;
    // config.md#linux-process: it is for what `exec` adds.
    process.affinity = Affinity::default();
    process.seccomp = filter(spec, options.seccomp.clone())?;
    Ok(Plan {
        cgroup: match options.cgroup_manager {
            CgroupManager::Cgroupfs => cgroup(spec, host, options.id)?,
            CgroupManager::Systemd => {
                cgroup_of_systemd(spec, host, options.id, options.unit_properties)?
            }
            CgroupManager::Disabled => Cgroup::default(),
        },
        rdt: match &linux.intel_rdt {
            Some(wanted) => Some(rdt(wanted, host.resctrl.as_deref(), options.id)?),
            None => None,
        },
        root,
        dev: devices::dev(spec, host, &mounts, &mut warnings)?,
        mounts,
        masked: paths::container_paths("linux.maskedPaths", &linux.masked_paths)?,
        readonly: paths::container_paths("linux.readonlyPaths", &linux.readonly_paths)?,
        mount_label: mount_label(spec, host, &mut warnings)?,
        hostname: optional("hostname", &spec.hostname)?,
        domainname: optional("domainname", &spec.domainname)?,
        loopback: namespaces.makes(Kind::Network),
        net_devices: net_devices(spec)?,
        sysctls: sysctls(spec)?,
        keyring: match options.keyring {
            Keyring::New => Some(format!("_ses.{}", text("the container's id", options.id)?)),
            Keyring::Keep => None,
        },
        process,
        hooks: hooks::hooks(spec)?,
        own_cores: own_cores(spec)?,
        namespaces,
        warnings,
    })
}

/// The filter, which must be there exactly when the spec asks for one: a container never runs
/// without the filter that was asked for.
fn filter(spec: &Spec<'_>, compiled: Option<Filter>) -> Result<Option<Filter>> {
    match (&spec.linux.seccomp, &compiled) {
        (Some(profile), None)
            if !profile.default_action.is_empty() || !profile.syscalls.is_empty() =>
        {
            Err(Error::new("linux.seccomp: the filter was not compiled"))
        }
        _ => Ok(compiled),
    }
}

/// The label, and which of the options of mount(8) sets it (an annotation of crun's).
fn mount_label(
    spec: &Spec<'_>,
    host: &Host,
    warnings: &mut Vec<String>,
) -> Result<Option<MountLabel>> {
    const KEY: &str = "run.oci.mount_context_type";
    const OPTIONS: [&str; 4] = ["context", "fscontext", "defcontext", "rootcontext"];
    let option = spec.annotation(KEY).unwrap_or("context");
    if !OPTIONS.contains(&option) {
        let words = format!("annotations: {KEY}: {option:?} is none of {}", OPTIONS.join(", "));
        return Err(Error::new(words));
    }
    let Some(context) = optional("linux.mountLabel", &spec.linux.mount_label)? else {
        return Ok(None);
    };
    if !host.selinux {
        warnings.push("linux.mountLabel is passed over: SELinux is off".into());
        return Ok(None);
    }
    Ok(Some(MountLabel { option: option.to_owned(), context }))
}

/// Whether the annotation asks for cores that are shared with no other container.
fn own_cores(spec: &Spec<'_>) -> Result<bool> {
    const KEY: &str = "org.onggi.sched.core";
    match spec.annotation(KEY) {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(Error::new(format!("annotations: {KEY}: {other:?} is neither 0 nor 1"))),
    }
}

fn net_devices(spec: &Spec<'_>) -> Result<Vec<NetDevice>> {
    let devices = spec.linux.net_devices.iter().map(|(outside, device)| {
        let inside = if device.name.is_empty() { outside } else { &device.name };
        Ok(NetDevice {
            outside: text("linux.netDevices", outside)?,
            inside: text("linux.netDevices", inside)?,
        })
    });
    devices.collect()
}

fn sysctls(spec: &Spec<'_>) -> Result<Vec<Sysctl>> {
    let sysctls = spec.linux.sysctl.iter().map(|(key, value)| {
        Ok(Sysctl {
            path: sysctl_path(&text("linux.sysctl", key)?),
            value: text("linux.sysctl", value)?,
        })
    });
    sysctls.collect()
}

#[cfg(test)]
mod tests;
