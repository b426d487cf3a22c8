//! Who the process is: privileges, groups, ids.

use std::os::fd::AsFd;

use super::Init;
use crate::error::{Doing, Error, Result};
use crate::plan::{Capabilities, Kind, User};
use crate::sys::capability::{self, Sets};
use crate::sys::fd::{set_owner, stat};
use crate::sys::{identity, process};
use crate::weakness;

/// Until the user is switched nobody inside may look into this copy of the runtime.
pub(super) fn hide(_: &mut Init<'_>) -> Result<()> {
    process::set_dumpable(false).doing(|| "become undumpable".into())
}

pub(super) fn set_no_new_privileges(init: &mut Init<'_>) -> Result<()> {
    match init.process.no_new_privileges {
        true => capability::set_no_new_privileges().doing(|| "prctl".into()),
        false => Ok(()),
    }
}

/// The bounding set first, as dropping from it takes a capability; the ids next, with what is
/// permitted kept; the sets themselves last.
pub(super) fn become_user(init: &mut Init<'_>) -> Result<()> {
    let user = &init.process.user;
    own_stdio(user);
    if let Some(capabilities) = &init.process.capabilities {
        capability::limit_bounding(capabilities.bounding)
            .doing(|| "limit the bounding set".into())?;
        capability::keep_over_user_change(true).doing(|| "keep capabilities".into())?;
    }
    switch_ids(user, init.plan.namespaces.has(Kind::User))?;
    init.hide_again()?;
    // Not every directory is open to root of a user namespace: as the user once more, below.
    if let Some(capabilities) = &init.process.capabilities {
        let warnings = apply(capabilities)?;
        for words in warnings {
            init.warn(words)?;
        }
    }
    Ok(())
}

/// The user may reopen stdio; the group stays, and what cannot be given stays as it is.
fn own_stdio(user: &User) {
    for fd in [std::io::stdin().as_fd(), std::io::stdout().as_fd(), std::io::stderr().as_fd()] {
        let Ok(found) = stat(fd) else { continue };
        let is_null =
            found.st_mode & libc::S_IFMT == libc::S_IFCHR && found.st_rdev == libc::makedev(1, 3);
        if !is_null && found.st_uid != user.uid {
            let _ = set_owner(fd, user.uid, u32::MAX);
        }
    }
}

fn switch_ids(user: &User, in_user_namespace: bool) -> Result<()> {
    if let Some(groups) = &user.groups {
        identity::set_groups(groups).doing(|| "setgroups".into())?;
    }
    let unmapped = |what: &str, id: u32, error: std::io::Error| match in_user_namespace
        && error.raw_os_error() == Some(libc::EINVAL)
    {
        true => Error::new(format!("cannot set{what} to unmapped {what} {id} in user namespace")),
        false => Error::from(error),
    };
    identity::set_gid(user.gid)
        .map_err(|error| unmapped("gid", user.gid, error))
        .doing(|| format!("become group {}", user.gid))?;
    identity::set_uid(user.uid)
        .map_err(|error| unmapped("uid", user.uid, error))
        .doing(|| format!("become user {}", user.uid))
}

/// Gives what could not be granted, which the specification lets pass with a warning.
fn apply(wanted: &Capabilities) -> Result<Vec<String>> {
    capability::keep_over_user_change(false).doing(|| "stop keeping capabilities".into())?;
    let held = capability::get().doing(|| "capget".into())?;
    let permitted = wanted.permitted & held.permitted;
    let inheritable = match weakness::leaves_out("inheritable capabilities") {
        true => permitted,
        false => wanted.inheritable & (held.inheritable | held.permitted),
    };
    let sets = Sets { effective: wanted.effective & permitted, permitted, inheritable };
    capability::set(sets).doing(|| "capset".into())?;
    let mut warnings = Vec::new();
    if permitted != wanted.permitted {
        let missing = wanted.permitted & !permitted;
        warnings.push(format!("capabilities that the runtime lacks are left out: {missing:#x}"));
    }
    capability::clear_ambient().doing(|| "clear ambient capabilities".into())?;
    for number in (0..64).filter(|number| wanted.ambient & 1 << number != 0) {
        if let Err(error) = capability::raise_ambient(number) {
            warnings.push(format!("raise ambient capability {number}: {error}"));
        }
    }
    Ok(warnings)
}
