//! How much room everything takes.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::list::Selection;
use crate::error::Result;

/// How much room the objects of one kind take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many there are.
    pub total: usize,
    /// How many of them are in use.
    pub active: usize,
    /// The bytes of all.
    pub bytes: u64,
    /// The bytes of those that are not in use.
    pub reclaimable: u64,
}

impl Engine {
    /// The room of images: a layer counts once, however many images have it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_of_images(&self) -> Result<Usage> {
        let mut used = BTreeSet::new();
        for id in self.store.container_ids()? {
            used.extend(self.store.read_container(&id)?.map(|container| container.image));
        }
        let mut usage = Usage::default();
        let mut layers = BTreeMap::new();
        for image in self.store.images()? {
            let is_used = used.contains(&image.id.to_string());
            usage.total += 1;
            usage.active += usize::from(is_used);
            for layer in image.diff_ids {
                *layers.entry(layer).or_insert(false) |= is_used;
            }
        }
        for (layer, is_used) in layers {
            let bytes = self.store.layer_facts(&layer)?.size;
            usage.bytes += bytes;
            usage.reclaimable += if is_used { 0 } else { bytes };
        }
        Ok(usage)
    }

    /// The room of what containers wrote; those that run are in use.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_of_containers(&self) -> Result<Usage> {
        let all = Selection { all: true, sizes: true, ..Selection::default() };
        let mut usage = Usage::default();
        for listed in self.list_containers(&all)? {
            let bytes = listed.size.map(|size| size.own).unwrap_or_default();
            usage.add(super::list::is_up(&listed.state), bytes);
        }
        Ok(usage)
    }

    /// The room of volumes; those that a container has are in use.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_of_volumes(&self) -> Result<Usage> {
        let used = self.used_volumes()?;
        let mut usage = Usage::default();
        for name in self.store.volume_names()? {
            let Some(volume) = self.store.volume(&name)? else { continue };
            usage.add(used.contains_key(&name), super::list::written(&volume.mountpoint));
        }
        Ok(usage)
    }
}

impl Usage {
    fn add(&mut self, is_used: bool, bytes: u64) {
        self.total += 1;
        self.active += usize::from(is_used);
        self.bytes += bytes;
        self.reclaimable += if is_used { 0 } else { bytes };
    }
}
