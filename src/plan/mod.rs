//! What to do, decided before anything is done: pure data from a sound spec and the host's facts.

mod cgroup;
mod types;

pub use cgroup::{cgroup, merge, update};
pub use types::*;
