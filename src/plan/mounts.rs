//! Each mount of the spec, in its order.

use std::path::Path;

use super::id_maps::mount_id_map;
use super::mount_options::{self, RDONLY, Wishes};
use super::paths::{clean, host_path, inside};
use super::text::text;
use super::types::{
    Attributes, ContainerPath, Filesystem, Links, Mount, MountSource, SourceLink, TargetLink,
};
use crate::error::{Doing, Error, Result};
use crate::host::Host;
use crate::spec::{self, Spec};

/// Where the mounts come from.
pub(super) struct Place<'a> {
    pub(super) bundle: &'a Path,
    pub(super) host: &'a Host,
}

/// The mounts, in order.
pub(super) fn mounts(
    spec: &Spec<'_>,
    place: &Place<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Mount>> {
    let sysfs_is_bound = sysfs_is_bound(spec, place.host);
    let mounts = (0..spec.mounts.len()).map(|index| {
        let mut planned = one(spec, index, place, warnings)?;
        if sysfs_is_bound {
            bind_sysfs(&mut planned);
        }
        Ok(planned)
    });
    mounts.collect()
}

/// What is wrong with each mount that cannot be planned.
pub(super) fn problems(spec: &Spec<'_>, place: &Place<'_>) -> Vec<Error> {
    let mounts = 0..spec.mounts.len();
    mounts.filter_map(|index| one(spec, index, place, &mut Vec::new()).err()).collect()
}

fn one(
    spec: &Spec<'_>,
    index: usize,
    place: &Place<'_>,
    warnings: &mut Vec<String>,
) -> Result<Mount> {
    let mount = &spec.mounts[index];
    let told = |words: String| format!("mounts[{index}] on {}: {words}", mount.destination);
    self::mount(spec, mount, place)
        .and_then(|planned| checked(planned, mount, |words| warnings.push(told(words))))
        .doing(|| format!("mounts[{index}] on {}", mount.destination))
}

/// A mount before its wishes are held against what it is.
struct Planned<'a> {
    mount: Mount,
    wishes: Wishes<'a>,
}

fn mount<'a>(
    spec: &Spec<'_>,
    mount: &'a spec::Mount<'_>,
    place: &Place<'_>,
) -> Result<Planned<'a>> {
    for option in &mount.options {
        text("options", option)?;
    }
    let mut wishes = mount_options::parse(mount.options.iter().map(spec::Str::as_str));
    let source = text("source", &mount.source)?;
    let kind = text("type", &mount.kind)?;
    if kind == "bind" && wishes.bind.is_none() && !wishes.remount {
        wishes.bind = Some(false);
    }
    let what = match (wishes.remount, wishes.bind, kind.as_str()) {
        (true, ..) => MountSource::Remount,
        (_, Some(recursive), _) => bind(place.bundle, &source, recursive)?,
        (_, _, "cgroup") if !place.host.cgroups.legacy.is_empty() => MountSource::CgroupV1,
        (_, _, "cgroup" | "cgroup2") => MountSource::Cgroup2,
        _ => MountSource::Filesystem(filesystem(kind, source, &wishes)),
    };
    let attributes = match what {
        MountSource::Bind { .. } if locks_flags(spec, place.host) => {
            wishes.attributes.of_a_locked_copy()
        }
        MountSource::Bind { .. } => wishes.attributes.of_a_copy(),
        _ => wishes.attributes,
    };
    let planned = Mount {
        target: target(spec, mount, place.bundle)?,
        what,
        attributes,
        recursive: wishes.recursive,
        propagation: std::mem::take(&mut wishes.propagation),
        idmap: mount_id_map(spec, mount, &wishes)?,
        links: wishes.links,
    };
    Ok(Planned { mount: planned, wishes })
}

/// Some callers write the destination as the host sees it: what leads through the root's own path
/// begins there, as with runc.
fn target(spec: &Spec<'_>, mount: &spec::Mount<'_>, bundle: &Path) -> Result<ContainerPath> {
    let destination = clean(&text("destination", &mount.destination)?);
    let root = spec.root.as_ref().map(|root| host_path(bundle, &root.path));
    let within = root.as_deref().and_then(|root| inside(root, &destination));
    Ok(ContainerPath::new(within.unwrap_or(&destination)))
}

/// A mount that comes into another user namespace keeps the flags it came with
/// (mount_namespaces(7)): only what is asked for by name may be tried.
fn locks_flags(spec: &Spec<'_>, host: &Host) -> bool {
    let own = &spec.linux.namespaces;
    host.in_user_namespace || own.iter().any(|namespace| &*namespace.kind == "user")
}

