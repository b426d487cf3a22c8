//! System call filters.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::{check, needs};

const LISTENER: u32 = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32;

/// `seccomp(2)`, `SECCOMP_SET_MODE_FILTER`: puts this thread and what it becomes under a filter,
/// for good. `flags` are `SECCOMP_FILTER_FLAG_*`; with `SECCOMP_FILTER_FLAG_NEW_LISTENER` the
/// listener comes back, closed on exec.
///
/// # Errors
/// `EACCES` without `no_new_privs` and without `CAP_SYS_ADMIN`, `EINVAL` for a program or flags
/// that the kernel does not take, `EBUSY` where a listener is already there.
pub fn load(program: &[libc::sock_filter], flags: u32) -> io::Result<Option<OwnedFd>> {
    let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel only reads the program, `len` instructions from `filter`, which are there
    // until the call is over.
    let result = check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    });
    let listens = flags & LISTENER != 0;
    let result = result.map_err(|error| match listens && !takes_flags(LISTENER) {
        true => needs("SCMP_ACT_NOTIFY (a listener of seccomp(2))", "5.0"),
        false => error,
    })?;
    if !listens {
        return Ok(None);
    }
    // SAFETY: with this flag the result is a new descriptor, and nobody else knows it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(result as RawFd) }))
}

/// Whether the kernel takes these flags: without a program it looks no further than at them.
pub fn takes_flags(flags: u32) -> bool {
    let nothing: *const libc::sock_fprog = std::ptr::null();
    // SAFETY: the kernel refuses a null pointer with EFAULT, after a look at the flags.
    let result = check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, nothing)
    });
    matches!(result, Err(error) if error.raw_os_error() == Some(libc::EFAULT))
}

#[cfg(test)]
mod tests {
    use super::takes_flags;

    #[test]
    fn a_flag_that_no_kernel_has_is_not_taken() {
        assert!(!takes_flags(1 << 31));
    }
}
