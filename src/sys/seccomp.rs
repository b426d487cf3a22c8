//! seccomp(2)

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::check;

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`
pub const NEW_LISTENER: u32 = 1 << 3;

/// `SECCOMP_SET_MODE_FILTER`: puts a filter on this thread; with [`NEW_LISTENER`] it gives the
/// descriptor that notifications are read from.
///
/// # Errors
/// EACCES without no_new_privs and CAP_SYS_ADMIN, EINVAL for a program the kernel refuses.
pub fn load(program: &[libc::sock_filter], flags: u32) -> io::Result<Option<OwnedFd>> {
    let length = u16::try_from(program.len()).map_err(|_| super::errno(libc::EINVAL))?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: length and pointer are those of one slice, which the kernel only reads.
    let result = check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    })?;
    match flags & NEW_LISTENER {
        0 => Ok(None),
        // SAFETY: with this flag the result is a new descriptor that nobody else owns.
        _ => Ok(Some(unsafe { OwnedFd::from_raw_fd(result as i32) })),
    }
}
