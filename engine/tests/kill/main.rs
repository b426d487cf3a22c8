//! dok is killed with SIGKILL at points spread over the life of each command that changes
//! something. After each point, without a repair: nothing that was there is lost, no two commands
//! say different things, and what ran still runs. After `dok system check --repair`, and after what
//! can still be seen is removed by the ordinary commands: no file, mount, cgroup, network device,
//! rule or process more than before.
//!
//! A point is the nth system call of a kind that changes something (strace counts them), of dok
//! alone or of every process that it starts; a monitor is killed after so many milliseconds.
//! `DOK_KILL_POINTS` says how many points each command gets (`hack/dok-kill` does), `DOK_KILL_SEED`
//! where they are, `DOK_KILL_COMMANDS` which commands are killed: `start,network rm` by the words
//! that they begin with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod campaign;
mod commands;
mod monitor;
#[path = "../patience/mod.rs"]
mod patience;
#[path = "../containers/setting.rs"]
#[allow(dead_code, reason = "the tests of containers use more of it")]
mod setting;
mod traces;
