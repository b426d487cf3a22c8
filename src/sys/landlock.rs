//! landlock(7): a process gives up rights for itself and its children.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;

/// `LANDLOCK_ACCESS_FS_*`: what reading takes, executing and listing too.
pub const READ: u64 = 1 | 1 << 2 | 1 << 3;
/// What there is for a file that is no directory.
pub const FILE: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;
/// `LANDLOCK_ACCESS_NET_BIND_TCP`
pub const BIND_TCP: u64 = 1;
/// `LANDLOCK_ACCESS_NET_CONNECT_TCP`
pub const CONNECT_TCP: u64 = 2;

/// `struct landlock_ruleset_attr` (linux/landlock.h): what is forbidden unless a rule allows it.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Handled {
    /// `LANDLOCK_ACCESS_FS_*`
    pub files: u64,
    /// `LANDLOCK_ACCESS_NET_*`
    pub network: u64,
    /// `LANDLOCK_SCOPE_*`
    pub scoped: u64,
}

/// Rules that are not in force yet.
#[derive(Debug)]
pub struct Ruleset(OwnedFd);

/// The version of the interface that this kernel has.
///
/// # Errors
/// ENOSYS: it is not built in; EOPNOTSUPP: it is not switched on.
pub fn version() -> io::Result<u32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel takes a null pointer of size 0.
    check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0usize, 0usize, VERSION) })
        .map(|version| version as u32)
}

/// Every `LANDLOCK_ACCESS_FS_*` that a version knows.
pub fn all_of(version: u32) -> u64 {
    let rights = match version {
        0 | 1 => 13,
        2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    (1 << rights) - 1
}

impl Ruleset {
    /// `landlock_create_ruleset(2)`
    ///
    /// # Errors
    /// What the kernel does not know.
    pub fn new(handled: Handled) -> io::Result<Ruleset> {
        // SAFETY: the attributes live over the call, which is told their size.
        let fd = check(unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                &raw const handled,
                size_of::<Handled>(),
                0,
            )
        })?;
        // SAFETY: a new descriptor of a successful system call, which nobody else owns.
        Ok(Ruleset(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// Allows this for a file, or for all below a directory.
    ///
    /// # Errors
    /// `landlock_add_rule(2)`
    pub fn allow_below(&self, path: BorrowedFd<'_>, access: u64) -> io::Result<()> {
        #[repr(C, packed)]
        struct PathBeneath {
            access: u64,
            fd: i32,
        }
        const PATH_BENEATH: i32 = 1;
        let rule = PathBeneath { access, fd: path.as_raw_fd() };
        self.add(PATH_BENEATH, (&raw const rule).cast())
    }

    /// Allows this for a TCP port.
    ///
    /// # Errors
    /// `landlock_add_rule(2)`
    pub fn allow_port(&self, port: u16, access: u64) -> io::Result<()> {
        const NET_PORT: i32 = 2;
        let rule = [access, u64::from(port)];
        self.add(NET_PORT, rule.as_ptr().cast())
    }

    fn add(&self, kind: i32, rule: *const libc::c_void) -> io::Result<()> {
        // SAFETY: both callers pass a rule of the kind that they name, which lives over the call.
        check(unsafe {
            libc::syscall(libc::SYS_landlock_add_rule, self.0.as_raw_fd(), kind, rule, 0)
        })
        .map(drop)
    }

    /// `landlock_restrict_self(2)`: in force from now on, for good.
    ///
    /// # Errors
    /// EPERM without no_new_privs and CAP_SYS_ADMIN.
    pub fn restrict_self(self) -> io::Result<()> {
        // SAFETY: takes no pointers.
        check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.0.as_raw_fd(), 0) })
            .map(drop)
    }
}
