//! Whom we believe to be a registry, and how we show who we are by a certificate: the machine's
//! certificates, and for single registries those in folders `HOST:PORT` of the places for them, as
//! Docker names them: `*.crt` are authorities, `NAME.cert` with `NAME.key` is our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, parse_pem};

use crate::error::{Context, Result};

/// Where the certificates of single registries are, on any machine.
const PLACES: [&str; 2] = ["/etc/dok/certs.d", "/etc/docker/certs.d"];

/// What is known of one registry.
pub(super) struct Certificates {
    pub(super) roots: RootCerts,
    pub(super) own: Option<ClientCert>,
}

impl Certificates {
    /// Of a registry (`HOST[:PORT]`), from the usual places and more.
    pub(super) fn of(registry: &str, more: &[PathBuf]) -> Result<Certificates> {
        let machine = rustls_native_certs::load_native_certs().certs;
        let mut roots: Vec<Certificate<'static>> =
            machine.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned()).collect();
        let mut own = None;
        for place in PLACES.iter().map(Path::new).chain(more.iter().map(PathBuf::as_path)) {
            for file in files(&place.join(registry))? {
                match file.extension().and_then(|extension| extension.to_str()) {
                    Some("crt") => roots.extend(certificates(&file)?),
                    Some("cert") => own = Some(with_key(&file)?),
                    _ => {}
                }
            }
        }
        Ok(Certificates { roots: RootCerts::new_with_certs(&roots), own })
    }
}

/// What is in a folder, by name; one that is not there is empty.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("list {}", folder.display()))?,
    };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>> {
    let mut found = Vec::new();
    for item in items(file)? {
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    anyhow::ensure!(!found.is_empty(), "read {}: it has no certificate", file.display());
    Ok(found)
}

fn with_key(file: &Path) -> Result<ClientCert> {
    let key = file.with_extension("key");
    let is_key = |item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    };
    let found: Option<PrivateKey<'static>> = items(&key)?.into_iter().find_map(is_key);
    let found = found.with_context(|| format!("read {}: it has no private key", key.display()))?;
    let chain = certificates(file)?;
    check(&chain, &found).with_context(|| format!("use {}", file.display()))?;
    Ok(ClientCert::new_with_certs(&chain, found))
}

/// Whether a certificate and a key belong together and can be shown: later nobody asks.
fn check(chain: &[Certificate<'static>], key: &PrivateKey<'static>) -> Result<()> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = chain.iter().map(|part| CertificateDer::from(part.der().to_vec())).collect();
    let key = PrivateKeyDer::try_from(key.der().to_vec())
        .map_err(|words| anyhow::anyhow!("its private key: {words}"))?;
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_auth_cert(chain, key)?;
    Ok(())
}

fn items(file: &Path) -> Result<Vec<PemItem<'static>>> {
    let reading = || format!("read {}", file.display());
    let pem = fs::read(file).with_context(reading)?;
    parse_pem(&pem).map(|item| item.with_context(reading)).collect()
}
