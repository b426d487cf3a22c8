//! Locks between processes: flock(2) on a folder, gone with the process that holds it.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits for the lock of a file or folder.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn wait(path: &Path) -> io::Result<Lock> {
        let folder = File::open(path)?;
        rustix::io::retry_on_intr(|| flock(&folder, FlockOperation::LockExclusive))?;
        Ok(Lock { _folder: folder })
    }

    /// Waits for a part in the lock of a file or folder, which others may have a part in too.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn share(path: &Path) -> io::Result<Lock> {
        let folder = File::open(path)?;
        rustix::io::retry_on_intr(|| flock(&folder, FlockOperation::LockShared))?;
        Ok(Lock { _folder: folder })
    }

    /// The lock, unless somebody holds it.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn try_now(path: &Path) -> io::Result<Option<Lock>> {
        let folder = File::open(path)?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _folder: folder })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
