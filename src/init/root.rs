//! The root file system: held as a descriptor, entered by pivot_root(2).

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::Init;
use crate::error::{Doing, Result};
use crate::plan::{Kind, Propagation, PropagationKind, RootSwitch};
use crate::sys::fd::{here, open_at};
use crate::sys::mount::{self, Attributes, READ_ONLY, Reach};
use crate::sys::path::Root;
use crate::sys::procfs::Procfs;
use crate::sys::{namespace, process};

/// Before ids change: the directory may be out of reach for root of the user namespace. If it is
/// out of reach without its ids, `prepare` looks once more.
pub(super) fn find(init: &mut Init<'_>) -> Result<()> {
    match look(init) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && makes_user(init) => Ok(()),
        other => other.doing(|| format!("open the root {}", init.plan.root.path.display())),
    }
}

fn look(init: &mut Init<'_>) -> io::Result<()> {
    let path = init.plan.root.path.to_str().ok_or(ErrorKind::InvalidFilename)?;
    init.root = Some(Root::open(here(), path)?);
    Ok(())
}

fn makes_user(init: &Init<'_>) -> bool {
    init.plan.namespaces.makes(Kind::User)
}

/// For a process that joins: the root is its own already.
pub(super) fn find_inside(init: &mut Init<'_>) -> Result<()> {
    init.root = Some(Root::open(here(), "/").doing(|| "open /".into())?);
    Ok(())
}

/// Cuts the way of mount events to the host, and makes the root a mount of its own.
pub(super) fn prepare(init: &mut Init<'_>) -> Result<()> {
    let plan = &init.plan.root;
    if init.root.is_none() {
        look(init).doing(|| format!("open the root {}", plan.path.display()))?;
    }
    if plan.switch == RootSwitch::Chroot {
        return bind_in_the_hosts_tree(init);
    }
    if init.plan.namespaces.makes(Kind::Mount) {
        propagate("/", plan.host_propagation)?;
    }
    if !is_cut_off(plan.host_propagation) {
        cut_off_parent(&plan.path, plan.host_propagation.kind)?;
    }
    let found = init.root()?;
    let own = mount::bind_onto_itself(found.as_fd())
        .doing(|| format!("bind the root {}", plan.path.display()))?;
    init.root = Some(Root::from(own));
    Ok(())
}

/// Without a mount namespace: what is mounted below, and that the root is read-only, is so for this
/// mount and not for the directory of the host. Private, or the directory would get a copy of each.
fn bind_in_the_hosts_tree(init: &mut Init<'_>) -> Result<()> {
    if init.plan.mounts.is_empty() && !init.plan.root.readonly {
        return Ok(());
    }
    let words = || format!("bind the root {}", init.plan.root.path.display());
    let own = mount::bind_onto_itself(init.root()?.as_fd()).doing(words)?;
    let private = Attributes { propagation: libc::MS_PRIVATE, ..Attributes::default() };
    mount::set_attributes(own.as_fd(), private, Reach::All).doing(words)?;
    init.root = Some(Root::from(own));
    Ok(())
}

fn propagate(path: &str, propagation: Propagation) -> Result<()> {
    let kind = propagation_flag(propagation.kind);
    let recursive = if propagation.recursive { libc::MS_REC } else { 0 };
    mount::mount(None, path, None, (kind | recursive, None))
        .doing(|| format!("make {path} {:?}", propagation.kind).to_lowercase())
}

pub(super) fn propagation_flag(kind: PropagationKind) -> u64 {
    match kind {
        PropagationKind::Shared => libc::MS_SHARED,
        PropagationKind::Slave => libc::MS_SLAVE,
        PropagationKind::Private => libc::MS_PRIVATE,
        PropagationKind::Unbindable => libc::MS_UNBINDABLE,
    }
}

/// The mount that holds the root must not tell the host of what is mounted below it. A slave goes
/// on hearing of the host.
fn cut_off_parent(root: &Path, kind: PropagationKind) -> Result<()> {
    let cut = match kind {
        PropagationKind::Slave => libc::MS_SLAVE,
        _ => libc::MS_PRIVATE,
    };
    for path in root.ancestors().filter_map(Path::to_str) {
        match mount::mount(None, path, None, (cut, None)) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            other => return other.doing(|| format!("cut {path} off the host")),
        }
    }
    Ok(())
}

