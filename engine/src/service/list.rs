//! The list of containers.
//!
//! There may be hundreds: of each, its state is read first, and its definition only where that
//! state can be meant; the places of all in networks are read once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Engine;
use super::filters::{Filters, check_names, fit_labels, fits_pattern};
use super::networking::names;
use crate::error::{Kind, Result, kind, refuse};
use crate::model::network::{Binding, Endpoint};
use crate::model::{Container, State, Status};

/// Which containers are meant.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Also those that do not run.
    pub all: bool,
    /// So many of the newest, whether they run or not.
    pub last: Option<usize>,
    /// What has to hold.
    pub filters: Filters,
    /// Whether their files are measured, which takes its time.
    pub sizes: bool,
}

/// A container in the list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What it was asked to be.
    pub container: Container,
    /// What became of it.
    pub state: State,
    /// Its image: as it was named, for as long as this name leads to it, and then its id.
    pub image: String,
    /// Where it is in networks now.
    pub endpoints: Vec<Endpoint>,
    /// How large its files are, where that was asked for.
    pub size: Option<Size>,
}

/// How large a container's files are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// What it wrote.
    pub own: u64,
    /// That, and its image.
    pub virtually: u64,
}

const FILTERS: &[&str] = &[
    "ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network",
    "publish", "since", "status", "volume",
];

impl Engine {
    /// The containers that are meant, the newest first.
    ///
    /// # Errors
    /// A filter makes no sense, or names a container that is not there.
    pub fn list_containers(&self, selection: &Selection) -> Result<Vec<Listed>> {
        let filters = &selection.filters;
        check_names(filters, FILTERS)?;
        check_values(filters)?;
        let all = selection.all || selection.last.is_some() || filters.contains_key("status");
        let anchors = self.anchors(filters)?;
        let images = self.ancestors(filters)?;
        let mut found = Vec::new();
        let mut places = self.places()?;
        for id in self.store.container_ids()? {
            let state = self.store.state(&id)?;
            if !all && !state.status.is_up() {
                continue;
            }
            // It may be removed at any moment.
            let Some(container) = self.store.read_container(&id)? else { continue };
            let endpoints = places.remove(&id).unwrap_or_default();
            let image = container.config.image.clone();
            let listed = Listed { container, state, image, endpoints, size: None };
            if listed.fits(filters, &images) && anchors.hold(&listed.container) {
                found.push(listed);
            }
        }
        found.sort_by_key(|listed| std::cmp::Reverse(listed.container.created));
        found.truncate(selection.last.unwrap_or(usize::MAX));
        self.name_images(&mut found);
        if selection.sizes {
            for listed in &mut found {
                listed.size = Some(self.size(&listed.container)?);
            }
        }
        Ok(found)
    }

    /// Names that lead elsewhere by now give way to ids.
    fn name_images(&self, found: &mut [Listed]) {
        let mut ids = BTreeMap::new();
        for listed in found {
            let name = &listed.container.config.image;
            let id = ids.entry(name.clone()).or_insert_with(|| {
                self.store.image_id(name).map_or_else(|_| String::new(), |id| id.to_string())
            });
            if *id != listed.container.image && !listed.container.image.is_empty() {
                listed.image.clone_from(&listed.container.image);
            }
        }
    }

    /// The places in networks, by container.
    fn places(&self) -> Result<BTreeMap<String, Vec<Endpoint>>> {
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for endpoint in self.store.networks().all_endpoints()? {
            places.entry(endpoint.container.clone()).or_default().push(endpoint);
        }
        Ok(places)
    }

    /// The containers that others must be older and newer than.
    fn anchors(&self, filters: &Filters) -> Result<Anchors> {
        let find = |name: &str| -> Result<Option<Container>> {
            let values = filters.get(name).and_then(|values| values.first());
            values.map(|value| self.store.container(value)).transpose()
        };
        Ok(Anchors { before: find("before")?, since: find("since")? })
    }

    /// The ids of the images that `ancestor` names, and of those that were made from them; one that
    /// is not there is nobody's.
    fn ancestors(&self, filters: &Filters) -> Result<Vec<String>> {
        let wanted = filters.get("ancestor").map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<_> =
            wanted.iter().filter_map(|name| self.store.image_id(name).ok()).collect();
        let all = if ids.is_empty() { Vec::new() } else { self.store.images()? };
        let mut at = 0;
        while let Some(parent) = ids.get(at).copied() {
            let of_it = all.iter().filter(|image| image.record.parent == Some(parent));
            ids.extend(of_it.map(|image| image.id));
            at += 1;
        }
        Ok(ids.iter().map(ToString::to_string).collect())
    }

    /// How large a container's files are.
    ///
    /// # Errors
    /// Of reading what is known of its image.
    pub fn size(&self, container: &Container) -> Result<Size> {
        let own = written(&self.upper(container));
        let image = match self.store.image(&container.image) {
            Ok(image) => image.record.size,
            Err(error) if kind(&error) == Some(Kind::NotFound) => 0,
            Err(error) => return Err(error),
        };
        Ok(Size { own, virtually: own + image })
    }
}

