//! A container's files become an image.

use std::io::Write;

use super::{compose, now};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::config::{Config, History};
use crate::image::manifest::{Compression, Descriptor};
use crate::image::{Digest, Reference, change};
use crate::layer::{self, Form, Sent, pack};
use crate::model::{Container, Event, Status};
use crate::service::Engine;

/// The most bytes of a layer.
const LIMIT: u64 = 1 << 40;

/// What a commit is told beside the container.
#[derive(Debug, Default)]
pub struct Commit {
    /// The image's name.
    pub name: Option<Reference>,
    /// Who made it.
    pub author: String,
    /// A note in its history.
    pub message: String,
    /// Instructions of a Dockerfile that change the image's configuration.
    pub changes: Vec<String>,
    /// Whether the container stands still meanwhile.
    pub pause: bool,
}

impl Engine {
    /// Makes an image of a container: its image's layers, and what it changed on top.
    ///
    /// # Errors
    /// An instruction makes no sense; what cannot be read. Nothing is left then.
    pub fn commit(&self, name: &str, told: Commit) -> Result<Digest> {
        let container = self.store.container(name)?;
        let mut config = configuration(&container)?;
        for instruction in &told.changes {
            change::apply(&mut config, instruction)?;
        }
        let _busy = self.store.busy()?;
        let runs = self.store.state(&container.id)?.status == Status::Running;
        let frozen = told.pause && runs;
        if frozen {
            self.pause(&container)?;
        }
        let layer = self.own_layer(&container);
        let thawed = if frozen { self.unpause(&container) } else { Ok(()) };
        let name = told.name.as_ref().map(Reference::familiar).unwrap_or_default();
        let comment = told.message.clone();
        let committed = layer.and_then(|layer| {
            thawed?;
            self.put_on_top(&container, config, layer, told)
        });
        if committed.is_err() {
            // The layer has no image now: whoever is done last collects it.
            self.store.wish_to_collect();
        }
        let id = committed?;
        let event = Event::of_container(&container, "commit").with("comment", &comment);
        self.store.tell(&event.with("imageID", &id.to_string()).with("imageRef", &name));
        Ok(id)
    }

    /// What a container changed, as a layer in the store.
    fn own_layer(&self, container: &Container) -> Result<(Descriptor, Digest)> {
        let mut blob = self.store.receive_blob(LIMIT)?;
        let upper = self.upper(container);
        let packed = match upper.exists() {
            true => pack(&upper, Form::Layer, &mut blob),
            // One that never ran changed nothing: an archive without entries.
            false => blob.write_all(&[0; 1024]).context("write the layer"),
        };
        if let Err(error) = packed {
            blob.discard();
            return Err(error);
        }
        let size = blob.length();
        let digest = blob.finish()?;
        let source = self.store.open_blob(&digest)?;
        let compression = Compression::None;
        let diff_id = layer::install(&self.store, Sent { source, size, compression }, None)?;
        Ok((Descriptor::new(compression.media_type(), digest, size), diff_id))
    }

    fn put_on_top(
        &self,
        container: &Container,
        config: Config,
        (layer, diff_id): (Descriptor, Digest),
        told: Commit,
    ) -> Result<Digest> {
        let image = self.store.image(&container.image)?;
        let mut layers = self.store.image_manifest(&image.record)?.layers;
        layers.push(layer);
        let mut file = image.file;
        file.created = Some(now());
        file.author.clone_from(&told.author);
        file.config = config;
        file.rootfs.diff_ids.push(diff_id);
        file.history.push(History {
            created: file.created.clone(),
            created_by: container.command_line().join(" "),
            author: told.author,
            comment: told.message,
            ..History::default()
        });
        let id = compose(&self.store, &file, layers, told.name.as_ref())?;
        let gone = || refuse(Kind::NotFound, format!("No such image: {id}"));
        let mut record = self.store.image_record(&id)?.ok_or_else(gone)?;
        record.parent = Some(image.id);
        self.store.put_image(&id, &record)?;
        Ok(id)
    }
}

/// What an image keeps of a container's configuration; the fields of both have the same names.
fn configuration(container: &Container) -> Result<Config> {
    let said = serde_json::to_value(&container.config).context("encode the configuration")?;
    serde_json::from_value(said).context("read the configuration")
}
