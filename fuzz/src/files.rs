//! Files of the kernel, of a container and of the runtime's own state.

use std::collections::BTreeMap;
use std::fs;

use onggi::cgroup::{Cgroup, Saved as SavedCgroup};
use onggi::container::saved::Saved;
use onggi::host::{Cgroups, cgroups};
use onggi::init::home_of;
use onggi::sys::procfs::parse_life;
use onggi_engine::bundle::user::Accounts;
use onggi_engine::network::files::{Resolver, Wanted, resolv_conf, upstream};
use serde_json::Value;

use crate::{parts, scratch};

/// /proc/self/mountinfo and /proc/self/cgroup.
pub(crate) fn mountinfo(input: &[u8]) {
    let [mountinfo, own] = parts(input);
    let found = cgroups::parse(&mountinfo, &own);
    let written = serde_json::to_vec(&found).expect("written");
    assert_eq!(serde_json::from_slice::<Cgroups>(&written).expect("read again"), found);
    assert!(found.legacy.iter().all(|hierarchy| !hierarchy.controllers.is_empty()));
}

/// Controllers of v1.
const LEGACY: [&str; 7] = ["cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb"];

/// Files of a cgroup, each after a line `@NAME`.
pub(crate) fn cgroup(input: &[u8]) {
    let folder = scratch::emptied("cgroup");
    let text = String::from_utf8_lossy(input);
    for file in text.split('@') {
        let (name, content) = file.split_once('\n').unwrap_or((file, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        if !name.starts_with('.') && !name.is_empty() && name.len() < 100 && name.chars().all(plain)
        {
            fs::write(folder.join(name), content).expect("a file");
        }
    }
    let legacy: BTreeMap<_, _> =
        LEGACY.iter().map(|name| ((*name).to_owned(), folder.clone())).collect();
    for paths in [[(String::new(), folder)].into(), legacy] {
        let cgroup = Cgroup::open(&SavedCgroup { paths, unit: None });
        let stats = cgroup.stats().expect("files that can be read");
        serde_json::to_vec(&stats).expect("written");
        let _ = cgroup.oom_kills();
    }
}

/// state.json, whose limits have no fractions: one that was written may be read as the number next
/// to it.
pub(crate) fn state(input: &[u8]) {
    let Ok(saved) = serde_json::from_slice::<Saved>(input) else { return };
    if has_fraction(&saved.onggi.resources) {
        return;
    }
    let written = serde_json::to_vec(&saved).expect("written");
    let again: Saved = serde_json::from_slice(&written).expect("read again");
    assert_eq!(again, saved);
    let cgroup = Cgroup::open(&saved.onggi.cgroup);
    assert!(cgroup.hierarchies().len() <= saved.onggi.cgroup.paths.len());
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        _ => false,
    }
}

/// `USER[:GROUP]`, passwd(5), group(5), resolv.conf(5), /proc/PID/stat.
pub(crate) fn accounts(input: &[u8]) {
    let [words, passwd, group, resolv, stat] = parts(input);
    let _ = parse_life(&stat);
    let (servers, search) = (["192.0.2.1".parse().expect("an address")], ["a.b".to_owned()]);
    let empty = Wanted { servers: &[], search: &[], options: &[] };
    let wanted = Wanted { servers: &servers, search: &search, options: &[] };
    for wanted in [&empty, &wanted] {
        let written = resolv_conf(&resolv, Resolver::Machine, wanted);
        assert_eq!(resolv_conf(&written, Resolver::Machine, wanted), written);
        let _ = upstream(&resolv, wanted);
    }
    let accounts = Accounts { passwd, group };
    let Ok(identity) = accounts.identity(&words, &[]) else { return };
    assert!(identity.uid < u32::MAX && identity.gid < u32::MAX, "{identity:?}");
    assert!(identity.groups.iter().all(|group| *group < u32::MAX), "{identity:?}");
    assert!(identity.groups.is_sorted());
    let _ = home_of(&accounts.passwd, identity.uid);
}
