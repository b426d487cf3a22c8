//! Values of options, read from text.

mod bytes;
mod duration;
mod signal;

pub(super) use bytes::read as bytes;
pub(super) use duration::read as duration;
pub(super) use signal::read as signal;

/// Go's words for true and false.
pub(super) fn truth(typed: &str) -> Option<bool> {
    match typed {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
