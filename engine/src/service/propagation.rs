//! Mounts that are to reach the host, or to come from there, need a source that lets them: else the
//! kernel takes the request and nothing is ever seen.

use std::fs;
use std::path::Path;

use crate::error::{Context, Kind, Result, refuse};
use crate::model::MountPoint;

/// Refuses a propagation that the source's mount has not.
///
/// # Errors
/// Names the source and its mount.
pub(super) fn check(point: &MountPoint) -> Result<()> {
    let needs: &[&str] = match point.propagation.trim_start_matches('r') {
        "shared" => &["shared"],
        "slave" => &["shared", "slave"],
        _ => return Ok(()),
    };
    let source = Path::new(&point.source);
    let source = fs::canonicalize(source).with_context(|| format!("find {}", source.display()))?;
    let table = fs::read_to_string("/proc/self/mountinfo").context("read the table of mounts")?;
    let Some((place, kinds)) = mount_of(&table, &source) else { return Ok(()) };
    if kinds.iter().any(|kind| needs.contains(kind)) {
        return Ok(());
    }
    let words = format!(
        "path {} is mounted on {place} but it is not a {} mount",
        point.source,
        needs.join(" or ")
    );
    Err(refuse(Kind::Invalid, words))
}

/// The place of the mount that a path is in, and how that is connected to others:
/// proc_pid_mountinfo(5).
fn mount_of<'a>(table: &'a str, path: &Path) -> Option<(&'a str, Vec<&'a str>)> {
    let mounts = table.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let place = fields.next()?;
        let connected = fields.skip(1).take_while(|field| *field != "-");
        let kinds = connected.filter_map(|field| match field.split(':').next()? {
            "master" => Some("slave"),
            kind => Some(kind),
        });
        path.starts_with(place).then(|| (place, kinds.collect()))
    });
    // Of two at one place the later one covers the other.
    mounts.max_by_key(|(place, _)| place.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_and_last_mount_is_the_one() {
        let table = "20 1 8:1 / / rw shared:1 - ext4 /dev/a rw\n\
                     21 20 8:2 / /data rw - ext4 /dev/b rw\n\
                     22 20 8:3 / /data rw,nosuid shared:2 master:1 - ext4 /dev/c rw\n\
                     23 20 8:4 / /data/own rw - tmpfs tmpfs rw\n";
        for (path, expected) in [
            ("/etc", ("/", vec!["shared"])),
            ("/data/x", ("/data", vec!["shared", "slave"])),
            ("/data/own/x", ("/data/own", vec![])),
            ("/database", ("/", vec!["shared"])),
        ] {
            assert_eq!(mount_of(table, Path::new(path)), Some(expected), "{path}");
        }
    }
}
