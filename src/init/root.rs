//! The root file system: held as a descriptor, entered by pivot_root(2).

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;

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
        return Ok(());
    }
    if init.plan.namespaces.makes(Kind::Mount) {
        propagate("/", plan.host_propagation)?;
    }
    if plan.host_propagation.kind == PropagationKind::Shared {
        make_parent_private(&plan.path)?;
    }
    let found = init.root()?;
    let own = mount::bind_onto_itself(found.as_fd())
        .doing(|| format!("bind the root {}", plan.path.display()))?;
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

/// The mount that holds the root must not tell the host of what is mounted below it.
fn make_parent_private(root: &Path) -> Result<()> {
    for path in root.ancestors().filter_map(Path::to_str) {
        match mount::mount(None, path, None, (libc::MS_PRIVATE, None)) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            other => return other.doing(|| format!("make {path} private")),
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
        RootSwitch::Move => move_and_chroot()?,
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
    if !(host.recursive && host.kind != PropagationKind::Shared) {
        // The unmount must not reach the host. By descriptor: "." is the new root by now.
        let slave = Attributes { propagation: libc::MS_SLAVE, ..Attributes::default() };
        mount::set_attributes(old.as_fd(), slave, Reach::All)
            .doing(|| "make the host's root a slave".into())?;
    }
    drop(old);
    mount::detach(".").doing(|| "detach the host's root".into())
}

/// For a root that cannot be pivoted (an initramfs). Whole procfs and sysfs instances of the host
/// would stay reachable by their file system, so they are covered first.
fn move_and_chroot() -> Result<()> {
    cover_host_instances()?;
    mount::mount(Some("."), "/", None, (libc::MS_MOVE, None))
        .doing(|| "move the root to /".into())?;
    namespace::change_root(".").doing(|| "chroot".into())
}

fn cover_host_instances() -> Result<()> {
    let table = std::fs::read_to_string("/proc/self/mountinfo")
        .doing(|| "read /proc/self/mountinfo".into())?;
    let own = std::env::current_dir().doing(|| "find the root".into())?;
    for line in table.lines() {
        let (Some(target), Some((_, kind))) = (line.split(' ').nth(4), line.split_once(" - "))
        else {
            continue;
        };
        let is_kernel_view = kind.starts_with("proc ") || kind.starts_with("sysfs ");
        if !is_kernel_view || Path::new(target).starts_with(&own) {
            continue;
        }
        if mount::detach(target).is_err() {
            // A locked mount cannot be taken away, but it can be covered.
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