fn bind(bundle: &Path, source: &str, recursive: bool) -> Result<MountSource> {
    match source.is_empty() {
        true => Err(Error::new("source: is missing")),
        false => Ok(MountSource::Bind { from: host_path(bundle, source), recursive }),
    }
}

fn filesystem(kind: String, source: String, wishes: &Wishes<'_>) -> Filesystem {
    let mut flags = wishes.flags.clone();
    if wishes.attributes.set & RDONLY != 0 && kind != "tmpfs" {
        flags.insert(0, "ro");
    }
    let data = wishes.data.iter().map(|option| (*option).to_owned()).collect();
    let copy_up = wishes.copy_up && kind == "tmpfs";
    Filesystem { kind, source, flags, data, copy_up }
}

/// Holds the wishes against what is mounted: options that would be lost are an error where runc
/// has one, else a warning.
fn checked(
    planned: Planned<'_>,
    mount: &spec::Mount<'_>,
    mut warn: impl FnMut(String),
) -> Result<Mount> {
    let Planned { mount: planned, wishes } = planned;
    let lost = wishes.data.join(",");
    match &planned.what {
        MountSource::Bind { .. } | MountSource::Remount if !lost.is_empty() => {
            let words = "a bind or remount cannot have options of a file system";
            return Err(Error::new(format!("options: {words}: {lost}")));
        }
        MountSource::Cgroup2 | MountSource::CgroupV1 if !lost.is_empty() => {
            warn(format!("options are passed over: {lost}"));
        }
        MountSource::Filesystem(filesystem) if wishes.copy_up && !filesystem.copy_up => {
            warn("tmpcopyup is for a tmpfs".into());
        }
        _ => {}
    }
    if planned.idmap.is_some() && !matches!(planned.what, MountSource::Bind { .. }) {
        return Err(Error::new("id-mapped mounts are only supported for bind-mounts"));
    }
    if !planned.links.are_followed() {
        check_links(&planned)?;
    }
    if !mount.destination.starts_with('/') {
        warn("a relative destination starts at /".into());
    }
    Ok(planned)
}

fn check_links(mount: &Mount) -> Result<()> {
    const WORDS: &str = "copy-symlink, src-nofollow and dest-nofollow";
    match (&mount.what, mount.links) {
        (MountSource::Bind { .. }, Links { source: SourceLink::Copy, target }) => match target {
            TargetLink::Follow => Ok(()),
            TargetLink::Cover => {
                Err(Error::new("options: copy-symlink and dest-nofollow exclude each other"))
            }
        },
        (MountSource::Bind { .. }, _) => Ok(()),
        _ => Err(Error::new(format!("options: {WORDS} are for bind mounts"))),
    }
}

/// What `mounts remove` takes away: only the destinations count.
///
/// # Errors
/// A destination that is missing, or is the root itself.
pub fn removed(mounts: &[spec::Mount<'_>]) -> Result<Vec<Mount>> {
    let remove = |(index, mount): (usize, &spec::Mount<'_>)| {
        let destination = clean(&text("destination", &mount.destination)?);
        if destination.trim_matches('/').is_empty() {
            let words = format!("mounts[{index}].destination: {:?}", mount.destination.as_str());
            return Err(Error::new(format!("{words} is not a mount inside the container")));
        }
        Ok(Mount {
            target: ContainerPath::new(&destination),
            what: MountSource::Remount,
            attributes: Attributes::default(),
            recursive: Attributes::default(),
            propagation: Vec::new(),
            idmap: None,
            links: Links::default(),
        })
    };
    mounts.iter().enumerate().map(remove).collect()
}

/// Whether the kernel would refuse a new sysfs: it belongs to the network namespace, and that to
/// another user namespace than the container's.
fn sysfs_is_bound(spec: &Spec<'_>, host: &Host) -> bool {
    let namespace =
        |kind: &str| spec.linux.namespaces.iter().find(|namespace| &*namespace.kind == kind);
    let network = namespace("network");
    match namespace("user") {
        Some(user) if user.path.is_empty() => {
            network.is_none_or(|network| !network.path.is_empty())
        }
        Some(_) => network.is_none(),
        None => host.in_user_namespace && network.is_none(),
    }
}

/// Shows the host's /sys instead of a new sysfs. What is asked for it is asked for all below it:
/// else the host's cgroups would come along writable.
fn bind_sysfs(mount: &mut Mount) {
    match &mount.what {
        MountSource::Filesystem(filesystem) if filesystem.kind == "sysfs" => {}
        _ => return,
    }
    mount.what = MountSource::Bind { from: "/sys".into(), recursive: true };
    mount.recursive.set |= mount.attributes.set;
    mount.recursive.clear |= mount.attributes.clear;
}
