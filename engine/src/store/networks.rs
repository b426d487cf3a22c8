//! Networks, which survive a reboot, and who is in them, which does not: one file each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{Lock, Store, durable};
use crate::error::{Context, IfThere, Kind, Result, refuse};
use crate::model::network::{Endpoint, Network};

/// The store's networks. What changes them, and what must not change between a look and an act,
/// happens while [`Networks::lock`] is held.
#[derive(Debug, Clone)]
pub struct Networks {
    root: PathBuf,
    run: PathBuf,
}

/// How the file's name begins of who is on the way out; a container's id never does.
const LEAVING: &str = "leaving-";

impl Store {
    /// The networks and who is in them.
    pub fn networks(&self) -> Networks {
        Networks { root: self.root.join("networks"), run: self.run.join("networks") }
    }
}

impl Networks {
    /// Waits until nobody else changes networks.
    ///
    /// # Errors
    /// Names the file.
    pub fn lock(&self) -> Result<Lock> {
        for folder in [&self.root, &self.run] {
            durable::make_private_folder(folder)
                .with_context(|| format!("make the folder {}", folder.display()))?;
        }
        Lock::wait(&self.run).with_context(|| format!("lock {}", self.run.display()))
    }

    /// Every network, by name.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn all(&self) -> Result<Vec<Network>> {
        let mut networks: Vec<Network> = read_some(&self.root, |_| true)?;
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    /// The network of that name, of that id, or of an id that begins so.
    ///
    /// # Errors
    /// A refusal where there is none, or more than one that the beginning fits.
    pub fn find(&self, name: &str) -> Result<Network> {
        let networks = self.all()?;
        let exact = |network: &&Network| network.name == name || network.id == name;
        if let Some(network) = networks.iter().find(exact) {
            return Ok(network.clone());
        }
        let mut fitting =
            networks.into_iter().filter(|network| !name.is_empty() && network.id.starts_with(name));
        match (fitting.next(), fitting.count()) {
            (Some(network), 0) => Ok(network),
            (Some(_), others) => {
                let count = others + 1;
                let words =
                    format!("network {name} is ambiguous ({count} matches found on ID prefix)");
                Err(refuse(Kind::Invalid, words))
            }
            (None, _) => Err(refuse(Kind::NotFound, format!("network {name} not found"))),
        }
    }

    /// Keeps a network, whose members are not kept with it.
    ///
    /// # Errors
    /// Names the file.
    pub fn keep(&self, network: &Network, _: &Lock) -> Result<()> {
        let kept = Network { containers: BTreeMap::new(), ..network.clone() };
        let file = self.root.join(format!("{}.json", network.id));
        let text = serde_json::to_vec(&kept)?;
        durable::replace(&file, &text).with_context(|| format!("write {}", file.display()))
    }

    /// Forgets a network.
    ///
    /// # Errors
    /// Names the file or the folder.
    pub fn forget(&self, network: &Network, _: &Lock) -> Result<()> {
        let file = self.root.join(format!("{}.json", network.id));
        remove(&file, |file| fs::remove_file(file))?;
        durable::sync_folder(&self.root)
            .with_context(|| format!("sync {}", self.root.display()))?;
        remove(&self.members(&network.id), |folder| fs::remove_dir_all(folder))
    }

    /// The folder with one file for each network, which has one file for each of its members.
    pub fn places(&self) -> PathBuf {
        self.run.join("endpoints")
    }

    fn members(&self, network: &str) -> PathBuf {
        self.places().join(network)
    }

