//! Which images there are, and their names.
//!
//! `images/HEX.json` is one image by the digest of its configuration; `references/HASH.json` is one
//! name, with a tag or with a digest, and the image that it stands for. A name that stands for an
//! image that is not there stands for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Store, durable};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::config::{self, Config};
use crate::image::manifest::{self, Descriptor, Manifest};
use crate::image::{Digest, Reference};

/// What the store knows about an image beside its blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The manifest that it came by or was given.
    pub manifest: Descriptor,
    /// The bytes of all its files.
    pub size: u64,
    /// When it was last given a name here, in RFC 3339.
    #[serde(default)]
    pub tagged: Option<String>,
    /// The image that it was built on here.
    #[serde(default)]
    pub parent: Option<Digest>,
}

/// A name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The whole reference.
    pub name: String,
    /// The image's id.
    pub image: Digest,
    /// Of a name with a digest: the manifest with this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Descriptor>,
}

/// An image with what its files say.
#[derive(Debug, Clone)]
pub struct Image {
    /// The digest of its configuration.
    pub id: Digest,
    /// What its containers run.
    pub config: Config,
    /// Its layers, the lowest first.
    pub diff_ids: Vec<Digest>,
    /// Its configuration, whole.
    pub file: config::File,
    /// What the store knows.
    pub record: Record,
    /// Its names with tags, in order.
    pub tags: Vec<Reference>,
    /// Its names with digests, in order.
    pub digests: Vec<Reference>,
}

/// The images' names, by image.
pub type Names = BTreeMap<Digest, Vec<Reference>>;

impl Store {
    /// The image that a name or an id (or the first digits of one) stands for.
    ///
    /// # Errors
    /// `No such image: X` where there is none; several ids may begin alike.
    pub fn image(&self, name_or_id: &str) -> Result<Image> {
        let id = self.image_id(name_or_id)?;
        self.image_by_id(&id, &self.references()?)
    }

    /// The id of the image that a name or an id stands for. No other image is looked at, where it
    /// is a name.
    ///
    /// # Errors
    /// As [`Store::image`].
    pub fn image_id(&self, name_or_id: &str) -> Result<Digest> {
        let gone = |name: &str| refuse(Kind::NotFound, format!("No such image: {name}"));
        if let Ok(digest) = name_or_id.parse::<Digest>()
            && self.image_file(&digest).exists()
        {
            return Ok(digest);
        }
        let reference = name_or_id.parse::<Reference>().ok().map(Reference::or_latest);
        if let Some(reference) = &reference
            && let Some(id) = self.find_reference(reference)?
        {
            return Ok(id);
        }
        if let Some(id) = self.image_by_prefix(name_or_id)? {
            return Ok(id);
        }
        match reference {
            Some(reference) => Err(gone(&reference.familiar())),
            None if is_hex(name_or_id) => Err(gone(&format!("{name_or_id}:latest"))),
            None => match name_or_id.parse::<Reference>() {
                Err(words) => Err(refuse(Kind::Invalid, words.to_string())),
                Ok(_) => Err(gone(name_or_id)),
            },
        }
    }

    /// The image of a name, where there is one.
    ///
    /// # Errors
    /// Where the name's file cannot be read.
    pub fn find_reference(&self, reference: &Reference) -> Result<Option<Digest>> {
        let name = read_json::<Name>(&self.name_file(&reference.to_string()))?;
        if let Some(name) = name
            && self.image_file(&name.image).exists()
        {
            return Ok(Some(name.image));
        }
        let (Some(_), Some(digest)) = (&reference.tag, reference.digest) else { return Ok(None) };
        self.find_reference(&reference.with_digest(digest))
    }

    fn image_by_prefix(&self, prefix: &str) -> Result<Option<Digest>> {
        let prefix = prefix.strip_prefix("sha256:").unwrap_or(prefix);
        if prefix.is_empty() || !is_hex(prefix) {
            return Ok(None);
        }
        let mut found: Vec<Digest> = self.image_ids()?;
        found.retain(|id| id.hex().starts_with(prefix));
        match found[..] {
            [] => Ok(None),
            [id] => Ok(Some(id)),
            _ => {
                let words = format!("multiple IDs found with provided prefix: {prefix}");
                Err(refuse(Kind::Conflict, words))
            }
        }
    }

