//! One engine for all tests of a room: started by the first that needs it, ended after the last.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, anyhow};
use spec_tests::host;

/// An engine that is started once; a failure to start is every test's failure.
pub(crate) struct Shared<T>(Mutex<Option<Result<Arc<T>, String>>>);

impl<T> Shared<T> {
    /// Nothing is started yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The engine; `programs` are what the machine must have for it.
    pub(crate) fn get(&self, programs: &[&str], start: fn() -> Result<T>) -> Result<Arc<T>> {
        for program in programs {
            host::program(program)?;
        }
        let mut engine = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || start().map(Arc::new).map_err(|error| format!("{error:#}"));
        engine.get_or_insert_with(start).clone().map_err(|words| anyhow!("{words}"))
    }

    /// Ends it, where it was started.
    pub(crate) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
