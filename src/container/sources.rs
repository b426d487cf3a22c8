//! What is bound into a container, opened by the runtime where init may not reach it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::serve::{Role, Talk};
use super::user_namespace;
use crate::error::{Doing, Error, Result};
use crate::plan::{Kind, MountSource, PropagationKind, SourceLink};
use crate::sys::mount::{Attributes, Detached, Reach, copy_link, copy_tree, set_attributes};
use crate::sys::{fd, namespace, needs, pidfd};

/// A mount's source as the runtime reaches it, with its ids mapped; nothing where the runtime has
/// no right over its own mount namespace, and init has to take its copy of it.
///
/// # Errors
/// A source that is not there; `open_tree(2)`, `mount_setattr(2)`, `setns(2)`
pub(super) fn open(talk: &Talk<'_>, number: usize) -> Result<Option<OwnedFd>> {
    let mount = talk.plan.mounts.get(number).ok_or_else(|| Error::new("no such mount"))?;
    let MountSource::Bind { from, recursive } = &mount.what else {
        return Err(Error::new("only a bind mount has a source"));
    };
    let text = from.to_str().ok_or_else(|| Error::new("the source is not UTF-8"))?;
    let reach = Reach::recursive(*recursive);
    let copy = || match mount.links.source {
        SourceLink::Follow => copy_tree(fd::here(), text, reach),
        SourceLink::Bind | SourceLink::Copy => copy_link(fd::here(), text, reach),
    };
    let is_inside = from.starts_with(&talk.plan.root.path);
    let copy = match if is_inside { as_init_sees_it(talk, copy) } else { copy() } {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) && mount.idmap.is_none() => {
            return Ok(None);
        }
        other => other.doing(|| format!("open {text}"))?,
    };
    let Some(copy) = copy.into_descriptor() else { return left_to_init(talk) };
    if talk.plan.root.host_propagation.kind != PropagationKind::Shared {
        // As in init's own mount namespace: events of the host come in, none go out.
        let slave = Attributes { propagation: libc::MS_SLAVE, ..Attributes::default() };
        set_attributes(copy.as_fd(), slave, Reach::All).doing(|| format!("detach {text}"))?;
    }
    if let Some(map) = &mount.idmap {
        user_namespace::map_mount(copy.as_fd(), map, talk.child.pid)?;
    }
    Ok(Some(copy))
}

/// What lies in the container's root may lie in a mount that was just made there.
fn as_init_sees_it(
    talk: &Talk<'_>,
    copy: impl FnOnce() -> io::Result<Detached>,
) -> io::Result<Detached> {
    let flag = Kind::Mount.flag();
    match &talk.role {
        Role::Create { .. } if talk.plan.namespaces.has(Kind::Mount) => {
            let files = pidfd::namespaces(talk.child.pidfd.as_fd(), flag)?;
            let [(_, theirs)] = &files[..] else { return copy() };
            namespace::among_mounts_of(theirs.as_fd(), copy)
        }
        _ => copy(),
    }
}

/// A container that runs already sees nothing of what it could take its copy of.
fn left_to_init(talk: &Talk<'_>) -> Result<Option<OwnedFd>> {
    match &talk.role {
        Role::Create { .. } => Ok(None),
        Role::Exec { .. } => {
            Err(needs("a bind mount into a running container (open_tree(2))", "5.2").into())
        }
    }
}
