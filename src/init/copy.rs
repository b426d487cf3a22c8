//! Copies a tree by descriptor, for tmpfs mounts that start with what they cover.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};

use crate::error::{Doing, Result};
use crate::sys::fd::{READ_WARILY, expect_file, open_at, set_mode, set_owner};
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

/// By now the name may be that of a fifo or a device, if others write to the directory as well.
///
/// # Errors
/// EINVAL: it is no file.
fn file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let source = open_at(from, name, READ_WARILY | libc::O_NOFOLLOW, 0)?;
    let mut source = File::from(expect_file(source)?);
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    let mut made = File::from(open_at(to, name, flags, 0o600)?);
    io::copy(&mut source, &mut made)?;
    Ok(made.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fd::here;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("onggi-copy-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("to")).unwrap();
        let from = open_at(here(), path.to_str().unwrap(), libc::O_PATH, 0).unwrap();
        let to = open_at(from.as_fd(), "to", libc::O_PATH, 0).unwrap();
        make_node(from.as_fd(), "fifo", libc::S_IFIFO | 0o600, 0).unwrap();
        let error = file(from.as_fd(), to.as_fd(), "fifo").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        std::fs::write(path.join("file"), "text").unwrap();
        file(from.as_fd(), to.as_fd(), "file").unwrap();
        assert_eq!(std::fs::read_to_string(path.join("to/file")).unwrap(), "text");
        assert_eq!(std::fs::read_dir(path.join("to")).unwrap().count(), 1);
        std::fs::remove_dir_all(path).unwrap();
    }
}
