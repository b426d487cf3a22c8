//! Where the cgroup hierarchies are mounted and in which group the runtime is.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use crate::error::{Doing, Result};
use crate::sys::file;

/// Where cgroup2 is mounted when there is nothing else.
pub const UNIFIED_MOUNT: &str = "/sys/fs/cgroup";
pub(super) const MOUNTINFO: &str = "/proc/self/mountinfo";
const OWN_GROUPS: &str = "/proc/self/cgroup";

/// The cgroup hierarchies of the host, as this process sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroups {
    /// v1 hierarchies (empty on a pure v2 host).
    pub legacy: Vec<Hierarchy>,
    /// The cgroup2 mount, if there is one (on a hybrid host, beside the v1 ones).
    pub unified: Option<Unified>,
}

/// One v1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// Its controllers, or one `name=…`.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The runtime's own group, from the mount's root.
    pub own: PathBuf,
}

/// The cgroup2 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unified {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The runtime's own group, from the mount's root.
    pub own: PathBuf,
}

impl Cgroups {
    /// Whether there is nothing but cgroup v2.
    pub fn is_unified(&self) -> bool {
        self.legacy.is_empty() && self.unified.is_some()
    }
}

/// Asks the machine: a statfs(2) and one file on a pure v2 host, two files on others.
///
/// # Errors
/// A file under /proc that cannot be read.
pub fn probe() -> Result<Cgroups> {
    let own = read(OWN_GROUPS)?;
    if let Some(own) = unified_group(&own).filter(|_| is_unified(UNIFIED_MOUNT)) {
        let mount = PathBuf::from(UNIFIED_MOUNT);
        // Elsewhere only a bind mount of a part is there, and mountinfo says of which one.
        if own == Path::new("/") || !goes_up(&own) && below(&mount, &own).is_dir() {
            return Ok(Cgroups { legacy: Vec::new(), unified: Some(Unified { mount, own }) });
        }
    }
    Ok(parse(&read(MOUNTINFO)?, &own))
}

/// Whether the file system at a path is cgroup2.
pub fn is_unified(path: &str) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == CGROUP2_SUPER_MAGIC)
}

/// The group of process `pid` in the cgroup2 hierarchy, from the mount's root.
///
/// # Errors
/// A process that is gone.
pub fn unified_group_of(pid: i32) -> Result<Option<PathBuf>> {
    Ok(unified_group(&read(&format!("/proc/{pid}/cgroup"))?))
}

pub(super) fn read(path: &str) -> Result<String> {
    file::read_at(file::HERE, path).doing(|| format!("read {path}"))
}

/// `path` below `mount`, whether it starts with a slash or not.
pub fn below(mount: &Path, path: &Path) -> PathBuf {
    mount.join(path.strip_prefix("/").unwrap_or(path))
}

/// Puts the texts of mountinfo and of /proc/self/cgroup together (proc(5)).
pub fn parse(mountinfo: &str, own: &str) -> Cgroups {
    let mut found = Cgroups::default();
    let places: Vec<Place> = mountinfo.lines().filter_map(Place::parse).collect();
    for mount in mountinfo.lines().filter_map(Mount::parse) {
        if places.iter().any(|place| place.covers(&mount)) {
            continue;
        }
        match mount.kind {
            "cgroup2" if found.unified.is_none() => {
                let own = from_root(&mount.root, unified_group(own));
                found.unified = Some(Unified { mount: mount.point, own });
            }
            "cgroup" => found.legacy.extend(mount.hierarchy(own, &found.legacy)),
            _ => {}
        }
    }
    found
}

/// Where a mount lies: the id of the mount below it, and its point as mountinfo writes it.
struct Place<'a> {
    parent: &'a str,
    point: &'a str,
}

impl<'a> Place<'a> {
    fn parse(line: &'a str) -> Option<Place<'a>> {
        let mut fields = line.splitn(6, ' ').skip(1);
        Some(Place { parent: fields.next()?, point: fields.nth(2)? })
    }

    /// Whether it lies right over the other one.
    fn covers(&self, mount: &Mount<'_>) -> bool {
        self.parent == mount.id && self.point == mount.raw_point
    }
}

/// A line of mountinfo that is about cgroups.
struct Mount<'a> {
    id: &'a str,
    raw_point: &'a str,
    root: PathBuf,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Mount<'a>> {
        let (place, filesystem) = line.split_once(" - ")?;
        let mut filesystem = filesystem.split(' ');
        let kind = filesystem.next().filter(|kind| kind.starts_with("cgroup"))?;
        let options = filesystem.nth(1).unwrap_or_default();
        let mut place = place.split(' ');
        let id = place.next()?;
        let root = unescape(place.nth(2)?).into();
        let raw_point = place.next()?;
        Some(Mount { id, raw_point, root, point: unescape(raw_point).into(), kind, options })
    }

    /// The v1 hierarchy that is mounted here, if it is new and the runtime is in it.
    fn hierarchy(self, own: &str, known: &[Hierarchy]) -> Option<Hierarchy> {
        let options: Vec<&str> = self.options.split(',').collect();
        let is_here =
            |names: &str| names.split(',').all(|name| options.contains(&name)) && !names.is_empty();
        let (names, group) = groups(own).find(|(names, _)| is_here(names))?;
        let controllers: Vec<String> = names.split(',').map(str::to_owned).collect();
        if known.iter().any(|hierarchy| hierarchy.controllers == controllers) {
            return None;
        }
        let own = from_root(&self.root, Some(PathBuf::from(group)));
        Some(Hierarchy { controllers, mount: self.point, own })
    }
}

