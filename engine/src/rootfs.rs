//! A container's root file system: the image's layers, which nobody writes, and the container's own
//! on top, by overlayfs.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, mount_bind,
    mount_bind_recursive, mount_remount, move_mount, unmount,
};

use crate::error::{Context, Result};

/// What is mounted.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// The image's layers, the lowest first.
    pub layers: &'a [PathBuf],
    /// The folder with the container's own layer.
    pub own: &'a Path,
    /// Whether the own layer may be lost with the machine: then nothing waits for the disk.
    pub passing: bool,
}

/// mount(2) takes its options in one page.
const PAGE: usize = 4095;

impl Overlay<'_> {
    /// The container's own layer: what it changed.
    pub fn upper(own: &Path) -> PathBuf {
        own.join("upper")
    }

    /// Mounts it at a folder, which is made if it is not there.
    ///
    /// # Errors
    /// Says what could not be made or mounted.
    pub fn mount(&self, target: &Path) -> Result<()> {
        let (upper, work) = (Overlay::upper(self.own), self.own.join("work"));
        let empty = [self.own.join("empty")];
        let lower = if self.layers.is_empty() { &empty } else { self.layers };
        let stand_in = empty.iter().filter(|_| self.layers.is_empty());
        for folder in [&*upper, &*work, target].into_iter().chain(stand_in.map(PathBuf::as_path)) {
            make_folder(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let options = self.options(lower, &upper, &work);
        let mounted = if options.len() < PAGE && !lower.iter().any(|layer| has_separator(layer)) {
            mount_by_page(target, options)
        } else {
            self.mount_by_parts(lower, &upper, &work, target)
        };
        mounted.with_context(|| format!("mount the root file system at {}", target.display()))
    }

    fn options(&self, lower: &[PathBuf], upper: &Path, work: &Path) -> Vec<u8> {
        let mut options = b"lowerdir=".to_vec();
        for (number, layer) in lower.iter().rev().enumerate() {
            if number > 0 {
                options.push(b':');
            }
            options.extend_from_slice(layer.as_os_str().as_bytes());
        }
        for (name, path) in [(",upperdir=", upper), (",workdir=", work)] {
            options.extend_from_slice(name.as_bytes());
            options.extend_from_slice(path.as_os_str().as_bytes());
        }
        if self.passing {
            options.extend_from_slice(b",volatile");
        }
        options
    }

    /// For more layers than a page holds: one call for each. Linux 6.5.
    fn mount_by_parts(
        &self,
        lower: &[PathBuf],
        upper: &Path,
        work: &Path,
        target: &Path,
    ) -> io::Result<()> {
        let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for layer in lower.iter().rev() {
            fsconfig_set_string(&overlay, "lowerdir+", layer)?;
        }
        fsconfig_set_string(&overlay, "upperdir", upper)?;
        fsconfig_set_string(&overlay, "workdir", work)?;
        if self.passing {
            fsconfig_set_flag(&overlay, "volatile")?;
        }
        fsconfig_create(&overlay)?;
        let tree = fsmount(&overlay, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        let here = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        Ok(move_mount(&tree, "", rustix::fs::CWD, target, here)?)
    }
}

fn mount_by_page(target: &Path, options: Vec<u8>) -> io::Result<()> {
    let options = CString::new(options)?;
    Ok(mount("overlay", target, "overlay", MountFlags::empty(), options.as_c_str())?)
}

/// Whether a path has letters that mean something in a list of options.
fn has_separator(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| b":,\\".contains(byte))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Takes away what is mounted at a folder; whether anything was.
///
/// # Errors
/// Of `umount2(2)`.
pub fn unmount_all(target: &Path) -> Result<bool> {
    let mut was_mounted = false;
    loop {
        match unmount(target, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => was_mounted = true,
            Err(Errno::INVAL | Errno::NOENT) => return Ok(was_mounted),
            Err(error) => {
                return Err(error).with_context(|| format!("unmount {}", target.display()));
            }
        }
    }
}

/// Where parts of volumes are mounted, in a container's bundle.
pub fn parts(bundle: &Path) -> PathBuf {
    bundle.join("parts")
}

/// The descriptor of a file or folder below a folder, as of `O_PATH`; of the folder itself where no
/// part is named. No link on the way leads out.
///
/// # Errors
/// It is not there, or leads out.
pub fn open_part(folder: &Path, part: &str) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let root = rustix::fs::open(folder, flags, Mode::empty())
        .with_context(|| format!("open {}", folder.display()))?;
    if part.is_empty() {
        return Ok(root);
    }
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(&root, part, flags, Mode::empty(), within)
        .with_context(|| format!("cannot access path {part} below {}", folder.display()))
}

/// Mounts a file or folder below a folder at a place of its own. No link on the way leads out.
///
/// # Errors
/// It is not there, or leads out; of the calls that make the place and mount.
pub fn mount_part(folder: &Path, part: &str, target: &Path) -> Result<()> {
    let found = open_part(folder, part)?;
    let kind = FileType::from_raw_mode(fstat(&found)?.st_mode);
    make_place(target, |target| match kind {
        FileType::Directory => make_folder(target),
        _ => fs::File::create(target).map(drop),
    })?;
    let source = format!("/proc/self/fd/{}", found.as_raw_fd());
    mount_bind_recursive(source, target).with_context(|| format!("mount at {}", target.display()))
}

/// Mounts a file system, or with the flag of it a folder, at a place of its own.
///
/// # Errors
/// Of the calls that make the place and mount.
pub fn mount_at(
    device: &str,
    kind: &str,
    flags: MountFlags,
    data: &str,
    target: &Path,
) -> Result<()> {
    make_place(target, make_folder)?;
    let at = || format!("mount at {}", target.display());
    if !flags.contains(MountFlags::BIND) {
        let data = CString::new(data)?;
        return mount(device, target, kind, flags, data.as_c_str()).with_context(at);
    }
    match flags.contains(MountFlags::REC) {
        true => mount_bind_recursive(device, target).with_context(at)?,
        false => mount_bind(device, target).with_context(at)?,
    }
    // What a bind is besides is said once it is there.
    match flags.difference(MountFlags::BIND | MountFlags::REC) {
        none if none.is_empty() => Ok(()),
        more => mount_remount(target, MountFlags::BIND | more, data).with_context(at),
    }
}

/// Makes a place that nothing is mounted at any more, and the folders above it.
fn make_place(target: &Path, make: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    let making = || format!("make {}", target.display());
    fs::create_dir_all(target.parent().unwrap_or(target)).with_context(making)?;
    unmount_all(target)?;
    make(target).with_context(making)
}

/// Takes away the parts of volumes that are mounted in a bundle.
///
/// # Errors
/// Of `umount2(2)`.
pub fn unmount_parts(bundle: &Path) -> Result<()> {
    // Most containers have none.
    for entry in fs::read_dir(parts(bundle)).into_iter().flatten().flatten() {
        unmount_all(&entry.path())?;
    }
    Ok(())
}
