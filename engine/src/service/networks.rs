//! Networks: made, shown, removed.

use std::collections::BTreeMap;

use super::Engine;
use crate::error::{Kind, Result, refuse};
use crate::model::network::{CreateNetwork, Network};
use crate::model::{Time, parse_duration};
use crate::network::definition;

/// What is asked for in a list: for each name, the values of which one has to fit; of labels, all.
pub type Filters = BTreeMap<String, Vec<String>>;

impl Engine {
    /// Makes a network, with its bridge.
    ///
    /// # Errors
    /// A refusal in Docker's words.
    pub fn create_network(&self, request: &CreateNetwork) -> Result<Network> {
        definition::create(&self.store, request)
    }

    /// The networks that fit, by name.
    ///
    /// # Errors
    /// A refusal of a filter that there is not.
    pub fn list_networks(&self, filters: &Filters) -> Result<Vec<Network>> {
        const KNOWN: &[&str] = &["dangling", "driver", "id", "label", "name", "scope", "type"];
        check_names(filters, KNOWN)?;
        let mut fitting = Vec::new();
        for network in definition::all(&self.store)? {
            if self.fits(&network, filters)? {
                fitting.push(network);
            }
        }
        Ok(fitting)
    }

    /// A network, and who is in it now.
    ///
    /// # Errors
    /// A refusal where there is none of that name or id.
    pub fn inspect_network(&self, name: &str) -> Result<Network> {
        let mut network = definition::find(&self.store, name)?;
        let members = self.store.networks().endpoints(&network.id)?;
        network.containers =
            members.into_iter().map(|member| (member.container.clone(), member.member())).collect();
        Ok(network)
    }

    /// Removes a network that nobody is in.
    ///
    /// # Errors
    /// A refusal in Docker's words.
    pub fn remove_network(&self, name: &str) -> Result<Network> {
        definition::remove(&self.store, name)
    }

    /// Removes the networks of users' own that nobody is in, and gives their names. Filters are
    /// `label`, `label!` and `until`.
    ///
    /// # Errors
    /// A refusal of a filter; else of the network that could not be removed.
    pub fn prune_networks(&self, filters: &Filters) -> Result<Vec<String>> {
        check_names(filters, &["label", "label!", "until"])?;
        let limit = limit(filters)?;
        let mut removed = Vec::new();
        for network in definition::all(&self.store)? {
            let too_young = limit.is_some_and(|limit| network.created > limit);
            let fits = has_labels(&network, filters.get("label"))
                && !has_any_label(&network, filters.get("label!"));
            if network.is_predefined() || too_young || !fits {
                continue;
            }
            if self.store.networks().endpoints(&network.id)?.is_empty() {
                match definition::remove(&self.store, &network.id) {
                    Ok(network) => removed.push(network.name),
                    // Somebody has just come in, or has removed it before us.
                    Err(error) if crate::error::kind(&error).is_some() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(removed)
    }

    fn fits(&self, network: &Network, filters: &Filters) -> Result<bool> {
        for (filter, values) in filters {
            let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
            let fits = match filter.as_str() {
                "driver" => any(&|value| network.driver.to_string() == value),
                "id" => any(&|value| network.id.starts_with(value)),
                "label" => has_labels(network, Some(values)),
                "name" => any(&|value| network.name.contains(value)),
                "scope" => any(&|value| network.scope == value),
                "type" => any(&|value| (value == "builtin") == network.is_predefined()),
                _ => {
                    let empty = self.store.networks().endpoints(&network.id)?.is_empty();
                    let dangling = !network.is_predefined() && empty;
                    any(&|value| matches!(value, "true" | "1") == dangling)
                }
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn check_names(filters: &Filters, known: &[&str]) -> Result<()> {
    match filters.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let words = format!("invalid filter '{name}': expected {}", known.join(", "));
            Err(refuse(Kind::Invalid, words))
        }
    }
}

fn has_labels(network: &Network, wanted: Option<&Vec<String>>) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().all(|label| has_label(network, label)))
}

fn has_any_label(network: &Network, wanted: Option<&Vec<String>>) -> bool {
    wanted.is_some_and(|wanted| wanted.iter().any(|label| has_label(network, label)))
}

/// `NAME` or `NAME=VALUE`.
fn has_label(network: &Network, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => network.labels.get(name).is_some_and(|own| own == value),
        None => network.labels.contains_key(wanted),
    }
}

/// The instant until which a network must have been made: itself, or so long ago.
fn limit(filters: &Filters) -> Result<Option<Time>> {
    let Some(text) = filters.get("until").and_then(|values| values.first()) else {
        return Ok(None);
    };
    let ago = |text| parse_duration(text).map(|ago| Time::now().minus(ago));
    match text.parse().or_else(|_| ago(text)) {
        Ok(limit) => Ok(Some(limit)),
        Err(_) => {
            let words =
                format!("invalid filter 'until={text}': expected a time like 2026-11-21 or 24h");
            Err(refuse(Kind::Invalid, words))
        }
    }
}
