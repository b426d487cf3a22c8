//! `run`: create and start in one, and stay with the process unless told otherwise.

use std::os::fd::AsFd;

use super::create::{Made, Mode, make};
use super::notify::Notify;
use super::options::{AfterExit, Attach, CreateOptions, RunOptions, Subreaper};
use super::{ContainerId, Store, delete, start, supervise};
use crate::error::Result;
use crate::sys::process;

/// Makes a container and runs its program; gives the exit code, or 0 when detached.
pub fn run(
    store: &Store,
    id: &ContainerId,
    options: &CreateOptions,
    run: &RunOptions,
) -> Result<i32> {
    follow(run, || make(store, id, options, Mode::Running(run.attach)))
}

/// Makes a container whose program runs then, and stays with it unless told otherwise.
pub(super) fn follow(run: &RunOptions, make: impl FnOnce() -> Result<Made>) -> Result<i32> {
    if run.subreaper == Subreaper::Become && run.attach == Attach::Foreground {
        process::become_subreaper()?;
    }
    let signals = supervise::Signals::hold(run.attach)?;
    let mut made = make()?;
    if let Err(error) = start::run_poststart(&made.container, &made.hooks) {
        return Err(delete::end_after(error, made.container, &made.hooks));
    }
    if run.attach == Attach::Detached {
        let pid = made.child.pid.unsigned_abs();
        let told = |notify: &Notify| notify.until_ready(made.child.pidfd.as_fd(), pid);
        return made.notify.as_ref().map_or(Ok(()), told).map(|()| 0);
    }
    let code = supervise::until_the_end(
        &made.child,
        made.served.terminal.as_ref(),
        &signals,
        made.notify.take(),
    );
    match code {
        Err(error) => Err(delete::end_after(error, made.container, &made.hooks)),
        Ok(code) if run.after_exit == AfterExit::Delete => {
            delete::end(made.container, &made.hooks).map(|()| code)
        }
        kept => kept,
    }
}
