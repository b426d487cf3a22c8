//! An older kernel, or a host's filter: the runtime is run where some system calls are refused.
//!
//! `WITHOUT=clone3,openat2` answers ENOSYS to these calls, `WITHOUT=EPERM:clone3` answers EPERM;
//! `WITHOUT=all` and `WITHOUT=EPERM:all` are about all of [`OTHER_WAYS`].
//! What the runtime starts is under the same filter. `notify` is no call, but the flag of
//! seccomp(2) that makes a listener.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};

use crate::host;

/// First argument of this program when it refuses calls and becomes another program.
pub(crate) const FLAG: &str = "--without";

/// The calls that onggi does without: each has another way, or is for what few configurations ask.
pub const OTHER_WAYS: &[&str] = &[
    "clone3",
    "close_range",
    "faccessat2",
    "fsconfig",
    "fsmount",
    "fsopen",
    "mount_setattr",
    "move_mount",
    "notify",
    "open_tree",
    "open_tree_attr",
    "openat2",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "statx",
];

/// What `WITHOUT` asks for, if anything.
pub fn wanted() -> Option<String> {
    std::env::var("WITHOUT").ok().filter(|list| !list.is_empty())
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
/// What takes a pidfd that nobody has handed over.
pub const PIDFD: &[&str] = &["pidfd_open"];
/// What takes a seccomp filter's listener.
pub const LISTENER: &[&str] = &["notify", "pidfd_getfd", "seccomp"];

/// Skips a test of what has no other way where `WITHOUT` refuses one of these calls.
pub fn needs(calls: &[&str]) -> Result<()> {
    let list = expand(&wanted().unwrap_or_default());
    let names = list.trim_start_matches("EPERM:");
    let refused = names.split(',').find(|name| calls.contains(name));
    let reason =
        refused.map(|name| format!("WITHOUT refuses {name}, for which there is no other way"));
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

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`
const NEW_LISTENER: u64 = 1 << 3;

fn refuse(list: &str) -> Result<()> {
    let (errno, names) = match list.strip_prefix("EPERM:") {
        Some(names) => (rustix::io::Errno::PERM, names),
        None => (rustix::io::Errno::NOSYS, list),
    };
    let refusal = ScmpAction::Errno(errno.raw_os_error());
    let mut filter = ScmpFilterContext::new(ScmpAction::Allow)?;
    // The filter must change nothing else of what the runtime and its container see.
    filter.set_ctl_nnp(false)?;
    for name in names.split(',') {
        if name == "notify" {
            let flag = ScmpCompareOp::MaskedEqual(NEW_LISTENER);
            let flag = ScmpArgCompare::new(1, flag, NEW_LISTENER);
            let no_such_flag = ScmpAction::Errno(rustix::io::Errno::INVAL.raw_os_error());
            filter.add_rule_conditional(no_such_flag, number("seccomp")?, &[flag])?;
        } else {
            filter.add_rule(refusal, number(name)?)?;
        }
    }
    Ok(filter.load()?)
}

/// Some are younger than the library; their number is the same on every architecture.
fn number(name: &str) -> Result<ScmpSyscall> {
    match name {
        "open_tree_attr" => Ok(ScmpSyscall::from(467)),
        _ => ScmpSyscall::from_name(name).with_context(|| format!("{name} is no system call")),
    }
}