/// Controllers and group of each line of /proc/PID/cgroup.
fn groups(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'))
}

fn unified_group(text: &str) -> Option<PathBuf> {
    groups(text).find(|(names, _)| names.is_empty()).map(|(_, group)| group.into())
}

/// A group as it is seen through a mount whose root is not the hierarchy's (a container without a
/// cgroup namespace). One that cannot be seen there becomes the mount's root.
fn from_root(root: &Path, group: Option<PathBuf>) -> PathBuf {
    let group = group.unwrap_or_default();
    match group.strip_prefix(root) {
        Ok(rest) if !goes_up(&group) && !goes_up(root) => Path::new("/").join(rest),
        _ => PathBuf::from("/"),
    }
}

/// Whether a path leads out of the cgroup namespace (cgroup_namespaces(7)).
fn goes_up(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Undoes the octal escapes of mountinfo (blank, tab, newline, backslash).
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(byte) => plain.push(byte as char),
            None => plain.push('\\'),
        }
        rest = if code.is_some_and(|byte| byte.is_ascii()) { &after[3..] } else { after };
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:32 / /mnt/memory rw,relatime - cgroup cgroup rw,memory
";

    fn hierarchy(controllers: &[&str], mount: &str, own: &str) -> Hierarchy {
        let controllers = controllers.iter().map(|name| name.to_string()).collect();
        Hierarchy { controllers, mount: mount.into(), own: own.into() }
    }

    #[test]
    fn a_hybrid_host_has_both_and_each_hierarchy_once() {
        let own = "9:name=systemd:/init\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/u\n";
        let found = parse(HYBRID, own);
        assert_eq!(
            found.legacy,
            [
                hierarchy(&["cpu", "cpuacct"], "/sys/fs/cgroup/cpu,cpuacct", "/"),
                hierarchy(&["memory"], "/sys/fs/cgroup/memory", "/a/b"),
                hierarchy(&["name=systemd"], "/sys/fs/cgroup/systemd", "/init"),
            ]
        );
        let mount = PathBuf::from("/sys/fs/cgroup/unified");
        assert_eq!(found.unified, Some(Unified { mount, own: "/u".into() }));
        assert!(!found.is_unified());
    }

    #[test]
    fn a_hierarchy_that_another_mount_covers_is_not_there() {
        let cover = "43 41 0:39 / /sys/fs/cgroup/unified rw,relatime - tmpfs tmpfs rw\n";
        let found = parse(&format!("{HYBRID}{cover}"), "4:memory:/a\n0::/u\n");
        assert_eq!(found.unified, None);
        assert_eq!(found.legacy, [hierarchy(&["memory"], "/sys/fs/cgroup/memory", "/a")]);
    }

    #[test]
    fn the_own_group_is_seen_from_the_root_of_the_mount() {
        for (root, group, own) in [
            ("/", "/", "/"),
            ("/", "/docker/abc", "/docker/abc"),
            ("/docker/abc", "/docker/abc", "/"),
            ("/docker/abc", "/docker/abc/init", "/init"),
            ("/docker/abc", "/docker/abcdef", "/"),
            ("/docker/abc", "/elsewhere", "/"),
            ("/../..", "/", "/"),
            ("/", "/../sibling", "/"),
        ] {
            let line = format!("41 31 0:38 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
            let found = parse(&line, &format!("0::{group}\n")).unified.unwrap();
            assert_eq!(found.own, Path::new(own), "{root} {group}");
        }
    }

    #[test]
    fn escapes_in_a_mount_point_are_undone() {
        for (text, plain) in [
            (r"/a\040b", "/a b"),
            (r"/a\134", "/a\\"),
            (r"/a\04", r"/a\04"),
            (r"/\xyz", r"/\xyz"),
            (r"\", r"\"),
            (r"\777", r"\777"),
            ("/\\é40", "/\\é40"),
        ] {
            assert_eq!(unescape(text), plain);
        }
    }

    #[test]
    fn what_is_no_mountinfo_gives_nothing() {
        for text in
            ["", " - ", "1 2 3", "- cgroup2", "a b c d - cgroup2", "1 2 3 4 5 - cgroup x ,,"]
        {
            assert_eq!(parse(text, "::\n0:\n:\n\n"), Cgroups::default(), "{text}");
        }
    }

    #[test]
    fn this_machine_says_where_its_cgroups_are() {
        let found = probe().unwrap();
        for hierarchy in &found.legacy {
            assert!(below(&hierarchy.mount, &hierarchy.own).is_dir(), "{hierarchy:?}");
        }
        if let Some(unified) = &found.unified {
            assert!(below(&unified.mount, &unified.own).is_dir(), "{unified:?}");
        }
    }
}
