//! An older kernel, or a host's filter: the runtime is run where some system calls are refused.
//!
//! `WITHOUT=clone3,openat2` answers ENOSYS to these calls, `WITHOUT=EPERM:clone3` answers EPERM.
//! What the runtime starts is under the same filter. `notify` is no call, but the flag of
//! seccomp(2) that makes a listener.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};

/// First argument of this program when it refuses calls and becomes another program.
pub(crate) const FLAG: &str = "--without";

/// What `WITHOUT` asks for, if anything.
pub fn wanted() -> Option<String> {
    std::env::var("WITHOUT").ok().filter(|list| !list.is_empty())
}

/// The words that run a command where the calls of a list are refused.
pub fn words(list: &str) -> Result<[OsString; 3]> {
    Ok([std::env::current_exe()?.into(), FLAG.into(), list.into()])
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
