//! The talk with CRIU (criu(8)), which dumps processes and makes them again: one `criu swrk` for
//! each request, at the other end of a socket.
//!
//! ```text
//!  runtime                                     criu swrk FD
//!   │ request: dump or restore, its options ────►
//!   │ ◄──────── notify: setup-namespaces, pid …, │  (each is answered: go on, or give up)
//!   │ notify success ───────────────────────────►
//!   │ ◄─── notify: orphan-pts-master + terminal  │
//!   │ notify success ───────────────────────────►
//!   │ ◄────────────────── response: done, or why │
//!   ╵                                            ╵
//! ```
//! Messages are protocol buffers (`wire`), their fields are those of CRIU's rpc.proto.

mod message;
mod options;
mod quote;
mod wire;
mod worker;

use std::os::fd::OwnedFd;

pub use message::{Feature, Response};
pub use options::{CgroupsMode, NetworkLock, Options, PageServer, Switch, Version};
pub use quote::errors_of;
pub use worker::{Place, Streams};

use crate::error::{Code, Doing, Error, Result};
use crate::launch::Child;
use message::Kind;
use worker::Worker;

/// What CRIU tells on its way.
#[derive(Debug)]
pub struct Notice {
    /// Its name, like `setup-namespaces`.
    pub name: String,
    /// The process it is about, or 0.
    pub pid: i32,
    /// What came along.
    pub fds: Vec<OwnedFd>,
}

/// Who is told.
pub type Listener<'a> = &'a mut dyn FnMut(Notice) -> Result<()>;

/// How much of the memory is dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dump {
    /// Everything, and the processes with it.
    Whole,
    /// Memory alone; the processes go on, and a later dump has what changed since (`--pre-dump`).
    Memory,
}

/// Makes sure that CRIU is there and knows what it will be asked for.
///
/// # Errors
/// It is missing, too old, or cannot do something here.
pub fn check(options: &Options, features: &[Feature]) -> Result<()> {
    let answer = ask(&message::version_request(), Kind::Version)?;
    options.check(answer.version)?;
    for feature in features {
        let answer = ask(&message::feature_request(*feature), Kind::FeatureCheck)?;
        if !answer.features.contains(&(*feature as u64, true)) {
            let what = match feature {
                Feature::TrackMemory => "track changes of memory",
                Feature::LazyPages => "restore memory later (userfaultfd)",
            };
            let words = format!("criu cannot {what} on this kernel");
            return Err(Error::of(Code::KernelFeature, words));
        }
    }
    Ok(())
}

fn ask(request: &[u8], kind: Kind) -> Result<Response> {
    let worker = Worker::start(Place::default()).doing(|| "run criu".into())?;
    worker.talk(request, kind, &mut |_| Ok(()))
}

/// Dumps processes.
///
/// # Errors
/// What a listener says, otherwise what CRIU does: its log has the reason.
pub fn dump(place: Place<'_>, options: &Options, dump: Dump, listener: Listener<'_>) -> Result<()> {
    let kind = match dump {
        Dump::Whole => Kind::Dump,
        Dump::Memory => Kind::PreDump,
    };
    let worker = Worker::start(place).doing(|| "run criu".into())?;
    worker.talk(&message::request(kind, options), kind, listener).map(drop)
}

/// A CRIU in the place that the restored processes are to be in. It ends with the value.
#[derive(Debug)]
pub struct Restorer(Worker);

impl Restorer {
    /// Starts it.
    ///
    /// # Errors
    /// There is no criu, or its place cannot be made.
    pub fn start(place: Place<'_>) -> Result<Restorer> {
        Worker::start(place).map(Restorer).doing(|| "run criu".into())
    }

    /// The process, which has one thread until it is asked.
    pub fn pid(&self) -> i32 {
        self.0.pid()
    }

    /// Makes processes again from their images.
    ///
    /// # Errors
    /// As [`dump`]; nothing is left of the processes.
    pub fn restore(self, options: &Options, listener: Listener<'_>) -> Result<Child> {
        let request = message::request(Kind::Restore, options);
        let answer = self.0.talk(&request, Kind::Restore, listener)?;
        let pid = answer.pid.filter(|pid| *pid > 0);
        Child::adopt(pid.ok_or_else(|| Error::new("criu names no restored process"))?)
    }
}
