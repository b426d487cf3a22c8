//! A container goes into a network, or out of one, also while it runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::attach::Wanted;
use super::networking::{self, Wishes};
use super::{Engine, files};
use crate::bundle;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::network::{Driver, Network};
use crate::model::{Container, EndpointConfig};
use crate::network::{self, definition, namespace};
use crate::store::durable::{self, Durability};

/// Whether a container that is not there may be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// The container has to be there.
    No,
    /// What a network knows of it is enough.
    Yes,
}

impl Engine {
    /// Connects a container to a network: now, if it runs, and whenever it starts.
    ///
    /// # Errors
    /// A refusal in Docker's words; nothing has changed then.
    pub fn connect_network(
        &self,
        network: &str,
        container: &str,
        wanted: &EndpointConfig,
    ) -> Result<()> {
        let network = definition::find(&self.store, network)?;
        let found = self.store.container(container)?;
        let _lock = self.store.lock_container(&found.id)?;
        let mut container = self.store.container(&found.id)?;
        refuse_shared(&network, &container)?;
        if network.driver == Driver::Bridge && self.is_running(&container)? {
            if wanted.gw_priority != 0 {
                let words = "a container that runs keeps its way out: stop it to connect it with a \
                             priority";
                return Err(refuse(Kind::Conflict, words));
            }
            self.attach_now(&network, &container, wanted)?;
        }
        let places = container.networking_config.endpoints_config.get_or_insert_default();
        places.insert(network.name.clone(), Some(wanted.clone()));
        let kept = self.store.change_container(&container);
        if kept.is_err() {
            // The failure to keep it is the one to tell.
            let _ = network::detach(&self.store, &container.id, &network.id);
        }
        kept
    }

    /// Takes a container out of a network, now and for its next starts.
    ///
    /// # Errors
    /// A refusal where it is not in it.
    pub fn disconnect_network(&self, network: &str, container: &str, force: Force) -> Result<()> {
        let network = definition::find(&self.store, network)?;
        if network.driver == Driver::Host {
            return Err(refuse(Kind::Denied, HOST));
        }
        let found = match self.store.container(container) {
            Err(error)
                if force == Force::Yes && crate::error::kind(&error) == Some(Kind::NotFound) =>
            {
                return self.forget_member(&network, container);
            }
            found => found?,
        };
        let _lock = self.store.lock_container(&found.id)?;
        let mut container = self.store.container(&found.id)?;
        let is_in = self.store.networks().endpoint(&network.id, &container.id)?.is_some();
        let places = container.networking_config.endpoints_config.get_or_insert_default();
        let was_in = places.remove(&network.name).is_some();
        if !is_in && !was_in {
            let words =
                format!("container {} is not connected to network {}", container.id, network.name);
            return Err(refuse(Kind::Denied, words));
        }
        network::detach(&self.store, &container.id, &network.id)?;
        self.store.change_container(&container)?;
        let places = container.networking_config.endpoints_config.unwrap_or_default();
        let wanted = |name: &str| places.get(name).and_then(Option::as_ref);
        let priority = |name: &str| wanted(name).map_or(0, |wanted| wanted.gw_priority);
        network::lead_outside(&self.store, &container.id, &priority)
    }

    fn forget_member(&self, network: &Network, name: &str) -> Result<()> {
        let members = self.store.networks().endpoints(&network.id)?;
        let member = members.iter().find(|member| member.name == name || member.container == name);
        match member {
            Some(member) => network::detach(&self.store, &member.container, &network.id),
            None => Err(refuse(Kind::NotFound, format!("No such container: {name}"))),
        }
    }

    fn is_running(&self, container: &Container) -> Result<bool> {
        Ok(self.store.state(&container.id)?.status.is_alive())
    }

    fn attach_now(
        &self,
        network: &Network,
        container: &Container,
        wanted: &EndpointConfig,
    ) -> Result<()> {
        let pin = self.pin_namespace(container)?;
        let wishes = Wishes::read(container, Some(wanted))?;
        let request = wishes.request(container, &network.id, &pin, &[]);
        let attached = network::attach(&self.store, &request)?;
        if attached.network.is_predefined() {
            return Ok(());
        }
        let named = self.answer_names(container);
        if named.is_err() {
            // The failure to answer names is the one to tell.
            let _ = network::detach(&self.store, &container.id, &network.id);
        }
        named
    }

    /// The network namespace of a container that runs. Of one that ran without networks the runtime
    /// has made it: it is kept from now on, also for the program's next runs.
    fn pin_namespace(&self, container: &Container) -> Result<PathBuf> {
        let id = &container.id;
        let pin = namespace::pin(&self.store, id);
        if pin.exists() {
            return Ok(pin);
        }
        match self.store.state(id)?.pid {
            // It waits for its next run.
            0 => namespace::create(&self.store, id)?,
            pid => namespace::adopt(&self.store, id, pid)?,
        };
        let joined = join_network(&self.store.bundle(id).join("config.json"), &pin);
        if joined.is_err() {
            // The failure to join it is the one to tell.
            let _ = namespace::remove(&self.store, id);
        }
        joined.map(|()| pin)
    }

    /// Lets a container that runs have a resolver, if it has none.
    fn answer_names(&self, container: &Container) -> Result<()> {
        let session = self.connect(container, Wanted::NOTHING)?;
        let Some(mut session) = session else {
            // It has lost its monitor: names are answered when it starts again.
            return Ok(());
        };
        if !session.ask_for_names()? {
            anyhow::bail!(
                "start the resolver of {}: its monitor does not say that it runs",
                container.name
            );
        }
        files::ask_the_resolver(&self.store, container)
    }
}

/// Has the program's next runs take place in a network namespace.
fn join_network(file: &Path, pin: &Path) -> Result<()> {
    let text = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let mut configuration =
        serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))?;
    bundle::join_network(&mut configuration, pin);
    let text = serde_json::to_vec(&configuration).context("encode the configuration")?;
    // A kill must not cost the program its next runs.
    durable::put(file, &text, Durability::Passing)
        .with_context(|| format!("write {}", file.display()))
}

const HOST: &str =
    "container cannot be disconnected from host network or connected to host network";

fn refuse_shared(network: &Network, container: &Container) -> Result<()> {
    let mode = container.host_config.network_mode.as_str();
    let is_elsewhere = networking::names(container).next().is_some();
    let words = if mode == "host" || mode.starts_with("container:") {
        "container sharing network namespace with another container or host cannot be connected \
         to any other network"
    } else if networking::names(container).any(|name| name == networking::NONE)
        || (network.driver == Driver::Null && is_elsewhere)
    {
        "container cannot be connected to multiple networks with one of the networks in private \
         (none) mode"
    } else if network.driver == Driver::Host {
        HOST
    } else {
        return Ok(());
    };
    Err(refuse(Kind::Denied, words))
}
