//! onggi: an OCI container runtime, from a bundle to a process.
//!
//! Each module is a room on a floor, and uses only rooms on floors below its own;
//! `tests/architecture` holds them to it.
//!
//! | floor | room | |
//! |---|---|---|
//! | 10 | [`cli`] | words typed become one call; the only room that prints |
//! | 9 | [`container`] | a container's life: state directory, pipeline of create, answers to init |
//! | 8 | [`init`] | the container's first process, from the clone to execve(2): a list of steps |
//! | 8 | [`criu`] | the talk with CRIU, which dumps and restores processes |
//! | 7 | [`launch`] | clones init, and the talk with it |
//! | 7 | [`cgroup`] | limits, freezing, statistics, removal |
//! | 7 | [`resctrl`] | classes of service for caches and memory bandwidth |
//! | 7 | [`hooks`] | runs the user's programs with the state on stdin |
//! | 6 | [`plan`] | pure: what to do, decided before anything is done |
//! | 5 | [`validate`] | pure: what is wrong with a configuration, with its chapter |
//! | 4 | [`host`] | the machine's facts, read once |
//! | 4 | [`seccomp`] | pure: a profile becomes a filter |
//! | 3 | [`dbus`] | a small client of the message bus: values, messages, one connection |
//! | 3 | [`spec`] | pure: the words of config.json |
//! | 2 | [`sys`] | system calls, one function each; the only room with unsafe code |
//! | 1 | [`log`] | what `--log` asks for |
//! | 1 | [`failpoint`] | failures on demand, for a test; nothing in a release build |
//! | 1 | [`weakness`] | protections left out on demand, for a test; nothing in a release build |
//! | 0 | [`error`] | one error: what was being done, outermost first, and the cause |
//!
//! Read first: this page, [`container::create`], [`plan`], [`init::NEW_CONTAINER`] and
//! [`launch::FromInit`]. docs/architecture.md tells the same at more length.

pub mod cgroup;
pub mod cli;
pub mod container;
pub mod criu;
pub mod dbus;
pub mod error;
pub mod failpoint;
pub mod hooks;
pub mod host;
pub mod init;
pub mod launch;
pub mod log;
pub mod plan;
pub mod resctrl;
pub mod seccomp;
pub mod spec;
pub mod sys;
pub mod validate;
pub mod weakness;
