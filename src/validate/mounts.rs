//! Rules for mounts. Links are not looked at here: who mounts looks again at where a destination
//! really is.

use super::{Found, Protected, Subject};
use crate::spec::Mount;

/// What may be mounted below /proc: files that lxcfs shows instead, and two that CRIU and FIPS
/// mode need.
const BELOW_PROC: [&str; 11] = [
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "net/dev",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
];

pub(super) fn destinations_can_be_mounted_on(subject: &Subject<'_>, found: &mut Found) {
    each(subject, |index, mount| {
        if mount.destination.is_empty() {
            found.add(format!("mounts[{index}].destination"), "is missing");
        } else if parts(&mount.destination).is_empty() && !can_be_a_root(mount) {
            let words = "only a tmpfs or a bind mount can be over the root";
            found.add(format!("mounts[{index}].destination"), words);
        }
    });
}

fn can_be_a_root(mount: &Mount<'_>) -> bool {
    let remounts = mount.options.iter().any(|option| &**option == "remount");
    (is_bind(mount) || &*mount.kind == "tmpfs") && !remounts
}

/// Writes to files below /proc decide about labels and limits, so nothing may cover them
/// (CVE-2019-16884).
pub(super) fn proc_is_kept_whole(subject: &Subject<'_>, found: &mut Found) {
    found.protects = Some(Protected::Proc);
    each(subject, |index, mount| {
        let parts = parts(&mount.destination);
        let destination = &mount.destination;
        match parts.split_first() {
            Some((&"proc", [])) if !is_bind(mount) && &*mount.kind != "proc" => {
                let words =
                    format!("{destination:?} cannot be mounted because it is not of type proc");
                found.add(format!("mounts[{index}].destination"), words);
            }
            Some((&"proc", below)) if !below.is_empty() && !may_cover(below) => {
                let words = format!("{destination:?} cannot be mounted because it is inside /proc");
                found.add(format!("mounts[{index}].destination"), words);
            }
            _ => {}
        }
    });
}

fn may_cover(below: &[&str]) -> bool {
    BELOW_PROC.iter().any(|allowed| allowed.split('/').eq(below.iter().copied()))
}

/// A bind, or a change to a mount that is there already.
fn is_bind(mount: &Mount<'_>) -> bool {
    let words = ["bind", "rbind", "remount"];
    &*mount.kind == "bind" || mount.options.iter().any(|option| words.contains(&option.as_str()))
}

/// `uid=` and `gid=` of a file system are ids inside, and the kernel only takes mapped ones.
pub(super) fn rootless_ids_are_mapped(subject: &Subject<'_>, found: &mut Found) {
    // The maps of a joined namespace are not known here.
    if subject.host.euid == 0 || subject.namespace("user").is_none_or(|path| !path.is_empty()) {
        return;
    }
    let linux = &subject.spec.linux;
    each(subject, |index, mount| {
        for option in mount.options.iter().flat_map(|option| option.split(',')) {
            let (mappings, id) = match option.split_once('=') {
                Some(("uid", id)) => (&linux.uid_mappings, id),
                Some(("gid", id)) => (&linux.gid_mappings, id),
                _ => continue,
            };
            let Ok(id) = id.parse::<u32>() else { continue };
            if !mappings.iter().any(|line| line.maps(id)) {
                let words = format!(
                    "cannot specify {option} mount option for rootless container: it is not mapped"
                );
                found.add(format!("mounts[{index}].options"), words);
            }
        }
    });
}

pub(super) fn id_maps_are_served(subject: &Subject<'_>, found: &mut Found) {
    each(subject, |index, mount| {
        let (uids, gids) = (!mount.uid_mappings.is_empty(), !mount.gid_mappings.is_empty());
        let asks = |option: &str| {
            let word = option.split_once('=').map_or(option, |(word, _)| word);
            matches!(word, "idmap" | "ridmap")
        };
        let wanted = uids || gids || mount.options.iter().any(|option| asks(option));
        if wanted && subject.host.euid != 0 {
            let words = "id-mapped mounts are not supported for rootless containers";
            found.add(format!("mounts[{index}].options"), words);
        }
        if uids != gids {
            let words = "id-mapped mounts must have both uid and gid mappings";
            found.add(format!("mounts[{index}].uidMappings"), words);
        }
    });
}

/// The parts of a path once it is cleaned by its letters.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

fn each(subject: &Subject<'_>, mut look: impl FnMut(usize, &Mount<'_>)) {
    for (index, mount) in subject.spec.mounts.iter().enumerate() {
        look(index, mount);
    }
}
