//! Networks: made, shown, removed.

use super::Engine;
use super::filters::{Filters, check_names, fit_labels, fits_pattern, truth, until};
use crate::error::{Kind, Result, refuse};
use crate::model::network::{CreateNetwork, Network};
use crate::model::{Event, Subject};
use crate::network::definition;

impl Engine {
    /// Makes a network, with its bridge.
    ///
    /// # Errors
    /// A refusal in Docker's words.
    pub fn create_network(&self, request: &CreateNetwork) -> Result<Network> {
        let network = definition::create(&self.store, request)?;
        self.store.tell(&Event::of_network(&network, "create"));
        Ok(network)
    }

    /// The networks that fit, by name.
    ///
    /// # Errors
    /// A refusal of a filter that there is not.
    pub fn list_networks(&self, filters: &Filters) -> Result<Vec<Network>> {
        const KNOWN: &[&str] = &["dangling", "driver", "id", "label", "name", "scope", "type"];
        check_names(filters, KNOWN)?;
        let types = filters.get("type").into_iter().flatten();
        if let Some(other) =
            types.into_iter().find(|kind| !matches!(&***kind, "builtin" | "custom"))
        {
            let words = format!("invalid filter 'type={other}': expected builtin or custom");
            return Err(refuse(Kind::Invalid, words));
        }
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
        let network = definition::remove(&self.store, name)?;
        self.store.tell(&Event::of_network(&network, "destroy"));
        Ok(network)
    }

    /// Removes the networks of users' own that nobody is in, and gives their names. Filters are
    /// `label`, `label!` and `until`.
    ///
    /// # Errors
    /// A refusal of a filter; else of the network that could not be removed.
    pub fn prune_networks(&self, filters: &Filters) -> Result<Vec<String>> {
        check_names(filters, &["label", "label!", "until"])?;
        let limit = until(filters)?;
        let mut removed = Vec::new();
        for network in definition::all(&self.store)? {
            let too_young = limit.is_some_and(|limit| network.created > limit);
            if network.is_predefined() || too_young || !fit_labels(&network.labels, filters) {
                continue;
            }
            if self.store.networks().endpoints(&network.id)?.is_empty() {
                match self.remove_network(&network.id) {
                    Ok(network) => removed.push(network.name),
                    // Somebody has just come in, or has removed it before us.
                    Err(error) if crate::error::kind(&error).is_some() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.store.tell(&Event::of_prune(Subject::Network, 0));
        Ok(removed)
    }

    fn fits(&self, network: &Network, filters: &Filters) -> Result<bool> {
        for (filter, values) in filters {
            let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
            let fits = match filter.as_str() {
                "driver" => any(&|value| network.driver.to_string() == value),
                "id" => any(&|value| network.id.starts_with(value)),
                "label" => fit_labels(&network.labels, filters),
                "name" => fits_pattern(values, &network.name),
                "scope" => any(&|value| network.scope == value),
                "type" => any(&|value| (value == "builtin") == network.is_predefined()),
                _ => {
                    let empty = self.store.networks().endpoints(&network.id)?.is_empty();
                    let dangling = !network.is_predefined() && empty;
                    truth(filters, filter)? == Some(dangling)
                }
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
