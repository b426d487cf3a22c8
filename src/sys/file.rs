//! Files and directories by descriptor: openat(2) and its relatives.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The working directory as a descriptor that `*_at` functions take; absolute paths ignore it.
pub const HERE: BorrowedFd<'static> = AT_FDCWD;

/// Opens a directory, which must be one itself and no link to one.
///
/// # Errors
/// `openat(2)`
pub fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(HERE, path, flags, Mode::empty())?)
}

/// Opens the file `name` of a directory for reading.
///
/// # Errors
/// `openat(2)`
pub fn open_to_read(dir: impl AsFd, name: impl AsRef<Path>) -> io::Result<OwnedFd> {
    Ok(openat(dir, name.as_ref(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Opens the file `name` of a directory, which must exist, for writing.
///
/// # Errors
/// `openat(2)`
pub fn open_to_write(dir: impl AsFd, name: impl AsRef<Path>) -> io::Result<OwnedFd> {
    Ok(openat(dir, name.as_ref(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?)
}

/// Makes a directory, rwxr-xr-x before the umask.
///
/// # Errors
/// `mkdirat(2)`
pub fn make_dir(path: &Path) -> io::Result<()> {
    Ok(mkdirat(HERE, path, Mode::from_bits_retain(0o755))?)
}

/// Removes an empty directory.
///
/// # Errors
/// `unlinkat(2)` with AT_REMOVEDIR
pub fn remove_dir(path: &Path) -> io::Result<()> {
    Ok(unlinkat(HERE, path, UnlinkatFlags::RemoveDir)?)
}

/// One `write(2)` of all of `text`; files of the kernel take a value in one piece.
///
/// # Errors
/// `write(2)`, or a part of the text that was not taken
pub fn write(file: impl AsFd, text: &str) -> io::Result<()> {
    loop {
        match nix::unistd::write(&file, text.as_bytes()) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(length) if length < text.len() => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// `pread(2)` from the start to the end of the file, as text.
///
/// # Errors
/// `pread(2)`
pub fn read(file: impl AsFd) -> io::Result<String> {
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        match nix::sys::uio::pread(&file, &mut bytes[length..], length as i64) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(0) => break,
            Ok(more) => length += more,
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into()))
}

/// Opens, reads and closes the file `name` of a directory.
///
/// # Errors
/// `openat(2)`, `pread(2)`
pub fn read_at(dir: impl AsFd, name: impl AsRef<Path>) -> io::Result<String> {
    read(open_to_read(dir, name)?)
}

/// Opens, writes (in one piece) and closes the file `name` of a directory.
///
/// # Errors
/// `openat(2)`, `write(2)`
pub fn write_at(dir: impl AsFd, name: impl AsRef<Path>, text: &str) -> io::Result<()> {
    write(open_to_write(dir, name)?, text)
}
