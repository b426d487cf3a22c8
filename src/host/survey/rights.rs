//! Who may do what: users without root's rights, security modules, limits, programs.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Fact, program, value};
use crate::host::has_seccomp_flag;
use crate::sys::identity::effective_ids;

/// CAP_SYS_ADMIN and CAP_SYS_RESOURCE (capabilities(7)).
const SYS_ADMIN: u64 = 21;
const SYS_RESOURCE: u64 = 24;

pub(super) fn facts() -> Vec<Fact> {
    let mut facts = rootless();
    facts.extend(security());
    facts.extend(limits());
    facts.push(found("criu", "no checkpoint and restore"));
    facts
}

fn found(name: &'static str, without: &'static str) -> Fact {
    let path = program(name);
    Fact::new("programs", name, path.is_some(), without)
        .saying(path.map_or(String::new(), |path| path.display().to_string()))
}

fn rootless() -> Vec<Fact> {
    let most = value("/proc/sys/user/max_user_namespaces");
    let allowed = most.as_deref().is_some_and(|most| most != "0")
        && value("/proc/sys/kernel/unprivileged_userns_clone").is_none_or(|allowed| allowed != "0");
    let restricted = value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    let free = restricted.is_none_or(|restricted| restricted == "0");
    let mut facts = vec![
        Fact::new("rootless", "user namespaces", allowed, "only root can run containers")
            .saying(most.map_or(String::new(), |most| format!("at most {most}"))),
        Fact::new("rootless", "no AppArmor restriction", free, {
            "users need an AppArmor profile that allows `userns`"
        }),
    ];
    for (name, file) in [("subordinate uids", "/etc/subuid"), ("subordinate gids", "/etc/subgid")] {
        let range = range(file);
        let without = "users without root's rights have one id in their containers";
        facts.push(
            Fact::new("rootless", name, range.is_some(), without).saying(range.unwrap_or_default()),
        );
    }
    for name in ["newuidmap", "newgidmap"] {
        facts.push(mapper(name));
    }
    facts
}

/// The caller's line in /etc/subuid or /etc/subgid, or how many users have one when root asks.
fn range(file: &str) -> Option<String> {
    let text = value(file)?;
    let own = effective_ids().0;
    if own == 0 {
        let count = text.lines().filter(|line| line.split(':').count() == 3).count();
        return (count > 0).then(|| format!("{count} in {file}"));
    }
    let name = name_of(own);
    let (id, name) = (own.to_string(), name.unwrap_or_default());
    let line = text
        .lines()
        .find(|line| line.split(':').next().is_some_and(|owner| owner == id || owner == name))?;
    Some(line.to_owned())
}

/// The user's name in /etc/passwd.
fn name_of(own: u32) -> Option<String> {
    let users = value("/etc/passwd")?;
    let id = own.to_string();
    let line = users.lines().find(|line| line.split(':').nth(2) == Some(&id))?;
    line.split(':').next().map(str::to_owned)
}

/// Maps ids for those who may not: by its set-user-id bit or by a capability of the file.
fn mapper(name: &'static str) -> Fact {
    let path = program(name);
    let rights = path.as_ref().map(|path| {
        let mode = std::fs::metadata(path).map_or(0, |file| file.mode());
        match (mode & 0o4000 != 0, crate::sys::xattr::has(path, "security.capability")) {
            (true, _) => "set-user-id root",
            (false, true) => "with a file capability",
            (false, false) => "without any right",
        }
    });
    let there = rights.is_some_and(|rights| rights != "without any right");
    let without = "users without root's rights have one id in their containers";
    Fact::new("rootless", name, there, without).saying(rights.unwrap_or_default())
}

fn security() -> Vec<Fact> {
    let modules = value("/sys/kernel/security/lsm").unwrap_or_default();
    let apparmor = value("/sys/module/apparmor/parameters/enabled").is_some_and(|on| on == "Y");
    let selinux = Path::new("/sys/fs/selinux/enforce").exists();
    let listens = has_seccomp_flag(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32);
    let setgroups = value("/proc/self/setgroups").is_some_and(|word| word == "allow");
    vec![
        Fact::new("security", "AppArmor", apparmor, "no process.apparmorProfile").saying(modules),
        Fact::new("security", "SELinux", selinux, "no process.selinuxLabel and linux.mountLabel"),
        Fact::new("security", "seccomp listeners", listens, "no SCMP_ACT_NOTIFY"),
        Fact::new("security", "CAP_SYS_ADMIN", has_capability(SYS_ADMIN), {
            "containers need a user namespace: they are rootless"
        }),
        Fact::new("security", "setgroups", setgroups, "no process.user.additionalGids"),
    ]
}

fn has_capability(number: u64) -> bool {
    let status = value("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask >> number & 1 == 1
}

fn limits() -> Vec<Fact> {
    let raise = has_capability(SYS_RESOURCE);
    let hard = most_open_files().unwrap_or_default();
    let keys = value("/proc/sys/kernel/keys/maxkeys").and_then(|most| most.parse::<u64>().ok());
    let used = keys_of_this_user();
    let left = keys.unwrap_or(0).saturating_sub(used);
    vec![
        Fact::new("limits", "CAP_SYS_RESOURCE", raise, {
            "process.rlimits cannot be above the caller's, nor process.oomScoreAdj below"
        })
        .saying(format!("at most {hard} open files")),
        Fact::new("limits", "session keyrings", left > 0, {
            "containers keep the caller's session keyring"
        })
        .saying(keys.map_or(String::new(), |most| format!("{used} of {most} keys are used"))),
    ]
}

/// The hard limit, as /proc/PID/limits writes it: name, soft limit, hard limit, unit.
fn most_open_files() -> Option<String> {
    let limits = value("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

/// The second field after the colon is `nkeys/nikeys`; root is counted as any other user here.
fn keys_of_this_user() -> u64 {
    let own = format!("{}:", effective_ids().0);
    let users = value("/proc/key-users").unwrap_or_default();
    let line = users.lines().map(str::trim).find(|line| line.starts_with(&own));
    let counts = line.and_then(|line| line.split_whitespace().nth(2));
    counts.and_then(|counts| counts.split('/').next()?.parse().ok()).unwrap_or(0)
}
