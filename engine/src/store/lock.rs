//! Locks between processes: flock(2) on a file or folder, gone with the process that holds it.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// To close the file is not enough: a child that another thread has forked, and that has not come
/// to its execve(2), has a copy of the descriptor, and would hold the lock.
impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked is unlocked when the last copy is closed.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Waits for the lock of a file or folder.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn wait(path: &Path) -> io::Result<Lock> {
        Lock::of(File::open(path)?, FlockOperation::LockExclusive)
    }

    /// Waits for a part in the lock of a file or folder, which others may have a part in too.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn share(path: &Path) -> io::Result<Lock> {
        Lock::of(File::open(path)?, FlockOperation::LockShared)
    }

    /// The lock, unless somebody holds it.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn try_now(path: &Path) -> io::Result<Option<Lock>> {
        Lock::unless_held(File::open(path)?, FlockOperation::NonBlockingLockExclusive)
    }

    /// A part in the lock, unless somebody holds it alone.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn try_share(path: &Path) -> io::Result<Option<Lock>> {
        Lock::unless_held(File::open(path)?, FlockOperation::NonBlockingLockShared)
    }

    fn unless_held(file: File, how: FlockOperation) -> io::Result<Option<Lock>> {
        match Lock::of(file, how) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(file: File, how: FlockOperation) -> io::Result<Lock> {
        rustix::io::retry_on_intr(|| flock(&file, how))?;
        Ok(Lock { file })
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_lock_is_gone_with_its_holder_though_a_copy_of_the_descriptor_is_open() {
        let name = format!("dok-lock-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "").unwrap();
        let lock = Lock::wait(&file).unwrap();
        let copy = lock.file.as_fd().try_clone_to_owned().unwrap();
        assert!(Lock::try_now(&file).unwrap().is_none());
        drop(lock);
        assert!(Lock::try_now(&file).unwrap().is_some());
        drop(copy);
        std::fs::remove_file(file).unwrap();
    }
}
