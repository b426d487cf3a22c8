//! What /dev gets: nodes, links, and stdio that does not lead to the host's /dev/null.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::Init;
use crate::error::{Doing, Error, Result};
use crate::launch::{FromInit, MADE_NODE};
use crate::plan::{Kind, Node};
use crate::sys::fd::{here, open_at, replace, set_owner, stat};
use crate::sys::mount::{Detached, Reach, can_stay_detached, copy_tree, detach, either_way};
use crate::sys::needs;
use crate::sys::path::{Root, make_link, make_node, remove};
use crate::sys::process::WholeModes;
use crate::sys::procfs::Procfs;

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// Nothing when the user brings a /dev of their own.
pub(super) fn make(init: &mut Init<'_>) -> Result<()> {
    let Some(dev) = &init.plan.dev else { return Ok(()) };
    let _modes = WholeModes::begin();
    let root = init.root()?;
    let directory = root.make_directories("/dev", 0o755).doing(|| "open /dev".into())?;
    for (number, node) in dev.nodes.iter().enumerate() {
        let path = node.path.as_str();
        if dev.bind && node.kind != libc::S_IFIFO {
            show_node(init, directory.as_fd(), (number, node)).doing(|| format!("make {path}"))?;
            continue;
        }
        if let Some((made, found)) =
            make_one(root, directory.as_fd(), node).doing(|| format!("make {path}"))?
        {
            check_kind(node, &found)?;
            set_rights(node, made.as_fd(), &found).doing(|| format!("make {path}"))?;
        }
    }
    make_links(directory.as_fd())
}

const HIDDEN_NODE: &str = "a device in a user namespace that the host does not show (fsopen(2))";

/// The host's node; where it has none like that, one that the runtime makes.
fn show_node(init: &Init<'_>, dev: BorrowedFd<'_>, (number, node): (usize, &Node)) -> Result<()> {
    let root = init.root()?;
    let Err(error) = bind_host_node(root, node) else { return Ok(()) };
    if !init.plan.namespaces.has(Kind::User) {
        return Err(error);
    }
    let made = init.ask(&FromInit::MakeNode(number))?.pop();
    let Some(place) = made.and_then(Detached::received) else {
        return Err(if can_stay_detached() { error } else { needs(HIDDEN_NODE, "5.2").into() });
    };
    let target = root.make_file(node.path.as_str(), 0o644)?;
    // What is copied must be attached in one's own mount namespace: it is, for so long.
    let place = place.attach(root, dev)?;
    let copy = copy_tree(place.as_fd(), MADE_NODE, Reach::One)?;
    detach(&format!("/proc/self/fd/{}", place.as_raw_fd())).doing(|| "detach a tmpfs".into())?;
    copy.attach(root, target.as_fd())?;
    Ok(())
}

/// Gives what is there now, which may be older, unless it is the host's node.
fn make_one(
    root: &Root,
    dev: BorrowedFd<'_>,
    node: &Node,
) -> Result<Option<(OwnedFd, libc::stat)>> {
    let path = node.path.as_str();
    let device = libc::makedev(node.major, node.minor);
    let above;
    let (parent, name) = match path.strip_prefix("/dev/") {
        Some(name) if !name.contains('/') => (dev, name),
        _ => {
            above = root.parent_of(path)?;
            (above.0.as_fd(), above.1)
        }
    };
    match make_node(parent, name, node.kind | node.mode, device) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            return bind_host_node(root, node).map(|()| None);
        }
        other => other?,
    }
    let made = open_at(parent, name, libc::O_PATH | libc::O_NOFOLLOW, 0)?;
    let found = stat(made.as_fd())?;
    Ok(Some((made, found)))
}

/// What is in the place of a node must be that node; told in runc's words.
fn check_kind(node: &Node, found: &libc::stat) -> Result<()> {
    let path = node.path.as_str();
    let kind = found.st_mode & libc::S_IFMT;
    if kind != node.kind {
        let words = format!("{path} has incorrect ftype: {kind:#o}, expected {:#o}", node.kind);
        return Err(Error::new(words));
    }
    let numbers = (libc::major(found.st_rdev), libc::minor(found.st_rdev));
    if kind != libc::S_IFIFO && numbers != (node.major, node.minor) {
        let (major, minor) = numbers;
        let expected = format!("doesn't match expected {}:{}", node.major, node.minor);
        let words = format!("{path} has incorrect major:minor: {major}:{minor} {expected}");
        return Err(Error::new(words));
    }
    Ok(())
}

fn set_rights(node: &Node, made: BorrowedFd<'_>, found: &libc::stat) -> Result<()> {
    if found.st_mode & 0o7777 != node.mode {
        // It was there before. The host's /proc is still in sight, and no one else changes it.
        Procfs::of_this_process()?
            .set_mode(made, node.mode)
            .doing(|| format!("set mode {:o}", node.mode))?;
    }
    if (found.st_uid, found.st_gid) != (node.uid, node.gid) {
        set_owner(made, node.uid, node.gid)?;
    }
    Ok(())
}

/// A user namespace cannot make nodes, but it can show those of the host.
fn bind_host_node(root: &Root, node: &Node) -> Result<()> {
    let path = node.path.as_str();
    let target = root.make_file(path, 0o644)?;
    let device = libc::makedev(node.major, node.minor);
    either_way(|| {
        let copy = copy_tree(here(), path, Reach::One).doing(|| format!("bind {path}"))?;
        let found = copy.shown().map(stat).transpose()?;
        match found.is_some_and(|it| (it.st_mode & libc::S_IFMT, it.st_rdev) == (node.kind, device))
        {
            true => copy.attach(root, target.as_fd()).map(drop).map_err(Error::from),
            false => Err(Error::new(format!("the host's {path} is another device"))),
        }
    })
}

fn make_links(dev: BorrowedFd<'_>) -> Result<()> {
    for (target, name) in LINKS {
        if name == "ptmx" {
            // An image may bring a node of its own, which would be the host's multiplexer.
            match remove(dev, name, 0) {
                Err(error) if error.raw_os_error() != Some(libc::ENOENT) => {
                    return Err(error).doing(|| "remove /dev/ptmx".into());
                }
                _ => {}
            }
        }
        match make_link(target, dev, name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => other.doing(|| format!("link /dev/{name}"))?,
        }
    }
    Ok(())
}

/// Stdio that is the host's /dev/null becomes the container's.
pub(super) fn reopen_null(init: &mut Init<'_>) -> Result<()> {
    let null = libc::makedev(1, 3);
    let is_null = |fd: BorrowedFd<'_>| {
        stat(fd).is_ok_and(|found| {
            found.st_mode & libc::S_IFMT == libc::S_IFCHR && found.st_rdev == null
        })
    };
    let stdio = [std::io::stdin().as_fd().try_clone_to_owned(), clone_of(1), clone_of(2)];
    let mut own = None;
    for (number, fd) in stdio.into_iter().enumerate() {
        if !fd.is_ok_and(|fd| is_null(fd.as_fd())) {
            continue;
        }
        if own.is_none() {
            // What is there may be a terminal, which must not become ours.
            let flags = libc::O_RDWR | libc::O_NOCTTY;
            own = init.root()?.open_file("/dev/null", flags).ok();
        }
        match &own {
            Some(own) if is_null(own.as_fd()) => replace(own.as_fd(), number as i32)?,
            // An image without /dev/null keeps what it was given.
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn clone_of(number: i32) -> std::io::Result<std::os::fd::OwnedFd> {
    match number {
        1 => std::io::stdout().as_fd().try_clone_to_owned(),
        _ => std::io::stderr().as_fd().try_clone_to_owned(),
    }
}
