//! What a creation that fails owes: the hooks of the end (runtime.md#lifecycle, from step 12 on).

use super::saved::Saved;
use super::state_for_hooks;
use crate::hooks::{self, Output, Setting};
use crate::log;
use crate::plan::Hooks;

/// Runs the poststop hooks; what fails is told to the log, and the others come all the same.
pub(super) fn run_poststop(hooks: &Hooks, state: &[u8]) {
    if hooks.poststop.is_empty() {
        return;
    }
    let output = Output::open(hooks).unwrap_or_else(|error| {
        log::warning(&error.to_string());
        Output::default()
    });
    let setting = Setting { kind: "poststop", state, directory: None, env: None, output: &output };
    for error in hooks::run_all(&hooks.poststop, setting) {
        log::warning(&error.to_string());
    }
}

/// Runs the poststop hooks when dropped, once there was a process and unless it is kept.
pub(super) struct Poststop<'a> {
    hooks: &'a Hooks,
    state: Option<Vec<u8>>,
}

impl<'a> Poststop<'a> {
    /// Made before all that they come after.
    pub(super) fn after(hooks: &'a Hooks) -> Poststop<'a> {
        Poststop { hooks, state: None }
    }

    /// From now on they are owed.
    pub(super) fn owe(&mut self, saved: &Saved) {
        self.state = Some(state_for_hooks(saved, "stopped", 0));
    }

    /// The container was made: they are for who deletes it.
    pub(super) fn keep(mut self) {
        self.state = None;
    }
}

impl Drop for Poststop<'_> {
    fn drop(&mut self) {
        let Some(state) = &self.state else { return };
        run_poststop(self.hooks, state);
    }
}
