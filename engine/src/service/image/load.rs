//! Images from an archive: what `save` writes, what Docker and podman write, and OCI layouts.
//!
//! The names in the archive are keys of a table and never paths of ours.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use serde::Deserialize;
use tar::{Archive, EntryType};

use super::{compose_manifest, keep, read_config};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::manifest::{
    self, Descriptor, Document, Index, Manifest, OCI_CONFIG, OCI_MANIFEST,
};
use crate::image::platform::Platform;
use crate::image::{Digest, Reference};
use crate::layer::{BETWEEN_ENTRIES, Bounded, between_entries, sniff, uncompressed, unwrapped};
use crate::model;
use crate::progress::{Event, Progress};
use crate::service::Engine;
use crate::store::Store;

/// The most bytes of one file in the archive.
const FILE_LIMIT: u64 = 1 << 40;
/// The most files in the archive.
const FILES_LIMIT: usize = 100_000;
/// The most links in a row.
const LINKS: usize = 8;

/// An image that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its id.
    pub id: Digest,
    /// Its names in the archive.
    pub names: Vec<Reference>,
}

/// One image in Docker's table of contents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// What the archive holds, all of it in the store by now.
#[derive(Default)]
struct Contents {
    files: BTreeMap<PathBuf, (Digest, u64)>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Engine {
    /// Loads all images of an archive, which may be compressed; where a platform is named, each has
    /// to be for it.
    ///
    /// # Errors
    /// Where the archive is none, or an image in it is not whole; images before it stay.
    pub fn load(
        &self,
        source: impl Read,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Vec<Loaded>> {
        let loaded = self.load_all(source, platform, progress)?;
        for image in &loaded {
            let id = image.id.to_string();
            let name = image.names.first().map_or_else(|| id.clone(), Reference::familiar);
            self.store.tell(&model::Event::of_image(&id, "load", &name));
        }
        Ok(loaded)
    }

    fn load_all(
        &self,
        source: impl Read,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Vec<Loaded>> {
        let _busy = self.store.busy()?;
        // Whatever of the archive belongs to no image goes again.
        self.store.wish_to_collect();
        let source = BufReader::with_capacity(1 << 17, source);
        let contents = receive(&self.store, uncompressed(unwrapped(source)?)?)?;
        let store = &self.store;
        let index = match contents.read(store, "index.json")? {
            Some(bytes) => Some(read_index(&bytes)?),
            None => None,
        };
        match (contents.read(store, "manifest.json")?, index) {
            (Some(bytes), index) => {
                let listed: Vec<Listed> =
                    serde_json::from_slice(&bytes).context("read manifest.json of the archive")?;
                let load = |listed: &Listed| {
                    contents.check_platform(store, &listed.config, platform)?;
                    load_listed(store, &contents, listed, index.as_ref(), progress)
                };
                listed.iter().map(load).collect()
            }
            (None, Some(index)) => {
                let mut loaded = Vec::new();
                for descriptor in &index.manifests {
                    loaded
                        .extend(load_described(store, &contents, descriptor, platform, progress)?);
                }
                Ok(loaded)
            }
            (None, None) => Err(refuse(
                Kind::Invalid,
                "the archive has neither manifest.json nor index.json: it holds no image",
            )),
        }
    }
}

/// Takes every file of the archive into the store.
fn receive(store: &Store, source: impl Read) -> Result<Contents> {
    let mut contents = Contents::default();
    let (source, gauge) = Bounded::new(source);
    let mut archive = Archive::new(source);
    let mut entries = archive.entries().context("read the archive")?;
    loop {
        gauge.allow(Some(BETWEEN_ENTRIES));
        let Some(entry) = entries.next() else { return Ok(contents) };
        let mut entry = entry.map_err(between_entries)?;
        gauge.allow(None);
        let path = normal(&entry.path().context("read the archive")?);
        let count = contents.files.len() + contents.links.len();
        anyhow::ensure!(count < FILES_LIMIT, "the archive has too many files");
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let mut blob = store.receive_blob(FILE_LIMIT)?;
                let size = std::io::copy(&mut entry, &mut blob)
                    .with_context(|| format!("read {} of the archive", path.display()))?;
                contents.files.insert(path, (blob.finish()?, size));
            }
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name().context("read the archive")?.unwrap_or_default();
                let relative = entry.header().entry_type() == EntryType::Symlink;
                let base = path.parent().filter(|_| relative).map(ToOwned::to_owned);
                let target = normal(&base.unwrap_or_default().join(target));
                contents.links.insert(path, target);
            }
            _ => {}
        }
        // What is left of it must not count as what stands between entries.
        std::io::copy(&mut entry, &mut std::io::sink()).context("read the archive")?;
    }
}

