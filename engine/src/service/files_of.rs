//! The files of a container: what it changed, and all of them.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Engine;
use crate::error::Result;
use crate::layer::{Change, Form, changes, pack};
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
        changes(&upper, &self.layers(&container.image)?)
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
        if self.store.state(id)?.status.is_alive() {
            return act(&rootfs);
        }
        self.store.wait_for_monitor(id)?;
        crate::store::durable::make_private_folder(&self.store.bundle(id))?;
        // Whoever was killed here left it mounted.
        rootfs::unmount_all(&rootfs)?;
        let layers = self.layers(&container.image)?;
        let own = self.store.container_folder(id);
        let passing = container.host_config.auto_remove;
        Overlay { layers: &layers, own: &own, passing }.mount(&rootfs)?;
        let done = act(&rootfs);
        let unmounted = rootfs::unmount_all(&rootfs);
        done.and_then(|done| unmounted.map(|_| done))
    }
}
