//! The host's facts, read once; only this room asks the machine.

pub mod cgroups;
pub mod resctrl;
pub mod survey;

pub use cgroups::{Cgroups, Hierarchy, Unified};

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Result};
use crate::spec::Spec;
use crate::sys::identity::effective_ids;
use crate::sys::{capability, seccomp};

/// What the plan must know of the machine. A plain struct: a test writes one as a literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Effective user id of the runtime.
    pub euid: u32,
    /// Effective group id of the runtime.
    pub egid: u32,
    /// Whether the runtime lacks root's rights over the host: not uid 0, or in a user namespace.
    pub rootless: bool,
    /// Whether the runtime runs in a user namespace other than the initial one.
    pub in_user_namespace: bool,
    /// Whether setgroups(2) is allowed in the runtime's user namespace (/proc/self/setgroups).
    pub setgroups: bool,
    /// The cgroup hierarchies.
    pub cgroups: Cgroups,
    /// Whether AppArmor is enabled.
    pub apparmor: bool,
    /// Whether SELinux is enabled.
    pub selinux: bool,
    /// The runtime's bounding set as a mask.
    pub bounding: u64,
    /// Where resource control (resctrl) is mounted, for a spec that asks for it.
    #[serde(default)]
    pub resctrl: Option<PathBuf>,
}

/// The inode of the initial user namespace (`PROC_USER_INIT_INO`, linux/proc_ns.h).
const INITIAL_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// Asks the machine for what the plan of this spec depends on.
///
/// # Errors
/// A file under /proc that cannot be read.
pub fn probe(spec: &Spec<'_>) -> Result<Host> {
    let (euid, egid) = effective_ids();
    let in_user_namespace = is_in_user_namespace()?;
    let process = spec.process.as_ref();
    let profile = process.is_some_and(|process| !process.apparmor_profile.is_empty());
    let label = process.is_some_and(|process| !process.selinux_label.is_empty())
        || !spec.linux.mount_label.is_empty();
    Ok(Host {
        euid,
        egid,
        rootless: euid != 0 || in_user_namespace,
        in_user_namespace,
        setgroups: !in_user_namespace || may_set_groups()?,
        cgroups: cgroups::probe()?,
        apparmor: profile && apparmor_is_enabled(),
        selinux: label && Path::new("/sys/fs/selinux/enforce").exists(),
        bounding: capability::bounding(),
        resctrl: match &spec.linux.intel_rdt {
            Some(_) => resctrl::find()?,
            None => None,
        },
    })
}

fn is_in_user_namespace() -> Result<bool> {
    let own = std::fs::metadata("/proc/self/ns/user").doing(|| "look at /proc/self/ns/user".into());
    Ok(own?.ino() != INITIAL_USER_NAMESPACE)
}

fn may_set_groups() -> Result<bool> {
    let path = "/proc/self/setgroups";
    Ok(std::fs::read_to_string(path).doing(|| format!("read {path}"))?.trim() == "allow")
}

fn apparmor_is_enabled() -> bool {
    std::fs::read("/sys/module/apparmor/parameters/enabled")
        .is_ok_and(|text| text.starts_with(b"Y"))
}

/// Whether the kernel takes a filter with this flag, `SECCOMP_FILTER_FLAG_*`.
pub fn has_seccomp_flag(flag: u32) -> bool {
    // Some flags are for filters with a listener only.
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32;
    [flag, flag | listener].into_iter().any(seccomp::takes_flags)
}
