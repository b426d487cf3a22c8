//! Namespaces that the process itself enters, makes or names.

use super::Init;
use crate::error::{Doing, Result};
use crate::launch::{FromInit, become_root, join_all};
use crate::plan::Kind;
use crate::sys::namespace;

/// What the clone could not enter for us.
pub(super) fn join(init: &mut Init<'_>) -> Result<()> {
    join_all(&std::mem::take(&mut init.joins))
}

/// A new user namespace has no ids until the runtime, outside, maps them.
pub(super) fn wait_for_id_maps(init: &mut Init<'_>) -> Result<()> {
    match init.plan.namespaces.id_maps {
        Some(_) => init.ask(&FromInit::MapIds).map(drop),
        None => Ok(()),
    }
}

/// The ids of the host mean nothing inside.
pub(super) fn become_root_inside(init: &mut Init<'_>) -> Result<()> {
    match init.plan.namespaces.has(Kind::User) {
        true => become_root().and_then(|()| init.hide_again()),
        false => Ok(()),
    }
}

/// By itself: a thread that moves only itself waits for no lock.
pub(super) fn enter_cgroup(init: &mut Init<'_>) -> Result<()> {
    init.entry.join().doing(|| "write 0 to tasks".into())
}

/// The root of a cgroup namespace is the cgroup that its maker is in.
pub(super) fn make_late_ones(init: &mut Init<'_>) -> Result<()> {
    match init.plan.namespaces.makes(Kind::Cgroup) {
        true => namespace::leave(Kind::Cgroup.flag()).doing(|| "make a cgroup namespace".into()),
        false => Ok(()),
    }
}

pub(super) fn set_names(init: &mut Init<'_>) -> Result<()> {
    if let Some(name) = &init.plan.hostname {
        namespace::set_host_name(name).doing(|| format!("sethostname {name}"))?;
    }
    if let Some(name) = &init.plan.domainname {
        namespace::set_domain_name(name).doing(|| format!("setdomainname {name}"))?;
    }
    Ok(())
}
