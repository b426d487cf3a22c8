//! What a container has from outside, which a checkpoint names and a restore brings again: mounts
//! of the host's files, and namespaces that it joined.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use crate::cgroup::Cgroup;
use crate::criu::Options;
use crate::error::{Code, Doing, Error, Result};
use crate::plan::{Kind, Mount, MountSource, Plan};
use crate::sys::fd::{here, open_at, stat};
use crate::sys::path::{Root, read_link};

/// What stands for a file that is hidden.
const NULL: &str = "/dev/null";

/// A mount from outside.
struct Outside {
    /// Where it is inside, as config.json says it.
    at: String,
    /// Where it comes from on the host.
    from: String,
}

/// `cgroup` is the container's: its plan may say nothing of one that is there already.
fn mounts(plan: &Plan, cgroup: &Cgroup) -> Result<Vec<Outside>> {
    let mut all = Vec::new();
    for mount in &plan.mounts {
        let at = mount.target.as_str();
        match &mount.what {
            MountSource::Bind { .. } if mount.idmap.is_some() => {
                return Err(Error::of(
                    Code::NotSupported,
                    format!("the mount at {at} maps ids, which criu cannot"),
                ));
            }
            MountSource::Bind { from, .. } => {
                all.push(Outside { at: at.to_owned(), from: from.to_string_lossy().into_owned() });
            }
            MountSource::CgroupV1 => all.extend(hierarchies(cgroup, at)),
            _ => {}
        }
    }
    let nodes = plan.dev.iter().filter(|dev| dev.bind).flat_map(|dev| &dev.nodes);
    let nodes = nodes.map(|node| node.path.as_str().to_owned());
    all.extend(nodes.map(|path| Outside { at: path.clone(), from: path }));
    Ok(all)
}

/// The container's own part of each hierarchy of cgroup v1, as init binds them.
fn hierarchies<'a>(cgroup: &Cgroup, at: &'a str) -> impl Iterator<Item = Outside> + 'a {
    cgroup.hierarchies().into_iter().map(move |(controllers, path)| {
        let name = if controllers.is_empty() { "unified" } else { &controllers };
        Outside {
            at: format!("{at}/{}", name.trim_start_matches("name=")),
            from: path.to_string_lossy().into_owned(),
        }
    })
}

/// What a dump is told: where each mount from outside is, and its name.
pub(super) fn for_dump(
    plan: &Plan,
    cgroup: &Cgroup,
    init: i32,
    options: &mut Options,
) -> Result<()> {
    let root = Root::open(here(), &format!("/proc/{init}/root"))
        .doing(|| "open the container's root".into())?;
    for mount in mounts(plan, cgroup)? {
        let place = place(&root, &mount.at)?;
        options.mounts.push((place.clone(), place));
    }
    for path in &plan.masked {
        if let Some(place) = masked_file(&root, path.as_str())? {
            options.mounts.push((place, NULL.to_owned()));
        }
    }
    for (kind, _) in plan.namespaces.join.iter().filter(|(kind, _)| stays_outside(*kind)) {
        let path = format!("/proc/{init}/ns/{}", kind.file());
        let namespace =
            open_at(here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))?;
        let number = stat(namespace.as_fd())?.st_ino;
        options.external.push(format!("{}[{number}]:{}", kind.file(), key(*kind)));
    }
    Ok(())
}

/// What a restore is told: each mount's name, and where it comes from. The descriptors are those
/// of namespaces, which CRIU is to inherit.
pub(super) fn for_restore(plan: &Plan, options: &mut Options) -> Result<Vec<OwnedFd>> {
    let root = open_root(&plan.root.path)?;
    for mount in mounts(plan, &Cgroup::planned(&plan.cgroup))? {
        options.mounts.push((place(&root, &mount.at)?, mount.from));
    }
    if !plan.masked.is_empty() {
        options.mounts.push((NULL.to_owned(), NULL.to_owned()));
    }
    let mut namespaces = Vec::new();
    for (kind, path) in &plan.namespaces.join {
        let text = path.to_string_lossy();
        if *kind == Kind::Cgroup {
            return Err(Error::new(format!("criu cannot join the cgroup namespace {text}")));
        }
        if !stays_outside(*kind) {
            options.join.push((kind.file().to_owned(), text.into_owned()));
            continue;
        }
        let namespace = open_at(here(), &text, libc::O_RDONLY, 0)
            .doing(|| format!("open the {} namespace {text}", kind.name()))?;
        options.inherit.push((key(*kind), namespace.as_raw_fd()));
        namespaces.push(namespace);
    }
    Ok(namespaces)
}

