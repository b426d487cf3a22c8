//! `start`: init is told to go on, and hangs up once it has become the program.

use std::os::fd::AsFd;
use std::time::Duration;

use super::notify::Notify;
use super::{Container, ContainerId, Store, delete, state_for_hooks};
use crate::error::{Code, Doing, Error, Result};
use crate::failpoint;
use crate::hooks::{self, Output, Setting};
use crate::launch::{FromInit, RuntimeEnd};
use crate::log;
use crate::plan::{self, Hooks};
use crate::spec::Spec;
use crate::sys::socket::{self, Style};

/// How long an init that gives up may take to end.
const LIMIT: Duration = Duration::from_secs(10);

/// Lets a created container run its program.
pub fn start(store: &Store, id: &ContainerId) -> Result<()> {
    let container = Container::find_and_lock(store, id)?;
    container.status()?.check_start()?;
    let notify = Notify::listen(&container.directory)?;
    failpoint::reach("connect to init")?;
    let socket = socket::connect_to(&container.directory.start_socket(), Style::Packets)
        .doing(|| "connect to init".into())?;
    failpoint::reach("tell init to go on")?;
    container.directory.forget_start_socket()?;
    failpoint::reach("wait for the program")?;
    if let Err(error) = wait_until_it_runs(&container, &RuntimeEnd::from(socket)) {
        // It has said its last word: `delete` may come at once.
        container.wait_end(LIMIT)?;
        return Err(error);
    }
    let hooks = hooks_of(&container)?;
    if let Err(error) = run_poststart(&container, &hooks) {
        return Err(delete::end_after(error, container, &hooks));
    }
    match (notify, container.init()?) {
        (Some(notify), Some(init)) => {
            let main = container.saved.init_process_pid.unsigned_abs();
            // Other commands need not wait.
            drop(container);
            notify.until_ready(init.as_fd(), main)
        }
        _ => Ok(()),
    }
}

/// A hang-up means that the program runs.
fn wait_until_it_runs(container: &Container, channel: &RuntimeEnd) -> Result<()> {
    let mut is_done = false;
    while let Some((message, _)) = channel.receive()? {
        match message {
            FromInit::Done => is_done = true,
            FromInit::Warn(words) => log::warning(&words),
            FromInit::Took(step, microseconds) => log::took("init", &step, microseconds),
            FromInit::Failed(failure) => return Err(failure.into_error()),
            other => return Err(Error::new(format!("init said {other:?}"))),
        }
    }
    match is_done || !container.wait_end(Duration::from_secs(1))? {
        true => Ok(()),
        false => Err(Error::of(
            Code::InitDied,
            "cannot start a container that has stopped: init was killed",
        )),
    }
}

/// Runs the poststart hooks. A container whose hook fails is at its end: it is stopped, and what
/// comes next is that it is destroyed (runtime.md#lifecycle, steps 9 and 12).
pub(super) fn run_poststart(container: &Container, hooks: &Hooks) -> Result<()> {
    if hooks.poststart.is_empty() {
        return Ok(());
    }
    let output = Output::open(hooks)?;
    let state = state_for_hooks(&container.saved, "running", container.saved.init_process_pid);
    let setting =
        Setting { kind: "poststart", state: &state, directory: None, env: None, output: &output };
    hooks::run(&hooks.poststart, setting)
}

/// The hooks of the configuration that the container was created from.
pub(super) fn hooks_of(container: &Container) -> Result<Hooks> {
    let text = container.directory.config()?;
    let spec = Spec::read(&text).doing(|| "read the saved configuration".into())?;
    plan::hooks(&spec)
}
