//! Asks whether the kernel knows a system call, by calling it wrongly.

/// Whether the kernel, and the filter that this process may be under, let a system call of this
/// number be made: with nothing but invalid arguments anything else than ENOSYS is a yes. Not for
/// calls that take no argument, or for which -1 means everybody.
pub fn knows(number: i64) -> bool {
    const BAD: libc::c_long = -1;
    // SAFETY: no descriptor is -1, no flags are all set, and no object is at the last address: the
    // kernel refuses before it does anything.
    let result = unsafe { libc::syscall(number, BAD, BAD, BAD, BAD, BAD, BAD) };
    !(result == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS))
}
