//! Volumes: `volumes/NAME` holds `volume.json` and the files, in `_data`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::durable::{self, Durability};
use super::names::is_name;
use super::{Lock, Store, random_id, tree};
use crate::error::{Context, Kind, Result, refuse};
use crate::model::Event;
use crate::time::Time;

/// The label of a volume that nobody named.
pub const ANONYMOUS: &str = "com.docker.volume.anonymous";

/// A volume, as `inspect` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Volume {
    /// When it was made.
    pub created_at: Time,
    /// `local`.
    pub driver: String,
    /// Anything, for others.
    pub labels: Option<BTreeMap<String, String>>,
    /// The folder with its files.
    pub mountpoint: PathBuf,
    /// What it is called.
    pub name: String,
    /// Options of the driver.
    pub options: Option<BTreeMap<String, String>>,
    /// `local`.
    pub scope: String,
}

impl Volume {
    /// Whether it was made for one container, and goes with it.
    pub fn is_anonymous(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.contains_key(ANONYMOUS))
    }
}

const DEFINITION: &str = "volume.json";

impl Store {
    fn volumes(&self) -> PathBuf {
        self.root.join("volumes")
    }

    /// Where a volume's files are or would be.
    pub fn volume_files(&self, name: &str) -> PathBuf {
        self.volumes().join(name).join("_data")
    }

    /// As long as it is held, no volume is removed for want of a container: one is being made.
    ///
    /// # Errors
    /// Of the calls that make and lock the folder.
    pub fn use_volumes(&self) -> Result<Lock> {
        let folder = self.volumes();
        durable::make_private_folder(&folder)
            .and_then(|()| Lock::share(&folder))
            .with_context(|| format!("lock {}", folder.display()))
    }

    /// As long as it is held, no container is made that could want a volume.
    ///
    /// # Errors
    /// Of the calls that make and lock the folder.
    pub fn lock_volumes(&self) -> Result<Lock> {
        let folder = self.volumes();
        durable::make_private_folder(&folder)
            .and_then(|()| Lock::wait(&folder))
            .with_context(|| format!("lock {}", folder.display()))
    }

    /// The volume of this name, which is made if it is not there.
    ///
    /// # Errors
    /// A name that is none; what could not be written.
    pub fn ensure_volume(
        &self,
        name: &str,
        labels: Option<BTreeMap<String, String>>,
    ) -> Result<Volume> {
        self.ensure_volume_with(name, labels, None)
    }

    /// The same, with options for the driver.
    ///
    /// # Errors
    /// As without them.
    pub fn ensure_volume_with(
        &self,
        name: &str,
        labels: Option<BTreeMap<String, String>>,
        options: Option<BTreeMap<String, String>>,
    ) -> Result<Volume> {
        if let Some(volume) = self.volume(name)? {
            return Ok(volume);
        }
        if !is_name(name) {
            let words = format!(
                "create {name}: {name:?} includes invalid characters for a local volume name, only \
                 \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host \
                 directory, use absolute path"
            );
            return Err(refuse(Kind::Invalid, words));
        }
        let volume = Volume {
            created_at: Time::now(),
            driver: "local".into(),
            labels,
            mountpoint: self.volume_files(name),
            name: name.to_owned(),
            options,
            scope: "local".into(),
        };
        let _busy = self.busy()?;
        let staged = self.staging().join(format!("volume-{}", random_id()?));
        let made = self.make_volume(&volume, &staged);
        if made.is_err() {
            // It has no name; the next check of the store finds what cannot be removed.
            let _ = fs::remove_dir_all(&staged);
        }
        if made.with_context(|| format!("make the volume {name}"))? {
            self.tell(&Event::of_volume(name, "create"));
        }
        // Another process may have been faster: then its volume is the one.
        self.volume(name)?.with_context(|| format!("find the volume {name}"))
    }

    /// Whether it was made here, and not by another process in the same moment.
    fn make_volume(&self, volume: &Volume, staged: &std::path::Path) -> io::Result<bool> {
        durable::make_private_folder(&self.volumes())?;
        durable::make_private_folder(staged)?;
        fs::create_dir(staged.join("_data"))?;
        let text = serde_json::to_vec(volume)?;
        durable::put(&staged.join(DEFINITION), &text, Durability::Kept)?;
        match fs::rename(staged, self.volumes().join(&volume.name)) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                fs::remove_dir_all(staged).map(|()| false)
            }
            renamed => renamed.and_then(|()| durable::sync_folder(&self.volumes())).map(|()| true),
        }
    }

    /// The volume of this name, if it is there.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn volume(&self, name: &str) -> Result<Option<Volume>> {
        if !is_name(name) {
            return Ok(None);
        }
        let file = self.volumes().join(name).join(DEFINITION);
        match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => text
                .map_err(anyhow::Error::from)
                .and_then(|text| Ok(Some(serde_json::from_slice(&text)?)))
                .with_context(|| format!("read {}", file.display())),
        }
    }

    /// The names of all volumes, in order.
    ///
    /// # Errors
    /// Names the folder that cannot be listed.
    pub fn volume_names(&self) -> Result<Vec<String>> {
        let folder = self.volumes();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("list {}", folder.display()))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| is_name(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes a volume and its files. Whether a container uses it is for the caller to know.
    ///
    /// # Errors
    /// Names what cannot be removed.
    pub fn remove_volume(&self, name: &str) -> Result<()> {
        let _busy = self.busy()?;
        let trash = self.staging().join(format!("volume-{}", random_id()?));
        match fs::rename(self.volumes().join(name), &trash) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed.with_context(|| format!("remove the volume {name}"))?,
        }
        self.tell(&Event::of_volume(name, "destroy"));
        tree::remove(&trash).with_context(|| format!("remove {}", trash.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_made_once_and_removed_with_its_files() {
        let root = std::env::temp_dir().join(format!("dok-volumes-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let store = Store::open(root.clone(), root.join("run")).unwrap();
        let volume = store.ensure_volume("data", None).unwrap();
        fs::write(volume.mountpoint.join("file"), "kept").unwrap();
        assert_eq!(store.ensure_volume("data", None).unwrap(), volume);
        assert!(volume.mountpoint.join("file").exists());
        assert!(store.ensure_volume("../out", None).is_err());
        store.remove_volume("data").unwrap();
        assert_eq!(store.volume("data").unwrap(), None);
        assert_eq!(fs::read_dir(store.staging()).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }
}
