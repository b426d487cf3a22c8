//! Network namespaces: made by us, pinned by a file under the run folder, given to the runtime by
//! path. Those of containers without networks are the runtime's.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sched::CloneFlags;
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::link::Links;
use crate::error::{Context, IfThere, Result};
use crate::store::{Store, durable};

/// The file that pins a container's network namespace.
pub fn pin(store: &Store, container: &str) -> PathBuf {
    pins(store).join(container)
}

/// Where the pins are.
pub(super) fn pins(store: &Store) -> PathBuf {
    store.run().join("netns")
}

/// Makes a network namespace, with its loopback device up, that lives until [`remove`].
///
/// # Errors
/// Names the file; nothing is left of the namespace then.
pub fn create(store: &Store, container: &str) -> Result<PathBuf> {
    pinned(store, container, |pin| {
        in_a_thread(|| {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET)?;
            let loopback = Links::open()?;
            if let Some(lo) = loopback.find("lo")? {
                loopback.bring_up(lo.index, &[])?;
            }
            Ok(mount_bind("/proc/thread-self/ns/net", pin)?)
        })
    })
}

/// Has the network namespace of a process live until [`remove`].
///
/// # Errors
/// Names the file.
pub fn adopt(store: &Store, container: &str, process: u32) -> Result<PathBuf> {
    pinned(store, container, |pin| Ok(mount_bind(format!("/proc/{process}/ns/net"), pin)?))
}

fn pinned(
    store: &Store,
    container: &str,
    mount: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<PathBuf> {
    let pin = pin(store, container);
    durable::make_private_folder(&pins(store))
        .with_context(|| format!("make the folder {}", pins(store).display()))?;
    // What an earlier start that was killed left here is of no use to anybody.
    remove_file(&pin)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&pin);
    let mounted = file.and_then(|_| mount(&pin));
    if mounted.is_err() {
        // The error that kept the namespace from being is the one to tell.
        let _ = remove_file(&pin);
    }
    mounted.with_context(|| format!("make the network namespace {}", pin.display()))?;
    Ok(pin)
}

/// Lets go of a container's network namespace: with its last process it is gone. That there is none
/// is well.
///
/// # Errors
/// Names the file.
pub fn remove(store: &Store, container: &str) -> Result<()> {
    remove_file(&pin(store, container))
}

fn remove_file(pin: &Path) -> Result<()> {
    match unmount(pin, UnmountFlags::DETACH) {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
        Err(error) => {
            return Err(error).with_context(|| format!("unmount {}", pin.display()));
        }
    }
    fs::remove_file(pin).if_there().with_context(|| format!("remove {}", pin.display()))
}

/// Runs a function inside a network namespace.
///
/// # Errors
/// Of `setns(2)` and the function's own.
pub(super) fn inside<T: Send>(
    namespace: &File,
    act: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    in_a_thread(|| {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(std::os::fd::AsFd::as_fd(namespace), kind)?;
        act()
    })
}

/// Namespaces belong to threads: one of its own leaves ours where they are, whatever happens.
fn in_a_thread<T: Send>(act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    const STACK: usize = 256 * 1024;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, act)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}
