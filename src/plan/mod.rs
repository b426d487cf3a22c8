//! What to do, decided before anything is done: pure data from a sound spec and the host's facts.

mod types;

pub use types::*;
