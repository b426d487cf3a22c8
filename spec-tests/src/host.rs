//! What this machine can do. A test asks with `?`: a need that is not met skips it, with a reason.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::suite::Skip;

/// How the machine's cgroups are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cgroups {
    /// Controllers on hierarchies of their own, no v2.
    V1,
    /// v1, and v2 at `/sys/fs/cgroup/unified`.
    Hybrid,
    /// One hierarchy at `/sys/fs/cgroup`.
    V2,
}

/// The layout, read from the mount points' own files.
pub fn cgroups() -> Cgroups {
    let unified = |path: &str| Path::new(path).join("cgroup.procs").exists();
    if unified("/sys/fs/cgroup") && Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        Cgroups::V2
    } else if unified("/sys/fs/cgroup/unified") {
        Cgroups::Hybrid
    } else {
        Cgroups::V1
    }
}

/// Whether `CGROUP_DRIVER=systemd` asks for the whole suite with `--systemd-cgroup`.
pub fn systemd_makes_cgroups() -> bool {
    std::env::var("CGROUP_DRIVER").is_ok_and(|driver| driver == "systemd")
}

/// `linux.cgroupsPath` for a cgroup of this name, as the driver wants it.
pub fn cgroups_path(name: &str) -> String {
    match systemd_makes_cgroups() {
        true => format!("system.slice:spec:{name}"),
        false => format!("/{name}"),
    }
}

/// Needs the runtime to make cgroups itself: systemd has no unit at such a path.
pub fn cgroupfs_driver() -> Result<()> {
    needs(!systemd_makes_cgroups(), "needs the cgroupfs driver")
}

/// Skips with `reason` unless `met`.
pub fn needs(met: bool, reason: &str) -> Result<()> {
    if met { Ok(()) } else { Err(Skip(reason.into()).into()) }
}

/// Needs cgroup v2 alone.
pub fn cgroup_v2() -> Result<()> {
    needs(cgroups() == Cgroups::V2, "needs cgroup v2")
}

/// Needs cgroup v1 controllers (plain or hybrid).
pub fn cgroup_v1() -> Result<()> {
    needs(cgroups() != Cgroups::V2, "needs cgroup v1")
}

/// Needs a capability in this process' effective set, by its number in `capability.h`.
pub fn capability(number: u32, name: &str) -> Result<()> {
    let mask = effective_capabilities();
    needs(mask >> number & 1 == 1, &format!("needs {name}"))
}

/// Needs CAP_SYS_RESOURCE: raising a limit.
pub fn may_raise_limits() -> Result<()> {
    capability(24, "CAP_SYS_RESOURCE")
}

/// This process' effective capabilities.
pub fn effective_capabilities() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "CapEff").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

/// Needs a security module (`apparmor`, `selinux`) to be on.
pub fn security_module(name: &str) -> Result<()> {
    let on = match name {
        "selinux" => Path::new("/sys/fs/selinux/enforce").exists(),
        _ => fs::read_to_string("/sys/kernel/security/lsm")
            .is_ok_and(|list| list.trim().split(',').any(|module| module == name)),
    };
    needs(on, &format!("needs {name}"))
}

/// Needs Linux `major.minor`, for what cannot be asked of the kernel in another way.
pub fn linux(major: u32, minor: u32) -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split('.').map_while(|word| word.parse::<u32>().ok());
    let have = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    needs(have >= (major, minor), &format!("needs Linux {major}.{minor}"))
}

/// Needs a program of the host that succeeds, with these arguments.
pub fn success(name: &str, arguments: &[&str]) -> Result<()> {
    program(name)?;
    let output = Command::new(name).args(arguments).output()?;
    let words = arguments.join(" ");
    needs(output.status.success(), &format!("needs {name} {words} to work on the host"))
}

/// Needs systemd as the machine's init.
pub fn systemd() -> Result<()> {
    needs(Path::new("/run/systemd/system").exists(), "needs systemd")
}

/// Needs a user with a systemd of his own, and gives the first: one who is logged in, or lingers.
pub fn user_with_systemd() -> Result<u32> {
    let users = fs::read_dir("/run/user").into_iter().flatten().flatten();
    let uids = users.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has_bus = |uid: &u32| Path::new(&format!("/run/user/{uid}/bus")).exists();
    let words = "needs a user with a systemd of his own (loginctl enable-linger)";
    uids.filter(|uid| *uid != 0).find(has_bus).ok_or_else(|| Skip(words.into()).into())
}

/// Needs a program of the host.
pub fn program(name: &str) -> Result<()> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path.split(':').any(|folder| Path::new(folder).join(name).exists());
    needs(found, &format!("needs the program {name}"))
}

/// Needs at least `count` processors for this process.
pub fn processors(count: usize) -> Result<()> {
    let have = std::thread::available_parallelism().map_or(1, usize::from);
    needs(have >= count, &format!("needs {count} processors"))
}

/// The value of `name:` in a file like `/proc/PID/status`, trimmed.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim())
}
