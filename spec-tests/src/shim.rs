//! An older kernel, or a host's filter: the runtime is run where some system calls are refused.
//!
//! `WITHOUT=clone3,openat2` answers ENOSYS to these calls, `WITHOUT=EPERM:clone3` answers EPERM;
//! `WITHOUT=all` and `WITHOUT=EPERM:all` are about all of [`OTHER_WAYS`]; `WITHOUT=KILL:clone3`
//! kills who makes the call.
//! What the runtime starts is under the same filter. A name of [`PARTS`] is no call, but what a
//! call learned later: it gets what kernels before that say.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rustix::io::Errno;

use crate::host;

/// First argument of this program when it refuses calls and becomes another program.
pub(crate) const FLAG: &str = "--without";

/// The calls that onggi does without: each has another way, or is for what few configurations ask.
pub const OTHER_WAYS: &[&str] = &[
    "CLONE_INTO_CGROUP",
    "CLOSE_RANGE_CLOEXEC",
    "MFD_EXEC",
    "PIDFD_GET_INFO",
    "PR_SET_MM",
    "P_PIDFD",
    "clone3",
    "close_range",
    "faccessat2",
    "fsconfig",
    "fsmount",
    "fsopen",
    "keyctl",
    "mount_setattr",
    "move_mount",
    "notify",
    "open_tree",
    "openat2",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "setns-pidfd",
    "statx",
];

/// A part of a system call: where an argument has this value under this mask, this is the answer.
struct Part {
    name: &'static str,
    call: &'static str,
    argument: u32,
    is: Is,
    errno: Errno,
}

