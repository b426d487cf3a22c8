//! Containers with the real runtime on the running kernel: the busybox of the host in an image of
//! its own, a store of its own for each test. Needs root, onggi beside dok (or `ONGGI`), and a
//! static busybox; where one is missing a test says so and is skipped.

mod life;
mod memory;
mod setting;
mod streams;
mod volumes;
