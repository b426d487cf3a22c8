//! The init of `--init`: process 1 inside runs the program, passes signals on to it, and reaps
//! what nobody waits for. It is dok's own program, called by another name.

use std::ffi::{CString, NulError, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use rustix::process::{Pid, WaitOptions, wait};

use crate::error::{Context, Result};
use crate::runtime;

/// The name by which the program is an init.
pub const NAME: &str = "docker-init";

/// Whether a command line calls the init, and its words after `--`.
pub fn is_called(line: &[OsString]) -> Option<&[OsString]> {
    let name = Path::new(line.first()?).file_name()?;
    let called = name == NAME && line.get(1).is_some_and(|word| word == "--");
    called.then(|| line.get(2..)).flatten()
}

/// Runs the program to its end; its exit code.
///
/// # Errors
/// The program cannot be executed.
pub fn main(words: &[OsString]) -> Result<i32> {
    let program = words.first().context("docker-init: a program was expected")?;
    let all = SigSet::all();
    all.thread_block().context("hold signals")?;
    let signals = SignalFd::new(&all).context("hold signals")?;
    let pid = spawn(words).with_context(|| format!("exec {}", program.display()))?;
    if rustix::termios::isatty(std::io::stdin()) {
        // Where the terminal is another's, the program reads as any in the background.
        let _ = rustix::termios::tcsetpgrp(std::io::stdin(), pid);
    }
    loop {
        if let Some(code) = reap(pid)? {
            return Ok(code);
        }
        let Some(signal) = signals.read_signal().context("wait for a signal")? else { continue };
        let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
        if number != Signal::SIGCHLD as i32
            && let Some(signal) = rustix::process::Signal::from_named_raw(number)
        {
            // It may have ended: the next round says so.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Starts the program with nothing held back: the standard library would let it inherit what we
/// hold. In a group of its own: keys that make signals reach it, and not us.
fn spawn(words: &[OsString]) -> Result<Pid> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&SigSet::empty())?;
    let strings = |all: Vec<OsString>| -> Result<Vec<CString>, NulError> {
        all.into_iter().map(|one| CString::new(one.into_vec())).collect()
    };
    let variable = |(mut name, value): (OsString, OsString)| {
        name.push("=");
        name.push(value);
        name
    };
    let env = strings(std::env::vars_os().map(variable).collect())?;
    let words = strings(words.to_vec())?;
    let actions = PosixSpawnFileActions::init()?;
    let started = posix_spawnp(&words[0], &actions, &attributes, &words, &env);
    let pid = started.map_err(std::io::Error::from)?;
    Pid::from_raw(pid.as_raw()).context("name the program")
}

/// Reaps all that has ended; the exit code, if the program has.
fn reap(program: Pid) -> Result<Option<i32>> {
    use std::os::unix::process::ExitStatusExt;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => {
                return Ok(Some(runtime::code(ExitStatus::from_raw(status.as_raw()))));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error).context("wait for the program"),
        }
    }
}
