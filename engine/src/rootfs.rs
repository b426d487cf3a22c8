//! A container's root file system: the image's layers, which nobody writes, and the container's own
//! on top, by overlayfs.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount, move_mount,
    unmount,
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

/// Takes away what is mounted at a folder; that nothing is there is well.
///
/// # Errors
/// Of `umount2(2)`.
pub fn unmount_all(target: &Path) -> Result<()> {
    loop {
        match unmount(target, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("unmount {}", target.display()));
            }
        }
    }
}