    /// Who is in a network.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn endpoints(&self, network: &str) -> Result<Vec<Endpoint>> {
        read_some(&self.members(network), |name| !name.starts_with(LEAVING))
    }

    /// Who is on the way out of a network, and may still be seen in it.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn leaving(&self, network: &str) -> Result<Vec<Endpoint>> {
        read_some(&self.members(network), |name| name.starts_with(LEAVING))
    }

    /// Who is in any network.
    ///
    /// # Errors
    /// Names the file or the folder that cannot be read.
    pub fn all_endpoints(&self) -> Result<Vec<Endpoint>> {
        let mut found = Vec::new();
        for network in names(&self.places())? {
            found.append(&mut self.endpoints(&network)?);
        }
        Ok(found)
    }

    /// A container's place in a network, where it has one.
    ///
    /// # Errors
    /// Names the file.
    pub fn endpoint(&self, network: &str, container: &str) -> Result<Option<Endpoint>> {
        read(&self.members(network).join(format!("{container}.json")))
    }

    /// A container's places in all networks.
    ///
    /// # Errors
    /// Names the file.
    pub fn endpoints_of(&self, container: &str) -> Result<Vec<Endpoint>> {
        let mut found = Vec::new();
        for network in names(&self.places())? {
            found.extend(self.endpoint(&network, container)?);
        }
        Ok(found)
    }

    /// Keeps a container's place. It need not survive a power cut, which no container does.
    ///
    /// # Errors
    /// Names the file.
    pub fn keep_endpoint(&self, endpoint: &Endpoint, _: &Lock) -> Result<()> {
        let folder = self.members(&endpoint.network);
        durable::make_private_folder(&folder)
            .with_context(|| format!("make the folder {}", folder.display()))?;
        let file = folder.join(format!("{}.json", endpoint.container));
        let aside = folder.join(format!(".{}", endpoint.container));
        fs::write(&aside, serde_json::to_vec(endpoint)?)
            .and_then(|()| fs::rename(&aside, &file))
            .with_context(|| format!("write {}", file.display()))
    }

    /// Marks a container as on its way out of a network.
    ///
    /// # Errors
    /// Names the file.
    pub fn let_go(&self, endpoint: &Endpoint, _: &Lock) -> Result<()> {
        let folder = self.members(&endpoint.network);
        let file = folder.join(format!("{}.json", endpoint.container));
        fs::rename(&file, folder.join(format!("{LEAVING}{}.json", endpoint.id)))
            .with_context(|| format!("rename {}", file.display()))
    }

    /// Forgets a container that has left.
    ///
    /// # Errors
    /// Names the file.
    pub fn forget_leaving(&self, endpoint: &Endpoint, _: &Lock) -> Result<()> {
        let name = format!("{LEAVING}{}.json", endpoint.id);
        remove(&self.members(&endpoint.network).join(name), |file| fs::remove_file(file))
    }

    /// Forgets a container's place.
    ///
    /// # Errors
    /// Names the file.
    pub fn forget_endpoint(&self, endpoint: &Endpoint, _: &Lock) -> Result<()> {
        let file = self.members(&endpoint.network).join(format!("{}.json", endpoint.container));
        remove(&file, |file| fs::remove_file(file))
    }

    /// A mark that lasts until the machine's next start: set.
    ///
    /// # Errors
    /// Names the file.
    pub fn set_mark(&self, name: &str, _: &Lock) -> Result<()> {
        let file = self.run.join(name);
        fs::write(&file, "").with_context(|| format!("write {}", file.display()))
    }

    /// Whether a mark is set.
    pub fn has_mark(&self, name: &str) -> bool {
        self.run.join(name).exists()
    }
}

impl Networks {
    /// What is left of those who were killed; the caller holds the lock.
    pub(super) fn litter(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for members in super::litter::list(&self.places())? {
            let id = members.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if self.root.join(format!("{id}.json")).exists() {
                let is_half = |path: &PathBuf| {
                    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
                };
                found.extend(super::litter::list(&members)?.into_iter().filter(is_half));
            } else {
                found.push(members);
            }
        }
        Ok(found)
    }
}

fn remove(path: &Path, act: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    act(path).if_there().with_context(|| format!("remove {}", path.display()))
}

/// The objects in a folder whose names fit; a folder that is not there is empty.
fn read_some<T: DeserializeOwned>(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        if name.ends_with(".json") && fits(&name) {
            found.extend(read(&folder.join(name))?);
        }
    }
    Ok(found)
}

/// What is in a folder, without what is on its way there.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("read {}", folder.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("read {}", folder.display()))?.file_name();
        names.extend(name.into_string().ok().filter(|name| !name.starts_with('.')));
    }
    Ok(names)
}

/// An object's file; one that has just gone is none.
fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => {
            let text = text.with_context(|| format!("read {}", file.display()))?;
            let object = serde_json::from_slice(&text);
            object.with_context(|| format!("read {}", file.display())).map(Some)
        }
    }
}
