//! Mounts: each is made detached, gets its attributes, and is then moved onto a descriptor that
//! was looked up inside the root.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use super::root::propagation_flag;
use super::{Init, Sources, cgroup_mounts, copy};
use crate::error::{Doing, Error, Result};
use crate::launch::FromInit;
use crate::plan::{
    self, Filesystem, Kind, Mount, MountSource, Propagation, SourceLink, TargetLink,
};
use crate::sys::fd::{here, open_at, stat};
use crate::sys::mount::{self, Attributes, Detached, ID_MAPPED, READ_ONLY, Reach};
use crate::sys::needs;
use crate::sys::path::{Root, make_directory, make_link, read_link};
use crate::sys::process::WholeModes;
use crate::sys::procfs::{self, Place, Procfs};
use crate::weakness;

/// In the order of the spec.
pub(super) fn make(init: &mut Init<'_>) -> Result<()> {
    let _modes = WholeModes::begin();
    for (number, mount) in init.plan.mounts.iter().enumerate() {
        let made = make_one(init, number, mount).doing(|| words(mount))?;
        if let Some(root) = made.filter(|_| is_over_root(mount)) {
            init.root = Some(Root::from(root));
        }
    }
    Ok(())
}

fn is_over_root(mount: &Mount) -> bool {
    mount.target.as_str() == "/"
}

fn words(mount: &Mount) -> String {
    let target = mount.target.as_str();
    match &mount.what {
        MountSource::Bind { from, .. } => format!("bind {} on {target}", from.display()),
        MountSource::Filesystem(new) => format!("mount {} on {target}", new.kind),
        MountSource::Cgroup2 | MountSource::CgroupV1 => format!("mount cgroup on {target}"),
        MountSource::Remount => format!("remount {target}"),
    }
}

/// Gives the mount's descriptor, where one mount was made.
fn make_one(init: &Init<'_>, number: usize, mount: &Mount) -> Result<Option<OwnedFd>> {
    let root = init.root()?;
    let is_bind = matches!(mount.what, MountSource::Bind { .. });
    if mount.idmap.is_some() && !is_bind {
        return Err(Error::new("ids can be mapped for bind mounts only"));
    }
    mount::either_way(|| match &mount.what {
        MountSource::Remount => remount(root, mount).map(|()| None),
        MountSource::CgroupV1 => cgroup_mounts::legacy(init, mount).map(|()| None),
        MountSource::Cgroup2 => cgroup_mounts::unified(init, mount).map(|()| None),
        MountSource::Filesystem(new) => {
            attach(init, mount, new_instance(init, mount, new)?).map(Some)
        }
        MountSource::Bind { from, recursive } => {
            let made = bind(init, number, (mount, from), *recursive)?;
            let is_link = made.file_type()? == libc::S_IFLNK;
            match made.shown().filter(|_| is_link && mount.links.source == SourceLink::Copy) {
                Some(link) => copy_link(root, mount, link).map(|()| None),
                None => attach(init, mount, made).map(Some),
            }
        }
    })
}

/// `copy-symlink`: a link with the text of the source, where none is yet.
fn copy_link(root: &Root, mount: &Mount, source: BorrowedFd<'_>) -> Result<()> {
    let (path, text) = (mount.target.as_str(), read_link(source, "").doing(|| "read link".into())?);
    let words = || format!("make the link {path}");
    let (parent, name) = root.parent_of(path).doing(words)?;
    if procfs::place(parent.as_fd())? != Place::Elsewhere {
        return Err(Error::new(format!("{path:?} cannot be a link because it is inside /proc")));
    }
    let text = text.to_str().ok_or_else(|| Error::new("the source's text is not UTF-8"))?;
    match make_link(text, parent.as_fd(), name) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
            let same = read_link(parent.as_fd(), name).is_ok_and(|there| there == text);
            if same { Ok(()) } else { Err(error).doing(words) }
        }
        other => other.doing(words),
    }
}

