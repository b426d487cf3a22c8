//! `list`: many containers at once.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread;

use super::{Container, ContainerId, StateView, Store};
use crate::error::Result;
use crate::log;
use crate::sys::procfs::Procfs;

/// So many containers are looked at in the time that it takes to make a thread.
const WORTH_A_THREAD: usize = 32;

/// The state of every container that can be read; the others are told to the log.
///
/// # Errors
/// ENOENT when there is no store.
pub fn list(store: &Store) -> Result<Vec<StateView>> {
    let ids = store.ids()?;
    let look = Look { store, proc: Procfs::of_this_process()?, users: OnceLock::new() };
    if ids.len() <= WORTH_A_THREAD {
        return Ok(look.at_all(&ids));
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = ids.len().div_ceil(threads).max(WORTH_A_THREAD);
    // This thread has a share too: the kernel puts the others on processors that are idle, and
    // would count this one's as busy until it waits.
    let (own, others) = ids.split_at(share.min(ids.len()));
    Ok(thread::scope(|scope| {
        let others: Vec<_> =
            others.chunks(share).map(|ids| scope.spawn(|| look.at_all(ids))).collect();
        let mut views = look.at_all(own);
        for other in others {
            views.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        views
    }))
}

/// The names of all containers.
///
/// # Errors
/// ENOENT when there is no store.
pub fn names(store: &Store) -> Result<Vec<ContainerId>> {
    let mut names = store.ids()?;
    names.retain(|id| store.has_state(id));
    Ok(names)
}

/// What containers are looked at with.
struct Look<'a> {
    store: &'a Store,
    proc: Procfs,
    /// /etc/passwd, once an owner is not root.
    users: OnceLock<String>,
}

impl Look<'_> {
    fn at_all(&self, ids: &[ContainerId]) -> Vec<StateView> {
        let looked = ids.iter().map(|id| (id, self.at(id)));
        let told = |(id, view): (&ContainerId, Result<StateView>)| {
            view.inspect_err(|error| log::warning(&format!("load container {id}: {error}"))).ok()
        };
        looked.filter_map(told).collect()
    }

    fn at(&self, id: &ContainerId) -> Result<StateView> {
        let container = Container::find(self.store, id)?;
        let status = container.status_by(&self.proc)?;
        let owner = self.owner_name(container.saved.onggi.owner);
        Ok(StateView { owner, ..StateView::new(container.saved, status)? })
    }

    /// The user's name, read by our own hands: a static program loads no name service.
    fn owner_name(&self, uid: u32) -> String {
        if uid == 0 {
            return "root".into();
        }
        let read = || std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        self.users
            .get_or_init(read)
            .lines()
            .find(|line| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(uid))
            .and_then(|line| line.split(':').next())
            .map_or_else(|| format!("#{uid}"), str::to_owned)
    }
}