/// A key of the table: `.` and `..` are taken out by the text alone.
fn normal(path: &std::path::Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => {
                normal.pop();
            }
            _ => {}
        }
    }
    normal
}

impl Contents {
    fn find(&self, path: &str) -> Option<(Digest, u64)> {
        let mut path = normal(path.as_ref());
        for _ in 0..LINKS {
            if let Some(found) = self.files.get(&path) {
                return Some(*found);
            }
            path = self.links.get(&path)?.clone();
        }
        None
    }

    fn blob(&self, digest: &Digest) -> bool {
        self.files.values().any(|(own, _)| own == digest)
    }

    fn read(&self, store: &Store, path: &str) -> Result<Option<Vec<u8>>> {
        let Some((digest, _)) = self.find(path) else { return Ok(None) };
        let read = store.read_blob(&digest, manifest::SIZE_LIMIT);
        read.with_context(|| format!("read {path} of the archive")).map(Some)
    }
}

fn read_index(bytes: &[u8]) -> Result<Index> {
    match manifest::read(bytes, None).context("read index.json of the archive")? {
        Document::Index(index) => Ok(index),
        Document::Manifest(_) => {
            Err(refuse(Kind::Invalid, "index.json of the archive is no index"))
        }
    }
}

/// An image of Docker's table. Where the archive has the very manifest of it too, that is kept.
fn load_listed(
    store: &Store,
    contents: &Contents,
    listed: &Listed,
    index: Option<&Index>,
    progress: Progress<'_>,
) -> Result<Loaded> {
    let missing = |path: &str| {
        refuse(Kind::Invalid, format!("the archive names {path:?} and does not have it"))
    };
    let (id, size) = contents.find(&listed.config).ok_or_else(|| missing(&listed.config))?;
    let mut layers = Vec::new();
    for path in listed.layers.iter().flatten() {
        let (digest, size) = contents.find(path).ok_or_else(|| missing(path))?;
        layers.push(describe_layer(store, digest, size)?);
    }
    let own = index.and_then(|index| own_manifest(store, contents, index, &id));
    match own {
        Some((bytes, media_type, manifest)) => keep(store, &bytes, &media_type, &manifest)?,
        None => {
            let config = Descriptor::new(OCI_CONFIG, id, size);
            let (bytes, manifest) = compose_manifest(config, layers)?;
            keep(store, &bytes, OCI_MANIFEST, &manifest)?
        }
    };
    let names = listed.repo_tags.iter().flatten();
    let names: Vec<Reference> = names
        .map(|name| name.parse::<Reference>())
        .collect::<Result<_, _>>()
        .map_err(|words| refuse(Kind::Invalid, format!("the archive has a wrong name: {words}")))?;
    give_names(store, &id, names, progress)
}

/// Whether an image with this configuration is for the machine that is asked for.
fn check_platform(store: &Store, config: &Digest, platform: Option<&Platform>) -> Result<()> {
    let actual = read_config(store, config)?.platform();
    match Platform::unmet(platform, &actual) {
        None => Ok(()),
        Some(wanted) => {
            let words =
                format!("requested platform ({wanted}) not found: the archive has {actual}");
            Err(refuse(Kind::NotFound, words))
        }
    }
}

impl Contents {
    fn check_platform(
        &self,
        store: &Store,
        config: &str,
        platform: Option<&Platform>,
    ) -> Result<()> {
        match self.find(config).filter(|_| platform.is_some()) {
            Some((config, _)) => check_platform(store, &config, platform),
            None => Ok(()),
        }
    }
}

