//! Work inside a container's files with paths as the container sees them: a thread whose root is
//! the container's. Whatever its programs do to their links meanwhile, no path leads out.
//! Nothing that is loaded or looked up at run time (NSS, locales) may be used there.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount_change, mount_remount,
    move_mount, open_tree,
};

use super::{driven, mounts};
use crate::error::{Context, Result};
use crate::model::{Container, MountPoint};
use crate::rootfs;
use crate::store::Store;

/// Does something in a thread whose root is this folder.
///
/// # Errors
/// The folder cannot be entered, and what the work itself says.
pub(super) fn with_root<T: Send>(root: &Path, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let prepare = || {
        unshare(CloneFlags::CLONE_FS)?;
        enter(root)
    };
    apart(prepare, act)
}

/// Does something in a thread whose root is that of a container that does not run, with its volumes
/// and folders of the host in their places: only this thread sees them there.
///
/// # Errors
/// What cannot be mounted, and what the work itself says.
pub(super) fn with_volumes<T: Send>(
    store: &Store,
    container: &Container,
    root: &Path,
    act: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let prepare = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        let bundle = store.bundle(&container.id);
        mounts::complete(store, container, &bundle)?;
        let is_of_host = |point: &&MountPoint| matches!(&*point.kind, "bind" | "volume");
        let mut points: Vec<_> = container.mounts.iter().filter(is_of_host).collect();
        points.sort_by(|a, b| a.destination.cmp(&b.destination));
        let trees = points.iter().map(|point| open_source(point, &bundle));
        let trees = trees.collect::<Result<Vec<OwnedFd>>>()?;
        enter(root)?;
        points.iter().zip(trees).try_for_each(|(point, tree)| {
            put(point, &tree).with_context(|| format!("mount {}", point.destination))
        })
    };
    apart(prepare, act)
}

/// In a thread that ends with its work, since nothing leads back.
fn apart<T: Send>(
    prepare: impl FnOnce() -> Result<()> + Send,
    act: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let confined = || {
        prepare().context("enter the container's files")?;
        act()
    };
    let joined = thread::scope(|scope| scope.spawn(confined).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn enter(root: &Path) -> Result<()> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, folder, Mode::empty())
        .with_context(|| format!("open {}", root.display()))?;
    rustix::process::fchdir(&root)?;
    Ok(rustix::process::chroot(".")?)
}

fn open_source(point: &MountPoint, bundle: &Path) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_EMPTY_PATH;
    let source = driven::source(point, bundle);
    let found = rootfs::open_part(&source, &point.subpath)?;
    open_tree(&found, "", flags).with_context(|| format!("open {}", source.display()))
}

/// Mounts it where the container has it, as the runtime will do when the container starts.
fn put(point: &MountPoint, tree: &OwnedFd) -> Result<()> {
    let place = Path::new(&point.destination);
    if File::from(tree.try_clone()?).metadata()?.is_dir() {
        fs::create_dir_all(place)?;
    } else if !place.exists() {
        fs::create_dir_all(place.parent().unwrap_or(place))?;
        File::create_new(place)?;
    }
    move_mount(tree, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    if !point.writable {
        mount_remount(place, MountFlags::BIND | MountFlags::RDONLY, "")?;
    }
    Ok(())
}
