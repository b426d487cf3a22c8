//! Mounts as descriptors: made detached, given their attributes, then moved onto a descriptor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{c_string, check};

/// `MOUNT_ATTR_RDONLY`
pub const READ_ONLY: u64 = 0x1;
/// `MOUNT_ATTR_NOSUID`
pub const NO_SUID: u64 = 0x2;
/// `MOUNT_ATTR_NODEV`
pub const NO_DEV: u64 = 0x4;
/// `MOUNT_ATTR_NOEXEC`
pub const NO_EXEC: u64 = 0x8;
/// `MOUNT_ATTR__ATIME`, the group of three modes.
pub const ATIME: u64 = 0x70;
/// `MOUNT_ATTR_IDMAP`
pub const ID_MAP: u64 = 0x10_0000;

/// `struct mount_attr` (linux/mount.h).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Attributes {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
    /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE` or 0.
    pub propagation: u64,
    /// A user namespace for `MOUNT_ATTR_IDMAP`.
    pub user_namespace: u64,
}

/// Whether a call is about one mount or also about those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This mount alone.
    One,
    /// And all below.
    All,
}

impl Reach {
    /// Recursive, or not.
    pub fn recursive(recursive: bool) -> Reach {
        if recursive { Reach::All } else { Reach::One }
    }

    fn flag(self) -> u32 {
        if self == Reach::All { libc::AT_RECURSIVE as u32 } else { 0 }
    }
}

/// Makes an owner of what a system call returned.
fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: a new descriptor of a successful system call, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// `open_tree(2)` with OPEN_TREE_CLONE: a detached copy of the mount at `path` below `dir` (of
/// `dir` itself when `path` is empty).
pub fn copy_tree(dir: BorrowedFd<'_>, path: &str, reach: Reach) -> io::Result<OwnedFd> {
    open_tree(dir, path, reach.flag())
}

/// The same, where a link that `path` ends in is itself what is copied.
pub fn copy_link(dir: BorrowedFd<'_>, path: &str, reach: Reach) -> io::Result<OwnedFd> {
    open_tree(dir, path, reach.flag() | libc::AT_SYMLINK_NOFOLLOW as u32)
}

fn open_tree(dir: BorrowedFd<'_>, path: &str, more: u32) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as u32 | more;
    // SAFETY: the path is a C string that lives over the call.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) })
}

/// `move_mount(2)`: attaches a detached mount onto what `target` refers to.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
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
    check(result).map(drop)
}

/// `mount_setattr(2)` on the mount that a descriptor refers to.
pub fn set_attributes(
    mount: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
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
    check(result).map(drop)
}

/// A file system that is being configured (fsopen(2)).
#[derive(Debug)]
pub struct Filesystem(OwnedFd);

impl Filesystem {
    /// `fsopen(2)`
    pub fn open(kind: &str) -> io::Result<Filesystem> {
        let kind = c_string(kind)?;
        // SAFETY: the name is a C string that lives over the call.
        owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC) })
            .map(Filesystem)
    }

    /// `fsconfig(2)` FSCONFIG_SET_STRING
    pub fn set(&self, key: &str, value: &str) -> io::Result<()> {
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
        check(result).map(drop)
    }

    /// `fsconfig(2)` FSCONFIG_SET_FLAG
    pub fn set_flag(&self, key: &str) -> io::Result<()> {
        let key = c_string(key)?;
        // SAFETY: the key is a C string that lives over the call.
        check(unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), 0, key.as_ptr(), 0usize, 0)
        })
        .map(drop)
    }

    /// FSCONFIG_CMD_CREATE, then `fsmount(2)`: a detached mount with these attribute bits.
    pub fn mount(self, attributes: u64) -> io::Result<OwnedFd> {
        const CREATE: u32 = 6;
        // SAFETY: CREATE takes neither key nor value.
        check(unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), CREATE, 0usize, 0usize, 0)
        })?;
        // SAFETY: takes no pointers.
        owned(unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                libc::FSMOUNT_CLOEXEC,
                attributes as u32,
            )
        })
    }

    /// What the file system itself says of the last error, if anything.
    pub fn message(&self) -> Option<String> {
        let mut buffer = [0u8; 512];
        // SAFETY: pointer and length are those of one array.
        let length =
            unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        let text = buffer.get(..usize::try_from(length).ok()?)?;
        let text = String::from_utf8_lossy(text);
        Some(text.trim_start_matches(['e', 'w', 'i', ' ']).trim().to_owned())
    }
}

/// `mount(2)`, for what has no descriptor form: an absent string is a null pointer.
pub fn mount(
    source: Option<&str>,
    target: &str,
    kind: Option<&str>,
    (flags, data): (u64, Option<&str>),
) -> io::Result<()> {
    let [source, kind, data] = [source, kind, data].map(|text| text.map(c_string).transpose());
    let (source, kind, data) = (source?, kind?, data?);
    let pointer = |text: &Option<std::ffi::CString>| {
        text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
    };
    let target = c_string(target)?;
    // SAFETY: each pointer is null or a C string that lives over the call.
    let result = unsafe {
        libc::mount(pointer(&source), target.as_ptr(), pointer(&kind), flags, pointer(&data).cast())
    };
    check(result).map(drop)
}

/// `umount2(2)` with MNT_DETACH.
pub fn detach(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is a C string that lives over the call.
    check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// `pivot_root(2)` of the working directory, with the old root mounted over the new one.
pub fn pivot_here() -> io::Result<()> {
    // SAFETY: both paths are C string literals.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }).map(drop)
}
