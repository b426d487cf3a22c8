//! Rules for sysctls: only what belongs to a namespace of the container may be written.

use super::{Found, Protected, Subject};

/// Files below /proc/sys that belong to the ipc namespace.
const IPC: [&str; 8] = [
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shm_rmid_forced",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
];

/// The file below /proc/sys that a key names. Parts are divided by whichever of `.` and `/` comes
/// first, and the other one belongs to a name: `net/ipv4/conf/eth0.7/rp_filter` is
/// `net.ipv4.conf.eth0/7.rp_filter` (sysctl.d(5)).
pub(crate) fn path(key: &str) -> String {
    let swapped = |character| match character {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    match key.find(['.', '/']).map(|at| key.as_bytes()[at]) {
        Some(b'.') => key.chars().map(swapped).collect(),
        _ => key.to_owned(),
    }
}

pub(super) fn keys_are_of_own_namespaces(subject: &Subject<'_>, found: &mut Found) {
    found.protects = Some(Protected::Sysctls);
    for (key, _) in subject.spec.linux.sysctl.iter() {
        if let Some(words) = problem(subject, key) {
            found.add("linux.sysctl", words);
        }
    }
}

fn problem(subject: &Subject<'_>, key: &str) -> Option<String> {
    let path = path(key);
    let has = |kind| subject.namespace(kind).is_some();
    if !is_plain(&path) {
        return Some(format!("sysctl {key:?} contains an invalid path"));
    }
    let of_ipc = IPC.contains(&path.as_str()) || path.starts_with("fs/mqueue/");
    match path.as_str() {
        _ if of_ipc && has("ipc") => None,
        _ if of_ipc => Some(format!("sysctl {key:?} is not allowed in the hosts ipc namespace")),
        path if path.starts_with("net/") && has("network") => None,
        path if path.starts_with("net/") => {
            Some(format!("sysctl {key:?} not allowed in host network namespace"))
        }
        path if path.starts_with("user/") && has("user") => None,
        "kernel/domainname" if has("uts") => None,
        "kernel/hostname" if has("uts") => {
            let field = "\"hostname\"";
            Some(format!(
                "sysctl {key:?} is not allowed as it conflicts with the OCI {field} field"
            ))
        }
        _ => Some(format!("sysctl {key:?} is not in a separate kernel namespace")),
    }
}

/// Whether every part is a name: nothing that climbs out of /proc/sys or smuggles a second
/// setting in (CVE-2022-0811).
fn is_plain(path: &str) -> bool {
    let smuggles = |byte: u8| matches!(byte, b'=' | b'+') || byte.is_ascii_control();
    !path.bytes().any(smuggles) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn the_first_divider_decides() {
        for (key, expected) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
            ("net.ipv4.conf.eth0/7.rp_filter", "net/ipv4/conf/eth0.7/rp_filter"),
            ("net/ipv4/conf/eth0.7/rp_filter", "net/ipv4/conf/eth0.7/rp_filter"),
            ("net/../kernel/core_pattern", "net/../kernel/core_pattern"),
            ("x", "x"),
            ("", ""),
        ] {
            assert_eq!(path(key), expected, "{key}");
        }
    }
}
