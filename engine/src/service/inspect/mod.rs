//! Everything about one object.

mod shape;

use std::collections::BTreeMap;

use serde::Serialize;

use super::Engine;
use super::image;
use crate::error::{Kind, Result, kind, refuse};
use crate::model::network::{Endpoint, Network};
use crate::model::{Container, EndpointConfig, HostConfig, items};
use crate::rootfs::Overlay;
use crate::store::volumes::Volume;
use crate::{bundle, cgroup};

pub use shape::Inspected;

/// What a name may stand for.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there are a few of them, and for a moment")]
pub enum Object {
    /// A container.
    Container(Inspected),
    /// An image.
    Image(image::Inspected),
    /// A network.
    Network(Network),
    /// A volume.
    Volume(Volume),
}

/// The kinds of objects, in the order in which a name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// `container`
    Container,
    /// `image`
    Image,
    /// `network`
    Network,
    /// `volume`
    Volume,
}

/// Whether files are measured, which takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// They are.
    Measure,
    /// They are not.
    Leave,
}

impl ObjectKind {
    /// All of them.
    pub const ALL: [ObjectKind; 4] =
        [ObjectKind::Container, ObjectKind::Image, ObjectKind::Network, ObjectKind::Volume];
}

impl Engine {
    /// The first object of these kinds that has the name.
    ///
    /// # Errors
    /// `No such object: X`; the words of its kind, where there is only one.
    pub fn inspect(&self, name: &str, kinds: &[ObjectKind], sizes: Sizes) -> Result<Object> {
        let mut missing = None;
        for object in kinds {
            let found = match object {
                ObjectKind::Container => self.inspect_container(name, sizes).map(Object::Container),
                ObjectKind::Image => self.inspect_image(name).map(Object::Image),
                ObjectKind::Network => self.inspect_network(name).map(Object::Network),
                ObjectKind::Volume => self.inspect_volume(name).map(Object::Volume),
            };
            match found {
                Err(error) if is_elsewhere(&error) => missing = Some(error),
                found => return found,
            }
        }
        match (missing, kinds) {
            (Some(error), [_]) => Err(error),
            _ => Err(refuse(Kind::NotFound, format!("No such object: {name}"))),
        }
    }

    /// Everything about a container.
    ///
    /// # Errors
    /// `No such container: X`.
    pub fn inspect_container(&self, name: &str, sizes: Sizes) -> Result<Inspected> {
        let mut container = self.store.container(name)?;
        container.host_config.links = self.shown_links(&container);
        say_what_is_in_force(&mut container.host_config)?;
        let state = self.store.state(&container.id)?;
        let size = match sizes {
            Sizes::Measure => Some(self.size(&container)?),
            Sizes::Leave => None,
        };
        let networks = self.networks_of(&container)?;
        let places = self.places_of(&container);
        Ok(Inspected::new(container, state, networks, places, size))
    }

    /// A volume.
    ///
    /// # Errors
    /// `get X: no such volume`.
    pub fn inspect_volume(&self, name: &str) -> Result<Volume> {
        let missing = || refuse(Kind::NotFound, format!("get {name}: no such volume"));
        self.store.volume(name)?.ok_or_else(missing)
    }

    /// Its networks, with what it has there now.
    fn networks_of(
        &self,
        container: &Container,
    ) -> Result<Vec<(String, EndpointConfig, Option<Endpoint>)>> {
        let endpoints = self.store.networks().endpoints_of(&container.id)?;
        let mut by_name = BTreeMap::new();
        for endpoint in endpoints {
            if let Ok(network) = self.store.networks().find(&endpoint.network) {
                by_name.insert(network.name, endpoint);
            }
        }
        let asked = container.networking_config.endpoints_config.iter().flatten();
        let with_place = asked.map(|(name, wanted)| {
            let endpoint = by_name.remove(name);
            (name.clone(), wanted.clone().unwrap_or_default(), endpoint)
        });
        Ok(with_place.collect())
    }

    fn places_of(&self, container: &Container) -> shape::Places {
        let id = &container.id;
        let folder = self.store.container_folder(id);
        let layers = self.layers(&container.image).unwrap_or_default();
        let lower: Vec<_> = layers.iter().rev().map(|path| path.display().to_string()).collect();
        shape::Places {
            runtime: self.runtime_name(),
            apparmor_profile: apparmor_profile(&container.host_config),
            log: match container.host_config.log_config.driver.as_str() {
                "json-file" => self.store.log_file(id),
                _ => std::path::PathBuf::new(),
            },
            lower: lower.join(":"),
            merged: self.store.bundle(id).join("rootfs"),
            upper: Overlay::upper(&folder),
            work: folder.join("work"),
            namespace: crate::network::namespace::pin(&self.store, id),
            folder,
        }
    }
}

/// What the container does not say, and what it has all the same.
fn say_what_is_in_force(host: &mut HostConfig) -> Result<()> {
    host.cgroupns_mode = bundle::cgroup_namespace(host, cgroup::is_unified()).to_owned();
    // Of a container from which nothing is kept Docker says no lists.
    if !host.privileged {
        let guarded = bundle::guarded_paths(host)?;
        (host.masked_paths, host.readonly_paths) = (Some(guarded.masked), Some(guarded.read_only));
    }
    Ok(())
}

/// The profile of AppArmor as Docker tells it: that a container has none by its privileges is told
/// where others could have one.
fn apparmor_profile(host: &HostConfig) -> String {
    let profile = |option: &String| {
        let (name, profile) = option.split_once(['=', ':'])?;
        (name == "apparmor").then(|| profile.to_owned())
    };
    let said = items(&host.security_opt).iter().rev().find_map(profile);
    let has_none = || host.privileged && super::host::has_apparmor();
    said.or_else(|| has_none().then(|| "unconfined".to_owned())).unwrap_or_default()
}

/// Whether the name may stand for something of another kind: also where it is no name here at all.
fn is_elsewhere(error: &anyhow::Error) -> bool {
    matches!(kind(error), Some(Kind::NotFound | Kind::Invalid))
}
