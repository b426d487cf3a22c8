//! Names in an unpacked layer, by descriptor: whatever the layer's links say, nothing outside its
//! root is reached.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::Form;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The root of a layer that is being unpacked.
pub(super) struct Root {
    root: OwnedFd,
    form: Form,
    /// The folder of the last entry; many entries are in the same one.
    last: Option<(PathBuf, OwnedFd)>,
}

/// A path of an archive: without `.`, and never above its root.
pub(super) fn clean(path: &[u8]) -> io::Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(path)).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let shown = String::from_utf8_lossy(path).into_owned();
                return Err(io::Error::other(format!("the path {shown:?} goes up")));
            }
        }
    }
    if path.contains(&0) {
        return Err(io::Error::other("a path has a zero byte"));
    }
    Ok(clean)
}

impl Root {
    /// The way there is the caller's; only a link of /proc is on no way to a root.
    pub(super) fn open(path: &Path, form: Form) -> io::Result<Root> {
        let resolve = ResolveFlags::NO_MAGICLINKS;
        let root = rustix::fs::openat2(rustix::fs::CWD, path, FOLDER, Mode::empty(), resolve)?;
        Ok(Root { root, form, last: None })
    }

    /// Opens something inside; links on the way are followed as they are in the container.
    pub(super) fn lookup(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let resolve = match self.form {
            Form::Layer => inside | ResolveFlags::NO_XDEV,
            Form::Tree => inside,
        };
        let open = || {
            rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
        };
        rustix::io::retry_on_intr(open)
    }

    /// The folder that an entry goes into, made with what leads to it where it is not there.
    pub(super) fn parent(&mut self, path: &Path) -> io::Result<BorrowedFd<'_>> {
        let parent = path.parent().unwrap_or(Path::new(""));
        let known = self.last.as_ref().is_some_and(|(last, _)| last == parent);
        if !known {
            let folder = match self.lookup(parent, FOLDER) {
                Err(Errno::NOENT) => self.make(parent)?,
                folder => folder?,
            };
            self.last = Some((parent.to_owned(), folder));
        }
        match &self.last {
            Some((_, folder)) => Ok(folder.as_fd()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn make(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut folder = self.lookup(Path::new(""), FOLDER)?;
        let mut way = PathBuf::new();
        for name in path.components() {
            way.push(name);
            folder = match self.lookup(&way, FOLDER) {
                Err(Errno::NOENT) => {
                    rustix::fs::mkdirat(&folder, name.as_os_str(), Mode::from_raw_mode(0o755))?;
                    self.lookup(&way, FOLDER)?
                }
                there => there?,
            };
        }
        Ok(folder)
    }

    /// A name in its folder, free: what was there is removed, unless both are folders. In a tree a
    /// folder gives way to nothing else, and nothing else to a folder.
    pub(super) fn free(&mut self, path: &Path, folder: bool) -> io::Result<()> {
        let Some(name) = path.file_name().map(ToOwned::to_owned) else { return Ok(()) };
        let form = self.form;
        let parent = self.parent(path)?;
        let there = match rustix::fs::statat(parent, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            there => FileType::from_raw_mode(there?.st_mode),
        };
        let (from, to) = match folder {
            true => ("non-directory", "directory"),
            false => ("directory", "non-directory"),
        };
        if form == Form::Tree && (there == FileType::Directory) != folder {
            let words = format!("cannot overwrite {from} {} with {to}", path.display());
            return Err(io::Error::other(words));
        }
        if there == FileType::Directory {
            if folder {
                return Ok(());
            }
            remove_folder(parent, &name)?;
        } else {
            rustix::fs::unlinkat(parent, &name, AtFlags::empty())?;
        }
        // What was removed may have been on the way to the folder that is remembered.
        self.last = None;
        Ok(())
    }
}

/// Removes a folder with all in it, without following a link.
fn remove_folder(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let own = OsStr::from_bytes(entry.file_name().to_bytes());
        if own == "." || own == ".." {
            continue;
        }
        let facts = rustix::fs::statat(&folder, own, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(facts.st_mode) == FileType::Directory {
            remove_folder(folder.as_fd(), own)?;
        } else {
            rustix::fs::unlinkat(&folder, own, AtFlags::empty())?;
        }
    }
    Ok(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}
