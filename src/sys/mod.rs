//! System calls, one small safe function each: no policy, and the only room with `unsafe`.
//!
//! Functions say the meaning and name the call they make; they return [`std::io::Error`], and
//! whoever calls adds what was being done.

pub mod bpf;
pub mod capability;
pub mod clone;
pub mod entry;
pub mod eventfd;
pub mod fd;
pub mod fifo;
pub mod file;
pub mod heap;
pub mod identity;
pub mod inotify;
pub mod keyring;
pub mod landlock;
pub mod mount;
pub mod namespace;
pub mod netlink;
pub mod path;
pub mod pidfd;
pub mod probe;
pub mod process;
pub mod procfs;
pub mod pty;
pub mod regex;
pub mod relay;
pub mod scheduling;
pub mod seccomp;
pub mod self_exe;
pub mod signal;
pub mod socket;
pub mod xattr;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;

/// The result of a system call that gives -1 for an error.
fn check<T: Copy + PartialEq + From<i8>>(result: T) -> io::Result<T> {
    if result == T::from(-1) { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The error of this number.
fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// The error for what has no other way of being done.
pub fn needs(what: &str, version: &str) -> io::Error {
    let words = format!("{what} needs Linux {version} or newer, and no filter that refuses it");
    io::Error::new(io::ErrorKind::Unsupported, words)
}

/// `faccessat(2)` by the real ids: the C library asks faccessat2(2) first, which filters deny.
fn access(dir: i32, name: &CString, mode: i32) -> io::Result<()> {
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::syscall(libc::SYS_faccessat, dir, name.as_ptr(), mode) }).map(drop)
}

/// Text for the kernel.
///
/// # Errors
/// EINVAL when it holds a NUL byte.
fn c_string(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| errno(libc::EINVAL))
}
