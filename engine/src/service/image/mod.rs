//! What is done with images.

mod account;
mod commit;
mod hello;
mod import;
mod list;
mod load;
mod pull;
mod push;
mod remove;
mod save;

use super::Engine;
use crate::error::{Context, Kind, Result, kind};
use crate::image::manifest::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST};
use crate::image::{Digest, Reference, config};
use crate::layer::{self, Sent};
use crate::model::Event;
use crate::store::images::Record;
use crate::store::{Image, Store};
use crate::time::Time;

pub use account::Registries;
pub use commit::Commit;
pub use import::Import;
pub use list::{Inspected, Step};
pub use load::Loaded;
pub use pull::Pulled;
pub use push::Pushed;
pub use remove::{Pruned, Removed};

impl Engine {
    /// The image that a name or an id stands for; `hello` is there without having been fetched.
    ///
    /// # Errors
    /// `No such image: X`.
    pub fn image(&self, name_or_id: &str) -> Result<Image> {
        match self.store.image(name_or_id) {
            Err(error) if kind(&error) == Some(Kind::NotFound) && hello::is_meant(name_or_id) => {
                let id = hello::assemble(&self.store)?;
                self.store.image(&id.to_string())
            }
            found => found,
        }
    }
}

/// The present, in RFC 3339.
fn now() -> String {
    Time::now().to_string()
}

/// Keeps an image whose blobs are in the store: unpacks its layers where they are not there, and
/// writes it down. Its names are given by the caller.
fn keep(store: &Store, bytes: &[u8], media_type: &str, manifest: &Manifest) -> Result<Digest> {
    let id = manifest.config.digest;
    let file = read_config(store, &id)?;
    check_layers(&file, manifest)?;
    for (layer, diff_id) in manifest.layers.iter().zip(&file.rootfs.diff_ids) {
        install(store, layer, diff_id)?;
    }
    write_down(store, &file, &id, bytes, media_type)
}

/// The configuration of an image, from its blob.
fn read_config(store: &Store, id: &Digest) -> Result<config::File> {
    let limit = crate::image::manifest::SIZE_LIMIT;
    let bytes = store.read_blob(id, limit).context("read the image's configuration")?;
    serde_json::from_slice(&bytes).context("read the image's configuration")
}

/// An image names each of its layers twice, packed and unpacked.
fn check_layers(file: &config::File, manifest: &Manifest) -> Result<()> {
    let (packed, unpacked) = (manifest.layers.len(), file.rootfs.diff_ids.len());
    if packed != unpacked {
        let words = format!(
            "the image has {packed} layers, and {unpacked} in its configuration (diff_ids)"
        );
        return Err(crate::error::refuse(Kind::Invalid, words));
    }
    Ok(())
}

/// Unpacks a layer whose blob is there.
pub(super) fn install(store: &Store, layer: &Descriptor, diff_id: &Digest) -> Result<()> {
    let compression = crate::image::manifest::Compression::of(&layer.media_type)?;
    let source = std::io::BufReader::with_capacity(1 << 17, store.open_blob(&layer.digest)?);
    let sent = Sent { source, size: layer.size, compression };
    let unpacking = || format!("unpack the layer {}", layer.digest.short());
    layer::install(store, sent, Some(diff_id)).with_context(unpacking).map(|_| ())
}

/// Writes down an image whose layers are all there.
fn write_down(
    store: &Store,
    file: &config::File,
    id: &Digest,
    manifest: &[u8],
    media_type: &str,
) -> Result<Digest> {
    let digest = store.add_blob(manifest)?;
    let descriptor = Descriptor::new(media_type, digest, manifest.len() as u64);
    let mut size = 0;
    for diff_id in &file.rootfs.diff_ids {
        size += store.layer_facts(diff_id)?.size;
    }
    let before = store.image_record(id)?;
    let parent = before.and_then(|record| record.parent);
    let record = Record { manifest: descriptor, size, tagged: Some(now()), parent };
    store.put_image(id, &record)?;
    Ok(*id)
}

/// An image of our own making: a configuration, and layers that are in the store.
///
/// # Errors
/// Of the calls that write.
pub(super) fn compose(
    store: &Store,
    file: &config::File,
    layers: Vec<Descriptor>,
    name: Option<&Reference>,
) -> Result<Digest> {
    let config = serde_json::to_vec(file).context("write the image's configuration")?;
    let id = store.add_blob(&config)?;
    let config = Descriptor::new(OCI_CONFIG, id, config.len() as u64);
    let (bytes, manifest) = compose_manifest(config, layers)?;
    keep(store, &bytes, OCI_MANIFEST, &manifest)?;
    if let Some(name) = name {
        store.put_reference(name, &id, None)?;
        store.tell(&Event::of_image(&id.to_string(), "tag", &name.familiar()));
    }
    Ok(id)
}

/// A manifest of our own making, as bytes and as what they say.
fn compose_manifest(config: Descriptor, layers: Vec<Descriptor>) -> Result<(Vec<u8>, Manifest)> {
    let media_type = OCI_MANIFEST.to_owned();
    let manifest = Manifest { schema_version: 2, media_type, config, layers };
    let bytes = serde_json::to_vec(&manifest).context("write the image's manifest")?;
    Ok((bytes, manifest))
}
