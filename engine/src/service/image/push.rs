//! Images to a registry.

use std::io::{self, BufReader};

use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::pull::side_by_side;
use crate::error::{Context, Kind, Result, refuse};
use crate::image::manifest::{Compression, Descriptor, Manifest, OCI_LAYER_GZIP, OCI_MANIFEST};
use crate::image::{Digest, Reference};
use crate::model;
use crate::progress::{Event, Progress};
use crate::registry::{Access, Client, Sent};
use crate::service::Engine;
use crate::store::Image;

/// The most bytes of a layer that is packed for sending.
const LIMIT: u64 = 1 << 40;

/// What a registry calls an image that it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The tag.
    pub tag: String,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's length.
    pub size: u64,
}

impl Engine {
    /// Sends the image that a reference stands for.
    ///
    /// # Errors
    /// Where there is no such image, or the registry does not take it.
    pub fn push(&self, reference: &Reference, progress: Progress<'_>) -> Result<Pushed> {
        let reference = reference.clone().or_latest();
        self.known_tags(&reference, progress)?;
        self.push_one(&reference, progress)
    }

    fn push_one(&self, reference: &Reference, progress: Progress<'_>) -> Result<Pushed> {
        let missing = || {
            let name = reference.familiar();
            refuse(Kind::NotFound, format!("tag does not exist: {name}"))
        };
        let id = self.store.find_reference(reference)?.ok_or_else(missing)?;
        let _busy = self.store.busy()?;
        self.compress(&id)?;
        let image = self.store.image(&id.to_string())?;
        let manifest = self.store.image_manifest(&image.record)?;
        let bytes = self.store.read_blob(&image.record.manifest.digest, LIMIT)?;
        let client = self.push_blobs(reference, &image, &manifest, progress)?;
        let tag = reference.tag.clone().unwrap_or_default();
        let media_type = &image.record.manifest.media_type;
        let digest = client.send_manifest(&reference.wanted(), media_type, &bytes)?;
        let own = Some(&image.record.manifest);
        self.store.put_reference(&reference.with_digest(digest), &id, own)?;
        let size = bytes.len() as u64;
        progress(Event::whole(format!("{tag}: digest: {digest} size: {size}")));
        let (name, repository) = (reference.familiar(), reference.familiar_name());
        self.store.tell(&model::Event::of_image(&name, "push", &repository));
        Ok(Pushed { tag, digest, size })
    }

    /// Sends every tag of a repository.
    ///
    /// # Errors
    /// As [`Engine::push`].
    pub fn push_all(&self, repository: &Reference, progress: Progress<'_>) -> Result<Vec<Pushed>> {
        let tags = self.known_tags(repository, progress)?;
        tags.iter().map(|tag| self.push_one(tag, progress)).collect()
    }

    /// Says where it goes, and finds the tags of the repository.
    fn known_tags(&self, repository: &Reference, progress: Progress<'_>) -> Result<Vec<Reference>> {
        let to = repository.name();
        progress(Event::whole(format!("The push refers to repository [{to}]")));
        let names = self.store.references()?;
        let mut tags: Vec<Reference> = names.into_values().flatten().collect();
        tags.retain(|name| name.tag.is_some() && name.name() == to);
        if tags.is_empty() {
            let name = repository.familiar_name();
            let words = format!("An image does not exist locally with the tag: {name}");
            return Err(refuse(Kind::NotFound, words));
        }
        Ok(tags)
    }

    fn push_blobs(
        &self,
        reference: &Reference,
        image: &Image,
        manifest: &Manifest,
        progress: Progress<'_>,
    ) -> Result<Client> {
        let settings = self.registries.settings()?;
        let credential = self.credential(&reference.registry, progress);
        let mut client = Client::open(reference, None, Access::Push, &settings, credential)?;
        // Where the same registry has the image under another name, it need not be sent again.
        let elsewhere = image.digests.iter().find(|known| {
            known.registry == reference.registry && known.repository != reference.repository
        });
        let from = elsewhere.map(|known| known.repository.as_str());
        if let Some(from) = from {
            client.also_read(from);
        }
        let layers: Vec<_> = manifest.layers.iter().zip(&image.diff_ids).rev().collect();
        for (_, diff_id) in &layers {
            progress(Event::part(&diff_id.short(), "Preparing"));
        }
        let client = client;
        side_by_side(layers, |(layer, diff_id)| {
            let id = diff_id.short();
            let told = |done: u64| {
                progress(Event::at(&id, "Pushing", done, layer.size));
            };
            let status = match client.send_blob(&self.store, layer, from, &told)? {
                Sent::Already => "Layer already exists".to_owned(),
                Sent::Mounted => format!("Mounted from {}", from.unwrap_or_default()),
                Sent::Pushed => "Pushed".to_owned(),
            };
            progress(Event::part(&id, &status));
            Ok(())
        })?;
        client.send_blob(&self.store, &manifest.config, from, &|_| {})?;
        Ok(client)
    }

    /// Packs the layers of an image that came unpacked (by `load`, `import`, `commit`), once; the
    /// image has another manifest then, and the same id.
    fn compress(&self, id: &Digest) -> Result<()> {
        let gone = || refuse(Kind::NotFound, format!("No such image: {id}"));
        let mut record = self.store.image_record(id)?.ok_or_else(gone)?;
        let mut manifest = self.store.image_manifest(&record)?;
        let mut changed = false;
        for layer in &mut manifest.layers {
            if Compression::of(&layer.media_type)? == Compression::None {
                *layer = self.compress_layer(layer)?;
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
        OCI_MANIFEST.clone_into(&mut manifest.media_type);
        let bytes = serde_json::to_vec(&manifest).context("write the image's manifest")?;
        let digest = self.store.add_blob(&bytes)?;
        record.manifest = Descriptor::new(OCI_MANIFEST, digest, bytes.len() as u64);
        self.store.put_image(id, &record)?;
        self.store.wish_to_collect();
        Ok(())
    }

    fn compress_layer(&self, layer: &Descriptor) -> Result<Descriptor> {
        let packing = || format!("compress the layer {}", layer.digest.short());
        let mut source = BufReader::with_capacity(1 << 17, self.store.open_blob(&layer.digest)?);
        let mut packed = GzEncoder::new(self.store.receive_blob(LIMIT)?, Level::new(6));
        io::copy(&mut source, &mut packed).with_context(packing)?;
        let packed = packed.finish().with_context(packing)?;
        let size = packed.length();
        Ok(Descriptor::new(OCI_LAYER_GZIP, packed.finish()?, size))
    }
}
