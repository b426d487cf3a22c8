//! Volumes: made, shown, removed.

use std::collections::BTreeMap;

use super::Engine;
use super::driven::Driven;
use super::filters::{Filters, Labels, check_names, fit_labels, fits_pattern, truth};
use crate::error::{Context, Kind, Result, refuse};
use crate::store::random_id;
use crate::store::volumes::{ANONYMOUS, Volume};

/// What a volume is asked to be.
#[derive(Debug, Clone, Default)]
pub struct CreateVolume {
    /// Its name; without one it gets some.
    pub name: Option<String>,
    /// `local`, or nothing.
    pub driver: String,
    /// Anything, for others.
    pub labels: Labels,
    /// Options of the driver: `type`, `device`, `o`.
    pub options: BTreeMap<String, String>,
}

impl Engine {
    /// Makes a volume; one that is there already is the one.
    ///
    /// # Errors
    /// The name is none, or the driver is not known.
    pub fn create_volume(&self, request: CreateVolume) -> Result<Volume> {
        let mut labels = request.labels;
        let name = match request.name.filter(|name| !name.is_empty()) {
            Some(name) => name,
            None => {
                labels.insert(ANONYMOUS.to_owned(), String::new());
                random_id()?
            }
        };
        let options = Some(request.options).filter(|options| !options.is_empty());
        check_driver(&request.driver, options.as_ref())
            .with_context(|| format!("create {name}"))?;
        if name.chars().count() < 2 {
            let words = format!(
                "create {name}: volume name is too short, names should be at least two \
                 alphanumeric characters"
            );
            return Err(refuse(Kind::Invalid, words));
        }
        let labels = Some(labels).filter(|labels| !labels.is_empty());
        self.store.ensure_volume_with(&name, labels, options)
    }

    /// The volumes that fit, by name. Filters are `dangling`, `driver`, `label` and `name`.
    ///
    /// # Errors
    /// A filter makes no sense.
    pub fn list_volumes(&self, filters: &Filters) -> Result<Vec<Volume>> {
        check_names(filters, &["dangling", "driver", "label", "name"])?;
        let dangling = truth(filters, "dangling")?;
        let used = if dangling.is_some() { self.used_volumes()? } else { BTreeMap::new() };
        let mut found = Vec::new();
        for name in self.store.volume_names()? {
            let Some(volume) = self.store.volume(&name)? else { continue };
            let labels = volume.labels.clone().unwrap_or_default();
            let fits = dangling.is_none_or(|wanted| wanted != used.contains_key(&name))
                && fit_labels(&labels, filters)
                && filters.get("driver").is_none_or(|values| values.contains(&volume.driver))
                && filters.get("name").is_none_or(|values| fits_pattern(values, &name));
            if fits {
                found.push(volume);
            }
        }
        Ok(found)
    }

    /// Removes a volume that no container has.
    ///
    /// # Errors
    /// It is not there, or a container has it.
    pub fn remove_volume(&self, name: &str) -> Result<()> {
        let _lock = self.store.lock_volumes()?;
        self.inspect_volume(name)?;
        if let Some(users) = self.used_volumes()?.remove(name) {
            let words = format!("remove {name}: volume is in use - [{}]", users.join(", "));
            return Err(refuse(Kind::Conflict, words));
        }
        self.store.remove_volume(name)
    }

    /// The volumes that containers have, with the ids of these.
    pub(super) fn used_volumes(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut used = BTreeMap::<String, Vec<String>>::new();
        for id in self.store.container_ids()? {
            let Some(container) = self.store.read_container(&id)? else { continue };
            for mount in container.mounts.into_iter().filter(|mount| !mount.name.is_empty()) {
                used.entry(mount.name).or_default().push(id.clone());
            }
        }
        Ok(used)
    }
}

/// Refuses drivers that nobody knows, and options that make no sense.
pub(super) fn check_driver(name: &str, options: Option<&BTreeMap<String, String>>) -> Result<()> {
    if !matches!(name, "" | "local") {
        let words = format!("error looking up volume plugin {name}: plugin \"{name}\" not found");
        return Err(refuse(Kind::NotFound, words));
    }
    Driven::read(options).map(drop)
}
