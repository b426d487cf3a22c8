//! The container's network namespace.

use super::Init;
use crate::error::{Doing, Result};
use crate::launch::FromInit;
use crate::sys::netlink;

/// A new network namespace has its loopback interface down.
pub(super) fn bring_up_loopback(init: &mut Init<'_>) -> Result<()> {
    match init.plan.loopback {
        true => netlink::bring_up_loopback().doing(|| "bring up lo".into()),
        false => Ok(()),
    }
}

/// Only the runtime is where the devices are.
pub(super) fn ask_for_devices(init: &mut Init<'_>) -> Result<()> {
    match init.plan.net_devices.is_empty() {
        true => Ok(()),
        false => init.ask(&FromInit::MoveDevices).map(drop),
    }
}
