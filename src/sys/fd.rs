//! Descriptors: reading and writing small files, flags, closing ranges.

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::{c_string, check, errno};

/// `openat(2)` with O_CLOEXEC; `mode` only matters with O_CREAT.
pub fn open_at(dir: BorrowedFd<'_>, path: &str, flags: i32, mode: u32) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    // SAFETY: the path is a C string that lives over the call.
    let fd = check(unsafe {
        libc::openat(dir.as_raw_fd(), path.as_ptr(), flags | libc::O_CLOEXEC, mode)
    })?;
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Flags to read what may be no file: nothing is waited for, and no terminal becomes ours.
pub const READ_WARILY: i32 = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;

/// Gives the descriptor back, if it is that of a file.
///
/// # Errors
/// EINVAL: it is something else.
pub fn expect_file(fd: OwnedFd) -> io::Result<OwnedFd> {
    match stat(fd.as_fd())?.st_mode & libc::S_IFMT {
        libc::S_IFREG => Ok(fd),
        _ => Err(errno(libc::EINVAL)),
    }
}

/// `AT_FDCWD` as a descriptor: paths start at the working directory, or are absolute.
pub fn here() -> BorrowedFd<'static> {
    // SAFETY: AT_FDCWD is no open descriptor that could be closed under us, and it is not -1.
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) }
}

/// Reads to the end, up to `limit` bytes.
///
/// # Errors
/// EFBIG when there is more than that.
pub fn read_all(fd: BorrowedFd<'_>, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        // SAFETY: pointer and length are those of one array.
        let got = unsafe { libc::read(fd.as_raw_fd(), part.as_mut_ptr().cast(), part.len()) };
        match check(got) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&part[..count as usize]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if bytes.len() > limit {
            return Err(errno(libc::EFBIG));
        }
    }
}

/// Reads what one `read(2)` gives: all of a kernel file that is smaller than the buffer.
pub fn read_once<'a>(fd: BorrowedFd<'_>, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    // SAFETY: pointer and length are those of one slice.
    let got = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    Ok(&buffer[..check(got)? as usize])
}

/// Writes everything in one `write(2)`, as kernel files want it.
pub fn write_once(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of one slice.
    let wrote = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    match check(wrote)? as usize == bytes.len() {
        true => Ok(()),
        false => Err(errno(libc::EIO)),
    }
}

/// `close_range(2)`: closes every descriptor from `first` on.
pub fn close_from(first: RawFd) -> io::Result<()> {
    close_range(first..=RawFd::MAX, 0)
}

/// `close_range(2)` with CLOSE_RANGE_CLOEXEC: every descriptor from `first` on ends at execve(2).
pub fn end_at_exec_from(first: RawFd) -> io::Result<()> {
    close_range(first..=RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int)
}

/// Closes every descriptor from 3 on but these: what a clone of the runtime must not carry.
pub fn close_all_but(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<RawFd> = keep.iter().copied().filter(|fd| *fd >= 3).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep {
        if fd > first {
            close_range(first..=fd - 1, 0)?;
        }
        first = first.max(fd + 1);
    }
    close_from(first)
}

fn close_range(range: RangeInclusive<RawFd>, flags: libc::c_int) -> io::Result<()> {
    let (first, last) = (*range.start(), *range.end());
    // SAFETY: takes no pointers; whoever owns a descriptor in the range gives it up: the callers
    // are a clone of the runtime or about to execve(2), or only mark them.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    match check(result) {
        Ok(_) => Ok(()),
        // It has no other failure than one for want of memory; EPERM is a filter's.
        Err(error) if error.raw_os_error() != Some(libc::ENOMEM) => one_by_one(range, flags),
        Err(error) => Err(error),
    }
}

/// For kernels before 5.9 (5.11 with the flag): the descriptors as /proc lists them, or all that
/// there may be where there is no /proc to look into.
fn one_by_one(range: RangeInclusive<RawFd>, flags: libc::c_int) -> io::Result<()> {
    const HIGHEST: RawFd = 1 << 16;
    let listed = listed().unwrap_or_else(|_| (*range.start()..=HIGHEST).collect());
    for fd in listed.into_iter().filter(|fd| range.contains(fd)) {
        match flags {
            // SAFETY: as in close_range; a number that is no longer open gives EBADF.
            0 => drop(unsafe { libc::close(fd) }),
            // SAFETY: takes no pointers.
            _ => drop(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }),
        }
    }
    Ok(())
}

