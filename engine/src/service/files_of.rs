//! The files of a container: what it changed, and all of them.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Engine;
use super::start::INIT;
use crate::error::Result;
use crate::layer::{Change, Form, Kind, changes, pack};
use crate::model::{Container, Event};
use crate::rootfs::{self, Overlay};

impl Engine {
    /// What a container changed in its image's files, in order of the paths.
    ///
    /// # Errors
    /// `No such container: X`; what cannot be read.
    pub fn changes(&self, name: &str) -> Result<Vec<Change>> {
        let container = self.store.container(name)?;
        let upper = self.upper(&container);
        if !upper.exists() {
            // It never ran.
            return Ok(Vec::new());
        }
        let layers = self.layers(&container.image)?;
        let all = changes(&upper, &layers)?;
        Ok(match container.host_config.init {
            Some(true) => without_init(all, &upper, &layers),
            _ => all,
        })
    }

    /// Packs all files of a container, without those of its volumes.
    ///
    /// # Errors
    /// `No such container: X`; what cannot be read.
    pub fn export(&self, name: &str, out: impl Write) -> Result<()> {
        let container = self.store.container(name)?;
        self.with_files(&container, |root| pack(root, Form::Tree, out))?;
        self.store.tell(&Event::of_container(&container, "export"));
        Ok(())
    }

    /// A container's own layer.
    pub(super) fn upper(&self, container: &Container) -> PathBuf {
        Overlay::upper(&self.store.container_folder(&container.id))
    }

    /// Does something with the root file system, which is mounted for as long as that takes where
    /// the container does not run; it cannot be started or removed meanwhile.
    pub(super) fn with_files<T>(
        &self,
        container: &Container,
        act: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<T> {
        let id = &container.id;
        let rootfs = self.store.bundle(id).join("rootfs");
        let _lock = self.store.lock_container(id)?;
        // Between two runs its files stay mounted.
        if self.store.state(id)?.status.is_up() || !self.store.outwait_monitor(id)? {
            return act(&rootfs);
        }
        crate::store::durable::make_private_folder(&self.store.bundle(id))?;
        // Whoever was killed here left it mounted.
        rootfs::unmount_all(&rootfs)?;
        let layers = self.layers(&container.image)?;
        let own = self.store.container_folder(id);
        // What passes with a run cannot be mounted again for one.
        Overlay { layers: &layers, own: &own, passing: false }.mount(&rootfs)?;
        let done = act(&rootfs);
        let unmounted = rootfs::unmount_all(&rootfs);
        done.and_then(|done| unmounted.map(|_| done))
    }
}

/// The changes without the empty file that the init is mounted at, and without its folder, where
/// that changed for it alone. The places of all other mounts are no changes: they are below.
fn without_init(mut all: Vec<Change>, upper: &Path, layers: &[PathBuf]) -> Vec<Change> {
    let about = |layer: &Path, path: &Path| {
        layer.join(path.strip_prefix("/").unwrap_or(path)).symlink_metadata().ok()
    };
    let is_place = |change: &Change| {
        change.kind == Kind::Added
            // The folder may be a link to another.
            && change.path.file_name() == Path::new(INIT).file_name()
            && about(upper, &change.path).is_some_and(|file| file.is_file() && file.len() == 0)
    };
    let Some(at) = all.iter().position(is_place) else { return all };
    let path = all.remove(at).path;
    let folder = path.parent().unwrap_or(&path);
    let rights = |layer: &Path| about(layer, folder).map(|it| (it.mode(), it.uid(), it.gid()));
    let below = layers.iter().rev().find_map(|layer| rights(layer));
    let has_others = all.iter().any(|other| other.path.parent() == Some(folder));
    if !has_others && below.is_none_or(|below| rights(upper) == Some(below)) {
        all.retain(|change| change.path != folder);
    }
    all
}
