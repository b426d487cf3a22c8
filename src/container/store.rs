//! The directory of all containers' states: `ROOT/ID/{state.json,config.json,start.sock}`, and
//! `creating.json` for as long as a container is being created.

use std::cell::Cell;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ContainerId;
use super::saved::{Phase, Saved};
use crate::error::{Code, Doing, Error, Result};
use crate::sys::fd::{here, lock, open_at, read_all};
use crate::sys::path::{remove, rename};

const STATE: &str = "state.json";
const CREATING: &str = "creating.json";
const ASIDE: &str = ".state.json";
const CONFIG: &str = "config.json";
/// The directory of the socket that the program notifies.
pub(super) const NOTIFY: &str = "notify";
const SOCKET: &str = "start.sock";
/// No state or configuration is larger (bytes).
const LIMIT: usize = 64 << 20;

/// The directory that holds every container's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// An absolute path.
    pub root: PathBuf,
}

impl Store {
    /// The store below this absolute path; nothing is made until a container is.
    pub fn open(root: PathBuf) -> Store {
        Store { root }
    }

    /// Makes a container's directory, which is removed again unless it is kept.
    ///
    /// # Errors
    /// `container with given ID already exists`
    pub fn reserve(&self, id: &ContainerId) -> Result<Reserved> {
        self.make_root()?;
        let path = self.root.join(id.as_str());
        match fs::DirBuilder::new().mode(0o711).create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::of(
                    Code::AlreadyExists,
                    "container with given ID already exists",
                ));
            }
            other => other.doing(|| format!("make {}", path.display()))?,
        }
        let opened = Directory::open(path.clone());
        let locked = opened.and_then(|directory| directory.lock().map(|()| directory));
        let directory = locked.inspect_err(|_| drop(fs::remove_dir(&path)))?;
        Ok(Reserved { directory: Some(directory) })
    }

    fn make_root(&self) -> Result<()> {
        if self.root.is_dir() {
            return Ok(());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root)
            .doing(|| format!("make {}", self.root.display()))?;
        // In a user's runtime directory the sticky bit keeps it from being cleaned up by age.
        if std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|dir| self.root.starts_with(dir)) {
            fs::set_permissions(&self.root, fs::Permissions::from_mode(0o1700))
                .doing(|| format!("keep {}", self.root.display()))?;
        }
        Ok(())
    }

    /// A container's directory.
    ///
    /// # Errors
    /// `container does not exist`
    pub fn find(&self, id: &ContainerId) -> Result<Directory> {
        Directory::open(self.root.join(id.as_str()))
    }

    /// Whether a container of this name was made, or is being made.
    pub fn has_state(&self, id: &ContainerId) -> bool {
        let directory = self.root.join(id.as_str());
        [STATE, CREATING].iter().any(|name| directory.join(name).exists())
    }

    /// The names of all containers, in order.
    ///
    /// # Errors
    /// That of reading the directory: ENOENT when there is none.
    pub fn ids(&self) -> Result<Vec<ContainerId>> {
        let entries = fs::read_dir(&self.root).doing(|| format!("read {}", self.root.display()))?;
        let mut ids: Vec<ContainerId> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let is_directory = entry.file_type().ok()?.is_dir();
                let id = ContainerId::new(entry.file_name().to_str()?).ok()?;
                is_directory.then_some(id)
            })
            .collect();
        ids.sort();
        Ok(ids)
    }
}

/// A container's directory that is removed when this value is dropped before it was kept.
#[derive(Debug)]
pub struct Reserved {
    directory: Option<Directory>,
}

impl Reserved {
    /// The directory.
    pub fn directory(&self) -> Result<&Directory> {
        self.directory.as_ref().ok_or_else(|| Error::new("the state directory is gone"))
    }

    /// From now on it stays.
    pub fn keep(mut self) {
        self.directory = None;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            // Nobody is left to be told; `delete --force` would find what stays.
            let _ = directory.remove();
        }
    }
}

/// A container's directory, open.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    fd: OwnedFd,
    /// Whether the lock is ours.
    holds_lock: Cell<bool>,
}

impl Directory {
    fn open(path: PathBuf) -> Result<Directory> {
        let text = path.to_str().ok_or_else(|| Error::new("the root is not UTF-8"))?;
        match open_at(here(), text, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                Err(Error::of(Code::NotFound, "container does not exist"))
            }
            other => {
                let fd = other.doing(|| format!("open {text}"))?;
                Ok(Directory { path, fd, holds_lock: Cell::new(false) })
            }
        }
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until no other command changes this container; held until the value is dropped.
    pub fn lock(&self) -> Result<()> {
        lock(self.fd.as_fd()).doing(|| format!("lock {}", self.path.display()))?;
        self.holds_lock.set(true);
        Ok(())
    }

    /// Whether another command holds the lock right now.
    pub fn is_locked(&self) -> Result<bool> {
        // To ask would give up one's own.
        Ok(!self.holds_lock.get() && crate::sys::fd::is_locked(self.fd.as_fd())?)
    }

    /// Reads `state.json`, or what was announced; nothing when there is neither.
    pub fn state(&self) -> Result<Option<Saved>> {
        if let Some(made) = self.saved_in(STATE)? {
            return Ok(Some(made));
        }
        let announced = self.saved_in(CREATING)?;
        Ok(announced.map(|mut saved| {
            saved.onggi.phase = Phase::Preparing;
            saved
        }))
    }

