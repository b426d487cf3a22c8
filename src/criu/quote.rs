//! What CRIU's log says of a failure.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::fd::{open_at, stat};

/// No more than so many lines: the last ones, since each tells why the next one is there.
const MOST: usize = 4;
/// No more of the log's end is read (bytes).
const TAIL: u64 = 256 << 10;
/// No longer a line than that (characters).
const WIDTH: usize = 300;

/// The lines of a log that tell of errors; nothing where there is no log, or something else in
/// its place.
pub fn errors_of(directory: BorrowedFd<'_>, name: &str) -> Vec<String> {
    tail_of(directory, name).map(|text| errors_in(&text)).unwrap_or_default()
}

fn tail_of(directory: BorrowedFd<'_>, name: &str) -> std::io::Result<String> {
    let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let log = open_at(directory, name, flags, 0)?;
    let found = stat(log.as_fd())?;
    if found.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut log = File::from(log);
    log.seek(SeekFrom::Start((found.st_size as u64).saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    log.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn errors_in(log: &str) -> Vec<String> {
    // "(00.12) Error (criu/mount.c:1): words" and, of another process, "(00.12)  7: Error (…): …".
    let words = |line: &str| {
        let (_, words) = line.split_once("Error (")?.1.split_once("): ")?;
        Some(words.trim().chars().take(WIDTH).collect::<String>())
    };
    let mut errors: Vec<String> = log.lines().filter_map(words).collect();
    errors.drain(..errors.len().saturating_sub(MOST));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_errors_are_quoted_without_their_places() {
        let log = "\
(00.01) Version: 4.2.1 (gitid 0)
(00.02) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self
(00.18)      1: Error (criu/files-reg.c:1790): Can't lookup mount=27 for fd=2 path=/tmp/err
(00.19) Warn  (criu/x.c:1): nothing
(00.20) Error (criu/cr-dump.c:1975): Dumping FAILED.
";
        assert_eq!(
            errors_in(log),
            [
                "rlimit: Can't setup RLIMIT_NOFILE for self",
                "Can't lookup mount=27 for fd=2 path=/tmp/err",
                "Dumping FAILED.",
            ]
        );
    }

    #[test]
    fn a_log_full_of_errors_is_cut() {
        let line = format!("(0) Error (a.c:1): {}\n", "é".repeat(2000));
        let errors = errors_in(&line.repeat(9));
        assert_eq!(errors.len(), MOST);
        assert!(errors.iter().all(|words| words.chars().count() == WIDTH));
    }
}
