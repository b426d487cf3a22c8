//! What is left of a container when its processes are gone is taken away here, by its monitor or by
//! a command that finds no monitor any more.

use crate::error::Result;
use crate::model::{Container, Event};
use crate::network;
use crate::rootfs;
use crate::runtime::Runtime;
use crate::store::Store;

/// Whether the runtime knows the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InRuntime {
    /// It may.
    Perhaps,
    /// It does not: it was never created, or is deleted.
    No,
}

/// Takes away mounts, network and cgroups; the container can be started again.
///
/// # Errors
/// The first of what could not be taken away; the rest is still tried.
pub fn clear(
    store: &Store,
    runtime: &Runtime,
    container: &Container,
    in_runtime: InRuntime,
) -> Result<()> {
    let deleted = match in_runtime {
        InRuntime::Perhaps => runtime.delete(&container.id),
        InRuntime::No => Ok(()),
    };
    let unmounted = rootfs::unmount_all(&store.bundle(&container.id).join("rootfs"));
    if matches!(unmounted, Ok(true)) {
        for name in container.mounts.iter().map(|mount| &mount.name).filter(|n| !n.is_empty()) {
            store.tell(&Event::of_volume(name, "unmount").with("container", &container.id));
        }
    }
    let parts = rootfs::unmount_parts(&store.bundle(&container.id));
    let left = network::release(store, &container.id).map(drop);
    deleted.and(unmounted.map(drop)).and(parts).and(left)
}

/// Removes a container without processes or mounts, with the volumes that were made for it alone
/// where `volumes` says so.
///
/// # Errors
/// Says what could not be removed.
pub fn remove(store: &Store, container: &Container, volumes: Volumes) -> Result<()> {
    store.remove_container(container)?;
    if volumes == Volumes::Keep {
        return Ok(());
    }
    for mount in container.mounts.iter().filter(|mount| !mount.name.is_empty()) {
        if store.volume(&mount.name)?.is_some_and(|volume| volume.is_anonymous()) {
            store.remove_volume(&mount.name)?;
        }
    }
    Ok(())
}

/// What happens to the volumes that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// They go with the container.
    Remove,
    /// They stay.
    Keep,
}
