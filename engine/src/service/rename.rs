//! Giving a container another name.

use super::Engine;
use crate::error::{Kind, Result, refuse};

impl Engine {
    /// Gives a container another name, by which its networks know it at once.
    ///
    /// # Errors
    /// The name is taken, or is none; the container keeps its own then.
    pub fn rename(&self, container: &str, name: &str) -> Result<()> {
        if container.is_empty() || name.is_empty() {
            return Err(refuse(Kind::Invalid, "Neither old nor new names may be empty"));
        }
        let id = self.store.container(container)?.id;
        let _lock = self.store.lock_container(&id)?;
        let mut container = self.store.container(&id)?;
        let name = name.strip_prefix('/').unwrap_or(name);
        if container.name == name {
            let words = "Renaming a container with the same name as its current name";
            return Err(refuse(Kind::Invalid, words));
        }
        self.store.rename_container(&mut container, name).map_err(|error| {
            match error.downcast::<crate::error::Refusal>() {
                Ok(refusal) if refusal.kind == Kind::Conflict => {
                    let words = format!("Error when allocating new name: {}", refusal.words);
                    refuse(Kind::Conflict, words)
                }
                Ok(refusal) => refusal.into(),
                Err(error) => error,
            }
        })?;
        let networks = self.store.networks();
        let lock = networks.lock()?;
        for mut endpoint in networks.endpoints_of(&id)? {
            name.clone_into(&mut endpoint.name);
            networks.keep_endpoint(&endpoint, &lock)?;
        }
        Ok(())
    }
}
