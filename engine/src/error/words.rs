//! What the kernel's errors are called: the words of glibc, which people look for and Docker has
//! too, also where the C library is musl and has others.

use std::io;

use rustix::io::Errno;

/// The words for one link of a chain of errors.
pub(super) fn of(cause: &(dyn std::error::Error + 'static)) -> String {
    let by_io = cause.downcast_ref::<io::Error>().and_then(Errno::from_io_error);
    let errno = by_io.or_else(|| cause.downcast_ref().copied());
    match errno.and_then(|errno| Some((of_glibc(errno)?, errno.raw_os_error()))) {
        Some((words, number)) => format!("{words} (os error {number})"),
        None => cause.to_string(),
    }
}

/// The words for a number that musl calls otherwise, of those that an engine's calls give.
pub(super) fn of_glibc(errno: Errno) -> Option<&'static str> {
    let row = WORDS.iter().find(|row| row.0 == errno);
    row.map(|row| row.1)
}

const WORDS: [(Errno, &str); 18] = [
    (Errno::IO, "Input/output error"),
    (Errno::CHILD, "No child processes"),
    (Errno::NOMEM, "Cannot allocate memory"),
    (Errno::BUSY, "Device or resource busy"),
    (Errno::XDEV, "Invalid cross-device link"),
    (Errno::MFILE, "Too many open files"),
    (Errno::NOTTY, "Inappropriate ioctl for device"),
    (Errno::RANGE, "Numerical result out of range"),
    (Errno::NAMETOOLONG, "File name too long"),
    (Errno::LOOP, "Too many levels of symbolic links"),
    (Errno::OVERFLOW, "Value too large for defined data type"),
    (Errno::OPNOTSUPP, "Operation not supported"),
    (Errno::ADDRINUSE, "Address already in use"),
    (Errno::ADDRNOTAVAIL, "Cannot assign requested address"),
    (Errno::NETUNREACH, "Network is unreachable"),
    (Errno::HOSTUNREACH, "No route to host"),
    (Errno::TIMEDOUT, "Connection timed out"),
    (Errno::DQUOT, "Disk quota exceeded"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_env = "gnu")]
    #[test]
    fn they_are_those_of_glibc() {
        for (errno, words) in WORDS {
            let own = io::Error::from(errno).to_string();
            assert_eq!(own, format!("{words} (os error {})", errno.raw_os_error()));
        }
    }

    #[test]
    fn they_are_found_in_each_link() {
        let busy = io::Error::from(Errno::BUSY);
        assert_eq!(of(&busy), "Device or resource busy (os error 16)");
        assert_eq!(of(&Errno::XDEV), "Invalid cross-device link (os error 18)");
        assert_eq!(of(&io::Error::other("no such layer")), "no such layer");
    }
}