    fn saved_in(&self, name: &str) -> Result<Option<Saved>> {
        match self.read(name) {
            Err(error) if error.is(libc::ENOENT) => Ok(None),
            // Its maker is about to write it, or was killed before it could.
            Ok(text) if text.is_empty() => Ok(None),
            other => serde_json::from_slice(&other?)
                .map(Some)
                .doing(|| format!("read {}", self.path.join(name).display())),
        }
    }

    /// Tells what is about to be made, so that it can be removed again whatever happens. Written
    /// in place, as there is nothing yet that a reader could see half of.
    pub fn announce(&self, saved: &Saved) -> Result<()> {
        self.write(CREATING, &serde_json::to_vec(saved)?).doing(|| "save the state".into())
    }

    /// Whether what was announced is not yet, or never, finished.
    pub fn is_being_made(&self) -> bool {
        crate::sys::path::exists(self.fd.as_fd(), CREATING)
    }

    /// The container is whole.
    pub fn is_made(&self) -> Result<()> {
        remove(self.fd.as_fd(), CREATING, 0).doing(|| "save the state".into())
    }

    /// Writes `state.json` aside and renames it.
    pub fn save(&self, saved: &Saved) -> Result<()> {
        self.set_aside(saved)?;
        rename(self.fd.as_fd(), ASIDE, STATE).doing(|| "save the state".into())
    }

    /// Has the room that `save` needs; without it, nothing stays.
    pub fn set_aside(&self, saved: &Saved) -> Result<()> {
        let text = serde_json::to_vec(saved)?;
        self.write(ASIDE, &text)
            .inspect_err(|_| self.forget_aside())
            .doing(|| "save the state".into())
    }

    /// Gives back the room for a state that is not to be.
    pub fn forget_aside(&self) {
        // The next save would overwrite it.
        let _ = remove(self.fd.as_fd(), ASIDE, 0);
    }

    /// The configuration as it was when the container was created.
    pub fn config(&self) -> Result<Vec<u8>> {
        self.read(CONFIG).doing(|| "read the saved configuration".into())
    }

    /// Keeps the configuration: what happens to the bundle's later must not matter.
    pub fn save_config(&self, text: &[u8]) -> Result<()> {
        self.write(CONFIG, text).doing(|| "save the configuration".into())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let file = open_at(self.fd.as_fd(), name, libc::O_RDONLY, 0)?;
        Ok(read_all(file.as_fd(), LIMIT)?)
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;
        let file = open_at(self.fd.as_fd(), name, flags, 0o600)?;
        // What is cut short by a full disk is told by the next write.
        Ok(fs::File::from(file).write_all(text)?)
    }

    /// A path to the directory that was opened, whatever happens to its name.
    pub fn path_by_descriptor(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd()).into()
    }

    /// A path to the socket that init waits on, short enough for a socket's address.
    pub fn start_socket(&self) -> PathBuf {
        format!("/proc/self/fd/{}/{SOCKET}", self.fd.as_raw_fd()).into()
    }

    /// Makes the directory of the socket that the program notifies (sd_notify(3)).
    pub fn make_notify_directory(&self) -> Result<()> {
        let path = self.path.join(NOTIFY);
        fs::DirBuilder::new().mode(0o755).create(&path).doing(|| format!("make {}", path.display()))
    }

    /// The directory of the socket that the program notifies, as a path that is short enough for a
    /// socket's address.
    pub fn notify_directory(&self) -> PathBuf {
        format!("/proc/self/fd/{}/{NOTIFY}", self.fd.as_raw_fd()).into()
    }

    /// Whether the container was given such a directory.
    pub fn has_notify_directory(&self) -> bool {
        crate::sys::path::exists(self.fd.as_fd(), NOTIFY)
    }

    /// Whether there is a socket that init waits on; a `start` that was killed may have left it.
    pub fn has_start_socket(&self) -> bool {
        crate::sys::path::exists(self.fd.as_fd(), SOCKET)
    }

    /// Nobody starts it a second time.
    pub fn forget_start_socket(&self) -> Result<()> {
        remove(self.fd.as_fd(), SOCKET, 0).doing(|| "remove the start socket".into())
    }

    /// Removes it with all that is in it.
    pub fn remove(&self) -> Result<()> {
        for name in [SOCKET, CONFIG, CREATING, ASIDE, STATE] {
            let _ = remove(self.fd.as_fd(), name, 0);
        }
        match fs::remove_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                fs::remove_dir_all(&self.path)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
        .doing(|| format!("remove {}", self.path.display()))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn who_asks_for_the_lock_keeps_its_own() {
        let path = std::env::temp_dir().join(format!("onggi-lock-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let [own, other] = [(), ()].map(|()| Directory::open(path.clone()).unwrap());
        assert!(!other.is_locked().unwrap());
        own.lock().unwrap();
        assert!(!own.is_locked().unwrap(), "nobody else has it");
        assert!(other.is_locked().unwrap(), "it is still ours");
        drop(own);
        // A program that another test starts has a copy until it runs.
        let end = Instant::now() + Duration::from_secs(180);
        while other.is_locked().unwrap() {
            assert!(Instant::now() < end, "it is nobody's");
        }
        fs::remove_dir(&path).unwrap();
    }
}
