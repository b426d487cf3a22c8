//! What commands and monitors that were killed left of containers, and its removal. Nothing is
//! touched that somebody is at work on: each container's lock is held meanwhile, and one that runs
//! or has a monitor is left alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Engine;
use crate::bundle;
use crate::cgroup::left;
use crate::error::{Context, IfThere, Result};
use crate::model::{Container, Status};
use crate::monitor::cleanup::{self, InRuntime, Volumes};
use crate::network::check::{Leftover, Remedy, check};
use crate::network::namespace;
use crate::store::durable::Durability;

impl Engine {
    /// What belongs to nobody any more, for people; with the remedy, it is removed.
    ///
    /// # Errors
    /// Says what could not be looked at or removed.
    pub(super) fn leftovers(&self, remedy: Remedy) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for id in self.store.container_ids()? {
            found.extend(self.left_of(&id, remedy)?);
        }
        for id in self.store.bundle_ids()? {
            if !self.store.has_container(&id) {
                found.push(format!("the bundle {}", self.store.bundle(&id).display()));
                self.clear_bundle(&id, remedy)?;
            }
        }
        found.extend(self.unknown_in_runtime(remedy)?);
        let is_known = |id: &str| self.store.has_container(id);
        let in_networks = check(&self.store, &is_known, remedy)?;
        found.extend(in_networks.iter().map(words_for));
        let litter = self.store.litter(remedy == Remedy::Remove)?;
        found.extend(litter.iter().map(|path| path.display().to_string()));
        Ok(found)
    }

    /// What the runtime was still making while its monitor was killed and the container removed.
    fn unknown_in_runtime(&self, remedy: Remedy) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for id in self.store.ids_in_runtime()? {
            // One that ends meanwhile leaves the runtime before it goes itself.
            if self.store.has_container(&id) || !self.store.is_in_runtime(&id) {
                continue;
            }
            if remedy == Remedy::Remove {
                self.runtime().delete(&id)?;
            }
            found.push(format!("what the runtime knows of {id}"));
        }
        Ok(found)
    }

    /// Of a container that does not run.
    fn left_of(&self, id: &str, remedy: Remedy) -> Result<Vec<String>> {
        let Some(_lock) = self.store.try_lock_container(id)? else { return Ok(Vec::new()) };
        let Some(container) = self.store.read_container(id)? else { return Ok(Vec::new()) };
        let state = self.store.state(id)?;
        if self.store.has_monitor(id) || state.status.is_alive() {
            return Ok(Vec::new());
        }
        let mut traces = self.traces(&container)?;
        let unseen = self.store.written_state(id)?.status != state.status;
        if unseen {
            traces.push("an end that nobody wrote down");
        }
        let was_to_go = container.host_config.auto_remove && state.status != Status::Created;
        if was_to_go {
            traces.push("all of it: it was to be removed at its end");
        }
        if remedy == Remedy::Remove && !traces.is_empty() {
            drop(cleanup::clear(&self.store, &self.runtime(), &container, self.in_runtime(id))?);
            left::remove(&bundle::cgroup(&container))?;
            if was_to_go {
                cleanup::remove(&self.store, &container, Volumes::Remove)?;
            } else {
                self.store.write_state(id, &state, Durability::Kept)?;
            }
        }
        let name = &container.name;
        Ok(traces.iter().map(|trace| format!("of the container {name}: {trace}")).collect())
    }

    /// What a container that does not run has of the machine.
    fn traces(&self, container: &Container) -> Result<Vec<&'static str>> {
        let id = &container.id;
        let mut traces = Vec::new();
        if is_mounted(&self.store.bundle(id).join("rootfs")) {
            traces.push("its mounted root file system");
        }
        if matches!(self.in_runtime(id), InRuntime::Perhaps) {
            traces.push("what the runtime knows of it");
        }
        if !self.store.networks().endpoints_of(id)?.is_empty() {
            traces.push("its place in a network");
        }
        if namespace::pin(&self.store, id).exists() {
            traces.push("its network namespace");
        }
        if !left::groups(&bundle::cgroup(container)).is_empty() {
            traces.push("its cgroup");
        }
        Ok(traces)
    }

    /// A bundle whose container has gone already.
    fn clear_bundle(&self, id: &str, remedy: Remedy) -> Result<()> {
        if remedy == Remedy::Tell {
            return Ok(());
        }
        let container = Container { id: id.to_owned(), ..Container::default() };
        drop(cleanup::clear(&self.store, &self.runtime(), &container, self.in_runtime(id))?);
        let bundle = self.store.bundle(id);
        let removed = fs::remove_dir_all(&bundle).if_there();
        removed.with_context(|| format!("remove {}", bundle.display()))
    }
}

fn words_for(leftover: &Leftover) -> String {
    match leftover {
        Leftover::Place { container, network } => {
            format!("the place of the container {container} in the network {network}")
        }
        Leftover::Namespace(container) => format!("the network namespace of {container}"),
        Leftover::Cable(name) => format!("the network device {name}"),
        Leftover::Rules => "networks without their rules in the packet filter".to_owned(),
    }
}

/// Whether something is mounted at a folder.
fn is_mounted(folder: &Path) -> bool {
    let device = |path: &Path| path.symlink_metadata().map(|facts| facts.dev());
    let above = folder.parent().unwrap_or(folder);
    matches!((device(folder), device(above)), (Ok(own), Ok(other)) if own != other)
}