    /// The ids of all images.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn image_ids(&self) -> Result<Vec<Digest>> {
        let id = |name: &str| format!("sha256:{}", name.strip_suffix(".json")?).parse().ok();
        Ok(list(&self.images_folder())?.iter().filter_map(|name| id(name)).collect())
    }

    /// All images, the newest first.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub fn images(&self) -> Result<Vec<Image>> {
        let names = self.references()?;
        let ids = self.image_ids()?;
        let mut images: Vec<Image> =
            ids.iter().map(|id| self.image_by_id(id, &names)).collect::<Result<_>>()?;
        images.sort_by(|a, b| (&b.file.created, &b.id).cmp(&(&a.file.created, &a.id)));
        Ok(images)
    }

    /// Every name of every image.
    ///
    /// # Errors
    /// Where a name's file cannot be read.
    pub fn references(&self) -> Result<Names> {
        let mut names = Names::new();
        for name in self.all_references()? {
            let reference = name.name.parse::<Reference>();
            let reference = reference.with_context(|| format!("read the name {}", name.name))?;
            names.entry(name.image).or_default().push(reference);
        }
        names.values_mut().for_each(|names| names.sort());
        Ok(names)
    }

    /// Every name's file.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub(super) fn all_references(&self) -> Result<Vec<Name>> {
        let folder = self.references_folder();
        let files = list(&folder)?;
        let files = files.iter().filter(|name| !name.starts_with('.'));
        let read = |file: &String| read_json::<Name>(&folder.join(file)).transpose();
        files.filter_map(read).collect()
    }

    fn image_by_id(&self, id: &Digest, names: &Names) -> Result<Image> {
        let gone = || refuse(Kind::NotFound, format!("No such image: {id}"));
        let record = self.image_record(id)?.ok_or_else(gone)?;
        let reading = || format!("read the configuration of the image {id}");
        let bytes = self.read_blob(id, manifest::SIZE_LIMIT).with_context(reading)?;
        let file: config::File = serde_json::from_slice(&bytes).with_context(reading)?;
        let own = names.get(id).cloned().unwrap_or_default();
        let (digests, tags) = own.into_iter().partition(|name| name.tag.is_none());
        let (config, diff_ids) = (file.config.clone(), file.rootfs.diff_ids.clone());
        Ok(Image { id: *id, config, diff_ids, file, record, tags, digests })
    }

    /// What the store knows about an image, where it is there.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn image_record(&self, id: &Digest) -> Result<Option<Record>> {
        read_json(&self.image_file(id))
    }

    /// The manifest of an image.
    ///
    /// # Errors
    /// Where its blob is not there or damaged.
    pub fn image_manifest(&self, record: &Record) -> Result<Manifest> {
        let bytes = self.read_blob(&record.manifest.digest, manifest::SIZE_LIMIT)?;
        match manifest::read(&bytes, None)? {
            manifest::Document::Manifest(manifest) => Ok(manifest),
            manifest::Document::Index(_) => anyhow::bail!("the image's manifest is an index"),
        }
    }

    /// Keeps an image, whose blobs and layers are there, under its id.
    ///
    /// # Errors
    /// Of the calls that write.
    pub fn put_image(&self, id: &Digest, record: &Record) -> Result<()> {
        let bytes = serde_json::to_vec(record)?;
        durable::replace(&self.image_file(id), &bytes)
            .with_context(|| format!("keep the image {id}"))
    }

    /// Lets a name stand for an image, whatever it stood for before.
    ///
    /// # Errors
    /// Of the calls that write.
    pub fn put_reference(
        &self,
        reference: &Reference,
        image: &Digest,
        manifest: Option<&Descriptor>,
    ) -> Result<()> {
        let name = reference.to_string();
        let file = self.name_file(&name);
        let name = Name { name, image: *image, manifest: manifest.cloned() };
        let bytes = serde_json::to_vec(&name)?;
        durable::replace(&file, &bytes).with_context(|| format!("keep the name {reference}"))
    }

    /// Takes a name away; whether it was there.
    ///
    /// # Errors
    /// Of `unlink(2)`.
    pub fn remove_reference(&self, reference: &Reference) -> Result<bool> {
        remove(&self.name_file(&reference.to_string()))
            .with_context(|| format!("remove the name {reference}"))
    }

    /// Takes an image away; what only it needed goes with the next collection.
    ///
    /// # Errors
    /// Of `unlink(2)`.
    pub fn remove_image_record(&self, id: &Digest) -> Result<bool> {
        remove(&self.image_file(id)).with_context(|| format!("remove the image {id}"))
    }

    /// The folders of an image's layers, the lowest first.
    ///
    /// # Errors
    /// Where one of them is not there.
    pub fn layer_folders(&self, image: &Image) -> Result<Vec<PathBuf>> {
        let folder = |diff_id: &Digest| {
            let folder = self.layer(diff_id).join("fs");
            let there = folder.is_dir();
            anyhow::ensure!(
                there,
                "the layer {diff_id} is missing; dok system check --repair unpacks it again"
            );
            Ok(folder)
        };
        image.diff_ids.iter().map(folder).collect()
    }

    fn image_file(&self, id: &Digest) -> PathBuf {
        self.images_folder().join(format!("{}.json", id.hex()))
    }

    /// A name may be longer than a file's name may be.
    fn name_file(&self, name: &str) -> PathBuf {
        self.references_folder().join(format!("{}.json", Digest::of(name.as_bytes()).hex()))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn remove(file: &Path) -> io::Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => file.parent().map_or(Ok(()), durable::sync_folder).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The names in a folder.
pub(super) fn list(folder: &Path) -> Result<Vec<String>> {
    let names = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    names().with_context(|| format!("read the folder {}", folder.display()))
}

/// What a file holds, where it is there.
pub(super) fn read_json<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    match fs::read(file) {
        Ok(bytes) => {
            let read = serde_json::from_slice(&bytes);
            Ok(Some(read.with_context(|| format!("read {}", file.display()))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
    }
}
