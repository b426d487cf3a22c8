//! Users and groups. Raw system calls: the C library's would look for other threads first.

use std::io;

use super::check;

/// `setgroups(2)`
pub fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: length and pointer are those of one slice.
    check(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) }).map(drop)
}

/// `setresgid(2)`, all three alike.
pub fn set_gid(gid: u32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) }).map(drop)
}

/// `setresuid(2)`, all three alike.
pub fn set_uid(uid: u32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// `geteuid(2)` and `getegid(2)`
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: takes no pointers and cannot fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: as above.
    let gid = unsafe { libc::getegid() };
    (uid, gid)
}
