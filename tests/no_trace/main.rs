//! Whatever fails, and wherever the runtime or init is killed: nothing is left. Needs root and a
//! build with debug assertions, which alone has failpoints.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod failures;
mod killed;
mod limits;
mod order;
mod place;
mod room;