fn describe_layer(store: &Store, digest: Digest, size: u64) -> Result<Descriptor> {
    let (compression, _) = sniff(store.open_blob(&digest)?)?;
    Ok(Descriptor::new(compression.media_type(), digest, size))
}

/// The manifest of the image with this configuration, where all of it is in the archive.
fn own_manifest(
    store: &Store,
    contents: &Contents,
    index: &Index,
    id: &Digest,
) -> Option<(Vec<u8>, String, Manifest)> {
    index.manifests.iter().find_map(|descriptor| {
        let found = contents.blob(&descriptor.digest);
        let bytes =
            found.then(|| store.read_blob(&descriptor.digest, manifest::SIZE_LIMIT))?.ok()?;
        let Ok(Document::Manifest(manifest)) = manifest::read(&bytes, None) else { return None };
        let whole = manifest.layers.iter().all(|layer| contents.blob(&layer.digest));
        let media_type = descriptor.media_type.clone();
        (manifest.config.digest == *id && whole).then_some((bytes, media_type, manifest))
    })
}

/// An image of an OCI layout, or of the index that it names.
fn load_described(
    store: &Store,
    contents: &Contents,
    descriptor: &Descriptor,
    platform: Option<&Platform>,
    progress: Progress<'_>,
) -> Result<Option<Loaded>> {
    let mut bytes = contents.described(store, descriptor)?;
    let mut media_type = descriptor.media_type.clone();
    let manifest = match manifest::read(&bytes, Some(&media_type))? {
        Document::Manifest(manifest) => manifest,
        Document::Index(index) => {
            let wanted = platform.cloned().unwrap_or_else(Platform::own);
            let Some(best) = index.best(&wanted) else { return Ok(None) };
            bytes = contents.described(store, best)?;
            media_type.clone_from(&best.media_type);
            match manifest::read(&bytes, Some(&media_type))? {
                Document::Manifest(manifest) => manifest,
                Document::Index(_) => {
                    return Err(refuse(Kind::Invalid, "an index of the archive names an index"));
                }
            }
        }
    };
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        if !contents.blob(&blob.digest) {
            let words = format!("the archive names the blob {} and does not have it", blob.digest);
            return Err(refuse(Kind::Invalid, words));
        }
    }
    // What is no image (an artifact) has no such configuration.
    check_platform(store, &manifest.config.digest, platform)?;
    let id = keep(store, &bytes, &media_type, &manifest)?;
    give_names(store, &id, annotated_name(descriptor), progress).map(Some)
}

impl Contents {
    fn described(&self, store: &Store, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let digest = &descriptor.digest;
        if !self.blob(digest) {
            let words = format!("the archive names the blob {digest} and does not have it");
            return Err(refuse(Kind::Invalid, words));
        }
        store.read_blob(digest, manifest::SIZE_LIMIT)
    }
}

/// A name that an index gives to an image: a whole one, not a tag alone.
fn annotated_name(descriptor: &Descriptor) -> Vec<Reference> {
    let annotations = descriptor.annotations.iter().flatten();
    let mut names: Vec<(&String, &String)> = annotations.collect();
    names.retain(|(key, value)| match key.as_str() {
        "io.containerd.image.name" => true,
        "org.opencontainers.image.ref.name" => value.contains(['/', ':']),
        _ => false,
    });
    let names = names.iter().filter_map(|(_, value)| value.parse::<Reference>().ok());
    names.take(1).collect()
}

fn give_names(
    store: &Store,
    id: &Digest,
    names: Vec<Reference>,
    progress: Progress<'_>,
) -> Result<Loaded> {
    let names: Vec<Reference> = names.into_iter().map(Reference::or_latest).collect();
    for name in &names {
        store.put_reference(name, id, None)?;
        progress(Event::whole(format!("Loaded image: {}", name.familiar())));
    }
    if names.is_empty() {
        progress(Event::whole(format!("Loaded image ID: {id}")));
    }
    Ok(Loaded { id: *id, names })
}
