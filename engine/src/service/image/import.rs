//! A root file system becomes an image.

use std::io::{self, BufReader, Read};

use super::{compose, now};
use crate::error::{Context, Result};
use crate::image::config::{Config, File, History, RootFs};
use crate::image::manifest::Descriptor;
use crate::image::platform::Platform;
use crate::image::{Digest, Reference, change};
use crate::layer::{self, Sent};
use crate::model::Event;
use crate::service::Engine;

/// The most bytes that are imported.
const LIMIT: u64 = 1 << 40;

/// What an import is told beside the archive.
#[derive(Debug, Default)]
pub struct Import {
    /// The image's name.
    pub name: Option<Reference>,
    /// Instructions of a Dockerfile that change the image's configuration.
    pub changes: Vec<String>,
    /// A note in its history.
    pub message: String,
    /// The machine that it is for; ours, where nothing is said.
    pub platform: Option<Platform>,
}

impl Engine {
    /// Makes an image of one layer of an archive, which may be compressed.
    ///
    /// # Errors
    /// Where an instruction or the archive makes no sense; nothing is left then.
    pub fn import(&self, source: impl Read, told: Import) -> Result<Digest> {
        let mut config = Config::default();
        for change in &told.changes {
            change::apply(&mut config, change)?;
        }
        let _busy = self.store.busy()?;
        let mut blob = self.store.receive_blob(LIMIT)?;
        let received = layer::unwrapped(BufReader::new(source))
            .and_then(|mut source| io::copy(&mut source, &mut blob).context("read the archive"));
        let size = match received {
            Ok(size) => size,
            Err(error) => {
                blob.discard();
                return Err(error);
            }
        };
        let digest = blob.finish()?;
        let done = self.import_blob(digest, size, config, told);
        if done.is_err() {
            // The blob has no image now: whoever is done last collects it.
            self.store.wish_to_collect();
        }
        let id = done?;
        self.store.tell(&Event::of_image(&id.to_string(), "import", &id.to_string()));
        Ok(id)
    }

    fn import_blob(
        &self,
        digest: Digest,
        size: u64,
        config: Config,
        told: Import,
    ) -> Result<Digest> {
        let blob = BufReader::with_capacity(1 << 17, self.store.open_blob(&digest)?);
        let (compression, source) = layer::sniff(blob)?;
        let diff_id = layer::install(&self.store, Sent { source, size, compression }, None)?;
        let platform = told.platform.unwrap_or_else(Platform::own);
        let created = Some(now());
        let history =
            History { created: created.clone(), comment: told.message, ..History::default() };
        let file = File {
            architecture: platform.architecture,
            variant: platform.variant,
            os: platform.os,
            created,
            author: String::new(),
            config,
            rootfs: RootFs { kind: "layers".into(), diff_ids: vec![diff_id] },
            history: vec![history],
            more: serde_json::Map::new(),
        };
        let layer = Descriptor::new(compression.media_type(), digest, size);
        compose(&self.store, &file, vec![layer], told.name.as_ref())
    }
}
