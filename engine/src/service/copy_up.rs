//! A new volume gets what the image has at its place. Both ends are held by descriptors: a link in
//! the image leads nowhere outside of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, chmodat, chownat,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};

use super::inside::Inside;
use crate::error::{Context, Result};
use crate::model::Container;

/// Fills the container's empty volumes.
pub(super) fn fill(container: &Container, inside: &Inside) -> Result<()> {
    for point in container.mounts.iter().filter(|point| point.kind == "volume") {
        let nothing = |options: &str| options.split(',').any(|option| option == "nocopy");
        if nothing(&point.mode) || !is_empty(Path::new(&point.source))? {
            continue;
        }
        let Ok(source) = inside.open_path(&point.destination) else { continue };
        if !source.metadata().is_ok_and(|about| about.is_dir()) {
            continue;
        }
        let target = File::open(&point.source)
            .with_context(|| format!("open the volume at {}", point.source))?;
        copy_folder(&source, &target)
            .with_context(|| format!("copy {} into its volume", point.destination))?;
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool> {
    let mut entries = std::fs::read_dir(folder)
        .with_context(|| format!("list the volume at {}", folder.display()))?;
    Ok(entries.next().is_none())
}

fn copy_folder(source: &File, target: &File) -> io::Result<()> {
    for entry in Dir::read_from(source)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let about = statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = Mode::from_raw_mode(about.st_mode);
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Directory => {
                mkdirat(target, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let from = File::from(openat(source, name, flags, Mode::empty())?);
                let to = File::from(openat(target, name, flags, Mode::empty())?);
                copy_folder(&from, &to)?;
            }
            FileType::RegularFile => copy_file(source, target, name)?,
            FileType::Symlink => {
                symlinkat(&*readlinkat(source, name, Vec::new())?, target, name)?;
            }
            kind => mknodat(target, name, kind, mode, about.st_rdev)?,
        }
        let (uid, gid) = (Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid));
        chownat(target, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::Symlink {
            chmodat(target, name, mode, AtFlags::empty())?;
        }
        let written = Timespec {
            tv_sec: about.st_mtime,
            tv_nsec: i64::try_from(about.st_mtime_nsec).unwrap_or(0),
        };
        let times = Timestamps { last_access: written, last_modification: written };
        utimensat(target, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    copy_owner(source, target)
}

fn copy_file(source: &File, target: &File, name: &std::ffi::CStr) -> io::Result<()> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut from = File::from(openat(source, name, read, Mode::empty())?);
    let mut to = File::from(openat(target, name, write, Mode::RUSR | Mode::WUSR)?);
    io::copy(&mut from, &mut to).map(drop)
}

/// The folder itself looks as it does in the image.
fn copy_owner(source: &File, target: &File) -> io::Result<()> {
    let about = source.metadata()?;
    std::os::unix::fs::fchown(target, Some(about.uid()), Some(about.gid()))?;
    target.set_permissions(std::fs::Permissions::from_mode(about.mode() & 0o7777))
}
