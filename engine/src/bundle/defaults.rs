//! What every container gets unless it says otherwise.

use serde_json::{Value, json};

use super::Facts;
use crate::error::{Kind, Result, refuse};
use crate::model::Container;

/// Paths that tell about the host or reach its hardware.
pub(super) const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

/// Paths that change the host when they are written.
pub(super) const READ_ONLY: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The size of `/dev/shm` when none is said: 64 MiB.
const SHM_SIZE: i64 = 64 << 20;

fn mount(at: &str, kind: &str, options: &[&str]) -> Value {
    json!({"destination": at, "type": kind, "source": kind, "options": options})
}

/// The kernel's own file systems.
pub(super) fn mounts(container: &Container, facts: &Facts) -> Vec<Value> {
    let host = &container.host_config;
    let access = if host.privileged { "rw" } else { "ro" };
    let hidden = &["nosuid", "noexec", "nodev"][..];
    let mut mounts = vec![
        mount("/proc", "proc", hidden),
        mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", &[hidden, &[access]].concat()),
    ];
    if facts.unified || !host.privileged || host.cgroupns_mode != "host" {
        mounts.push(mount("/sys/fs/cgroup", "cgroup", &[hidden, &[access]].concat()));
    }
    if host.ipc_mode == "host" {
        let queues = facts.message_queues.then_some("/dev/mqueue");
        for at in queues.into_iter().chain(["/dev/shm"]) {
            let options = ["rbind", "nosuid", "noexec", "nodev"];
            mounts
                .push(json!({"destination": at, "type": "bind", "source": at, "options": options}));
        }
        return mounts;
    }
    mounts.push(mount("/dev/mqueue", "mqueue", hidden));
    if host.ipc_mode != "none" && !host.ipc_mode.starts_with("container:") {
        let size = if host.shm_size > 0 { host.shm_size } else { SHM_SIZE };
        let size = format!("size={size}");
        let shm = json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
                   "options": ["nosuid", "noexec", "nodev", "mode=1777", size]});
        mounts.push(shm);
    }
    mounts
}

/// What `--security-opt` says, apart from a profile, which is a fact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Security {
    /// No filter of system calls.
    pub(super) unconfined: bool,
    /// No masked and no read-only paths.
    pub(super) unmasked: bool,
    /// No rights more than at the start.
    pub(super) no_new_privileges: bool,
    /// The AppArmor profile.
    pub(super) apparmor: Option<String>,
}

impl Security {
    pub(super) fn read(options: &[String]) -> Result<Security> {
        let mut security = Security::default();
        for option in options {
            let (name, value) = option.split_once(['=', ':']).unwrap_or((option.as_str(), "true"));
            match (name, value) {
                ("no-new-privileges", "true" | "false") => {
                    security.no_new_privileges = value == "true";
                }
                ("seccomp", "unconfined") => security.unconfined = true,
                ("systempaths", "unconfined") => security.unmasked = true,
                ("apparmor", "unconfined") => security.apparmor = None,
                ("apparmor", profile) => security.apparmor = Some(profile.to_owned()),
                ("seccomp", _) | ("label", "disable") => {}
                _ => {
                    let words = format!("invalid --security-opt 2: {option:?}");
                    return Err(refuse(Kind::Invalid, words));
                }
            }
        }
        Ok(security)
    }
}
