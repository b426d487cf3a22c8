//! Paths that are hidden or made read-only, and the kernel's settings.

use std::os::fd::{AsFd, OwnedFd};

use super::Init;
use crate::error::{Doing, Error, Result};
use crate::plan::{ContainerPath, MountLabel};
use crate::sys::fd::stat;
use crate::sys::mount::{
    Attributes, Detached, Filesystem, READ_ONLY, Reach, copy_tree, either_way,
};
use crate::sys::path::Root;
use crate::weakness;

/// Through a procfs that no mount of the container covers.
pub(super) fn write_sysctls(init: &mut Init<'_>) -> Result<()> {
    let plan = init.plan;
    for sysctl in &plan.sysctls {
        init.procfs()?
            .write(&format!("sys/{}", sysctl.path), &sysctl.value)
            .doing(|| format!("write sysctl {} = {}", sysctl.path, sysctl.value))?;
    }
    Ok(())
}

/// Each becomes a read-only mount of itself; what is missing needs none.
pub(super) fn make_read_only(init: &mut Init<'_>) -> Result<()> {
    let root = init.root()?;
    for path in &init.plan.readonly {
        let Some(found) = find(root, path)? else { continue };
        either_way(|| read_only_copy(&found)?.attach(root, found.as_fd()))
            .map(drop)
            .doing(|| format!("make {} read-only", path.as_str()))?;
    }
    Ok(())
}

fn read_only_copy(found: &OwnedFd) -> std::io::Result<Detached> {
    let mut copy = copy_tree(found.as_fd(), "", Reach::All)?;
    let attributes = Attributes { set: READ_ONLY, ..Attributes::default() };
    copy.set(attributes, Reach::One)?;
    Ok(copy)
}

fn find(root: &Root, path: &ContainerPath) -> Result<Option<OwnedFd>> {
    match root.find(path.as_str()) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
            Ok(None)
        }
        other => other.map(Some).doing(|| format!("find {}", path.as_str())),
    }
}

/// A directory is covered by an empty read-only one, of which all hidden directories get the same;
/// anything else by the container's /dev/null, once that has been looked at.
pub(super) fn hide_masked(init: &mut Init<'_>) -> Result<()> {
    let root = init.root()?;
    let label = init.plan.mount_label.as_ref();
    let (mut empty, mut null) = (None, None);
    for path in &init.plan.masked {
        let Some(found) = find(root, path)? else { continue };
        let is_directory = stat(found.as_fd())?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        match is_directory {
            true => cover(root, &found, &mut empty, || empty_directory(label)),
            false => cover(root, &found, &mut null, || own_null(root)),
        }
        .doing(|| format!("hide {}", path.as_str()))?;
    }
    Ok(())
}

/// The first one goes into place itself: a mount that is never attached takes the kernel a grace
/// period to take apart.
fn cover(
    root: &Root,
    found: &OwnedFd,
    known: &mut Option<OwnedFd>,
    make: impl Fn() -> Result<Detached>,
) -> Result<()> {
    let cover = either_way(|| {
        let cover = match known {
            None => make()?,
            Some(first) => copy_tree(first.as_fd(), "", Reach::One)?,
        };
        Ok::<_, Error>(cover.attach(root, found.as_fd())?)
    })?;
    known.get_or_insert(cover);
    Ok(())
}

fn empty_directory(label: Option<&MountLabel>) -> Result<Detached> {
    let mut context = Filesystem::open("tmpfs")?;
    context.set("nr_blocks", "1")?;
    context.set("nr_inodes", "1")?;
    if let Some(label) = label {
        context.set(&label.option, &label.context)?;
    }
    Ok(context.mount(READ_ONLY)?)
}

/// A copy of the container's own /dev/null, if it is one: a link to something else would be
/// writable then.
fn own_null(root: &Root) -> Result<Detached> {
    let null = root.open_file("/dev/null", libc::O_PATH | libc::O_NOFOLLOW);
    let null = null.doing(|| "open /dev/null".into())?;
    let found = stat(null.as_fd())?;
    let is_null =
        found.st_mode & libc::S_IFMT == libc::S_IFCHR && found.st_rdev == libc::makedev(1, 3);
    if is_null || weakness::leaves_out("the null device") {
        Ok(copy_tree(null.as_fd(), "", Reach::One)?)
    } else {
        Err(Error::new("/dev/null is not the null device"))
    }
}
