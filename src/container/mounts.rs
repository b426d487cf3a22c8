//! `mounts`: what a container that runs already sees more, or no longer.

use super::exec::Joining;
use super::options::MountChange;
use super::passed::Passed;
use super::serve::{Handles, Role, Talk, serve};
use super::{Container, ContainerId, Store, configured};
use crate::cgroup::Entry;
use crate::error::{Code, Doing, Error, Result};
use crate::init::{ADD_MOUNTS, REMOVE_MOUNTS, Start};
use crate::log;
use crate::plan::{self, MountSource, Plan};
use crate::spec::Mount;
use crate::validate;

/// Adds or removes the mounts of a JSON array that is like `mounts` of config.json. They are of
/// the moment: the saved configuration stays as it is.
///
/// # Errors
/// The mount that cannot be made or is not there; nothing has been added then.
pub fn change_mounts(
    store: &Store,
    id: &ContainerId,
    change: MountChange,
    text: &[u8],
) -> Result<()> {
    let container = Container::find_and_lock(store, id)?;
    container.status()?.check_alive()?;
    let init =
        container.init()?.ok_or_else(|| Error::of(Code::NotRunning, "container not running"))?;
    let config = container.directory.config()?;
    let (mut spec, host) = configured::read(&config, &container.saved)?;
    let mounts: Vec<Mount<'_>> = serde_json::from_slice(text)
        .or_code(Code::InvalidConfig)
        .doing(|| "read the mounts".into())?;
    let removed = plan::removed_mounts(&mounts).or_code(Code::InvalidConfig)?;
    // Neither concerns the process that changes mounts.
    (spec.linux.seccomp, spec.linux.intel_rdt) = (None, None);
    spec.mounts = match change {
        MountChange::Add => mounts,
        MountChange::Remove => Vec::new(),
    };
    validate::sound(&validate::problems(&spec, &host))?;
    let mut plan = configured::plan(&spec, &host, &container)?;
    let steps = match change {
        MountChange::Add => check_added(&plan).map(|()| ADD_MOUNTS)?,
        MountChange::Remove => {
            plan.mounts = removed;
            REMOVE_MOUNTS
        }
    };
    plan.warnings.iter().for_each(|words| log::warning(words));
    // It is no process of the container's.
    plan.process.rlimits.clear();
    plan.process.oom_score_adj = None;

    let passed = Passed::take(0)?;
    let joining = Joining { container: &container, init: &init, host: &host, plan: &plan, passed };
    let (child, channel, _program) =
        joining.spawn(&plan.process, Entry::default(), steps, Start::AtOnce)?;
    let handles = Handles { console_socket: None, pidfd_socket: None, pid_file: None };
    let role = Role::Exec { container: &container };
    let (process, program) = (&plan.process, None);
    let mut talk = Talk { plan: &plan, process, child: &child, handles, role, program };
    serve(&channel, &mut talk).map(drop)
}

fn check_added(plan: &Plan) -> Result<()> {
    for mount in &plan.mounts {
        let target = mount.target.as_str();
        let words = match mount.what {
            MountSource::Remount => "remount adds no mount",
            _ if target == "/" => "processes that are there would not see it",
            _ => continue,
        };
        return Err(Error::of(Code::InvalidConfig, format!("mounts on {target}: {words}")));
    }
    Ok(())
}
