//! The files of a container: what it changed, and all of them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Engine;
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
        Ok(without_places(changes(&upper, &layers)?, &upper, &layers))
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

/// Where something is mounted in every container.
const PLACES: &[&str] = &[
    "/dev",
    "/dev/console",
    "/dev/mqueue",
    "/dev/pts",
    "/dev/shm",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/sbin/docker-init",
    "/sys",
];

/// The changes without the empty files and folders that were made for mounts, and without folders
/// that changed for these alone.
fn without_places(mut all: Vec<Change>, upper: &Path, layers: &[PathBuf]) -> Vec<Change> {
    let own = |path: &Path| upper.join(path.strip_prefix("/").unwrap_or(path));
    let is_place = |change: &Change| {
        change.kind == Kind::Added
            && PLACES.iter().any(|place| change.path == Path::new(place))
            && is_empty(&own(&change.path))
    };
    let parents: Vec<PathBuf> = all
        .iter()
        .filter(|change| is_place(change))
        .filter_map(|change| change.path.parent().map(Path::to_owned))
        .collect();
    all.retain(|change| !is_place(change));
    for parent in parents {
        let has_others = all.iter().any(|other| other.path.parent() == Some(&*parent));
        let rest = parent.strip_prefix("/").unwrap_or(&parent);
        let below = layers.iter().rev().find_map(|layer| layer.join(rest).symlink_metadata().ok());
        let rights = |about: &fs::Metadata| (about.mode(), about.uid(), about.gid());
        let now = own(&parent).symlink_metadata().ok();
        if !has_others && now.as_ref().map(rights) == below.as_ref().map(rights) {
            all.retain(|change| change.path != parent);
        }
    }
    all
}

/// A folder with nothing but places for mounts, or a file without a byte.
fn is_empty(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.all(|entry| entry.is_ok_and(|entry| is_empty(&entry.path()))),
        Err(_) => path.symlink_metadata().is_ok_and(|about| about.is_file() && about.len() == 0),
    }
}
