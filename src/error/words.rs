//! What the kernel's errors are called: the words of glibc, which people look for and engines
//! compare, also where the C library is musl and has others.

/// The words for a number that musl calls otherwise, of those that the runtime's calls give.
pub(super) fn of(errno: i32) -> Option<&'static str> {
    let row = WORDS.iter().find(|row| row.0 == errno);
    row.map(|row| row.1)
}

const WORDS: [(i32, &str); 20] = [
    (libc::EIO, "Input/output error"),
    (libc::ECHILD, "No child processes"),
    (libc::ENOMEM, "Cannot allocate memory"),
    (libc::EBUSY, "Device or resource busy"),
    (libc::EXDEV, "Invalid cross-device link"),
    (libc::EMFILE, "Too many open files"),
    (libc::ENOTTY, "Inappropriate ioctl for device"),
    (libc::ERANGE, "Numerical result out of range"),
    (libc::ENAMETOOLONG, "File name too long"),
    (libc::ELOOP, "Too many levels of symbolic links"),
    (libc::EOVERFLOW, "Value too large for defined data type"),
    (libc::EUSERS, "Too many users"),
    (libc::ENOTSOCK, "Socket operation on non-socket"),
    (libc::EMSGSIZE, "Message too long"),
    (libc::EOPNOTSUPP, "Operation not supported"),
    (libc::EADDRINUSE, "Address already in use"),
    (libc::ENOTCONN, "Transport endpoint is not connected"),
    (libc::ETIMEDOUT, "Connection timed out"),
    (libc::EUCLEAN, "Structure needs cleaning"),
    (libc::EDQUOT, "Disk quota exceeded"),
];

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::io;

    #[test]
    fn they_are_those_of_glibc() {
        for (errno, words) in super::WORDS {
            let own = io::Error::from_raw_os_error(errno).to_string();
            assert_eq!(own, format!("{words} (os error {errno})"));
        }
    }
}
