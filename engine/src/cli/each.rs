//! Commands that do the same to several containers: the name of each is printed when it is done,
//! and one that fails does not keep the others from it.

use std::process::ExitCode;
use std::thread;

use clap::ArgMatches;

use super::flags::texts;
use super::{print, tell};
use crate::error::Result;
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
    Ok(match each_failing(engine, matches, act)?.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The same; the names of those with which it went wrong.
pub(super) fn each_failing(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()>,
) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for name in texts(matches, "container") {
        let outcome = engine.store.container(&name).and_then(|one| act(&one));
        if !tell_outcome(&name, outcome)? {
            failed.push(name);
        }
    }
    Ok(failed)
}

/// Several at a time: most of what they take is waiting.
pub(super) fn each_at_once(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()> + Sync,
) -> Result<ExitCode> {
    each_but(engine, matches, act, |_| false)
}

/// As [`each_at_once`]; some failures are told and are none.
pub(super) fn each_but(
    engine: &Engine,
    matches: &ArgMatches,
    act: impl Fn(&Container) -> Result<()> + Sync,
    is_fine: impl Fn(&anyhow::Error) -> bool,
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
                Err(error) if is_fine(&error) => drop(tell(&error)),
                outcome => {
                    if !tell_outcome(name, outcome)? {
                        code = ExitCode::FAILURE;
                    }
                }
            }
        }
    }
    Ok(code)
}

/// Whether it went well.
fn tell_outcome(name: &str, outcome: Result<()>) -> Result<bool> {
    match outcome {
        Ok(()) => print(&format!("{name}\n")).map(|()| true),
        Err(error) => {
            tell(&error);
            Ok(false)
        }
    }
}
