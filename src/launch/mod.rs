//! Makes the process that becomes the container's: one clone, and an intermediate process only
//! where the kernel demands that a user namespace is joined before others are made.

mod channel;
mod message;

use std::os::fd::{AsFd, OwnedFd};

pub use channel::{Channel, InitEnd, RuntimeEnd, pair};
pub use message::{Failure, FromInit, MADE_NODE, ToInit};

use crate::error::{Doing, Error, Result};
use crate::plan::Kind;
use crate::sys::clone::{Forked, Side, fork};
use crate::sys::procfs::Procfs;
use crate::sys::{fd, identity, namespace, pidfd, process, signal, socket};

/// Namespaces to join through one descriptor: of a file under /proc/PID/ns, or a pidfd.
#[derive(Debug)]
pub struct Join {
    /// `CLONE_NEW*`
    pub flags: u64,
    /// What they are joined through.
    pub through: OwnedFd,
}

/// What is asked of the clone.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `CLONE_NEW*` of what is made.
    pub new: u64,
    /// What is joined.
    pub join: Vec<Join>,
    /// Lines for timens_offsets of a new time namespace.
    pub time_offsets: &'a [(String, i64, u32)],
    /// The cgroup to be born in.
    pub cgroup: Option<OwnedFd>,
    /// Whether the runtime has no rights over the namespaces that it runs in: some it cannot join
    /// before a user namespace, some it could not come back to.
    pub unprivileged: bool,
}

/// Init as the runtime sees it: killed when dropped before it was kept.
#[derive(Debug)]
pub struct Child {
    /// Its id in the runtime's pid namespace.
    pub pid: i32,
    /// pidfd_open(2)
    pub pidfd: OwnedFd,
    kept: bool,
}

impl Child {
    /// A child of the runtime that another process has made.
    ///
    /// # Errors
    /// `pidfd_open(2)`
    pub fn adopt(pid: i32) -> Result<Child> {
        let pidfd = pidfd::open(pid).doing(|| format!("open process {pid}"))?;
        Ok(Child { pid, pidfd, kept: false })
    }

    /// From now on it lives without this value.
    pub fn keep(mut self) -> Child {
        self.kept = true;
        self
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.kept {
            // It may be dead already; either way it is then only reaped.
            let _ = pidfd::signal(self.pidfd.as_fd(), libc::SIGKILL);
            let _ = pidfd::reap(&self.pidfd);
        }
    }
}

/// Namespaces that come with the clone: a process cannot make or enter its own pid namespace, and
/// a user namespace must own the others. The others the child makes, while its parent does
/// something else.
const WITH_THE_CLONE: u64 = 0x1000_0000 | 0x2000_0000 | 0x80;

/// What is left for the child to do by itself.
#[derive(Debug, Default)]
pub struct Rest {
    /// `CLONE_NEW*` of what it makes.
    pub make: u64,
    /// What it joins.
    pub join: Vec<Join>,
}

/// Clones this process. `init` runs in the child and never returns; it is given what the child
/// must make and join by itself.
///
/// # Errors
/// Which namespace could not be made or joined.
pub fn spawn(request: Request<'_>, init: impl FnOnce(Rest) -> Result<()>) -> Result<Child> {
    let joins = |kind: Kind| request.join.iter().any(|join| join.flags & kind.flag() != 0);
    let no_return = request.unprivileged && (joins(Kind::Pid) || !request.time_offsets.is_empty());
    if joins(Kind::User) && (request.new != 0 || request.unprivileged) || no_return {
        return through_an_intermediate(request, init);
    }
    let Request { new, join, time_offsets, cgroup, .. } = request;
    let (around, inside): (Vec<Join>, Vec<Join>) =
        join.into_iter().partition(|join| join.flags == Kind::Pid.flag());
    let own = enter_around(&around, time_offsets)?;
    let new = new & !made_before(time_offsets);
    let side = fork(new & WITH_THE_CLONE, cgroup.as_ref().map(AsFd::as_fd))
        .map_err(whose_limit)
        .doing(|| "clone into new namespaces".into());
    if let Ok(Side::Child) = side {
        drop(own);
        end_with(init(Rest { make: new & !WITH_THE_CLONE, join: inside }))
    }
    for (flag, through) in own {
        namespace::join(through.as_fd(), flag).doing(|| "leave joined namespaces".into())?;
    }
    match side? {
        Side::Child => unreachable!("the child has ended above"),
        Side::Parent(Forked { pid, pidfd }) => Ok(Child { pid, pidfd, kept: false }),
    }
}

