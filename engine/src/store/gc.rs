//! Who uses the store, and what nobody needs any more.
//!
//! Whoever adds something holds the store **busy**, together with others. Collecting needs the
//! store for itself alone: then all of `staging` is left over, and a blob or a layer that no image
//! and no container leads to is garbage. Where the store is busy, the wish to collect is written
//! down, and whoever is the last to be done fulfils it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::images::list;
use super::{Lock, Store, tree};
use crate::error::{Context, IfThere, Result};
use crate::image::manifest::{self, Document};
use crate::image::{Digest, config};

/// The store in use by one who adds to it. Dropped, it is free again.
#[derive(Debug)]
pub struct Busy {
    store: Store,
    lock: Option<Lock>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        drop(self.lock.take());
        if self.store.wish().exists() || self.store.wish_begun().exists() {
            // The wish stays where it cannot be fulfilled, for the next one.
            let _ = self.store.collect();
        }
    }
}

/// A container and the image that it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The container's id.
    pub container: String,
    /// The image's id.
    pub image: Digest,
    /// Whether it runs, as far as its record says.
    pub running: bool,
}

/// What leads nowhere: the name in the store, and the bytes that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
}

/// What images and containers need.
#[derive(Debug, Default)]
pub(super) struct Needed {
    blobs: BTreeSet<Digest>,
    layers: BTreeSet<Digest>,
}

