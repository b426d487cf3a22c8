//! How much room everything takes.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::list::Selection;
use crate::error::Result;
use crate::store::Image;

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

/// How much room one image takes.
#[derive(Debug, Clone)]
pub struct ImageUsage {
    /// The image.
    pub image: Image,
    /// The bytes of layers that other images have too.
    pub shared: u64,
    /// The containers that were made of it.
    pub containers: usize,
}

/// How much room one volume takes.
#[derive(Debug, Clone)]
pub struct VolumeUsage {
    /// Its name.
    pub name: String,
    /// The containers that have it.
    pub links: usize,
    /// The bytes of its files.
    pub bytes: u64,
}

impl Engine {
    /// Each image with its room.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_by_image(&self) -> Result<Vec<ImageUsage>> {
        let containers = self.containers_by_image()?;
        let images = self.store.images()?;
        let mut owners = BTreeMap::<_, usize>::new();
        for image in &images {
            for layer in image.diff_ids.iter().collect::<BTreeSet<_>>() {
                *owners.entry(*layer).or_default() += 1;
            }
        }
        let usage = |image: Image| {
            let mut shared = 0;
            for layer in image.diff_ids.iter().filter(|layer| owners[layer] > 1) {
                shared += self.store.layer_facts(layer)?.size;
            }
            let containers = containers.get(&image.id.to_string()).copied().unwrap_or_default();
            Ok(ImageUsage { image, shared, containers })
        };
        images.into_iter().map(usage).collect()
    }

    /// How many containers were made of each image, by its id.
    fn containers_by_image(&self) -> Result<BTreeMap<String, usize>> {
        let mut containers = BTreeMap::new();
        for id in self.store.container_ids()? {
            if let Some(container) = self.store.read_container(&id)? {
                *containers.entry(container.image).or_default() += 1;
            }
        }
        Ok(containers)
    }

    /// Each volume with its room.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_by_volume(&self) -> Result<Vec<VolumeUsage>> {
        let used = self.used_volumes()?;
        let mut all = Vec::new();
        for name in self.store.volume_names()? {
            let Some(volume) = self.store.volume(&name)? else { continue };
            let bytes = super::list::written(&volume.mountpoint);
            all.push(VolumeUsage { links: used.get(&name).map_or(0, Vec::len), name, bytes });
        }
        Ok(all)
    }

    /// The room of images: a layer counts once, however many images have it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_of_images(&self) -> Result<Usage> {
        let used = self.containers_by_image()?;
        let mut usage = Usage::default();
        let mut layers = BTreeMap::new();
        for image in self.store.images()? {
            let is_used = used.contains_key(&image.id.to_string());
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
            usage.add(listed.state.status.is_up(), bytes);
        }
        Ok(usage)
    }

    /// The room of volumes; those that a container has are in use.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn usage_of_volumes(&self) -> Result<Usage> {
        let mut usage = Usage::default();
        for volume in self.usage_by_volume()? {
            usage.add(volume.links > 0, volume.bytes);
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