/// The child never goes back into the runtime's code.
fn end_with(result: Result<()>) -> ! {
    process::end(if result.is_ok() { 0 } else { 1 })
}

/// Enters what only children get into; gives the way back.
fn enter_around(
    around: &[Join],
    time_offsets: &[(String, i64, u32)],
) -> Result<Vec<(u64, OwnedFd)>> {
    let joined = around.iter().fold(0, |flags, join| flags | join.flags);
    let flags = joined | made_before(time_offsets);
    let own = [Kind::Pid, Kind::Time]
        .into_iter()
        .filter(|kind| flags & kind.flag() != 0)
        .map(|kind| Ok((kind.flag(), own_namespace(kind)?)))
        .collect::<Result<Vec<_>>>()?;
    join_all(around)?;
    make_time_namespace(time_offsets)?;
    Ok(own)
}

fn own_namespace(kind: Kind) -> Result<OwnedFd> {
    let path = format!("/proc/self/ns/{}", kind.file());
    fd::open_at(fd::here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))
}

/// A time namespace with offsets cannot come from the clone: they must be there before the first
/// process enters.
fn made_before(time_offsets: &[(String, i64, u32)]) -> u64 {
    if time_offsets.is_empty() { 0 } else { Kind::Time.flag() }
}

fn make_time_namespace(offsets: &[(String, i64, u32)]) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    namespace::leave(Kind::Time.flag()).doing(|| "make a time namespace".into())?;
    let lines: String = offsets
        .iter()
        .map(|(clock, seconds, nanoseconds)| format!("{clock} {seconds} {nanoseconds}\n"))
        .collect();
    Procfs::of_this_process()
        .and_then(|proc| proc.write("self/timens_offsets", &lines))
        .doing(|| "write the time offsets".into())
}

/// Joins namespaces that are the process's own at once: first what the present rights allow, then
/// the user namespace, then the rest with the rights that it gives.
pub fn join_all(joins: &[Join]) -> Result<()> {
    match join_in_order(joins) {
        Err(error) if error.is(libc::EINVAL) => {
            by_files(joins).map_or(Err(error), |files| join_in_order(&files))
        }
        joined => joined,
    }
}

/// What pidfds lead to, before Linux 5.8; nothing for what is no pidfd.
fn by_files(joins: &[Join]) -> Option<Vec<Join>> {
    let files = joins.iter().map(|join| pidfd::namespaces(join.through.as_fd(), join.flags));
    let files = files.collect::<std::io::Result<Vec<_>>>().ok()?.into_iter().flatten();
    Some(files.map(|(flags, through)| Join { flags, through }).collect())
}

fn join_in_order(joins: &[Join]) -> Result<()> {
    let user = Kind::User.flag();
    let (users, others): (Vec<&Join>, Vec<&Join>) =
        joins.iter().partition(|join| join.flags & user != 0);
    let mut later = Vec::new();
    for join in others {
        match namespace::join(join.through.as_fd(), join.flags) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) && !users.is_empty() => {
                later.push(join);
            }
            other => other.doing(|| join_words(join.flags))?,
        }
    }
    for join in users.into_iter().chain(later) {
        namespace::join(join.through.as_fd(), join.flags).doing(|| join_words(join.flags))?;
    }
    Ok(())
}

fn join_words(flags: u64) -> String {
    let names: Vec<&str> =
        Kind::ALL.iter().filter(|row| flags & row.3 != 0).map(|row| row.1).collect();
    format!("join the {} namespace", names.join(", "))
}