impl Store {
    /// Holds the store busy: nothing that is added is taken for garbage meanwhile.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn busy(&self) -> Result<Busy> {
        let lock = Lock::share(&self.root).context("wait for the store")?;
        Ok(Busy { store: self.clone(), lock: Some(lock) })
    }

    /// Lets whoever is the last to use the store collect.
    pub fn wish_to_collect(&self) {
        // Without the wish, the next collection finds the same.
        let _ = fs::write(self.wish(), "");
    }

    fn wish(&self) -> PathBuf {
        self.root.join("collect")
    }

    /// A wish that somebody fulfils, or had begun to.
    fn wish_begun(&self) -> PathBuf {
        self.root.join("collecting")
    }

    /// Removes what nobody needs. Nothing, where the store is busy: then it is done later. The
    /// answer is the bytes that became free.
    ///
    /// # Errors
    /// Where an image or its manifest cannot be read: what it needs is then not known.
    pub fn collect(&self) -> Result<u64> {
        let mut freed = 0;
        loop {
            let wished = fs::write(self.wish(), "").context("write down the wish to collect");
            let Some(lock) = Lock::try_now(&self.root).context("lock the store")? else {
                return wished.map(|()| freed);
            };
            freed += self.collect_alone()?;
            drop(lock);
            // Somebody came while we were at it, and may have left something that we had passed.
            if !self.wish().exists() {
                return Ok(freed);
            }
        }
    }

    fn collect_alone(&self) -> Result<u64> {
        // A disk that is full may hold no wish.
        let begun = fs::rename(self.wish(), self.wish_begun()).if_there();
        begun.context("begin to collect")?;
        let garbage = self.garbage()?;
        for found in &garbage {
            let removed = self.take_away(&found.path);
            removed.with_context(|| format!("remove {}", found.path.display()))?;
        }
        // Without a wish there is nothing to take back.
        let _ = fs::remove_file(self.wish_begun());
        Ok(garbage.iter().map(|found| found.bytes).sum())
    }

    /// A folder loses its name before it loses what is in it: whoever is killed in between leaves
    /// no half of a layer behind that is taken for a whole one.
    fn take_away(&self, path: &Path) -> io::Result<()> {
        if path.starts_with(self.staging()) || !path.symlink_metadata()?.is_dir() {
            return tree::remove(path).if_there();
        }
        let trash = self.staging().join(format!("trash-{}", std::process::id()));
        tree::remove(&trash).if_there()?;
        fs::rename(path, &trash)?;
        tree::remove(&trash).if_there()
    }

    /// What a collection would remove, if the store were not busy.
    ///
    /// # Errors
    /// As [`Store::collect`].
    pub fn garbage(&self) -> Result<Vec<Garbage>> {
        let needed = self.needed()?;
        let mut garbage = Vec::new();
        let mut look = |folder: PathBuf, needed: &BTreeSet<Digest>| -> Result<()> {
            for name in list(&folder)? {
                let digest = format!("sha256:{name}").parse::<Digest>();
                if !digest.is_ok_and(|digest| needed.contains(&digest)) {
                    let path = folder.join(name);
                    garbage.push(Garbage { bytes: bytes_of(&path), path });
                }
            }
            Ok(())
        };
        look(self.blobs(), &needed.blobs)?;
        look(self.layers(), &needed.layers)?;
        look(self.staging(), &BTreeSet::new())?;
        for folder in [self.images_folder(), self.references_folder()] {
            // What a replacement that was killed left.
            for name in list(&folder)?.into_iter().filter(|name| name.starts_with('.')) {
                let path = folder.join(name);
                garbage.push(Garbage { bytes: bytes_of(&path), path });
            }
        }
        Ok(garbage)
    }

    /// What the images need, and the containers: these also where their image was taken away.
    fn needed(&self) -> Result<Needed> {
        let mut needed = Needed::default();
        for id in self.image_ids()? {
            let Some(record) = self.image_record(&id)? else { continue };
            self.need_manifest(&record.manifest.digest, &mut needed)?;
            self.need_config(&id, &mut needed)?;
        }
        for name in self.all_references()? {
            if let Some(manifest) = name.manifest
                && self.image_record(&name.image)?.is_some()
            {
                self.need_manifest(&manifest.digest, &mut needed)?;
            }
        }
        for container in self.uses()? {
            self.need_config(&container.image, &mut needed)?;
        }
        Ok(needed)
    }

    /// A manifest, or an index that led to one, and what it names. Of an index no image but ours
    /// is there, and it is not looked for.
    fn need_manifest(&self, digest: &Digest, needed: &mut Needed) -> Result<()> {
        needed.blobs.insert(*digest);
        let bytes = match self.read_blob(digest, manifest::SIZE_LIMIT) {
            // `check` tells what is missing; what is not there cannot be removed by mistake.
            Err(_) if !self.has_blob(digest) => return Ok(()),
            bytes => bytes?,
        };
        if let Document::Manifest(manifest) = manifest::read(&bytes, None)? {
            needed.blobs.insert(manifest.config.digest);
            needed.blobs.extend(manifest.layers.iter().map(|layer| layer.digest));
        }
        Ok(())
    }

    /// Which containers were made of which images.
    ///
    /// # Errors
    /// Where a container's definition cannot be read.
    pub fn uses(&self) -> Result<Vec<Use>> {
        let mut uses = Vec::new();
        for id in self.container_ids()? {
            let Some(container) = self.read_container(&id)? else { continue };
            if let Ok(image) = container.image.parse() {
                let running = self.written_state(&id)?.status.is_alive();
                uses.push(Use { container: id, image, running });
            }
        }
        Ok(uses)
    }

    fn need_config(&self, id: &Digest, needed: &mut Needed) -> Result<()> {
        needed.blobs.insert(*id);
        if self.has_blob(id) {
            let bytes = self.read_blob(id, manifest::SIZE_LIMIT)?;
            let file: config::File = serde_json::from_slice(&bytes)
                .with_context(|| format!("read the configuration of the image {id}"))?;
            needed.layers.extend(file.rootfs.diff_ids);
        }
        Ok(())
    }
}

/// The bytes that a file or a folder with all in it takes, as far as they can be seen.
fn bytes_of(path: &Path) -> u64 {
    let Ok(facts) = path.symlink_metadata() else { return 0 };
    if !facts.is_dir() {
        return facts.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes_of(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of images that are removed: nobody waits for anybody.
    #[test]
    fn what_is_left_while_another_collects_is_collected_too() {
        let root = std::env::temp_dir().join(format!("dok-gc-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let store = Store::open(root.join("root"), root.join("run")).unwrap();
        for round in 0..40 {
            let leave = |who: &str| {
                for number in 0..20 {
                    fs::write(store.blobs().join(format!("{who}{number}")), "").unwrap();
                }
                store.collect().unwrap();
            };
            std::thread::scope(|scope| {
                scope.spawn(|| leave("one"));
                scope.spawn(|| leave("other"));
            });
            assert_eq!(store.garbage().unwrap(), [], "round {round}");
            assert!(!store.wish().exists() && !store.wish_begun().exists());
        }
        fs::remove_dir_all(root).unwrap();
    }
}