/// From here on `/` is the container's root, and the host's tree is gone.
pub(super) fn enter(init: &mut Init<'_>) -> Result<()> {
    process::change_directory_to(init.root()?.as_fd()).doing(|| "enter the root".into())?;
    init.procfs = Procfs::before_leaving().doing(|| "open /proc".into())?;
    match init.plan.root.switch {
        RootSwitch::Pivot => pivot(init.plan.root.host_propagation)?,
        RootSwitch::Move => move_and_chroot(init.plan.root.host_propagation)?,
        RootSwitch::Chroot => namespace::change_root(".").doing(|| "chroot".into())?,
    }
    process::change_directory("/").doing(|| "chdir to /".into())
}

/// The old root is put on top of the new one and then taken off again, so no directory is needed
/// for it.
fn pivot(host: Propagation) -> Result<()> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let old = open_at(here(), "/", flags, 0).doing(|| "open the host's root".into())?;
    mount::pivot_here().doing(|| "pivot_root".into())?;
    // From below, so that the container's own mounts keep the propagation they were given.
    process::change_directory_to(old.as_fd()).doing(|| "enter the host's root".into())?;
    if !is_cut_off(host) {
        // The unmount must not reach the host. By descriptor: "." is the new root by now.
        let slave = Attributes { propagation: libc::MS_SLAVE, ..Attributes::default() };
        mount::set_attributes(old.as_fd(), slave, Reach::All)
            .doing(|| "make the host's root a slave".into())?;
    }
    drop(old);
    mount::detach(".").doing(|| "detach the host's root".into())
}

/// Whether nothing that is done to the host's tree here reaches the host.
fn is_cut_off(host: Propagation) -> bool {
    host.recursive && host.kind != PropagationKind::Shared
}

/// For a root that cannot be pivoted (an initramfs). Whole procfs and sysfs instances of the host
/// would stay reachable by their file system, so they are covered first.
fn move_and_chroot(host: Propagation) -> Result<()> {
    if !is_cut_off(host) {
        cut_off_the_host()?;
    }
    cover_host_instances()?;
    mount::mount(Some("."), "/", None, (libc::MS_MOVE, None))
        .doing(|| "move the root to /".into())?;
    namespace::change_root(".").doing(|| "chroot".into())
}

/// One by one on the way to the root, so that the container's own mounts keep the propagation they
/// were given; elsewhere with all below, since a path does not lead to a mount that another covers.
fn cut_off_the_host() -> Result<()> {
    let own = own_root()?;
    for (target, _) in host_mounts(&mount_table()?, &own) {
        let reach = if own.starts_with(target) { 0 } else { libc::MS_REC };
        match mount::mount(None, target, None, (libc::MS_SLAVE | reach, None)) {
            // Covered by another, or written with an escape: neither is moved or taken away here.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {}
            other => other.doing(|| format!("make {target} a slave"))?,
        }
    }
    Ok(())
}

fn mount_table() -> Result<String> {
    std::fs::read_to_string("/proc/self/mountinfo").doing(|| "read /proc/self/mountinfo".into())
}

/// The container's root, which is the working directory.
fn own_root() -> Result<PathBuf> {
    std::env::current_dir().doing(|| "find the root".into())
}

/// Mount points outside of the container's root, and their types.
fn host_mounts<'a>(table: &'a str, own: &Path) -> impl Iterator<Item = (&'a str, &'a str)> {
    let rows = table.lines().filter_map(point_and_kind);
    rows.filter(move |(point, _)| !Path::new(point).starts_with(own))
}

fn point_and_kind(line: &str) -> Option<(&str, &str)> {
    Some((line.split(' ').nth(4)?, line.split_once(" - ")?.1))
}

fn cover_host_instances() -> Result<()> {
    let (table, own) = (mount_table()?, own_root()?);
    for (target, kind) in host_mounts(&table, &own) {
        let is_kernel_view = kind.starts_with("proc ") || kind.starts_with("sysfs ");
        if !is_kernel_view {
            continue;
        }
        // One that lies on another is not taken away, which would be so where the lower one is
        // shared; one that is locked cannot be.
        let is_one_of_several = host_mounts(&table, &own).filter(|row| row.0 == target).count() > 1;
        if is_one_of_several || mount::detach(target).is_err() {
            mount::mount(Some("tmpfs"), target, Some("tmpfs"), (libc::MS_RDONLY, None))
                .doing(|| format!("cover {target}"))?;
        }
    }
    Ok(())
}

/// What would have been in the way of the mounts before.
pub(super) fn finish(init: &mut Init<'_>) -> Result<()> {
    let plan = &init.plan.root;
    if let Some(propagation) = plan.own_propagation {
        propagate("/", propagation)?;
    }
    if plan.readonly {
        let attributes = Attributes { set: READ_ONLY, ..Attributes::default() };
        mount::set_attributes(init.root()?.as_fd(), attributes, Reach::One)
            .doing(|| "make the root read-only".into())?;
    }
    Ok(())
}
