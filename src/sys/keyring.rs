//! keyrings(7)

use std::io;

use super::{c_string, check, probe};

/// Whether the kernel has no keyctl(2), or a filter lets nobody call it.
pub fn are_refused() -> bool {
    probe::refuses(libc::SYS_keyctl)
}

/// `KEYCTL_JOIN_SESSION_KEYRING`: a new session keyring of this name; gives its id.
pub fn join_session(name: &str) -> io::Result<i32> {
    const JOIN: i32 = 1;
    let name = c_string(name)?;
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::syscall(libc::SYS_keyctl, JOIN, name.as_ptr()) }).map(|id| id as i32)
}

/// `KEYCTL_SETPERM`
pub fn set_permissions(key: i32, permissions: u32) -> io::Result<()> {
    const SET: i32 = 5;
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_keyctl, SET, key, permissions) }).map(drop)
}

/// `KEYCTL_DESCRIBE`: the permission bits of a key.
pub fn permissions(key: i32) -> io::Result<u32> {
    const DESCRIBE: i32 = 6;
    let mut text = [0u8; 256];
    // SAFETY: pointer and length are those of one array.
    let length = check(unsafe {
        libc::syscall(libc::SYS_keyctl, DESCRIBE, key, text.as_mut_ptr(), text.len())
    })?;
    let text = &text[..text.len().min(length as usize)];
    // type;uid;gid;permissions;description
    let field = text.split(|byte| *byte == b';').nth(3).unwrap_or_default();
    std::str::from_utf8(field)
        .ok()
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .ok_or_else(|| super::errno(libc::EBADMSG))
}
