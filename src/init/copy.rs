//! Copies a tree by descriptor, for tmpfs mounts that start with what they cover.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};

use crate::error::{Doing, Result};
use crate::sys::fd::{open_at, set_mode, set_owner};
use crate::sys::path::{make_directory, make_link, make_node, read_link};

/// Copies what is in one directory into another: files, directories, links and nodes with their
/// modes and owners. It does not leave the file system and follows no link.
pub(super) fn tree(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    let readable = open_at(from, ".", libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let mut list = Dir::openat(&readable, ".", OFlag::O_CLOEXEC, Mode::empty())?;
    let names: Vec<CString> =
        list.iter().map(|entry| Ok(entry?.file_name().to_owned())).collect::<Result<Vec<_>>>()?;
    for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
        let name = name.to_string_lossy();
        entry(readable.as_fd(), to, &name).doing(|| name.clone().into_owned())?;
    }
    Ok(())
}

fn entry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &str) -> Result<()> {
    let stat = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let nofollow = libc::O_NOFOLLOW;
    let made = match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => {
            make_directory(to, name, 0o700)?;
            let source = open_at(from, name, libc::O_RDONLY | libc::O_DIRECTORY | nofollow, 0)?;
            let made = open_at(to, name, libc::O_RDONLY | libc::O_DIRECTORY | nofollow, 0)?;
            tree(source.as_fd(), made.as_fd())?;
            made
        }
        libc::S_IFREG => file(from, to, name)?,
        libc::S_IFLNK => {
            let target = read_link(from, name)?;
            make_link(&target.to_string_lossy(), to, name)?;
            let made = open_at(to, name, libc::O_PATH | nofollow, 0)?;
            return Ok(set_owner(made.as_fd(), stat.st_uid, stat.st_gid)?);
        }
        _ => {
            make_node(to, name, stat.st_mode, stat.st_rdev)?;
            let made = open_at(to, name, libc::O_PATH | nofollow, 0)?;
            return Ok(set_owner(made.as_fd(), stat.st_uid, stat.st_gid)?);
        }
    };
    set_owner(made.as_fd(), stat.st_uid, stat.st_gid)?;
    Ok(set_mode(made.as_fd(), stat.st_mode & 0o7777)?)
}

fn file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let mut source = File::from(open_at(from, name, libc::O_RDONLY | libc::O_NOFOLLOW, 0)?);
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    let mut made = File::from(open_at(to, name, flags, 0o600)?);
    io::copy(&mut source, &mut made)?;
    Ok(made.into())
}
