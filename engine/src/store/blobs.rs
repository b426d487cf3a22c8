//! Content by its digest: manifests, configurations, layers as they were sent.
//!
//! `blobs/sha256/HEX` is whole and its digest is right. What is still coming is
//! `staging/blob-HEX`, which another attempt may carry on with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{Store, durable};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::{Digest, Hasher};

impl Store {
    /// Where a blob is or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Whether a blob is there.
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_path(digest).exists()
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        File::open(self.blob_path(digest)).with_context(|| format!("open the blob {digest}"))
    }

    /// A small blob, whose digest is looked at again.
    ///
    /// # Errors
    /// Where it is not there, is longer than `limit` bytes, or is not what it was.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = self.open_blob(digest)?;
        let read = file.take(limit + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("read the blob {digest}"))?;
        anyhow::ensure!(bytes.len() as u64 <= limit, "the blob {digest} is too long");
        anyhow::ensure!(
            Digest::of(&bytes) == *digest,
            "the blob {digest} is damaged; dok system check --repair removes it"
        );
        Ok(bytes)
    }

    /// Keeps bytes under their digest.
    ///
    /// # Errors
    /// Of the calls that write.
    pub fn add_blob(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.has_blob(&digest) {
            let path = self.blob_path(&digest);
            durable::replace(&path, bytes).with_context(|| format!("write the blob {digest}"))?;
        }
        Ok(digest)
    }

    /// A blob that is about to come, by its digest; one process at a time. What an attempt before
    /// left is read again and carried on with.
    ///
    /// # Errors
    /// Of the calls that open and read the file.
    pub fn expect_blob(&self, digest: &Digest, size: u64) -> Result<Incoming> {
        let path = self.staging().join(format!("blob-{}", digest.hex()));
        let open = || -> io::Result<File> {
            loop {
                let mut options = OpenOptions::new();
                let options = options.read(true).write(true).create(true).truncate(false);
                let file = options.mode(0o600).open(&path)?;
                flock(&file, FlockOperation::LockExclusive)?;
                // Whoever held it may have renamed or removed it meanwhile.
                if is_still(&file, &path)? {
                    return Ok(file);
                }
                if self.has_blob(digest) {
                    return Ok(file);
                }
            }
        };
        let file = open().with_context(|| format!("open {}", path.display()))?;
        let mut incoming = Incoming {
            store: self.clone(),
            file,
            path,
            hasher: Hasher::default(),
            length: 0,
            digest: Some(*digest),
            size,
        };
        incoming.read_again().with_context(|| format!("read {}", incoming.path.display()))?;
        Ok(incoming)
    }

    /// A blob that is about to come, whose digest is not known before; at most `limit` bytes.
    ///
    /// # Errors
    /// Of the calls that make the file.
    pub fn receive_blob(&self, limit: u64) -> Result<Incoming> {
        let (path, file) = self.stage_file("blob")?;
        let (hasher, store) = (Hasher::default(), self.clone());
        Ok(Incoming { store, file, path, hasher, length: 0, digest: None, size: limit })
    }
}

fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, path.symlink_metadata());
    Ok(named.is_ok_and(|named| named.ino() == open.ino() && named.dev() == open.dev()))
}

/// A blob on its way in.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    file: File,
    path: PathBuf,
    hasher: Hasher,
    length: u64,
    digest: Option<Digest>,
    size: u64,
}

impl Incoming {
    /// The bytes that are there already.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Begins anew: the source cannot carry on where it stopped.
    ///
    /// # Errors
    /// Of `ftruncate(2)`.
    pub fn restart(&mut self) -> io::Result<()> {
        use std::io::Seek;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Hasher::default();
        self.length = 0;
        Ok(())
    }

    fn read_again(&mut self) -> io::Result<()> {
        let mut piece = vec![0; 1 << 16];
        loop {
            match self.file.read(&mut piece)? {
                0 => break,
                n => {
                    self.hasher.update(&piece[..n]);
                    self.length += n as u64;
                }
            }
        }
        if self.length > self.size { self.restart() } else { Ok(()) }
    }

    /// Gives the blob its name, when it is whole and right; else nothing is left of it.
    ///
    /// # Errors
    /// Where it is too short or another than expected.
    pub fn finish(self) -> Result<Digest> {
        let wrong = |words: String| {
            // The error says more than a file that could not be removed.
            let _ = fs::remove_file(&self.path);
            Err(refuse(Kind::Invalid, words))
        };
        let digest = self.hasher.clone().finish();
        if let Some(expected) = self.digest {
            if self.length != self.size {
                return wrong(format!(
                    "the blob {expected} has {} bytes where {} were promised",
                    self.length, self.size
                ));
            }
            if digest != expected {
                return wrong(format!(
                    "filesystem layer verification failed for digest {expected}"
                ));
            }
        }
        let place = || -> io::Result<()> {
            self.file.sync_all()?;
            if !is_still(&self.file, &self.path)? && self.store.has_blob(&digest) {
                return Ok(());
            }
            fs::rename(&self.path, self.store.blob_path(&digest))?;
            durable::sync_folder(&self.store.blobs())
        };
        place().with_context(|| format!("keep the blob {digest}"))?;
        Ok(digest)
    }

    /// Gives up a blob that nobody will carry on with.
    pub fn discard(self) {
        // A leftover is removed by the next collection.
        let _ = fs::remove_file(&self.path);
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length + bytes.len() as u64 > self.size {
            return Err(io::Error::other(format!("more than the {} bytes promised", self.size)));
        }
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
