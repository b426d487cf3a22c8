//! Whether every image has all that it needs, undamaged.

use std::fs::File;
use std::io::{self, Read};

use super::Store;
use super::images::Record;
use crate::error::{Result, told};
use crate::image::manifest::{self, Descriptor};
use crate::image::{Digest, Hasher, Reference, config};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, for people.
    pub words: String,
    /// The image that cannot be made whole from what is here.
    pub image: Option<Digest>,
    /// The blob that is damaged.
    pub blob: Option<Digest>,
    /// The layer that can be unpacked again.
    pub layer: Option<(Descriptor, Digest)>,
    /// The name that stands for nothing.
    pub name: Option<Reference>,
    /// Whether it is no more.
    pub repaired: bool,
}

impl Problem {
    fn new(words: String) -> Problem {
        Problem { words, image: None, blob: None, layer: None, name: None, repaired: false }
    }
}

impl Store {
    /// What is damaged or missing; with `thorough`, every blob of an image is read for it.
    ///
    /// # Errors
    /// Where the folders cannot be read.
    pub fn problems(&self, thorough: bool) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        for id in self.image_ids()? {
            match self.image_record(&id) {
                Ok(Some(record)) => self.look_at_image(&id, &record, thorough, &mut problems),
                Ok(None) => {}
                Err(error) => {
                    let words = format!("image {id}: {}", told(&error));
                    problems.push(Problem { image: Some(id), ..Problem::new(words) });
                }
            }
        }
        for name in self.all_references()? {
            if self.image_record(&name.image).is_ok_and(|record| record.is_none()) {
                let words = format!("name {}: its image {} is not there", name.name, name.image);
                let name = name.name.parse().ok();
                problems.push(Problem { name, ..Problem::new(words) });
            }
        }
        Ok(problems)
    }

    fn look_at_image(
        &self,
        id: &Digest,
        record: &Record,
        thorough: bool,
        problems: &mut Vec<Problem>,
    ) {
        let broken = |words: String, blob: Option<Digest>| Problem {
            image: Some(*id),
            blob,
            ..Problem::new(format!("image {id}: {words}"))
        };
        let present = |digest: &Digest| Some(*digest).filter(|digest| self.has_blob(digest));
        let manifest = match self.image_manifest(record) {
            Ok(manifest) => manifest,
            Err(error) => {
                let blob = present(&record.manifest.digest);
                return problems.push(broken(told(&error), blob));
            }
        };
        let file = self.read_blob(id, manifest::SIZE_LIMIT);
        let file = file.and_then(|bytes| Ok(serde_json::from_slice::<config::File>(&bytes)?));
        let file = match file {
            Ok(file) => file,
            Err(error) => return problems.push(broken(told(&error), present(id))),
        };
        for (layer, diff_id) in manifest.layers.iter().zip(file.rootfs.diff_ids) {
            let state = self.state_of(layer, thorough);
            if let Err(words) = &state {
                let blob = present(&layer.digest);
                problems.push(broken(format!("the blob {} {words}", layer.digest), blob));
            } else if !self.layer(&diff_id).join("fs").is_dir() {
                let words = format!("image {id}: the layer {diff_id} is not unpacked");
                let layer = Some((layer.clone(), diff_id));
                problems.push(Problem { layer, ..Problem::new(words) });
            }
        }
    }

    /// Whether a blob is there and right.
    fn state_of(&self, blob: &Descriptor, thorough: bool) -> Result<(), String> {
        let path = self.blob_path(&blob.digest);
        let length = path.metadata().map_err(|_| "is missing".to_owned())?.len();
        if length != blob.size {
            return Err(format!("has {length} bytes and not {}", blob.size));
        }
        if !thorough {
            return Ok(());
        }
        match File::open(&path).and_then(digest_of) {
            Ok(digest) if digest == blob.digest => Ok(()),
            Ok(_) => Err("is damaged".to_owned()),
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }
}

fn digest_of(mut file: File) -> io::Result<Digest> {
    let (mut hasher, mut piece) = (Hasher::default(), vec![0; 1 << 17]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&piece[..n]),
        }
    }
}
