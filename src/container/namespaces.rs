//! The namespaces that a container's init gets with the clone, and those that it joins by a path.

use std::os::fd::{AsFd, OwnedFd};

use crate::error::{Code, Doing, Error, Result};
use crate::launch::Join;
use crate::plan::{Kind, Plan};
use crate::sys::fd;

/// Whether others may look into init before it hides itself: in a pid namespace that is joined they
/// see it from its first moment on, and in a user namespace they have rights over it once it is in.
pub(super) fn is_within_reach(plan: &Plan) -> bool {
    plan.namespaces.join.iter().any(|(kind, _)| matches!(kind, Kind::Pid | Kind::User))
}

/// Those that need not wait.
pub(super) fn new_namespaces(plan: &Plan) -> u64 {
    let flags = |flags, kind: Kind| flags | kind.flag();
    let late = plan.namespaces.made_late().fold(0, flags);
    plan.namespaces.new.iter().copied().fold(0, flags) & !late
}

pub(super) fn join_by_path(plan: &Plan) -> Result<Vec<Join>> {
    plan.namespaces
        .join
        .iter()
        .map(|(kind, path)| {
            let text = path.to_str().ok_or_else(|| Error::new("a namespace path is not UTF-8"))?;
            let through = fd::open_at(fd::here(), text, libc::O_RDONLY, 0)
                .doing(|| format!("open the {} namespace {text}", kind.name()))?;
            keep_own_settings(plan, *kind, &through)?;
            Ok(Join { flags: kind.flag(), through })
        })
        .collect()
}

/// A path may lead to the runtime's own namespace, whose settings are not the container's.
fn keep_own_settings(plan: &Plan, kind: Kind, through: &OwnedFd) -> Result<()> {
    let Some(sysctl) = plan.sysctls.iter().find(|sysctl| sysctl.kind() == kind) else {
        return Ok(());
    };
    let path = format!("/proc/self/ns/{}", kind.file());
    let own = fd::open_at(fd::here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))?;
    let (own, joined) = (fd::stat(own.as_fd())?, fd::stat(through.as_fd())?);
    match (own.st_dev, own.st_ino) == (joined.st_dev, joined.st_ino) {
        true => Err(Error::of(
            Code::InvalidConfig,
            format!(
                "sysctl {:?} not allowed in host {} namespace",
                sysctl.path.replace('/', "."),
                kind.name()
            ),
        )),
        false => Ok(()),
    }
}
