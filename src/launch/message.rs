//! What init and the runtime tell each other, and in which order.
//!
//! ```text
//!  init                                        runtime
//!   │ MapIds ───────────────────────────────────► writes uid_map and gid_map
//!   │ ◄──────────────────────────────── Continue │           (a new user namespace only)
//!   │ MoveDevices ──────────────────────────────► moves network devices of the host inside
//!   │ ◄──────────────────────────────── Continue │           (only when there are such devices)
//!   │ EnterCgroup ──────────────────────────────► has made the rest of the cgroup by now
//!   │ ◄──────────────────── Tasks + `tasks` files │           (cgroup v1 only)
//!   │ OpenMount(n) ─────────────────────────────► copies the source of mount n
//!   │ ◄──────────────────────── Opened + mount fd │           (only what init cannot reach;
//!   │                                             │            Continue: init is to do it)
//!   │ MakeNode(n) ──────────────────────────────► makes node n of /dev, on a tmpfs of the host's
//!   │ ◄──────────────────────── Opened + mount fd │           (only what a user namespace is to
//!   │                                             │            have and the host shows nowhere;
//!   │                                             │            Continue: it has no right to)
//!   │ RunHooks ─────────────────────────────────► prestart, createRuntime
//!   │ ◄──────────────────────────────── Continue │           (only when there are such hooks)
//!   │ Terminal + pty fd ────────────────────────► console socket, or its own terminal
//!   │ ◄──────────────────────────────── Continue │           (only when there is a terminal)
//!   │ SetLimits ────────────────────────────────► sets rlimits
//!   │ ◄──────────────────────────────── Continue │           (in a user namespace; or where init
//!   │                                             │            had no answer yet, and has an
//!   │                                             │            OOM score or class of resctrl)
//!   │ Ready ────────────────────────────────────► knows that only the program can be at fault
//!   │ SeccompListener(fd number) ───────────────► takes the descriptor, sends it to the agent
//!   │ ◄──────────────────────────────── Continue │           (only when the filter notifies;
//!   │                                             │            Show: init lets itself be seen)
//!   │ Done ─────────────────────────────────────► knows that a hang-up is no death
//!   │ Waits ────────────────────────────────────►           (`create` only)
//!   ╵ hang-up: waits for `start`, or has become the program
//! ```
//! `Failed` may come at any time and is the last message; `Warn` and `Took` may come at any time.
//! A hang-up before `Done` means that init died, unless its filter forbids to write. `start` opens
//! another channel, over which there is only `Done`, with the same meaning.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// What init says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromInit {
    /// It is in a user namespace without maps.
    MapIds,
    /// Its network namespace is there, and devices of the host are to go into it.
    MoveDevices,
    /// It wants into the groups that it was not born in.
    EnterCgroup,
    /// It cannot reach the source of this mount of the plan.
    OpenMount(usize),
    /// It may not make this device node of the plan.
    MakeNode(usize),
    /// The container's namespaces and mounts are there.
    RunHooks,
    /// The multiplexer of its terminal comes along.
    Terminal,
    /// It may not raise its own limits, or must know that the runtime has set all else.
    SetLimits,
    /// All that may fail for want of a privilege is done.
    Ready,
    /// Nothing is left that may fail before `start`.
    Waits,
    /// Its filter notifies through this descriptor of its own.
    SeccompListener(i32),
    /// It will wait for `start`, or become the program.
    Done,
    /// Something that the log should hold.
    Warn(String),
    /// A step is done, and how long it took (microseconds); only where the log wants to know.
    Took(String, u64),
    /// It gives up.
    Failed(Failure),
}

/// The name of a node that the runtime makes, on the tmpfs that it hands over.
pub const MADE_NODE: &str = "node";

/// The step that failed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step's name in the list.
    pub step: String,
    /// What was being done, and the cause.
    pub words: String,
    /// The system call's error number, where there was one.
    pub errno: Option<i32>,
    /// What kind of failure it is.
    pub code: Code,
}

impl Failure {
    /// More than this, written as JSON, may not fit into a message (bytes).
    const LIMIT: usize = 12 * 1024;

    /// Cut short where a hook, say, had a lot to tell.
    pub fn new(step: &str, error: &Error) -> Failure {
        let mut words = error.to_string();
        while serde_json::to_vec(&words).is_ok_and(|text| text.len() > Failure::LIMIT) {
            let half = words.chars().count() / 2;
            words = words.chars().take(half).collect();
        }
        Failure { step: step.to_owned(), words, errno: error.errno(), code: error.code() }
    }

    /// The failure as the runtime tells it.
    pub fn into_error(self) -> Error {
        Error::told(self.words, self.errno).or_code(self.code).within(self.step)
    }
}

/// What the runtime answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToInit {
    /// It is done, or left to init.
    Continue,
    /// The files that it writes itself to come along.
    Tasks,
    /// The mount comes along.
    Opened,
    /// The runtime may not look into init: it has to let itself be seen, and ask again.
    Show,
}
