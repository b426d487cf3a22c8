//! Sending blobs and manifests.

use std::io::{self, Read};

use ureq::http::{Method, StatusCode};

use super::Client;
use super::address::form;
use super::client::{Said, header, refused};
use crate::error::{Context, Result};
use crate::image::Digest;
use crate::image::manifest::Descriptor;
use crate::store::Store;

/// How a blob came to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It was there before.
    Already,
    /// The registry took it from another repository of its own.
    Mounted,
    /// It was sent.
    Pushed,
}

impl Client {
    /// Whether the registry has a blob.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let url = self.url(&format!("blobs/{digest}"));
        let said = Said { method: Method::HEAD, url, headers: Vec::new(), body: b"" };
        let answer = self.say(&said)?;
        // Where it is kept elsewhere, the registry sends us there: it has it.
        Ok(answer.status().is_success() || answer.status().is_redirection())
    }

    /// Sends a blob of the store, unless the registry has it, in this repository or in `from`.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn send_blob(
        &self,
        store: &Store,
        blob: &Descriptor,
        from: Option<&str>,
        told: &(dyn Fn(u64) + Sync),
    ) -> Result<Sent> {
        let digest = blob.digest;
        if self.has_blob(&digest)? {
            return Ok(Sent::Already);
        }
        let sending = || format!("push the blob {digest}");
        let digest_text = digest.to_string();
        let mount = from.map(|from| form(&[("mount", digest_text.as_str()), ("from", from)]));
        let mount = mount.map(|mount| format!("?{mount}")).unwrap_or_default();
        let url = self.url(&format!("blobs/uploads/{mount}"));
        let said = Said { method: Method::POST, url, headers: Vec::new(), body: b"" };
        let answer = self.say(&said)?;
        match answer.status() {
            StatusCode::CREATED => return Ok(Sent::Mounted),
            StatusCode::ACCEPTED => {}
            _ => return Err(refused(answer, "")),
        }
        let place = self.own_url(&answer).with_context(sending)?;
        let mark = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{mark}{}", form(&[("digest", digest_text.as_str())]));
        let mut source = Told { source: store.open_blob(&digest)?, length: 0, told };
        let answer =
            self.stream(&Method::PUT, &url, blob.size, &mut source).with_context(sending)?;
        match answer.status() {
            StatusCode::CREATED => Ok(Sent::Pushed),
            _ => Err(refused(answer, &sending())),
        }
    }

    /// Sends a manifest under a tag or its digest.
    ///
    /// # Errors
    /// Where the registry does not take it, or calls it by another digest.
    pub fn send_manifest(&self, wanted: &str, media_type: &str, bytes: &[u8]) -> Result<Digest> {
        let url = self.url(&format!("manifests/{wanted}"));
        let headers = vec![("Content-Type", media_type.to_owned())];
        let answer = self.say(&Said { method: Method::PUT, url, headers, body: bytes })?;
        if answer.status() != StatusCode::CREATED {
            return Err(refused(answer, &format!("push the manifest {wanted}")));
        }
        let digest = Digest::of(bytes);
        let theirs = header(&answer, "docker-content-digest");
        anyhow::ensure!(
            theirs.is_none_or(|theirs| theirs == digest.to_string()),
            "the registry keeps the manifest {digest} under another digest"
        );
        Ok(digest)
    }

    /// The tags of the repository.
    ///
    /// # Errors
    /// Where the registry does not tell them.
    pub fn tags(&self) -> Result<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let (mut tags, mut next) = (Vec::new(), Some(self.url("tags/list")));
        while let Some(url) = next.take() {
            let answer = self.say(&Said::get(url))?;
            if !answer.status().is_success() {
                return Err(refused(answer, "list the tags"));
            }
            let more = header(&answer, "link");
            let bytes = super::client::whole(answer, super::client::ANSWER_LIMIT)?;
            let read: Tags = serde_json::from_slice(&bytes).context("list the tags")?;
            tags.extend(read.tags.unwrap_or_default());
            let path = more.as_deref().and_then(|link| link.strip_prefix('<')?.split_once('>'));
            let query = path.and_then(|(path, _)| path.split_once('?').map(|(_, query)| query));
            next = query.map(|query| self.url(&format!("tags/list?{query}")));
            anyhow::ensure!(tags.len() < 100_000, "the repository has too many tags");
        }
        Ok(tags)
    }
}

/// A reader that tells how far it is.
struct Told<'a, R> {
    source: R,
    length: u64,
    told: &'a (dyn Fn(u64) + Sync),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.length += n as u64;
        (self.told)(self.length);
        Ok(n)
    }
}
