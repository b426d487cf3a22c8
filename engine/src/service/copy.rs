//! Files into a container and out of it, as archives.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::Engine;
use super::confined::{with_root, with_volumes};
use super::inside::Inside;
use crate::error::{Context, Kind, Result, refuse};
use crate::layer::{Origin, Owner, pack_as, uncompressed, unpack_tree};
use crate::model::{Container, Event, MountPoint, State};

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path with its links followed, as far as that was asked for.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Place {
    /// Looks a path up; `None` where nothing is there.
    ///
    /// # Errors
    /// Why it cannot be looked up.
    pub fn find(path: &Path, follow: bool) -> Result<Option<Place>> {
        let found = if follow { path.metadata() } else { path.symlink_metadata() };
        let found = match found {
            Err(error) if is_missing(&error) => return Ok(None),
            found => found.with_context(|| format!("look at {}", path.display()))?,
        };
        let path = if follow { path.canonicalize()? } else { path.to_owned() };
        Ok(Some(Place { path, is_folder: found.is_dir() }))
    }
}

impl Engine {
    /// Looks a path in a container up; a relative one begins at its root.
    ///
    /// # Errors
    /// `No such container: X`; why it cannot be looked up.
    pub fn find(&self, name: &str, path: &Path, follow: bool) -> Result<Option<Place>> {
        let container = self.store.container(name)?;
        self.within(&container, || find_inside(&Path::new("/").join(path), follow))
    }

    /// Where a link in a container leads, from its root; `None` for what is no link or not there.
    ///
    /// # Errors
    /// As of [`Engine::find`].
    pub fn link_target(&self, name: &str, path: &Path) -> Result<Option<PathBuf>> {
        let container = self.store.container(name)?;
        let path = Path::new("/").join(path);
        self.within(&container, || {
            let found = find_inside(&path, false)?;
            let Some(target) = found.and_then(|place| place.path.read_link().ok()) else {
                return Ok(None);
            };
            Ok(Some(path.parent().unwrap_or(&path).join(target)))
        })
    }

    /// Packs a file or folder of a container under another name; with an empty name, what is in the
    /// folder. A link is packed as a link.
    ///
    /// # Errors
    /// `Could not find the file X in container Y`; what cannot be read or written.
    pub fn copy_out(
        &self,
        name: &str,
        path: &Path,
        packed_as: &Path,
        out: impl Write + Send,
    ) -> Result<()> {
        let container = self.store.container(name)?;
        self.within(&container, || {
            let path = Path::new("/").join(path);
            let origin = open_inside(&path)?.ok_or_else(|| not_found(name, &path))?;
            pack_as(origin, packed_as, out)
        })?;
        let event = Event::of_container(&container, "archive-path");
        self.store.tell(&event.with("path", &path.display().to_string()));
        Ok(())
    }

    /// Unpacks an archive, which may be compressed, into a folder of a container. Its files belong
    /// to whom the archive names, or to the container's user.
    ///
    /// # Errors
    /// `Could not find the file X in container Y`; what cannot be made there.
    pub fn copy_in(
        &self,
        name: &str,
        folder: &Path,
        to_its_user: bool,
        archive: impl Read + Send,
    ) -> Result<()> {
        let container = self.store.container(name)?;
        self.within(&container, || {
            let folder = Path::new("/").join(folder);
            let place = find_inside(&folder, true)?.ok_or_else(|| not_found(name, &folder))?;
            if !place.is_folder {
                return Err(refuse(Kind::Invalid, "extraction point is not a directory"));
            }
            let is_below = |point: &MountPoint| place.path.starts_with(&point.destination);
            if container.host_config.readonly_rootfs && !container.mounts.iter().any(is_below) {
                return Err(refuse(Kind::Invalid, "container rootfs is marked read-only"));
            }
            let owner = match to_its_user {
                true if !container.config.user.is_empty() => user(&container)?,
                _ => Owner::AsSent,
            };
            unpack_tree(uncompressed(archive)?, &place.path, owner).map(drop)
        })?;
        let event = Event::of_container(&container, "extract-to-dir");
        self.store.tell(&event.with("path", &folder.display().to_string()));
        Ok(())
    }

    /// A container that runs shows its files as its first process sees them; for one that does not
    /// they are mounted, and its volumes with them.
    fn within<T: Send>(
        &self,
        container: &Container,
        act: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        self.with_files(container, |rootfs| {
            let state = self.store.state(&container.id)?;
            if state.status.is_alive() {
                let process = first_process(&state)?;
                let own = format!("/proc/self/fd/{}/root", process.as_raw_fd());
                return with_root(Path::new(&own), act);
            }
            with_volumes(&self.store, container, rootfs, act)
        })
    }
}

/// The folder of /proc of a container's first process, which is no other's that got its number.
fn first_process(state: &State) -> Result<File> {
    let path = format!("/proc/{}", state.pid);
    let folder = File::open(&path).with_context(|| format!("open {path}"))?;
    match crate::store::begun(state.pid) == Some(state.pid_begun) {
        true => Ok(folder),
        false => Err(refuse(Kind::Conflict, "the container's first process has just ended")),
    }
}

/// Looks a path in a container up. A link of /proc leads to what a process has open, and out where
/// the container sees the host's processes: no such link is followed.
fn find_inside(path: &Path, follow: bool) -> Result<Option<Place>> {
    let own = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::PATH | OFlags::CLOEXEC | own;
    match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("look at {}", path.display())),
        Ok(found) => {
            let is_folder = File::from(found).metadata()?.is_dir();
            let path = if follow { path.canonicalize()? } else { path.to_owned() };
            Ok(Some(Place { path, is_folder }))
        }
    }
}

/// What a path in a container stands for, to be packed: a link at its end is the link.
fn open_inside(path: &Path) -> Result<Option<Origin>> {
    let (folder, name) = match path.file_name() {
        Some(name) => (path.parent().unwrap_or(path), name),
        None => (path, OsStr::new(".")),
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat2(CWD, folder, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS);
    match opened.map_err(io::Error::from).and_then(|folder| Origin::at(&folder, name)) {
        Err(error) if is_missing(&error) => Ok(None),
        opened => opened.map(Some).with_context(|| format!("open {}", path.display())),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn user(container: &Container) -> Result<Owner> {
    let accounts = Inside::open(Path::new("/"))?.accounts();
    let identity = accounts.identity(&container.config.user, &[])?;
    Ok(Owner::These(identity.uid, identity.gid))
}

/// Docker's words for a path that leads nowhere.
pub fn not_found(container: &str, path: &Path) -> anyhow::Error {
    let words = format!("Could not find the file {} in container {container}", path.display());
    refuse(Kind::NotFound, words)
}
