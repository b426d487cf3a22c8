//! Containers with the real runtime on the running kernel: the busybox of the host in an image of
//! its own, a store of its own for each test. Needs root, onggi beside dok (or `ONGGI`), and a
//! static busybox; where one is missing a test says so and is skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod archives;
mod connecting;
mod copy;
mod events;
mod health;
mod life;
mod meanwhile;
mod memory;
mod networks;
#[path = "../patience/mod.rs"]
mod patience;
mod refusals;
mod room;
mod setting;
mod sharing;
mod shown;
mod stats;
mod streams;
mod verbs;
mod volumes;
mod words;
