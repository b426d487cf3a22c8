//! `wait` and `state --watch`: a container's status as it changes. The kernel tells of each change,
//! so that nobody asks again and again: init's end by its pidfd, `start` and the end of `create`
//! by inotify(7) on the state directory, pausing by inotify on the freezer's file.

use std::os::fd::{AsFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use super::status::Status;
use super::{Container, ContainerId, StateView, Store};
use crate::error::{Code, Doing, Error, Result};
use crate::sys::inotify::{Event, Kinds, Watcher};
use crate::sys::pidfd::{self, wait_for_any};

/// How long whoever has to reap init may take, so that the kernel knows the exit code; on a busy
/// machine that is seconds.
const REAPING: Duration = Duration::from_secs(10);
/// The kernel tells that a descriptor is closed a moment before it lets go of its lock.
const UNLOCKING: Duration = Duration::from_millis(5);

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The container was created, or is beyond that.
    Created,
    /// Its program runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its init has ended.
    Stopped,
}

impl Condition {
    /// Every condition by the status that meets it.
    pub const ALL: [(&'static str, Condition); 4] = [
        ("created", Condition::Created),
        ("running", Condition::Running),
        ("paused", Condition::Paused),
        ("stopped", Condition::Stopped),
    ];

    fn is_met_by(self, status: Status) -> bool {
        match self {
            Condition::Created => status != Status::Creating,
            Condition::Running => status == Status::Running,
            Condition::Paused => status == Status::Paused,
            Condition::Stopped => status == Status::Stopped,
        }
    }
}

/// Waits until every container meets the condition; gives, in their order, the exit codes of those
/// that stopped meanwhile, as far as the kernel tells them (see [`pidfd::end_of_other`]).
///
/// # Errors
/// A container that does not exist, or that stopped before it met another condition.
pub fn wait(store: &Store, ids: &[ContainerId], condition: Condition) -> Result<Vec<Option<i32>>> {
    let watches: Result<Vec<Watch>> = ids.iter().map(|id| Watch::open(store, id)).collect();
    watches?.into_iter().map(|watch| watch.until(condition)).collect()
}

/// Tells the state of now, and each one that follows, until the container has stopped. An error of
/// `tell` ends it.
///
/// # Errors
/// The container does not exist.
pub fn watch(
    store: &Store,
    id: &ContainerId,
    tell: &mut dyn FnMut(StateView) -> Result<()>,
) -> Result<()> {
    let mut watch = Watch::open(store, id)?;
    let mut last = None;
    loop {
        let status = watch.look()?;
        if last != Some(status) {
            tell(StateView::new(watch.container.saved.clone(), status)?)?;
            last = Some(status);
        }
        if status == Status::Stopped {
            return Ok(());
        }
        watch.wait_for_news(status)?;
    }
}

/// A container, and what tells of its changes.
struct Watch {
    container: Container,
    files: Watcher,
    init: Option<OwnedFd>,
    watches_freezer: bool,
}

impl Watch {
    fn open(store: &Store, id: &ContainerId) -> Result<Watch> {
        let container = Container::find(store, id)?;
        let files = Watcher::new().doing(|| "watch files".into())?;
        let path = container.directory.path_by_descriptor();
        let kinds = Kinds::IN_MOVED_TO | Kinds::IN_DELETE | Kinds::IN_CLOSE_NOWRITE;
        files.add(&path, kinds).doing(|| format!("watch the state of {id}"))?;
        let mut watch = Watch { container, files, init: None, watches_freezer: false };
        // From now on it is known by a descriptor: another process's exit code is never told.
        watch.look()?;
        Ok(watch)
    }

    /// The status of now; whatever can change it later is watched from before.
    fn look(&mut self) -> Result<Status> {
        match self.container.directory.state()? {
            Some(saved) => self.container.saved = saved,
            // Somebody has deleted it.
            None => return Ok(Status::Stopped),
        }
        if self.init.is_none() {
            self.init = self.container.init()?;
        }
        if !self.watches_freezer {
            let file = self.container.cgroup().freezer_news();
            let added = file.map(|path| self.files.add(&path, Kinds::IN_MODIFY));
            // A group that is gone cannot be paused.
            self.watches_freezer = added.is_some_and(|added| added.is_ok());
        }
        self.container.status()
    }

    fn until(mut self, condition: Condition) -> Result<Option<i32>> {
        loop {
            match self.look()? {
                status if condition.is_met_by(status) => break,
                Status::Stopped => {
                    let words = format!("container {} has stopped", self.container.saved.id);
                    return Err(Error::of(Code::NotRunning, words));
                }
                status => self.wait_for_news(status)?,
            }
        }
        match (condition, &self.init) {
            (Condition::Stopped, Some(init)) => {
                let end = pidfd::end_of_other(init.as_fd(), REAPING);
                Ok(end.doing(|| "wait for the exit code".into())?.map(pidfd::End::code))
            }
            _ => Ok(None),
        }
    }

    /// Returns once something has happened that may have changed this status.
    fn wait_for_news(&self, status: Status) -> Result<()> {
        // Our own reading of the state is told too.
        let is_news = |event: &Event| {
            event.to_itself || event.kinds.intersects(Kinds::IN_MOVED_TO | Kinds::IN_DELETE)
        };
        let init = self.init.as_ref().map(|init| init.as_fd());
        loop {
            wait_for_any(&[init, Some(self.files.as_fd())], None)?;
            let events = self.files.take().doing(|| "watch files".into())?;
            if status == Status::Creating && events.iter().any(|event| event.to_itself) {
                sleep(UNLOCKING);
            }
            // Init's end comes without an event.
            if events.is_empty() || events.iter().any(is_news) {
                return Ok(());
            }
        }
    }
}
