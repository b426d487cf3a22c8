//! System calls, one small safe function each: no policy, and the only room with `unsafe`.

pub mod seccomp;

use std::io;

/// The result of a system call that gives -1 for an error.
pub(crate) fn check<T: Copy + PartialEq + From<i8>>(result: T) -> io::Result<T> {
    if result == T::from(-1) { Err(io::Error::last_os_error()) } else { Ok(result) }
}