/// The intermediate joins, becomes root inside, makes the rest and ends; init is its sibling.
fn through_an_intermediate(
    request: Request<'_>,
    init: impl FnOnce(Rest) -> Result<()>,
) -> Result<Child> {
    let (theirs, ours) = socket::pair().doing(|| "open a channel to the intermediate".into())?;
    let side = fork(0, request.cgroup.as_ref().map(AsFd::as_fd))
        .map_err(whose_limit)
        .doing(|| "clone the intermediate".into())?;
    let Side::Parent(intermediate) = side else {
        drop(ours);
        let told = match intermediate(&request) {
            Ok(Side::Child) => end_with(init(Rest::default())),
            Ok(Side::Parent(Forked { pid, pidfd })) => {
                socket::send(theirs.as_fd(), pid.to_string().as_bytes(), &[pidfd.as_fd()])
            }
            Err(error) => socket::send(theirs.as_fd(), error.to_string().as_bytes(), &[]),
        };
        end_with(told.map_err(Error::from));
    };
    drop(theirs);
    let (told, mut pidfd) = socket::receive(ours.as_fd())?;
    pidfd::reap(&intermediate.pidfd)?;
    let told = String::from_utf8_lossy(&told).into_owned();
    let pid: i32 = match told.parse() {
        Ok(pid) => pid,
        Err(_) if told.is_empty() => return Err(Error::new("the intermediate process died")),
        Err(_) => return Err(Error::new(told)),
    };
    let pidfd = pidfd.pop().filter(|pidfd| pidfd::is_pidfd(pidfd.as_fd()));
    let pidfd = pidfd.map_or_else(|| pidfd::open(pid), Ok).doing(|| "find init".into())?;
    Ok(Child { pid, pidfd, kept: false })
}

fn intermediate(request: &Request<'_>) -> Result<Side> {
    join_all(&request.join)?;
    become_root()?;
    make_time_namespace(request.time_offsets)?;
    let flags = request.new & !made_before(request.time_offsets) | libc::CLONE_PARENT as u64;
    fork(flags, None).map_err(whose_limit).doing(|| "clone into new namespaces".into())
}

/// The kernel has one word for all that limits the number of processes.
fn whose_limit(error: std::io::Error) -> Error {
    let limits = "the user's limit of processes (RLIMIT_NPROC) or a cgroup's (pids.max) is reached";
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Error::told(format!("{error}: {limits}"), Some(libc::EAGAIN)),
        _ => error.into(),
    }
}

/// Becomes uid and gid 0 of the user namespace that this process is in. Where 0 is not mapped it
/// is the first id that is: the rights stay (capabilities(7): only a change away from 0 takes any),
/// and what is made inside has an owner. Where nothing is mapped, or no procfs tells what, the ids
/// stay too.
pub fn become_root() -> Result<()> {
    let kinds = [
        (identity::set_gid as fn(u32) -> _, "group", "self/gid_map"),
        (identity::set_uid, "user", "self/uid_map"),
    ];
    for (set, what, map) in kinds {
        let take = |id| set(id).doing(|| format!("become {what} {id} of the user namespace"));
        match take(0) {
            Err(error) if error.is(libc::EINVAL) => first_inside(map).map_or(Ok(()), take)?,
            other => other?,
        }
    }
    Ok(())
}

/// The first id inside, of the lines `INSIDE OUTSIDE COUNT` (user_namespaces(7)). What is at /proc
/// may be the container's by now, and whatever it made of it.
fn first_inside(map: &str) -> Option<u32> {
    let text = Procfs::of_this_process().and_then(|proc| proc.read(map)).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Lets go of what a clone inherits from the command: signal dispositions and the mask.
pub fn reset_signals() -> Result<()> {
    signal::reset_handlers();
    signal::block_only(&signal::Set::none()).map(drop).doing(|| "unblock signals".into())
}
