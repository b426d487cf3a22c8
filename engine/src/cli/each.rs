//! Commands that do the same to several containers: the name of each is printed when it is done,
//! and one that fails does not keep the others from it.

use std::process::ExitCode;
use std::thread;

use clap::ArgMatches;

use super::flags::texts;
use super::{print, tell};
use crate::error::{Kind, Result, kind};
use crate::model::Container;
use crate::service::Engine;

/// So many are served at a time where the order does not matter.
const AT_ONCE: usize = 16;

/// One after the other.
pub(super) fn each(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()>,
) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for name in texts(matches, "container") {
        tell_outcome(&name, engine.store.container(&name).and_then(|one| act(&one)), &mut code)?;
    }
    Ok(code)
}

/// What a container means that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The command has failed.
    Fails,
    /// It is told, and that is all.
    Passes,
}

/// Several at a time: most of what they take is waiting.
pub(super) fn each_at_once(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()> + Sync,
) -> Result<ExitCode> {
    each_that_is_there(engine, matches, Missing::Fails, act)
}

/// The same, where a container may be gone already.
pub(super) fn each_that_is_there(
    engine: &Engine,
    matches: &ArgMatches,
    missing: Missing,
    act: impl Fn(&Container) -> Result<()> + Sync,
) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let serve = |name: &String| engine.store.container(name).and_then(|one| act(&one));
    for names in texts(matches, "container").chunks(AT_ONCE) {
        let outcomes = thread::scope(|scope| {
            let running: Vec<_> = names.iter().map(|name| scope.spawn(|| serve(name))).collect();
            running.into_iter().map(|one| one.join()).collect::<thread::Result<Vec<_>>>()
        });
        let outcomes = outcomes.map_err(|_| anyhow::anyhow!("a thread has died"))?;
        for (name, outcome) in names.iter().zip(outcomes) {
            match outcome {
                Err(error)
                    if missing == Missing::Passes && kind(&error) == Some(Kind::NotFound) =>
                {
                    tell(&error);
                }
                outcome => tell_outcome(name, outcome, &mut code)?,
            }
        }
    }
    Ok(code)
}

fn tell_outcome(name: &str, outcome: Result<()>, code: &mut ExitCode) -> Result<()> {
    match outcome {
        Ok(()) => print(&format!("{name}\n")),
        Err(error) => {
            tell(&error);
            *code = ExitCode::FAILURE;
            Ok(())
        }
    }
}