/// For a container that runs already: all of them or none.
pub(super) fn add(init: &mut Init<'_>) -> Result<()> {
    let _modes = WholeModes::begin();
    for (number, mount) in init.plan.mounts.iter().enumerate() {
        if let Err(error) = make_one(init, number, mount).doing(|| words(mount)) {
            for made in init.plan.mounts[..number].iter().rev() {
                // What cannot be taken away any more is somebody else's by now.
                let _ = take_away(init.root()?, made);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// The topmost mount at each destination.
pub(super) fn remove(init: &mut Init<'_>) -> Result<()> {
    for mount in &init.plan.mounts {
        take_away(init.root()?, mount).doing(|| format!("unmount {}", mount.target.as_str()))?;
    }
    Ok(())
}

fn take_away(root: &Root, mount: &Mount) -> Result<()> {
    let follow = match mount.links.target {
        TargetLink::Follow => 0,
        TargetLink::Cover => libc::O_NOFOLLOW,
    };
    let found = root.open_file(mount.target.as_str(), libc::O_PATH | follow)?;
    match Procfs::private()?.detach_mount(found.as_fd()) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            Err(Error::new("is not a mount point, or a mount that came with others"))
        }
        other => Ok(other?),
    }
}

/// Attributes, id map, target, propagation: what all kinds have in common.
pub(super) fn attach(init: &Init<'_>, mount: &Mount, mut made: Detached) -> Result<OwnedFd> {
    let is_new = matches!(mount.what, MountSource::Filesystem(_));
    let own = if is_new { plan::Attributes::default() } else { mount.attributes };
    set(own, |own| made.set(own, Reach::One))?;
    set(mount.recursive, |below| made.set(below, Reach::All))?;
    let root = init.root()?;
    if is_over_root(mount) && !mount::can_stay_detached() {
        return Err(needs("a mount over the container's root (move_mount(2))", "5.2").into());
    }
    let target = target(root, mount, &made)?;
    keep_proc_whole(mount, &made, target.as_fd())?;
    let covered = copied_up(root, mount)?;
    let fill = |made: BorrowedFd<'_>| {
        let copy = |covered: &OwnedFd| copy::tree(covered.as_fd(), made).doing(|| "copy up".into());
        covered.as_ref().map_or(Ok(()), copy)
    };
    let made = made.fill_and_attach(root, target.as_fd(), fill).doing(|| "attach".into())?;
    propagate(made.as_fd(), &mount.propagation)?;
    Ok(made)
}

fn set(
    attributes: plan::Attributes,
    set: impl FnOnce(Attributes) -> std::io::Result<()>,
) -> Result<()> {
    if attributes == plan::Attributes::default() || weakness::leaves_out("mount attributes") {
        return Ok(());
    }
    let plan::Attributes { set: add, clear } = attributes;
    set(Attributes { set: add, clear, ..Attributes::default() })
        .doing(|| "set mount attributes".into())
}

/// The mount itself may be looked at once it is attached: its descriptor goes along.
fn propagate(made: BorrowedFd<'_>, changes: &[Propagation]) -> Result<()> {
    for change in changes {
        let attributes =
            Attributes { propagation: propagation_flag(change.kind), ..Attributes::default() };
        mount::set_attributes(made, attributes, Reach::recursive(change.recursive))
            .doing(|| format!("make it {:?}", change.kind).to_lowercase())?;
    }
    Ok(())
}

/// What a mount goes onto; made where it is missing, a file for a file.
fn target(root: &Root, mount: &Mount, made: &Detached) -> Result<OwnedFd> {
    let path = mount.target.as_str();
    if is_kernel_view(mount) {
        return plain_directory(root, path);
    }
    let is_directory = made.file_type()? == libc::S_IFDIR;
    if mount.links.target == TargetLink::Cover {
        return uncovered(root, path, is_directory).doing(|| format!("prepare the target {path}"));
    }
    let target = match is_directory {
        true => root.make_directories(path, 0o755),
        false => root.make_file(path, 0o644),
    };
    target.doing(|| format!("prepare the target {path}"))
}

/// The name itself (`dest-nofollow`), wherever a link of this name leads; made where it is missing.
///
/// # Errors
/// `openat(2)`, `mkdirat(2)`
pub(super) fn uncovered(root: &Root, path: &str, is_directory: bool) -> io::Result<OwnedFd> {
    let (parent, name) = root.parent_of(path)?;
    let open = || open_at(parent.as_fd(), name, libc::O_PATH | libc::O_NOFOLLOW, 0);
    match open() {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
        other => return other,
    }
    match is_directory {
        true => make_directory(parent.as_fd(), name, 0o755)?,
        false => {
            let flags = libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
            open_at(parent.as_fd(), name, flags, 0o644).map(drop)?;
        }
    }
    open()
}

/// Nothing but a procfs may be at /proc, and nothing below it that the spec does not name there
/// itself: a link of the image may lead anywhere, and a bind may bring anything.
fn keep_proc_whole(mount: &Mount, made: &Detached, target: BorrowedFd<'_>) -> Result<()> {
    if weakness::leaves_out("proc is kept whole") {
        return Ok(());
    }
    let path = mount.target.as_str();
    let place = procfs::place(target)?;
    let covers = place == Place::Root || is_proc(path);
    match place {
        Place::Below if !path.starts_with("/proc/") => {
            Err(Error::new(format!("{path:?} cannot be mounted because it is inside /proc")))
        }
        _ if covers && made.place()? != Place::Root => {
            Err(Error::new(format!("{path:?} cannot be mounted because it is not of type proc")))
        }
        _ => Ok(()),
    }
}

fn is_proc(path: &str) -> bool {
    path.split('/').filter(|name| !matches!(*name, "" | ".")).eq(["proc"])
}

fn is_kernel_view(mount: &Mount) -> bool {
    let kind = match &mount.what {
        MountSource::Filesystem(new) => new.kind.as_str(),
        _ => "",
    };
    matches!(kind, "proc" | "sysfs") || matches!(mount.target.as_str(), "/proc" | "/sys")
}

/// The runtime trusts what is at /proc and /sys later, so no link may stand in the way.
/// The words of the error are runc's.
fn plain_directory(root: &Root, path: &str) -> Result<OwnedFd> {
    if weakness::leaves_out("plain directories") {
        return Ok(root.make_directories(path, 0o755)?);
    }
    let mut at = root.as_fd().try_clone_to_owned()?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let open = || {
            let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;
            open_at(at.as_fd(), name, flags, 0)
        };
        let opened = match open() {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                // What comes in between is looked at by the second try.
                let _ = make_directory(at.as_fd(), name, 0o755);
                open()
            }
            other => other,
        };
        at = opened.doing(|| format!("{path} must be mounted on ordinary directory"))?;
    }
    Ok(at)
}

