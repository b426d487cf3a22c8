//! What a creation that fails owes: the hooks of the end (runtime.md#lifecycle, from step 12 on).

use super::saved::Saved;
use super::state_for_hooks;
use crate::hooks::{self, Setting};
use crate::log;
use crate::plan::Hook;

/// Runs the poststop hooks when dropped, once there was a process and unless it is kept.
pub(super) struct Poststop<'a> {
    hooks: &'a [Hook],
    state: Option<Vec<u8>>,
}

impl<'a> Poststop<'a> {
    /// Made before all that they come after.
    pub(super) fn after(hooks: &'a [Hook]) -> Poststop<'a> {
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
        let setting = Setting { kind: "poststop", state, directory: None, env: &[] };
        for error in hooks::run_all(self.hooks, setting) {
            log::warning(&error.to_string());
        }
    }
}
