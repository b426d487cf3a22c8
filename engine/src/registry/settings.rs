//! What the administrator says about registries, with the keys of Docker's daemon.json:
//!
//! ```json
//! { "registry-mirrors": ["https://mirror.example"],
//!   "insecure-registries": ["10.0.0.0/8", "hub:5000"] }
//! ```
//!
//! and two of our own, `registry-timeout` and `registry-certificates`.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use crate::error::{Context, Result};

/// The settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// Where images of the default registry are asked for first.
    pub registry_mirrors: Vec<String>,
    /// Hosts, hosts with ports, and networks that may speak HTTP or show any certificate.
    pub insecure_registries: Vec<String>,
    /// More folders with folders `HOST:PORT` of certificates.
    pub registry_certificates: Vec<PathBuf>,
    /// Seconds that a registry may say nothing.
    pub registry_timeout: Option<u64>,
}

/// Seconds that a registry may say nothing, where the file does not say.
const TIMEOUT: u64 = 30;

impl Settings {
    /// Reads the file; without one, nothing is special.
    ///
    /// # Errors
    /// Where it cannot be read or a mirror is no URL.
    pub fn read(file: &Path) -> Result<Settings> {
        let reading = || format!("read {}", file.display());
        let settings: Settings = match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(reading)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::default(),
            Err(error) => return Err(error).with_context(reading),
        };
        for mirror in &settings.registry_mirrors {
            let rest = mirror.strip_prefix("https://").or_else(|| mirror.strip_prefix("http://"));
            anyhow::ensure!(
                rest.is_some_and(|rest| !rest.trim_end_matches('/').is_empty()),
                "{}: registry-mirrors: {mirror:?} is no URL of http or https",
                file.display()
            );
        }
        Ok(settings)
    }

    /// How long a registry may say nothing.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.registry_timeout.unwrap_or(TIMEOUT).max(1))
    }

    /// Whether a registry (`HOST[:PORT]`) may speak HTTP: this machine itself, and those that are
    /// named.
    pub fn is_insecure(&self, registry: &str) -> bool {
        let host = host(registry);
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.insecure_registries.iter().any(|named| {
            let network = named.parse::<IpNet>().ok();
            named == registry
                || named == host
                || network.zip(address).is_some_and(|(network, address)| network.contains(&address))
        })
    }
}

/// The host of `HOST[:PORT]`, without the brackets of an IPv6 address.
fn host(registry: &str) -> &str {
    match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => registry.split(':').next().unwrap_or(registry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_named_registries_may_speak_http() {
        let insecure_registries = vec!["10.0.0.0/8".into(), "hub:5000".into(), "plain".into()];
        let settings = Settings { insecure_registries, ..Settings::default() };
        for insecure in [
            "localhost",
            "localhost:5000",
            "127.0.0.2:1",
            "[::1]:5",
            "10.1.2.3",
            "hub:5000",
            "plain:1",
        ] {
            assert!(settings.is_insecure(insecure), "{insecure}");
        }
        for secure in ["docker.io", "hub", "hub:5001", "11.0.0.1", "localhost.example"] {
            assert!(!settings.is_insecure(secure), "{secure}");
        }
    }
}
