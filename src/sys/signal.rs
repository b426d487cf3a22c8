//! Signals: blocked and read from a descriptor while the runtime supervises, all as the kernel
//! has them before a program starts.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::check;

/// A set of signals.
#[derive(Clone, Copy)]
pub struct Set(libc::sigset_t);

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("signal::Set")
    }
}

impl Set {
    /// No signal.
    pub fn none() -> Set {
        // SAFETY: all zero bytes are the empty set.
        Set(unsafe { std::mem::zeroed() })
    }

    /// Every signal.
    pub fn all() -> Set {
        let mut set = Set::none();
        // SAFETY: the set lives over the call.
        unsafe { libc::sigfillset(&raw mut set.0) };
        set
    }
}

/// `sigprocmask(2)`: these are blocked, all others are not; gives what was blocked before.
pub fn block_only(set: &Set) -> io::Result<Set> {
    let mut old = Set::none();
    // SAFETY: both sets live over the call.
    check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set.0, &raw mut old.0) })?;
    Ok(old)
}

/// Lets a program that is started have no signal blocked: it would inherit what is held back here.
/// It is made by fork(2) then: the C library's posix_spawn(3) gives up where a filter answers EPERM
/// to clone3(2).
pub fn hold_none_in(command: &mut Command) {
    let hold_none = || block_only(&Set::none()).map(drop);
    // SAFETY: between fork(2) and execve(2) this makes one system call and allocates nothing.
    unsafe { command.pre_exec(hold_none) };
}

/// What a signal is called (strsignal(3)), like `bad system call`.
pub fn words(signal: i32) -> String {
    // SAFETY: takes any number; gives a C string, or nothing.
    let words = unsafe { libc::strsignal(signal) };
    if words.is_null() {
        return signal.to_string();
    }
    // SAFETY: a C string of the library's, which is not changed before the next such call.
    unsafe { CStr::from_ptr(words) }.to_string_lossy().to_ascii_lowercase()
}

/// `signalfd(2)`: reads what is blocked.
pub fn descriptor(set: &Set) -> io::Result<OwnedFd> {
    // SAFETY: the set lives over the call.
    let fd = check(unsafe {
        libc::signalfd(-1, &raw const set.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The next signal of a signalfd, if one is pending.
pub fn next(fd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    // SAFETY: all zero bytes are a valid signalfd_siginfo.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes whole records, and there is room for one.
    let got = unsafe { libc::read(fd.as_raw_fd(), (&raw mut info).cast(), size_of_val(&info)) };
    match check(got) {
        Ok(_) => Ok(Some(info.ssi_signo as i32)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// `rt_sigaction(2)` for every signal: the default, as a program expects it; SIGPIPE too, which
/// runtimes like to ignore and execve(2) would hand on. Those that the C library keeps for itself
/// its posix_spawn(3) ignores: so it is not asked.
pub fn reset_handlers() {
    const LAST: libc::c_int = 64;
    /// The kernel's `struct sigaction`: SIG_DFL, no flags, no restorer, an empty mask.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK: usize = 8;
    for signal in 1..=LAST {
        // SAFETY: the action lives over the call; what may not be changed gives an error.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), 0usize, MASK);
        }
    }
}
