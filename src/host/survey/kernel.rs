//! System calls, namespaces and file systems of the kernel.

use std::os::fd::AsFd;
use std::path::Path;

use super::{Fact, Need, value};
use crate::sys::{pidfd, probe};

/// A system call, how much it matters, and what is lost without it.
const CALLS: &[(&str, libc::c_long, Need, &str)] = &[
    (
        "clone3",
        libc::SYS_clone3,
        Need::Useful,
        "a container is not born in its cgroup of v2, but moved there",
    ),
    (
        "pidfd_open",
        libc::SYS_pidfd_open,
        Need::Useful,
        "processes are watched by asking again and again",
    ),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, Need::Useful, "no SCMP_ACT_NOTIFY in seccomp profiles"),
    (
        "open_tree",
        libc::SYS_open_tree,
        Need::Useful,
        "mounts are made the older way, slower; none can be added to a running container",
    ),
    ("fsopen", libc::SYS_fsopen, Need::Useful, "mounts are made the older way, slower"),
    (
        "mount_setattr",
        libc::SYS_mount_setattr,
        Need::Useful,
        "no mount can be id-mapped, no mount option is recursive",
    ),
    ("openat2", libc::SYS_openat2, Need::Useful, "paths are looked up name by name, slower"),
    ("close_range", libc::SYS_close_range, Need::Useful, "descriptors are closed one by one"),
    ("seccomp", libc::SYS_seccomp, Need::Useful, "no seccomp profiles"),
    ("bpf", libc::SYS_bpf, Need::Useful, "no device rules on cgroup v2"),
    ("keyctl", libc::SYS_keyctl, Need::Useful, "containers keep the caller's session keyring"),
    ("sched_setattr", libc::SYS_sched_setattr, Need::Useful, "no process.scheduler"),
    ("set_mempolicy", libc::SYS_set_mempolicy, Need::Useful, "no linux.memoryPolicy"),
];

/// The file under /proc/self/ns, and what is lost without it.
const NAMESPACES: &[(&str, &str)] = &[
    ("mnt", "no root file system of its own"),
    ("pid", "processes see those of the host"),
    ("net", "no network of its own"),
    ("ipc", "no IPC objects of its own"),
    ("uts", "no host name of its own"),
    ("user", "no user namespaces, no rootless containers"),
    ("cgroup", "containers see the host's cgroups"),
    ("time", "no clock offsets"),
];

const FILE_SYSTEMS: &[(&str, &str)] = &[
    ("proc", "no /proc"),
    ("tmpfs", "no /dev and no /tmp of its own"),
    ("devpts", "no terminals"),
    ("mqueue", "no /dev/mqueue, which usual configurations mount"),
    ("overlay", "engines have to copy images instead of layering them"),
];

pub(super) fn facts() -> Vec<Fact> {
    let mut facts = vec![release()];
    facts.extend(CALLS.iter().map(|(name, number, need, without)| Fact {
        need: *need,
        ..Fact::new("kernel", name, probe::knows(*number), without)
    }));
    facts.push(exit_codes());
    facts.extend(NAMESPACES.iter().map(|(name, without)| {
        let there = Path::new("/proc/self/ns").join(name).exists();
        Fact::new("namespaces", name, there, without)
    }));
    let known = value("/proc/filesystems").unwrap_or_default();
    facts.extend(FILE_SYSTEMS.iter().map(|(name, without)| {
        // One that is a module is listed once it was used.
        let there = known.lines().any(|line| line.split_whitespace().last() == Some(name));
        Fact::new("file systems", name, there, without)
    }));
    facts
}

fn release() -> Fact {
    let release = value("/proc/sys/kernel/osrelease");
    Fact::new("kernel", "procfs", release.is_some(), "nothing works without /proc")
        .saying(release.map_or(String::new(), |release| format!("Linux {release}")))
        .required()
}

/// The pidfd of this process is asked.
fn exit_codes() -> Fact {
    let own = pidfd::open(std::process::id() as i32);
    let tells = own.is_ok_and(|own| pidfd::tells_ends(own.as_fd()));
    let without = "`wait` knows no exit codes";
    Fact::new("kernel", "exit codes by pidfd", tells, without)
}
