//! What attributes are as flags of mount(2).

use super::super::{ATIME, Attributes, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};

/// `MOUNT_ATTR_NOATIME`, one of the modes of [`ATIME`].
const NO_ATIME: u64 = 0x10;
/// `MOUNT_ATTR_STRICTATIME`, another one.
const STRICT_ATIME: u64 = 0x20;
/// `MOUNT_ATTR_NODIRATIME`
const NO_DIRECTORY_ATIME: u64 = 0x80;
/// `MOUNT_ATTR_NOSYMFOLLOW`
const NO_LINKS: u64 = 0x20_0000;
/// `ST_NOSYMFOLLOW`
const ST_NO_LINKS: u64 = 0x2000;
/// `ST_RELATIME`, which not every C library names
const ST_RELATIME: u64 = 0x1000;
/// `MS_NOSYMFOLLOW`
const MS_NO_LINKS: u64 = 0x100;

/// Attribute of mount_setattr(2), flag of statvfs(3), flag of mount(2).
const FLAGS: [(u64, u64, u64); 6] = [
    (READ_ONLY, libc::ST_RDONLY, libc::MS_RDONLY),
    (NO_SUID, libc::ST_NOSUID, libc::MS_NOSUID),
    (NO_DEV, libc::ST_NODEV, libc::MS_NODEV),
    (NO_EXEC, libc::ST_NOEXEC, libc::MS_NOEXEC),
    (NO_DIRECTORY_ATIME, libc::ST_NODIRATIME, libc::MS_NODIRATIME),
    (NO_LINKS, ST_NO_LINKS, MS_NO_LINKS),
];

/// The flags of mount(2) for a mount that has those of statvfs(3) `now`.
pub(super) fn new_flags(now: u64, Attributes { set, clear, .. }: Attributes) -> u64 {
    let is_set = |(attribute, flag, _): &&(u64, u64, u64)| {
        set & attribute != 0 || (now & flag != 0 && clear & attribute == 0)
    };
    let flags = FLAGS.iter().filter(is_set).fold(0, |flags, row| flags | row.2);
    flags | access_time(now, set, clear)
}

/// One of three values, of which `relatime` is zero.
fn access_time(now: u64, set: u64, clear: u64) -> u64 {
    match (clear & ATIME != 0, set & ATIME) {
        (_, NO_ATIME) => libc::MS_NOATIME,
        (_, STRICT_ATIME) => libc::MS_STRICTATIME,
        (true, _) => libc::MS_RELATIME,
        (false, _) if now & libc::ST_NOATIME != 0 => libc::MS_NOATIME,
        (false, _) if now & ST_RELATIME != 0 => libc::MS_RELATIME,
        (false, _) => libc::MS_STRICTATIME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_not_named_stay_as_they_are() {
        let now = libc::ST_NOSUID | libc::ST_NODEV | ST_RELATIME;
        let change = Attributes { set: READ_ONLY, clear: NO_DEV, ..Default::default() };
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_RELATIME;
        assert_eq!(new_flags(now, change), flags);
    }

    #[test]
    fn an_access_time_mode_takes_the_place_of_another() {
        let change = |set| Attributes { set, clear: ATIME, ..Attributes::default() };
        assert_eq!(new_flags(libc::ST_NOATIME, change(0)), libc::MS_RELATIME);
        assert_eq!(new_flags(ST_RELATIME, change(NO_ATIME)), libc::MS_NOATIME);
        assert_eq!(new_flags(0, Attributes::default()), libc::MS_STRICTATIME);
    }
}
