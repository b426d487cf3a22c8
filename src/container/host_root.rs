//! Without a mount namespace init binds the container's root onto itself in the host's tree. When
//! the container is not made, that goes with all that init mounted below.

use crate::error::{Doing, Result};
use crate::log;
use crate::plan::{Plan, RootSwitch};
use crate::sys::mount;

/// Takes the root's mount away when dropped, also after an init that was killed.
pub(super) struct HostRoot<'a> {
    /// The root, and the mount it was on before init.
    before: Option<(&'a str, u64)>,
}

impl<'a> HostRoot<'a> {
    /// Made before init, so that init has ended when this is dropped.
    pub(super) fn before_init(plan: &'a Plan) -> Result<HostRoot<'a>> {
        let before = match (plan.root.switch, plan.root.path.to_str()) {
            (RootSwitch::Chroot, Some(path)) => {
                let mount = mount::id_at(path).doing(|| format!("look at the root {path}"))?;
                Some((path, mount))
            }
            _ => None,
        };
        Ok(HostRoot { before })
    }

    /// The container was made: its mounts are what its namespaces ask for.
    pub(super) fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for HostRoot<'_> {
    fn drop(&mut self) {
        let Some((path, before)) = self.before else { return };
        let taken_away = match mount::id_at(path) {
            Ok(now) if now != before => mount::detach(path),
            other => other.map(drop),
        };
        if let Err(error) = taken_away {
            log::warning(&format!("unmount the root {path}: {error}"));
        }
    }
}
