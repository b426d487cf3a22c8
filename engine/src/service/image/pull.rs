//! Images from a registry.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{check_layers, read_config, write_down};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::manifest::{self, Compression, Descriptor, Document, Manifest};
use crate::image::platform::Platform;
use crate::image::reference::DEFAULT_REGISTRY;
use crate::image::{Digest, Reference};
use crate::layer::{self, Sent};
use crate::model;
use crate::progress::{Event, Progress};
use crate::registry::{Access, Client, Fetched};
use crate::service::Engine;

/// Layers on their way at once.
const LANES: usize = 4;
/// Between two words about how far a layer is.
const STEP: u64 = 256 << 10;

/// What became of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// The image.
    pub id: Digest,
    /// What the registry calls it.
    pub digest: Digest,
    /// Whether the name stood for another image before, or for none.
    pub newer: bool,
}

impl Pulled {
    /// What is said at the end.
    fn status(self, name: &str) -> String {
        let what = if self.newer { "Downloaded newer image" } else { "Image is up to date" };
        format!("Status: {what} for {name}")
    }
}

/// A manifest with what it says, and where its blobs come from.
struct Source {
    client: Client,
    /// What the reference stands for: the manifest, or the index that led to it.
    top: Fetched,
    own: Fetched,
    manifest: Manifest,
}