/// CRIU leaves them alone; the others it makes, or joins by path.
fn stays_outside(kind: Kind) -> bool {
    matches!(kind, Kind::Network | Kind::Pid)
}

/// The name of a namespace that stays outside, the same as in images of other runtimes.
fn key(kind: Kind) -> String {
    let file = kind.file();
    format!("extRoot{}{}NS", file[..1].to_uppercase(), &file[1..])
}

/// A masked path that is a file: its mount has /dev/null's name. A directory's is the container's
/// own.
fn masked_file(root: &Root, path: &str) -> Result<Option<String>> {
    match root.find(path) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
            Ok(None)
        }
        found => {
            let found = found.doing(|| format!("find {path}"))?;
            let is_directory = stat(found.as_fd())?.st_mode & libc::S_IFMT == libc::S_IFDIR;
            if is_directory { Ok(None) } else { place(root, path).map(Some) }
        }
    }
}

/// Where a path leads inside, links followed as far as there is something.
fn place(root: &Root, path: &str) -> Result<String> {
    let own = |fd: &dyn AsFd| {
        let link = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
        read_link(here(), &link).map(|link| link.to_string_lossy().into_owned())
    };
    match root.find(path) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
            let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
            let parent = if parent.is_empty() { "/".into() } else { place(root, parent)? };
            Ok(format!("{}/{name}", parent.trim_end_matches('/')))
        }
        found => {
            let found = found.doing(|| format!("find {path}"))?;
            let (base, found) = (own(root)?, own(&found)?);
            let inside = found.strip_prefix(base.trim_end_matches('/'));
            inside.map(str::to_owned).ok_or_else(|| Error::new(format!("{path} leads out")))
        }
    }
}

fn open_root(path: &Path) -> Result<Root> {
    let text = path.to_str().ok_or_else(|| Error::new("a path is not UTF-8"))?;
    Root::open(here(), text).doing(|| format!("open {text}"))
}

/// Makes the mount points that a restore needs and an image may lack, as the creation of the
/// container did. What is inside a file system that CRIU fills comes with it.
pub(super) fn make_mount_points(plan: &Plan) -> Result<()> {
    for (number, mount) in plan.mounts.iter().enumerate() {
        let at = mount.target.as_str();
        let holder = plan.mounts[..number].iter().rev().find_map(|above| {
            let rest = at.strip_prefix(above.target.as_str().trim_end_matches('/'))?;
            rest.starts_with('/').then_some((above, rest))
        });
        let made = match holder.map(|(above, rest)| (&above.what, rest)) {
            None => make_mount_point(&plan.root.path, at, mount),
            Some((MountSource::Bind { from, .. }, rest)) => make_mount_point(from, rest, mount),
            Some(_) => Ok(()),
        };
        made.doing(|| format!("make the mount point {at}"))?;
    }
    Ok(())
}

fn make_mount_point(root: &Path, at: &str, mount: &Mount) -> Result<()> {
    let is_directory = match &mount.what {
        MountSource::Bind { from, .. } => {
            std::fs::metadata(from).doing(|| format!("find {}", from.display()))?.is_dir()
        }
        MountSource::Remount => return Ok(()),
        _ => true,
    };
    let root = open_root(root)?;
    match is_directory {
        true => root.make_directories(at, 0o755)?,
        false => root.make_file(at, 0o644)?,
    };
    Ok(())
}