/// The bytes of all files in a folder. What goes while we look is not counted.
pub(super) fn written(folder: &Path) -> u64 {
    let mut total = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            if facts.is_dir() {
                folders.push(entry.path());
            } else if facts.is_file() {
                total += facts.size();
            }
        }
    }
    total
}

struct Anchors {
    before: Option<Container>,
    since: Option<Container>,
}

impl Anchors {
    fn hold(&self, container: &Container) -> bool {
        self.before.as_ref().is_none_or(|anchor| container.created < anchor.created)
            && self.since.as_ref().is_none_or(|anchor| container.created > anchor.created)
    }
}

fn check_values(filters: &Filters) -> Result<()> {
    const STATUSES: &[&str] =
        &["created", "dead", "exited", "paused", "removing", "restarting", "running"];
    const HEALTHS: &[&str] = &["healthy", "none", "starting", "unhealthy"];
    for (name, known) in [("status", STATUSES), ("health", HEALTHS)] {
        for value in filters.get(name).into_iter().flatten() {
            if !known.contains(&value.as_str()) {
                let words =
                    format!("invalid filter '{name}={value}': expected {}", known.join(", "));
                return Err(refuse(Kind::Invalid, words));
            }
        }
    }
    for (name, values) in
        filters.iter().filter(|(name, _)| matches!(&***name, "expose" | "publish"))
    {
        if let Some(value) = values.iter().find(|value| ports(value).is_none()) {
            let words = format!("invalid filter '{name}={value}': expected a port or a range");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    for value in filters.get("exited").into_iter().flatten() {
        if value.parse::<i32>().is_err() {
            let words = format!("invalid filter 'exited={value}': expected an exit code");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    Ok(())
}

impl Listed {
    /// The networks that it is in, or will be when it runs.
    pub fn networks(&self) -> Vec<&str> {
        names(&self.container).collect()
    }

    /// Ports of the machine that lead to it.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.endpoints.iter().flat_map(|endpoint| &endpoint.bindings)
    }

    /// Whether somebody outside its networks may come to its ports.
    pub fn is_open(&self) -> bool {
        self.endpoints.iter().any(Endpoint::is_open)
    }

    /// Ports that it listens on, as `80/tcp`.
    pub fn exposed(&self) -> impl Iterator<Item = &str> {
        self.container.config.exposed_ports.iter().flatten().map(|(port, _)| port.as_str())
    }

    /// What its health check says; `none` where there is none.
    pub fn health(&self) -> &str {
        match &self.state.health {
            Some(health) if !health.status.is_empty() => &health.status,
            _ => "none",
        }
    }

    fn fits(&self, filters: &Filters, images: &[String]) -> bool {
        filters.iter().all(|(name, values)| {
            let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
            match name.as_str() {
                "ancestor" => images.contains(&self.container.image),
                "exited" => {
                    self.state.status == Status::Exited
                        && any(&|value| value == self.state.exit_code.to_string())
                }
                "expose" => any(&|value| self.exposed().any(|port| is_port(port, value))),
                "health" => any(&|value| value == self.health()),
                "id" => fits_pattern(values, &self.container.id),
                "label" => {
                    let labels = self.container.config.labels.clone();
                    fit_labels(&labels.unwrap_or_default(), filters)
                }
                "name" => {
                    fits_pattern(values, &self.container.name)
                        || fits_pattern(values, &format!("/{}", self.container.name))
                }
                "network" => any(&|value| self.is_in(value)),
                "publish" => any(&|value| {
                    let number = |b: &Binding| format!("{}/{}", b.host, b.protocol);
                    self.bindings().any(|binding| is_port(&number(binding), value))
                }),
                "status" => any(&|value| value == self.state.status.to_string()),
                "volume" => any(&|value| {
                    let is_it = |mount: &crate::model::MountPoint| {
                        mount.name == value || mount.destination == value || mount.source == value
                    };
                    self.container.mounts.iter().any(is_it)
                }),
                // Those that compare with another container.
                _ => true,
            }
        })
    }

    fn is_in(&self, network: &str) -> bool {
        let by_id = |endpoint: &Endpoint| endpoint.network.starts_with(network);
        self.networks().contains(&network)
            || (network.len() >= 12 && self.endpoints.iter().any(by_id))
    }
}

/// Whether `80/tcp` is `80`, `80/tcp`, `80-90` or `80-90/tcp`.
fn is_port(own: &str, wanted: &str) -> bool {
    let (Some((own, own_protocol)), Some((wanted, protocol))) = (ports(own), ports(wanted)) else {
        return false;
    };
    own_protocol == protocol && wanted.contains(own.start())
}

/// `80`, `80-90/tcp`: numbers, and a protocol.
fn ports(text: &str) -> Option<(std::ops::RangeInclusive<u16>, &str)> {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Some((first.parse().ok()?..=last.parse().ok()?, protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_meant_by_number_range_and_protocol() {
        for (own, wanted, meant) in [
            ("80/tcp", "80", true),
            ("80/tcp", "80/udp", false),
            ("80/udp", "79-81/udp", true),
            ("80/tcp", "81-90", false),
            ("80/tcp", "http", false),
        ] {
            assert_eq!(is_port(own, wanted), meant, "{own} {wanted}");
        }
    }
}