/// A detached copy of a file or directory of the host; from the runtime's hand where init may not
/// reach it, or may not map its ids.
fn bind(
    init: &Init<'_>,
    number: usize,
    (mount, from): (&Mount, &Path),
    recursive: bool,
) -> Result<Detached> {
    let outside = init.sources == Sources::Runtime;
    if outside || init.plan.namespaces.has(Kind::User) || mount.idmap.is_some() {
        match init.ask(&FromInit::OpenMount(number))?.pop().and_then(Detached::received) {
            Some(opened) => return Ok(opened),
            None if mount.idmap.is_some() => return Err(needs(ID_MAPPED, "5.12").into()),
            None if outside => return Err(Error::new("the runtime has no right to bind it")),
            // It is left to us: the runtime has no right to it either.
            None => {}
        }
    }
    let path = from.to_str().ok_or_else(|| Error::new("the source is not UTF-8"))?;
    let reach = Reach::recursive(recursive);
    Ok(match mount.links.source {
        SourceLink::Follow => mount::copy_tree(here(), path, reach)?,
        SourceLink::Bind | SourceLink::Copy => mount::copy_link(here(), path, reach)?,
    })
}

/// A new instance, configured and not yet attached.
fn new_instance(init: &Init<'_>, mount: &Mount, new: &Filesystem) -> Result<Detached> {
    let mut context = mount::Filesystem::open(&new.kind)?;
    configure(&mut context, init, mount, new).map_err(|error| match context.message() {
        Some(words) if !words.is_empty() => Error::told(format!("{error}: {words}"), error.errno()),
        _ => error,
    })?;
    // A read-only mount that still has to be filled is closed at the end.
    let attributes = match fills_later(mount) {
        true => mount.attributes.set & !READ_ONLY,
        false => mount.attributes.set,
    };
    Ok(context.mount(attributes)?)
}

