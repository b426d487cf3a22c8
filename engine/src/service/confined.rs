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

use crate::error::{Context, Result};
use crate::model::MountPoint;
use crate::rootfs;

/// Does something in a thread whose root is this folder, with folders and files of the host in
/// their places: only this thread sees them there.
///
/// # Errors
/// What cannot be mounted, and what the work itself says.
pub(super) fn with_root<T: Send>(
    root: &Path,
    points: &[&MountPoint],
    act: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let confined = || {
        enter(root, points).with_context(|| format!("enter {}", root.display()))?;
        act()
    };
    let joined = thread::scope(|scope| scope.spawn(confined).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Only for a thread that ends with its work.
fn enter(root: &Path, points: &[&MountPoint]) -> Result<()> {
    if points.is_empty() {
        unshare(CloneFlags::CLONE_FS)?;
    } else {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    }
    let trees = points.iter().map(|point| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH;
        let source = rootfs::open_part(Path::new(&point.source), &point.subpath)?;
        open_tree(&source, "", flags).with_context(|| format!("open {}", point.source))
    });
    let trees = trees.collect::<Result<Vec<OwnedFd>>>()?;
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, folder, Mode::empty())?;
    rustix::process::fchdir(&root)?;
    rustix::process::chroot(".")?;
    for (point, tree) in points.iter().zip(trees) {
        put(point, &tree).with_context(|| format!("mount {}", point.destination))?;
    }
    Ok(())
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
