//! Network devices of the host that go into the container.

use std::os::fd::AsFd;

use crate::error::{Doing, Result};
use crate::plan::NetDevice;
use crate::sys::fd::{here, open_at};
use crate::sys::netlink;

/// Moves them into the network namespace that init is in.
pub(super) fn move_devices(devices: &[NetDevice], init: i32) -> Result<()> {
    let path = format!("/proc/{init}/ns/net");
    let namespace = open_at(here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))?;
    for NetDevice { outside, inside } in devices {
        netlink::move_device(outside, inside, namespace.as_fd())
            .doing(|| format!("move network device {outside} inside as {inside}"))?;
    }
    Ok(())
}
