//! An image as a container needs it.

use std::path::PathBuf;

use super::Engine;
use crate::error::{Context, Kind, Result, kind, refuse};
use crate::image::manifest::SIZE_LIMIT;
use crate::image::platform::Platform;
use crate::image::{Digest, config};
use crate::model::{Config, Empty, Healthcheck};

/// An image's id, with its algorithm, and its defaults.
pub(super) struct ImageParts {
    pub(super) id: String,
    pub(super) config: Config,
    /// That it may not run here.
    pub(super) warning: Option<String>,
}

impl ImageParts {
    pub(super) fn find(
        engine: &Engine,
        name: &str,
        platform: Option<&Platform>,
    ) -> Result<ImageParts> {
        let image = engine.image(name)?;
        let actual = image.file.platform();
        if let Some(wanted) = Platform::unmet(platform, &actual) {
            let words = format!(
                "image with reference {name} was found but its platform ({actual}) does not match \
                 the specified platform ({wanted})"
            );
            return Err(refuse(Kind::NotFound, words));
        }
        let warning = platform.is_none().then(|| foreign(&actual)).flatten();
        Ok(ImageParts { id: image.id.to_string(), config: defaults(image.config), warning })
    }
}

/// That nobody has asked for the platform of an image which this machine does not run.
fn foreign(image: &Platform) -> Option<String> {
    let host = Platform::host();
    (!host.runs(image)).then(|| {
        format!(
            "The requested image's platform ({image}) does not match the detected host platform \
             ({host}) and no specific platform was requested"
        )
    })
}

impl Engine {
    /// Whether an image that a container is to have is there, and for that machine.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn has_image(&self, name: &str, platform: Option<&Platform>) -> Result<bool> {
        match ImageParts::find(self, name, platform) {
            Err(error) if kind(&error) == Some(Kind::NotFound) => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Whether an image is for the machine that is asked for; nothing is looked at where none is.
    ///
    /// # Errors
    /// In Docker's words, where it is not, or is not there.
    pub fn check_platform(&self, name: &str, platform: Option<&Platform>) -> Result<()> {
        if platform.is_none() {
            return Ok(());
        }
        match Platform::unmet(platform, &self.image(name)?.file.platform()) {
            None => Ok(()),
            Some(wanted) => {
                let words = format!(
                    "image with reference {name} was found but does not provide the specified \
                     platform ({wanted})"
                );
                Err(refuse(Kind::NotFound, words))
            }
        }
    }

    /// The layers below a container's own, the lowest first: the places of what is mounted into
    /// every container, and those of its image. Also of one whose names and record were
    /// taken away, since its files stay for as long as a container needs them.
    pub(super) fn layers(&self, image: &str) -> Result<Vec<PathBuf>> {
        let id: Digest = image.parse().with_context(|| format!("read the image's id {image:?}"))?;
        let bytes = self.store.read_blob(&id, SIZE_LIMIT).context("read the image of it")?;
        let file: config::File = serde_json::from_slice(&bytes).context("read the image of it")?;
        let folders = file.rootfs.diff_ids.iter().map(|id| self.store.layer(id).join("fs"));
        Ok(std::iter::once(self.store.mount_points()?).chain(folders).collect())
    }
}

fn defaults(image: config::Config) -> Config {
    let set = |set: Option<std::collections::BTreeMap<String, config::Empty>>| {
        set.map(|set| set.into_keys().map(|key| (key, Empty {})).collect())
    };
    Config {
        user: image.user,
        exposed_ports: set(image.exposed_ports),
        env: image.env,
        entrypoint: image.entrypoint,
        cmd: image.cmd,
        healthcheck: image.healthcheck.map(|check| Healthcheck {
            test: check.test,
            interval: check.interval,
            timeout: check.timeout,
            start_period: check.start_period,
            start_interval: check.start_interval,
            retries: check.retries,
        }),
        volumes: set(image.volumes),
        working_dir: image.working_dir,
        labels: image.labels,
        stop_signal: image.stop_signal.unwrap_or_default(),
        stop_timeout: image.stop_timeout,
        shell: image.shell,
        ..Config::default()
    }
}
