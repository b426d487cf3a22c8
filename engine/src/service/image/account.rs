//! Registries as such: who we are there, what there is to find.

use std::path::PathBuf;

use crate::error::{Result, told};
use crate::image::Reference;
use crate::progress::{Event, Progress};
use crate::registry::{Access, Client, Credential, Credentials, Found, Settings, search};
use crate::service::Engine;

/// What is known about registries, read when it is needed.
#[derive(Debug, Clone)]
pub struct Registries {
    /// The administrator's file.
    pub settings: PathBuf,
    /// The folder of Docker's client.
    pub client: PathBuf,
}

impl Registries {
    /// What the administrator says; certificates may also be beside the client's own file.
    ///
    /// # Errors
    /// Where the file makes no sense.
    pub fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::read(&self.settings)?;
        settings.registry_certificates.push(self.client.join("certs.d"));
        Ok(settings)
    }

    /// Who we are.
    pub fn credentials(&self) -> Credentials {
        Credentials::in_folder(&self.client)
    }
}

impl Engine {
    /// What we show to a registry. Where that cannot be found out, we are nobody there: much may
    /// be fetched by anybody.
    pub fn credential(&self, registry: &str, progress: Progress<'_>) -> Option<Credential> {
        let warn = |error| progress(Event::warning(told(&error)));
        self.registries.credentials().of(registry).map_err(warn).ok().flatten()
    }

    /// Shows a registry who we are, and remembers it; whether it now stands readable in a file.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn login(&self, registry: &str, user: &str, password: &str) -> Result<bool> {
        let credential =
            Credential::Password { user: user.to_owned(), password: password.to_owned() };
        self.check_login(registry, credential)?;
        self.registries.credentials().keep(registry, user, password)
    }

    /// Shows a registry who we are.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn check_login(&self, registry: &str, credential: Credential) -> Result<()> {
        let nothing = Reference {
            registry: registry.to_owned(),
            repository: String::new(),
            tag: None,
            digest: None,
        };
        let settings = self.registries.settings()?;
        Client::open(&nothing, None, Access::Pull, &settings, Some(credential))?.check()
    }

    /// Forgets who we are at a registry; whether we were somebody.
    ///
    /// # Errors
    /// Where it cannot be forgotten.
    pub fn logout(&self, registry: &str) -> Result<bool> {
        self.registries.credentials().forget(registry)
    }

    /// Searches a registry.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn search(&self, term: &str, limit: u32) -> Result<Vec<Found>> {
        search(term, limit, &self.registries.settings()?)
    }
}
