//! Asks whether the kernel knows a system call, by calling it wrongly.

/// Whether the kernel, and the filter that this process may be under, let a system call of this
/// number be made: with nothing but invalid arguments anything else than ENOSYS is a yes. Not for
/// calls that take no argument, or for which -1 means everybody.
pub fn knows(number: i64) -> bool {
    error_of(number) != Some(libc::ENOSYS)
}

/// Whether a system call is not let through: it is unknown, or a filter denies it, as some do with
/// EPERM. For a caller who has the rights that the call asks for.
pub(super) fn refuses(number: i64) -> bool {
    matches!(error_of(number), Some(libc::ENOSYS | libc::EPERM))
}

fn error_of(number: i64) -> Option<i32> {
    const BAD: libc::c_long = -1;
    // SAFETY: no descriptor is -1, no flags are all set, and no object is at the last address: the
    // kernel refuses before it does anything.
    let result = unsafe { libc::syscall(number, BAD, BAD, BAD, BAD, BAD, BAD) };
    if result == -1 { std::io::Error::last_os_error().raw_os_error() } else { None }
}