/// The descriptors that are open, and the one that they were read through.
fn listed() -> io::Result<Vec<RawFd>> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// `fcntl(2)` F_SETFD: whether the descriptor ends at execve(2).
pub fn set_end_at_exec(fd: RawFd, ends: bool) -> io::Result<()> {
    let flag = if ends { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, flag) }).map(drop)
}

/// Whether this number is a descriptor that the caller passed: open, and not to end at execve(2)
/// as all of our own are.
pub fn is_passed(fd: RawFd) -> bool {
    // SAFETY: takes no pointers.
    unsafe { libc::fcntl(fd, libc::F_GETFD) == 0 }
}

/// Those of a range that the caller passed, in order: as many steps as descriptors are open.
///
/// # Errors
/// /proc/self/fd cannot be read.
pub fn passed_in(range: RangeInclusive<RawFd>) -> io::Result<Vec<RawFd>> {
    let mut passed = listed()?;
    passed.retain(|fd| range.contains(fd) && is_passed(*fd));
    passed.sort_unstable();
    Ok(passed)
}

/// `fcntl(2)` F_GETFL: whether the descriptor can be written to.
pub fn is_writable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: takes no pointers.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR))
}

/// `dup3(2)` onto a number below 3; the copy stays open over execve(2).
pub fn replace(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: takes no pointers; 0, 1 and 2 belong to the whole process.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }).map(drop)
}

/// `poll(2)`; the limit is in milliseconds, -1 for none. An interruption counts as nothing ready.
pub(super) fn poll(fds: &mut [libc::pollfd], limit: i32) -> io::Result<usize> {
    // SAFETY: pointer and length are those of one slice.
    let count = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, limit) };
    match check(count) {
        Ok(count) => Ok(count as usize),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}

/// `fstat(2)`
pub fn stat(fd: BorrowedFd<'_>) -> io::Result<libc::stat> {
    // SAFETY: all zero bytes are a valid struct stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` lives over the call.
    check(unsafe { libc::fstat(fd.as_raw_fd(), &raw mut stat) })?;
    Ok(stat)
}

/// `fstatfs(2)`
pub fn stat_filesystem(fd: BorrowedFd<'_>) -> io::Result<libc::statfs> {
    // SAFETY: all zero bytes are a valid struct statfs.
    let mut stat: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` lives over the call.
    check(unsafe { libc::fstatfs(fd.as_raw_fd(), &raw mut stat) })?;
    Ok(stat)
}

/// Whether the mount that a descriptor came through is read-only.
pub fn mount_is_read_only(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(mount_flags(fd)? & libc::ST_RDONLY != 0)
}

/// `fstatvfs(3)`: the flags of the mount that a descriptor came through, `ST_*`.
pub fn mount_flags(fd: BorrowedFd<'_>) -> io::Result<u64> {
    // SAFETY: all zero bytes are a valid struct statvfs.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` lives over the call.
    check(unsafe { libc::fstatvfs(fd.as_raw_fd(), &raw mut stat) })?;
    Ok(stat.f_flag)
}

/// `fchmod(2)`
pub fn set_mode(fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::fchmod(fd.as_raw_fd(), mode) }).map(drop)
}

/// `fchownat(2)` with AT_EMPTY_PATH; an id of `u32::MAX` stays as it is.
pub fn set_owner(fd: BorrowedFd<'_>, uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: the path is an empty C string literal.
    let result =
        unsafe { libc::fchownat(fd.as_raw_fd(), c"".as_ptr(), uid, gid, libc::AT_EMPTY_PATH) };
    check(result).map(drop)
}

/// `flock(2)`: waits for the exclusive lock.
pub fn lock(fd: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        // SAFETY: takes no pointers.
        match check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(drop),
        }
    }
}

/// `flock(2)`: whether another open file holds the exclusive lock right now.
pub fn is_locked(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: takes no pointers.
    match check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_SH | libc::LOCK_NB) }) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
        // SAFETY: takes no pointers.
        Ok(_) => check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_UN) }).map(|_| false),
    }
}
