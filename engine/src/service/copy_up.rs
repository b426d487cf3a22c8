//! A new volume gets what the image has at its place. Both ends are held by descriptors: a link in
//! the image leads nowhere outside of it.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat,
    chownat, fchmod, fchown, fstat, futimens, mkdirat, mknodat, openat, readlinkat, statat,
    symlinkat, utimensat,
};
use rustix::io::Errno;

use super::inside::Inside;
use super::{Engine, driven};
use crate::error::{Context, Result};
use crate::model::{Container, MountPoint};
use crate::rootfs;

impl Engine {
    /// Fills what is empty of a new container's volumes. What somebody takes out of them later does
    /// not come back.
    ///
    /// # Errors
    /// Names the place whose files cannot be copied.
    pub(super) fn fill_volumes(&self, container: &Container) -> Result<()> {
        let points = takers(container);
        if points.is_empty() {
            return Ok(());
        }
        let bundle = self.store.bundle(&container.id);
        let mut empty = Vec::new();
        for point in points {
            let volume = self.store.volume(&point.name)?;
            // One with options has no files before it is mounted for a start.
            let is_driven = volume.is_some_and(|volume| volume.options.is_some());
            if !is_driven && empty_folder(point, &bundle)?.is_some() {
                empty.push(point);
            }
        }
        if !empty.is_empty() {
            self.with_files(container, |root| fill(&empty, &Inside::open(root)?, &bundle))?;
        }
        self.store.mark_filled(&container.id)
    }

    /// What is left of that to a start: volumes that are mounted for it, and all of them where the
    /// command that made the container was killed before it had filled them.
    ///
    /// # Errors
    /// As of [`Engine::fill_volumes`].
    pub(super) fn fill_the_rest(&self, container: &Container, inside: &Inside) -> Result<()> {
        let mut points = takers(container);
        if points.is_empty() {
            return Ok(());
        }
        let bundle = self.store.bundle(&container.id);
        if self.store.is_filled(&container.id) {
            points.retain(|point| driven::is_mounted(point, &bundle));
            return fill(&points, inside, &bundle);
        }
        fill(&points, inside, &bundle)?;
        self.store.mark_filled(&container.id)
    }
}

/// The volumes that get what the image has at their places.
fn takers(container: &Container) -> Vec<&MountPoint> {
    let nothing = |options: &str| options.split(',').any(|option| option == "nocopy");
    let takes = |point: &&MountPoint| point.kind == "volume" && !nothing(&point.mode);
    container.mounts.iter().filter(takes).collect()
}

fn fill(points: &[&MountPoint], inside: &Inside, bundle: &Path) -> Result<()> {
    for point in points {
        let Some(target) = empty_folder(point, bundle)? else { continue };
        let Ok(source) = inside.open_path(&point.destination) else { continue };
        if !source.metadata().is_ok_and(|about| about.is_dir()) {
            continue;
        }
        copy_folder(&source, &target)
            .with_context(|| format!("copy {} into its volume", point.destination))?;
    }
    Ok(())
}

/// What is mounted of a volume, where that is a folder with nothing in it.
fn empty_folder(point: &MountPoint, bundle: &Path) -> Result<Option<File>> {
    let volume = driven::source(point, bundle);
    let found = rootfs::open_part(&volume, &point.subpath)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opening = || format!("list the volume at {}", volume.display());
    let folder = match openat(&found, ".", flags, Mode::empty()) {
        Err(Errno::NOTDIR) => return Ok(None),
        folder => File::from(folder.with_context(opening)?),
    };
    for entry in Dir::read_from(&folder).with_context(opening)? {
        if !matches!(entry.with_context(opening)?.file_name().to_bytes(), b"." | b"..") {
            return Ok(None);
        }
    }
    Ok(Some(folder))
}

fn copy_folder(source: &File, target: &File) -> io::Result<()> {
    for entry in Dir::read_from(source)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let about = statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Directory => {
                mkdirat(target, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let from = File::from(openat(source, name, flags, Mode::empty())?);
                let to = File::from(openat(target, name, flags, Mode::empty())?);
                copy_folder(&from, &to)?;
                futimens(&to, &times(&about))?;
                continue;
            }
            FileType::RegularFile => {
                let to = copy_file(source, target, name)?;
                copy_owner(&about, &to)?;
                futimens(&to, &times(&about))?;
                continue;
            }
            FileType::Symlink => {
                symlinkat(&*readlinkat(source, name, Vec::new())?, target, name)?;
            }
            kind => make_node(target, name, kind, &about)?,
        }
        let (uid, gid) = (Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid));
        chownat(target, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        utimensat(target, name, &times(&about), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    copy_owner(&fstat(source)?, target)
}

fn times(about: &Stat) -> Timestamps {
    let written = Timespec {
        tv_sec: about.st_mtime,
        tv_nsec: i64::try_from(about.st_mtime_nsec).unwrap_or(0),
    };
    Timestamps { last_access: written, last_modification: written }
}

/// A node, which gets its mode through the descriptor of a node: whoever else has the volume may
/// put a link in its place.
fn make_node(target: &File, name: &CStr, kind: FileType, about: &Stat) -> io::Result<()> {
    let mode = Mode::from_raw_mode(about.st_mode);
    mknodat(target, name, kind, mode, about.st_rdev)?;
    let made = openat(target, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?;
    if FileType::from_raw_mode(fstat(&made)?.st_mode) != kind {
        return Err(io::Error::other("something else has taken its place"));
    }
    Ok(chmodat(CWD, format!("/proc/self/fd/{}", made.as_raw_fd()), mode, AtFlags::empty())?)
}

fn copy_file(source: &File, target: &File, name: &CStr) -> io::Result<File> {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut from = File::from(openat(source, name, read, Mode::empty())?);
    let mut to = File::from(openat(target, name, write, Mode::RUSR | Mode::WUSR)?);
    io::copy(&mut from, &mut to)?;
    Ok(to)
}

/// By descriptor: a name may stand for something else by now.
fn copy_owner(about: &Stat, target: &File) -> io::Result<()> {
    fchown(target, Some(Uid::from_raw(about.st_uid)), Some(Gid::from_raw(about.st_gid)))?;
    Ok(fchmod(target, Mode::from_raw_mode(about.st_mode & 0o7777))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};

    /// A container that has the volume already puts a link to a file of the host in the place of a
    /// file that is just being copied.
    #[test]
    fn a_link_that_takes_a_files_place_meanwhile_passes_nothing_on() {
        let folder = std::env::temp_dir().join(format!("dok-copy-up-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let [image, volume] = ["image", "volume"].map(|name| folder.join(name));
        fs::create_dir_all(&image).unwrap();
        fs::create_dir_all(&volume).unwrap();
        let canary = folder.join("canary");
        fs::write(&canary, "").unwrap();
        fs::set_permissions(&canary, fs::Permissions::from_mode(0o600)).unwrap();
        let large = File::create(image.join("file")).unwrap();
        large.set_len(256 << 20).unwrap();
        large.set_permissions(fs::Permissions::from_mode(0o4777)).unwrap();
        std::os::unix::fs::symlink(&canary, folder.join("link")).unwrap();
        let until = Instant::now() + Duration::from_secs(180);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !volume.join("file").exists() && Instant::now() < until {}
                fs::rename(folder.join("link"), volume.join("file")).unwrap();
            });
            let [image, volume] = [&image, &volume].map(|path| File::open(path).unwrap());
            copy_folder(&image, &volume).unwrap();
        });
        assert!(volume.join("file").symlink_metadata().unwrap().is_symlink());
        assert_eq!(canary.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }
}