fn configure(
    context: &mut mount::Filesystem,
    init: &Init<'_>,
    mount: &Mount,
    new: &Filesystem,
) -> Result<()> {
    if !new.source.is_empty() {
        context.set("source", &new.source)?;
    }
    for flag in &new.flags {
        context.set_flag(flag).doing(|| (*flag).to_owned())?;
    }
    let mode = inherited_mode(init.root()?, mount, new)?;
    for option in new.data.iter().chain(&mode) {
        match option.split_once('=') {
            Some((key, value)) => context.set(key, value),
            None => context.set_flag(option),
        }
        .doing(|| format!("option {option}"))?;
    }
    if let Some(label) = &init.plan.mount_label {
        context.set(&label.option, &label.context).doing(|| format!("label {}", label.context))?;
    }
    Ok(())
}

/// A tmpfs takes the mode of the directory that it covers, unless it is told another.
fn inherited_mode(root: &Root, mount: &Mount, new: &Filesystem) -> Result<Option<String>> {
    if new.kind != "tmpfs" || new.data.iter().any(|option| option.starts_with("mode=")) {
        return Ok(None);
    }
    match root.find(mount.target.as_str()) {
        Ok(covered) => Ok(Some(format!("mode={:o}", stat(covered.as_fd())?.st_mode & 0o7777))),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `tmpcopyup`: what the mount covers is copied into it first.
fn copied_up(root: &Root, mount: &Mount) -> Result<Option<OwnedFd>> {
    match &mount.what {
        MountSource::Filesystem(new) if new.copy_up => Ok(Some(root.find(mount.target.as_str())?)),
        _ => Ok(None),
    }
}

fn fills_later(mount: &Mount) -> bool {
    let is_tmpfs = matches!(&mount.what, MountSource::Filesystem(new) if new.kind == "tmpfs");
    is_tmpfs && mount.attributes.set & READ_ONLY != 0
}

/// A tmpfs that was asked to be read-only is so once everything in it is there.
pub(super) fn finish(init: &mut Init<'_>) -> Result<()> {
    let root = init.root()?;
    for mount in init.plan.mounts.iter().filter(|mount| fills_later(mount)) {
        let found = root.find(mount.target.as_str()).doing(|| words(mount))?;
        let attributes = Attributes { set: READ_ONLY, ..Attributes::default() };
        mount::set_attributes(found.as_fd(), attributes, Reach::One)
            .doing(|| format!("make {} read-only", mount.target.as_str()))?;
    }
    Ok(())
}

fn remount(root: &Root, mount: &Mount) -> Result<()> {
    let found = root.find(mount.target.as_str())?;
    set(mount.attributes, |own| mount::set_attributes(found.as_fd(), own, Reach::One))?;
    set(mount.recursive, |below| mount::set_attributes(found.as_fd(), below, Reach::All))?;
    propagate(found.as_fd(), &mount.propagation)
}