impl Engine {
    /// Fetches an image, its layers side by side, and lets the reference stand for it.
    ///
    /// # Errors
    /// Where the registry does not give it or what it gives is not right; nothing is left then.
    pub fn pull(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Pulled> {
        let reference = reference.clone().or_latest();
        let pulled = self.pull_one(&reference, platform, progress)?;
        let name = match reference.digest {
            Some(digest) => reference.with_digest(digest).familiar(),
            None => reference.familiar(),
        };
        progress(Event::whole(pulled.status(&name)));
        Ok(pulled)
    }

    fn pull_one(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Pulled> {
        let _busy = self.store.busy()?;
        let pulled = self.pull_whole(reference, platform, progress);
        if pulled.is_err() {
            // What came of it belongs to nobody.
            self.store.wish_to_collect();
        }
        let pulled = pulled?;
        let (id, name) = (reference.familiar(), reference.familiar_name());
        self.store.tell(&model::Event::of_image(&id, "pull", &name));
        Ok(pulled)
    }

    /// Fetches every tag of a repository.
    ///
    /// # Errors
    /// As [`Engine::pull`]; what came before stays.
    pub fn pull_all(
        &self,
        repository: &Reference,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Vec<Pulled>> {
        let settings = self.registries.settings()?;
        let credential = self.credential(&repository.registry, progress);
        let client = Client::open(repository, None, Access::Pull, &settings, credential)?;
        let tag = |tag| Reference { tag: Some(tag), ..repository.clone() };
        let tags = client.tags()?.into_iter();
        let pulled: Vec<Pulled> =
            tags.map(|t| self.pull_one(&tag(t), platform, progress)).collect::<Result<_>>()?;
        if let Some(one) = pulled.iter().find(|one| one.newer).or(pulled.first()) {
            progress(Event::whole(one.status(&repository.familiar_name())));
        }
        Ok(pulled)
    }

    fn pull_whole(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Pulled> {
        let source = self.find_source(reference, platform, progress)?;
        let from = &reference.repository;
        let what = match reference.digest {
            Some(digest) => reference.with_digest(digest).to_string(),
            None => reference.wanted(),
        };
        progress(Event::whole(format!("{what}: Pulling from {from}")));
        let (id, digest) = (source.manifest.config.digest, source.top.digest);
        let before = self.store.find_reference(reference)?;
        if self.store.image_record(&id)?.is_none() || !self.is_whole(&source.manifest) {
            self.fetch(&source, platform, progress)?;
        }
        for fetched in [&source.own, &source.top] {
            self.store.add_blob(&fetched.bytes)?;
        }
        let file = read_config(&self.store, &id)?;
        write_down(&self.store, &file, &id, &source.own.bytes, &source.own.media_type)?;
        let top = Descriptor::new(&source.top.media_type, digest, source.top.bytes.len() as u64);
        self.store.put_reference(&reference.with_digest(digest), &id, Some(&top))?;
        if reference.tag.is_some() && reference.digest.is_none() {
            self.store.put_reference(reference, &id, None)?;
        }
        progress(Event::whole(format!("Digest: {digest}")));
        Ok(Pulled { id, digest, newer: before != Some(id) })
    }

    /// Every blob and layer of an image is there.
    fn is_whole(&self, manifest: &Manifest) -> bool {
        let file = read_config(&self.store, &manifest.config.digest);
        let blobs = manifest.layers.iter().all(|layer| self.store.has_blob(&layer.digest));
        blobs && file.is_ok_and(|f| f.rootfs.diff_ids.iter().all(|id| self.store.has_layer(id)))
    }

    /// Asks the mirrors in turn, and then the registry itself.
    fn find_source(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<Source> {
        let settings = self.registries.settings()?;
        let mirrors = match reference.registry.as_str() {
            DEFAULT_REGISTRY => settings.registry_mirrors.clone(),
            _ => Vec::new(),
        };
        for mirror in &mirrors {
            // A mirror that cannot help is passed over: the registry itself has the last word.
            let client = Client::open(reference, Some(mirror), Access::Pull, &settings, None);
            let found = client.and_then(|client| manifests(client, reference, platform));
            if let Ok(source) = found {
                return Ok(source);
            }
        }
        let credential = self.credential(&reference.registry, progress);
        let client = Client::open(reference, None, Access::Pull, &settings, credential)?;
        manifests(client, reference, platform)
    }

    /// Configuration and layers.
    fn fetch(
        &self,
        source: &Source,
        platform: Option<&Platform>,
        progress: Progress<'_>,
    ) -> Result<()> {
        let (client, manifest) = (&source.client, &source.manifest);
        client.blob(&self.store, &manifest.config, &|_| {})?;
        let file = read_config(&self.store, &manifest.config.digest)?;
        check_layers(&file, manifest)?;
        if let Some(wanted) = platform
            && wanted.fit(&file.platform()).is_none()
        {
            let words = format!("the image is for {}, and {wanted} was asked for", file.platform());
            return Err(refuse(Kind::NotFound, words));
        }
        // The same layer may be in an image twice; one lane has it.
        let mut lanes = BTreeMap::new();
        for (layer, diff_id) in manifest.layers.iter().zip(&file.rootfs.diff_ids) {
            let there = self.store.has_layer(diff_id) && self.store.has_blob(&layer.digest);
            let status = if there { "Already exists" } else { "Pulling fs layer" };
            progress(Event::part(&layer.digest.short(), status));
            if !there {
                lanes.insert(layer.digest, (layer, diff_id));
            }
        }
        let order = manifest.layers.iter().filter_map(|layer| lanes.remove(&layer.digest));
        side_by_side(order.collect(), |(layer, diff_id)| {
            self.layer(client, layer, diff_id, progress)
        })
    }

    fn layer(
        &self,
        client: &Client,
        layer: &Descriptor,
        diff_id: &Digest,
        progress: Progress<'_>,
    ) -> Result<()> {
        let compression = Compression::of(&layer.media_type)?;
        let id = layer.digest.short();
        let telling = |status: &'static str| Steps { id: &id, status, total: layer.size, progress };
        let downloading = telling("Downloading");
        client.blob(&self.store, layer, &downloading.teller())?;
        progress(Event::part(&id, "Verifying Checksum"));
        progress(Event::part(&id, "Download complete"));
        let extracting = telling("Extracting");
        let told = extracting.teller();
        let source =
            Counted { source: self.store.open_blob(&layer.digest)?, count: 0, told: &told };
        let source = BufReader::with_capacity(1 << 17, source);
        let sent = Sent { source, size: layer.size, compression };
        layer::install(&self.store, sent, Some(diff_id))
            .with_context(|| format!("failed to register layer {id}"))?;
        progress(Event::part(&id, "Pull complete"));
        Ok(())
    }
}

/// Follows a reference to the manifest for a platform.
fn manifests(client: Client, reference: &Reference, platform: Option<&Platform>) -> Result<Source> {
    let top = client.manifest(reference)?;
    match manifest::read(&top.bytes, Some(&top.media_type))? {
        Document::Manifest(manifest) => {
            let own =
                Fetched { media_type: top.media_type.clone(), bytes: top.bytes.clone(), ..top };
            Ok(Source { client, top, own, manifest })
        }
        Document::Index(index) => {
            let wanted = platform.cloned().unwrap_or_else(Platform::own);
            let none = || {
                let words =
                    format!("no matching manifest for {wanted} in the manifest list entries");
                refuse(Kind::NotFound, words)
            };
            let best = index.best(&wanted).ok_or_else(none)?;
            let own = client.manifest(&reference.with_digest(best.digest))?;
            match manifest::read(&own.bytes, Some(&own.media_type))? {
                Document::Manifest(manifest) => Ok(Source { client, top, own, manifest }),
                Document::Index(_) => Err(refuse(Kind::Invalid, "the index names another index")),
            }
        }
    }
}

/// How far a layer is.
struct Steps<'a> {
    id: &'a str,
    status: &'static str,
    total: u64,
    progress: Progress<'a>,
}

impl Steps<'_> {
    /// Tells now and then, and at the end.
    fn teller(&self) -> impl Fn(u64) {
        let next = std::cell::Cell::new(0);
        move |done| {
            if done >= next.get() || done == self.total {
                next.set(done + STEP);
                (self.progress)(Event::at(self.id, self.status, done, self.total));
            }
        }
    }
}

struct Counted<'a, R> {
    source: R,
    count: u64,
    told: &'a dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.count += n as u64;
        (self.told)(self.count);
        Ok(n)
    }
}

/// Does the same to each of some things, several at once; after a failure no other is begun.
pub(super) fn side_by_side<T: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> Result<()> + Sync,
) -> Result<()> {
    let lanes = things.len().min(LANES);
    let (left, failed) = (Mutex::new(things.into_iter()), AtomicBool::new(false));
    let lane = || -> Result<()> {
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(thing) = next.filter(|_| !failed.load(Ordering::Relaxed)) else {
                return Ok(());
            };
            let done = work(thing);
            if done.is_err() {
                failed.store(true, Ordering::Relaxed);
                return done;
            }
        }
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let ends = lanes.into_iter().map(|lane| {
            lane.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread of ours panicked")))
        });
        // All are waited for before the first failure is told.
        ends.collect::<Vec<_>>().into_iter().collect()
    })
}
