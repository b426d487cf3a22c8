//! Fetching manifests and blobs.

use std::io::{self, Read};

use ureq::http::StatusCode;

use super::Client;
use super::client::{Said, header, refused, whole};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::manifest::{self, ACCEPTED, Descriptor};
use crate::image::{Digest, Reference};
use crate::store::Store;
use crate::store::blobs::Incoming;

/// How often a blob that broke off is carried on with.
const ATTEMPTS: usize = 5;

/// A manifest as it was sent.
#[derive(Debug)]
pub struct Fetched {
    /// What it is said to be.
    pub media_type: String,
    /// Its digest, which was looked at where it was asked for by digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Client {
    /// The manifest or index of a tag or digest.
    ///
    /// # Errors
    /// Where there is none, or it is another than the digest says.
    pub fn manifest(&self, reference: &Reference) -> Result<Fetched> {
        let wanted = reference.wanted();
        let mut said = Said::get(self.url(&format!("manifests/{wanted}")));
        said.headers.extend(ACCEPTED.iter().map(|accepted| ("Accept", (*accepted).to_owned())));
        let answer = self.say(&said)?;
        let name = reference.familiar();
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(refused(answer, &format!("manifest for {name} not found")));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let denied = format!(
                    "pull access denied for {}, repository does not exist or may require \
                     'docker login'",
                    reference.familiar_name()
                );
                return Err(refused(answer, &denied));
            }
            _ => return Err(refused(answer, &format!("fetch the manifest of {name}"))),
        }
        let media_type = header(&answer, "content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let bytes = whole(answer, manifest::SIZE_LIMIT)
            .with_context(|| format!("fetch the manifest of {name}"))?;
        let digest = Digest::of(&bytes);
        if let Some(asked) = reference.digest
            && asked != digest
        {
            let words =
                format!("the registry sends the manifest {digest} where {asked} was asked for");
            return Err(refuse(Kind::Invalid, words));
        }
        Ok(Fetched { media_type, digest, bytes })
    }

    /// Fetches a blob into the store, from where an earlier attempt stopped. `told` hears how many
    /// bytes are there.
    ///
    /// # Errors
    /// Where it cannot be fetched whole; what is there already stays, unless it is wrong.
    pub fn blob(&self, store: &Store, blob: &Descriptor, told: &dyn Fn(u64)) -> Result<()> {
        if store.has_blob(&blob.digest) {
            return Ok(());
        }
        let mut incoming = store.expect_blob(&blob.digest, blob.size)?;
        if store.has_blob(&blob.digest) {
            // Another process fetched it while we waited for it.
            return Ok(());
        }
        let mut attempt = 1;
        while incoming.length() < blob.size {
            let before = incoming.length();
            let Err(error) = self.piece(blob, &mut incoming, told) else { break };
            let settled = crate::error::kind(&error).is_some();
            if incoming.length() > before {
                attempt = 1;
            }
            if settled || attempt >= ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
        incoming.finish().map(|_| ())
    }

    fn piece(&self, blob: &Descriptor, incoming: &mut Incoming, told: &dyn Fn(u64)) -> Result<()> {
        let fetching = || format!("fetch the blob {}", blob.digest);
        let mut said = Said::get(self.url(&format!("blobs/{}", blob.digest)));
        let begin = incoming.length();
        if begin > 0 {
            said.headers.push(("Range", format!("bytes={begin}-")));
        }
        let answer = self.say(&said)?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if begin > 0 && starts_at(&answer, begin) => {}
            StatusCode::OK | StatusCode::RANGE_NOT_SATISFIABLE if begin > 0 => {
                incoming.restart().with_context(fetching)?;
                if answer.status() != StatusCode::OK {
                    anyhow::bail!("{}: the registry cannot carry on", fetching());
                }
            }
            StatusCode::OK => {}
            status if status.is_server_error() => anyhow::bail!("{}: {status}", fetching()),
            _ => return Err(refused(answer, &fetching())),
        }
        let mut reader = answer.into_body().into_reader();
        let mut piece = vec![0; 1 << 16];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(n) => keep(incoming, &piece[..n], &blob.digest)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(fetching),
            }
            told(incoming.length());
        }
    }
}

fn starts_at(answer: &ureq::http::Response<ureq::Body>, begin: u64) -> bool {
    let range = header(answer, "content-range").unwrap_or_default();
    range.starts_with(&format!("bytes {begin}-"))
}

/// What cannot be kept will not be kept at the next attempt either: a full disk, a blob that is
/// longer than it was said to be.
fn keep(incoming: &mut Incoming, bytes: &[u8], digest: &Digest) -> Result<()> {
    let written = io::Write::write_all(incoming, bytes);
    written.map_err(|error| refuse(Kind::Invalid, format!("write the blob {digest}: {error}")))
}
