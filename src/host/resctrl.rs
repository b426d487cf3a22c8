//! Where the file system of resource control is mounted (Documentation/filesystems/resctrl.rst).

use std::path::PathBuf;

use super::cgroups::{MOUNTINFO, read, unescape};
use crate::error::Result;

/// Its mount point; nothing where it is not mounted.
///
/// # Errors
/// /proc/self/mountinfo cannot be read.
pub fn find() -> Result<Option<PathBuf>> {
    Ok(mount_point(&read(MOUNTINFO)?))
}

fn mount_point(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (place, filesystem) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?;
        (filesystem.split(' ').next() == Some("resctrl")).then(|| unescape(point).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_by_its_type() {
        let other = "22 1 0:20 / /resctrl rw - tmpfs resctrl rw\n";
        assert_eq!(mount_point(other), None);
        let line =
            "40 22 0:30 / /sys/fs/res\\040ctrl rw,nosuid shared:9 - resctrl resctrl rw,cdp\n";
        assert_eq!(mount_point(&format!("{other}{line}")), Some("/sys/fs/res ctrl".into()));
        for text in ["", "x - resctrl", "1 2 3 4 5"] {
            assert_eq!(mount_point(text), None, "{text}");
        }
    }
}
