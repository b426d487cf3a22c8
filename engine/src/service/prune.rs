//! Taking away what nobody uses: containers and volumes. Networks and images have their own.

use super::Engine;
use super::filters::{Filters, check_names, fit_labels, until};
use super::remove::Running;
use crate::error::{Result, kind};
use crate::model::{Event, Subject};
use crate::monitor::cleanup::Volumes;

/// What was taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ids of containers, names of volumes.
    pub removed: Vec<String>,
    /// The bytes of their files.
    pub bytes: u64,
}

impl Engine {
    /// Removes the containers that do not run. Filters are `label`, `label!` and `until`.
    ///
    /// # Errors
    /// A filter makes no sense; a container cannot be removed.
    pub fn prune_containers(&self, filters: &Filters) -> Result<Pruned> {
        check_names(filters, &["label", "label!", "until"])?;
        let limit = until(filters)?;
        let mut pruned = Pruned::default();
        for id in self.store.container_ids()? {
            let Some(container) = self.store.read_container(&id)? else { continue };
            let labels = container.config.labels.clone().unwrap_or_default();
            let is_young = limit.is_some_and(|limit| container.created > limit);
            if is_young || !fit_labels(&labels, filters) {
                continue;
            }
            if self.store.state(&id)?.status.is_up() {
                continue;
            }
            let bytes = super::list::written(&self.upper(&container));
            match self.remove(&container, Running::Refuse, Volumes::Keep) {
                Ok(()) => {
                    pruned.removed.push(id);
                    pruned.bytes += bytes;
                }
                // It runs, or somebody else has removed it.
                Err(error) if kind(&error).is_some() => {}
                Err(error) => return Err(error),
            }
        }
        self.store.tell(&Event::of_prune(Subject::Container, pruned.bytes));
        Ok(pruned)
    }

    /// Removes the volumes that no container has: those without a name of their own, or with the
    /// filter `all` every one. Further filters are `label` and `label!`.
    ///
    /// # Errors
    /// A filter makes no sense; a volume cannot be removed.
    pub fn prune_volumes(&self, filters: &Filters) -> Result<Pruned> {
        check_names(filters, &["all", "label", "label!"])?;
        let all = super::filters::truth(filters, "all")?.unwrap_or(false);
        let _lock = self.store.lock_volumes()?;
        let used = self.used_volumes()?;
        let mut pruned = Pruned::default();
        for name in self.store.volume_names()? {
            let Some(volume) = self.store.volume(&name)? else { continue };
            let labels = volume.labels.clone().unwrap_or_default();
            let is_meant = (all || volume.is_anonymous()) && fit_labels(&labels, filters);
            if !is_meant || used.contains_key(&name) {
                continue;
            }
            pruned.bytes += super::list::written(&volume.mountpoint);
            self.store.remove_volume(&name)?;
            pruned.removed.push(name);
        }
        self.store.tell(&Event::of_prune(Subject::Volume, pruned.bytes));
        Ok(pruned)
    }
}
