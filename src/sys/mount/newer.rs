//! The newer way: a detached mount is a descriptor (Linux 5.2), and so are its attributes changed
//! (5.12).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{Attributes, Reach, c_string, check, note_refusal};
use crate::sys::fd::mount_flags;

/// `MOUNT_ATTR_NOSYMFOLLOW`
const NO_SYMFOLLOW: u64 = 0x20_0000;
/// `ST_NOSYMFOLLOW`
const ST_NO_SYMFOLLOW: u64 = 0x2000;

/// Makes one of the calls of this way, which may be refused.
fn call(number: libc::c_long, result: libc::c_long) -> io::Result<libc::c_long> {
    check(result).inspect_err(|error| note_refusal(number, error))
}

/// Makes an owner of what a system call returned.
fn owned(number: libc::c_long, result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = call(number, result)?;
    // SAFETY: a new descriptor of a successful system call, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// `open_tree(2)` with OPEN_TREE_CLONE.
pub(super) fn open_tree(dir: BorrowedFd<'_>, path: &str, more: u32) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as u32 | more;
    // SAFETY: the path is a C string that lives over the call.
    let result =
        unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) };
    owned(libc::SYS_open_tree, result)
}

/// `move_mount(2)`: attaches a detached mount onto what `target` refers to.
pub(super) fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    const EMPTY_BOTH: u32 = 0x4 | 0x40;
    // SAFETY: both paths are empty C string literals.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            target.as_raw_fd(),
            c"".as_ptr(),
            EMPTY_BOTH,
        )
    };
    call(libc::SYS_move_mount, result).map(drop)
}

/// `mount_setattr(2)` on the mount that a descriptor refers to. Before Linux 5.14 it does not know
/// nosymfollow, which then may be taken back where it is off anyway.
pub(super) fn set_attributes(
    mount: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
    match set_all(mount, attributes, reach) {
        Err(error)
            if error.raw_os_error() == Some(libc::EINVAL)
                && attributes.clear & !attributes.set & NO_SYMFOLLOW != 0
                && mount_flags(mount)? & ST_NO_SYMFOLLOW == 0 =>
        {
            let clear = attributes.clear & !NO_SYMFOLLOW;
            set_all(mount, Attributes { clear, ..attributes }, reach)
        }
        other => other,
    }
}

fn set_all(mount: BorrowedFd<'_>, attributes: Attributes, reach: Reach) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH as u32 | reach.flag();
    // SAFETY: the path is an empty C string literal, the attributes live over the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    call(libc::SYS_mount_setattr, result).map(drop)
}

/// What fsopen(2) opens.
#[derive(Debug)]
pub struct Context(OwnedFd);

impl Context {
    /// `fsopen(2)`
    pub(super) fn open(kind: &str) -> io::Result<Context> {
        let kind = c_string(kind)?;
        // SAFETY: the name is a C string that lives over the call.
        let result =
            unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC) };
        owned(libc::SYS_fsopen, result).map(Context)
    }

    /// `fsconfig(2)` FSCONFIG_SET_STRING
    pub(super) fn set(&self, key: &str, value: &str) -> io::Result<()> {
        let (key, value) = (c_string(key)?, c_string(value)?);
        const SET_STRING: u32 = 1;
        // SAFETY: both are C strings that live over the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.0.as_raw_fd(),
                SET_STRING,
                key.as_ptr(),
                value.as_ptr(),
                0,
            )
        };
        call(libc::SYS_fsconfig, result).map(drop)
    }

    /// `fsconfig(2)` FSCONFIG_SET_FLAG
    pub(super) fn set_flag(&self, key: &str) -> io::Result<()> {
        let key = c_string(key)?;
        // SAFETY: the key is a C string that lives over the call.
        let result = unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), 0, key.as_ptr(), 0usize, 0)
        };
        call(libc::SYS_fsconfig, result).map(drop)
    }

    /// FSCONFIG_CMD_CREATE, then `fsmount(2)`: a detached mount with these attribute bits.
    pub(super) fn mount(&self, attributes: u64) -> io::Result<OwnedFd> {
        const CREATE: u32 = 6;
        // SAFETY: CREATE takes neither key nor value.
        let result = unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), CREATE, 0usize, 0usize, 0)
        };
        call(libc::SYS_fsconfig, result)?;
        // SAFETY: takes no pointers.
        let result = unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                libc::FSMOUNT_CLOEXEC,
                attributes as u32,
            )
        };
        owned(libc::SYS_fsmount, result)
    }

    /// What the file system itself says of the last error, if anything.
    pub(super) fn message(&self) -> Option<String> {
        let mut buffer = [0u8; 512];
        // SAFETY: pointer and length are those of one array.
        let length =
            unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        let text = buffer.get(..usize::try_from(length).ok()?)?;
        let text = String::from_utf8_lossy(text);
        Some(text.trim_start_matches(['e', 'w', 'i', ' ']).trim().to_owned())
    }
}
