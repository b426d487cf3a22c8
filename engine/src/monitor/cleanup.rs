//! What is left of a container when its processes are gone is taken away here, by its monitor or by
//! a command that finds no monitor any more.

use crate::error::Result;
use crate::model::{Container, Event};
use crate::network::{self, Lingering};
use crate::rootfs;
use crate::runtime::{Deletion, Runtime};
use crate::store::{Remains, Store};

/// Whether the runtime knows the container.
#[derive(Debug)]
pub enum InRuntime {
    /// It may.
    Perhaps,
    /// It is removing it, unless it could not be asked to.
    Leaving(Result<Deletion>),
    /// It does not: it was never created, or is deleted.
    No,
}

/// Takes away mounts, network and cgroups; the container can be started again. What the kernel
/// still has to do is for the caller to wait for.
///
/// # Errors
/// The first of what could not be taken away; the rest is still tried.
pub fn clear(
    store: &Store,
    runtime: &Runtime,
    container: &Container,
    in_runtime: InRuntime,
) -> Result<Lingering> {
    // What the runtime takes away is not ours, and what is ours does not wait for it.
    let deletion = match in_runtime {
        InRuntime::Perhaps => Some(runtime.begin_delete(&container.id)),
        InRuntime::Leaving(deletion) => Some(deletion),
        InRuntime::No => None,
    };
    let unmounted = rootfs::unmount_all(&store.bundle(&container.id).join("rootfs"));
    if matches!(unmounted, Ok(true)) {
        for name in container.mounts.iter().map(|mount| &mount.name).filter(|n| !n.is_empty()) {
            store.tell(&Event::of_volume(name, "unmount").with("container", &container.id));
        }
    }
    let parts = rootfs::unmount_parts(&store.bundle(&container.id));
    let left = network::release(store, &container.id);
    let deleted = deletion.map_or(Ok(()), |begun| begun.and_then(Deletion::finish));
    deleted.and(unmounted.map(drop)).and(parts).and(left)
}

/// Removes a container without processes or mounts, with the volumes that nobody named and nobody
/// else has where `volumes` says so. These go first: a volume always has somebody by whom it can be
/// found.
///
/// # Errors
/// Says what could not be removed.
pub fn remove(store: &Store, container: &Container, volumes: Volumes) -> Result<()> {
    take_out(store, container, volumes)?.remove()
}

/// As [`remove`], but that its own files are still there: nobody sees them any more.
///
/// # Errors
/// Says what could not be removed.
pub fn take_out(store: &Store, container: &Container, volumes: Volumes) -> Result<Remains> {
    if volumes == Volumes::Remove {
        remove_volumes(store, container)?;
    }
    store.take_out_container(container)
}

fn remove_volumes(store: &Store, container: &Container) -> Result<()> {
    let mut own = Vec::new();
    for mount in container.mounts.iter().filter(|mount| !mount.name.is_empty()) {
        if store.volume(&mount.name)?.is_some_and(|volume| volume.is_anonymous()) {
            own.push(&mount.name);
        }
    }
    if own.is_empty() {
        return Ok(());
    }
    let _lock = store.lock_volumes()?;
    for id in store.container_ids()?.iter().filter(|id| **id != container.id) {
        let Some(other) = store.read_container(id)? else { continue };
        own.retain(|name| other.mounts.iter().all(|mount| mount.name != **name));
    }
    own.into_iter().try_for_each(|name| store.remove_volume(name))
}

/// What happens to the volumes that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// They go with the container.
    Remove,
    /// They stay.
    Keep,
}
