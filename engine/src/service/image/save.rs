//! Images into an archive: an OCI layout with Docker's table of contents beside it. The blobs are
//! those that came, so that an image is the same to the byte after `load`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::error::{Context, Kind, Result, refuse};
use crate::image::manifest::{Descriptor, Index, OCI_INDEX};
use crate::image::{Digest, Reference};
use crate::model::Event;
use crate::service::Engine;
use crate::store::Image;

impl Engine {
    /// Writes images, each with the names that it was asked for by: a repository without a tag
    /// stands for all its tags, an id for no name.
    ///
    /// # Errors
    /// `No such image: X`, before anything is written.
    pub fn save(&self, wanted: &[String], out: impl Write) -> Result<()> {
        let _busy = self.store.busy()?;
        let mut images: Vec<(Image, Vec<Reference>)> = Vec::new();
        for name in wanted {
            for (image, names) in self.wanted(name)? {
                match images.iter_mut().find(|(other, _)| other.id == image.id) {
                    Some((_, known)) => known.extend(names),
                    None => images.push((image, names)),
                }
            }
        }
        let mut archive = Builder::new(out);
        self.write(&mut archive, &images).context("write the archive")?;
        archive.into_inner().context("write the archive")?.flush().context("write the archive")?;
        for (image, names) in &images {
            let id = image.id.to_string();
            let name = names.first().map_or_else(|| id.clone(), Reference::familiar);
            self.store.tell(&Event::of_image(&id, "save", &name));
        }
        Ok(())
    }

    fn wanted(&self, name: &str) -> Result<Vec<(Image, Vec<Reference>)>> {
        if let Ok(reference) = name.parse::<Reference>()
            && reference.tag.is_none()
            && reference.digest.is_none()
        {
            let mut found = Vec::new();
            for image in self.store.images()? {
                let mut names = image.tags.clone();
                names.retain(|tag| tag.name() == reference.name());
                if !names.is_empty() {
                    found.push((image, names));
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let image = self.store.image(name)?;
        let named = name.parse::<Reference>().ok().filter(|name| image.tags.contains(name));
        Ok(vec![(image, named.into_iter().collect())])
    }

    fn write<W: Write>(
        &self,
        archive: &mut Builder<W>,
        images: &[(Image, Vec<Reference>)],
    ) -> Result<()> {
        let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        let (mut written, mut table, mut manifests) = (BTreeSet::new(), Vec::new(), Vec::new());
        for (image, names) in images {
            let manifest = self.store.image_manifest(&image.record)?;
            let own = &image.record.manifest;
            let blobs = manifest.layers.iter().chain([&manifest.config, own]);
            for blob in blobs.filter(|blob| written.insert(blob.digest)) {
                let file = self.store.open_blob(&blob.digest)?;
                let length = file.metadata().context("read a blob")?.len();
                if length != blob.size {
                    let words = format!("the blob {} is damaged", blob.digest);
                    return Err(refuse(Kind::Invalid, words));
                }
                append(archive, &path(&blob.digest), length, file)?;
            }
            let layers: Vec<String> = manifest.layers.iter().map(|l| path(&l.digest)).collect();
            let tags: Vec<String> = names.iter().map(Reference::familiar).collect();
            table.push(json!({
                "Config": path(&image.id),
                "RepoTags": if tags.is_empty() { None } else { Some(tags) },
                "Layers": layers,
            }));
            manifests.extend(described(own, names));
        }
        let index = Index { schema_version: 2, media_type: OCI_INDEX.into(), manifests };
        let index = serde_json::to_vec(&index).context("write index.json")?;
        let table = serde_json::to_vec(&table).context("write manifest.json")?;
        append(archive, "index.json", index.len() as u64, &index[..])?;
        append(archive, "manifest.json", table.len() as u64, &table[..])?;
        let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
        append(archive, "oci-layout", layout.len() as u64, &layout[..])
    }
}

/// A manifest in the index, once for each of its names.
fn described(manifest: &Descriptor, names: &[Reference]) -> Vec<Descriptor> {
    let named = |name: &Reference| {
        let tag = name.tag.clone().unwrap_or_default();
        let annotations = BTreeMap::from([
            ("io.containerd.image.name".to_owned(), name.to_string()),
            ("org.opencontainers.image.ref.name".to_owned(), tag),
        ]);
        Descriptor { annotations: Some(annotations), ..manifest.clone() }
    };
    if names.is_empty() { vec![manifest.clone()] } else { names.iter().map(named).collect() }
}

fn append<W: Write>(
    archive: &mut Builder<W>,
    path: &str,
    length: u64,
    source: impl std::io::Read,
) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(length);
    archive.append_data(&mut header, path, source).with_context(|| format!("write {path}"))
}
