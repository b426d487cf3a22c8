//! What people should know of a command that goes on all the same.

use std::sync::{Mutex, PoisonError};

use super::complain;

/// What was told: a file or a program that is asked several times is wrong once.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Tells it, the first time.
pub(super) fn warn(words: &str) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if !told.iter().any(|own| own == words) {
        complain(&format!("WARNING: {words}"));
        told.push(words.to_owned());
    }
}