enum Is {
    /// The bits of a mask have this value.
    Masked(u64, u64),
    /// The size of a structure is this one, in bytes, or a later one.
    AtLeast(u64),
    /// More than one of these bits.
    Several(&'static [u64]),
}

const PARTS: &[Part] = &[
    // The field came with this size; all later ones have it too.
    part("CLONE_INTO_CGROUP", ("clone3", 1), Is::AtLeast(88), Errno::TOOBIG),
    part("CLOSE_RANGE_CLOEXEC", ("close_range", 2), Is::Masked(1 << 2, 1 << 2), Errno::INVAL),
    part("MFD_EXEC", ("memfd_create", 1), Is::Masked(1 << 4, 1 << 4), Errno::INVAL),
    // Commands of ioctl(2) have 32 bits, with or without a sign.
    part("PIDFD_GET_INFO", ("ioctl", 1), Is::Masked(0xFFFF_FFFF, 0xC040_FF0B), Errno::NOTTY),
    part("PR_SET_MM", ("prctl", 0), Is::Masked(0xFFFF_FFFF, 35), Errno::INVAL),
    part("P_PIDFD", ("waitid", 0), Is::Masked(0xFFFF_FFFF, 3), Errno::INVAL),
    // `SECCOMP_FILTER_FLAG_NEW_LISTENER`
    part("notify", ("seccomp", 1), Is::Masked(1 << 3, 1 << 3), Errno::INVAL),
    // The file of a namespace has one kind; many at once are those of a process.
    part("setns-pidfd", ("setns", 1), Is::Several(NAMESPACES), Errno::INVAL),
];

/// `CLONE_NEW*`: time, mount, cgroup, uts, ipc, user, pid, net.
const NAMESPACES: &[u64] = &[1 << 7, 1 << 17, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30];

const fn part(
    name: &'static str,
    (call, argument): (&'static str, u32),
    is: Is,
    errno: Errno,
) -> Part {
    Part { name, call, argument, is, errno }
}

/// What `WITHOUT` asks for, if anything.
pub fn wanted() -> Option<String> {
    std::env::var("WITHOUT").ok().filter(|list| !list.is_empty())
}

/// What the calls of a list get, and their names.
fn parse(list: &str) -> (ScmpAction, Vec<&str>) {
    let errno = |errno: Errno| ScmpAction::Errno(errno.raw_os_error());
    let (answer, names) = match list.split_once(':') {
        Some(("EPERM", names)) => (errno(Errno::PERM), names),
        Some(("KILL", names)) => (ScmpAction::KillProcess, names),
        _ => (errno(Errno::NOSYS), list),
    };
    (answer, names.split(',').collect())
}

/// A list with what `all` stands for.
fn expand(list: &str) -> String {
    match list.strip_suffix("all") {
        Some(errno) => format!("{errno}{}", OTHER_WAYS.join(",")),
        None => list.to_owned(),
    }
}

/// What takes mount_setattr(2), and a mount that it can be used on before it is attached; that is
/// also one which another process hands over.
pub const MOUNT_ATTRIBUTES: &[&str] =
    &["mount_setattr", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount"];
/// What takes the exit code of a process that another has reaped.
pub const EXIT_CODE: &[&str] = &["pidfd_open", "PIDFD_GET_INFO"];
/// What takes a seccomp filter's listener.
pub const LISTENER: &[&str] = &["notify", "pidfd_getfd", "seccomp"];

/// What the reason for a skipped test ends in then.
pub const NO_OTHER_WAY: &str = "for which there is no other way";

/// Skips a test of what has no other way where `WITHOUT` refuses one of these calls.
pub fn needs(calls: &[&str]) -> Result<()> {
    let list = expand(&wanted().unwrap_or_default());
    let (answer, names) = parse(&list);
    let refused = names.into_iter().find(|name| calls.contains(name));
    let refused = refused.filter(|_| answer != ScmpAction::KillProcess);
    let reason = refused.map(|name| format!("WITHOUT refuses {name}, {NO_OTHER_WAY}"));
    host::needs(reason.is_none(), reason.as_deref().unwrap_or_default())
}

/// The words that run a command where the calls of a list are refused.
pub fn words(list: &str) -> Result<[OsString; 3]> {
    Ok([std::env::current_exe()?.into(), FLAG.into(), expand(list).into()])
}

/// Becomes the command in `words[1..]`, without the calls in `words[0]`.
pub(crate) fn become_command(words: &[OsString]) -> ExitCode {
    let list = words[0].to_string_lossy();
    let error = match refuse(&list) {
        Ok(()) => Command::new(&words[1]).args(&words[2..]).exec().into(),
        Err(error) => error.context(format!("refuse {list}")),
    };
    eprintln!("spec-tests: {error:#}");
    ExitCode::FAILURE
}

fn refuse(list: &str) -> Result<()> {
    let (answer, names) = parse(list);
    let mut filter = ScmpFilterContext::new(ScmpAction::Allow)?;
    // The filter must change nothing else of what the runtime and its container see.
    filter.set_ctl_nnp(false)?;
    for name in &names {
        match PARTS.iter().find(|part| part.name == *name) {
            Some(part) if names.contains(&part.call) => {}
            Some(part) => part.refuse(&mut filter, answer)?,
            None => drop(filter.add_rule(answer, number(name)?)?),
        }
    }
    Ok(filter.load()?)
}

impl Part {
    fn refuse(&self, filter: &mut ScmpFilterContext, answer: ScmpAction) -> Result<()> {
        let answer = match answer {
            ScmpAction::Errno(_) => ScmpAction::Errno(self.errno.raw_os_error()),
            other => other,
        };
        for (compare, value) in self.is.comparisons() {
            let compare = ScmpArgCompare::new(self.argument, compare, value);
            filter.add_rule_conditional(answer, number(self.call)?, &[compare])?;
        }
        Ok(())
    }
}

impl Is {
    /// Each of them alone is enough.
    fn comparisons(&self) -> Vec<(ScmpCompareOp, u64)> {
        match *self {
            Is::Masked(mask, value) => vec![(ScmpCompareOp::MaskedEqual(mask), value)],
            Is::AtLeast(value) => vec![(ScmpCompareOp::GreaterEqual, value)],
            Is::Several(bits) => {
                let pairs = bits.iter().flat_map(|one| bits.iter().map(move |two| (one, two)));
                let pairs = pairs.filter(|(one, two)| one < two).map(|(one, two)| one | two);
                pairs.map(|pair| (ScmpCompareOp::MaskedEqual(pair), pair)).collect()
            }
        }
    }
}

fn number(name: &str) -> Result<ScmpSyscall> {
    ScmpSyscall::from_name(name).with_context(|| format!("{name} is no system call"))
}
