//! Manifests and indexes: which blobs an image is made of, in the words of OCI and of Docker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Digest;
use super::platform::Platform;
use crate::error::{Context, Kind, Result, refuse};

/// An OCI image.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Several images, in OCI's words.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A Docker image of schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Several images, in Docker's words.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The configuration of an OCI image.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as it is.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer under gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer under Zstandard.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// Every media type that a registry is asked for.
pub const ACCEPTED: &[&str] = &[OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/// The most bytes of a manifest or of an image's configuration.
pub const SIZE_LIMIT: u64 = 4 << 20;
/// The most layers of an image: overlayfs takes no more by any way.
pub const LAYER_LIMIT: usize = 500;

/// What a blob is, how long, and under which name. Where else it might be fetched from (`urls`) is
/// of no interest to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// In an index: which machine it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// A description without notes.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        let media_type = media_type.to_owned();
        Descriptor { media_type, digest, size, platform: None, annotations: None }
    }
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2, always.
    pub schema_version: u32,
    /// Its own media type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// The image's configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// Several images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2, always.
    pub schema_version: u32,
    /// Its own media type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// The images' manifests.
    pub manifests: Vec<Descriptor>,
}

/// What a registry answers to a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several images.
    Index(Index),
}

/// The keys that tell what a document is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    schema_version: Option<u32>,
    media_type: Option<String>,
    #[serde(default)]
    manifests: Present,
    #[serde(default)]
    layers: Present,
    #[serde(default)]
    config: Present,
    #[serde(default, rename = "fsLayers")]
    fs_layers: Present,
}

/// Whether a key is there, whatever it holds.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Present, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Present(true))
    }
}

/// Reads a manifest or an index; `said` is the media type that came with it.
///
/// # Errors
/// Where it is neither, both at once, or something else than it was said to be.
pub fn read(bytes: &[u8], said: Option<&str>) -> Result<Document> {
    let keys: Keys = serde_json::from_slice(bytes).context("read the manifest")?;
    let refused = |words: String| Err(refuse(Kind::Invalid, words));
    if keys.fs_layers.0 || keys.schema_version == Some(1) {
        return refused(
            "the image has a manifest of schema 1, which is no longer supported".into(),
        );
    }
    if keys.schema_version != Some(2) {
        return refused("the manifest has no schemaVersion 2".into());
    }
    let is_index = keys.manifests.0;
    if is_index == (keys.layers.0 || keys.config.0) {
        return refused(
            "the manifest must have either layers and config or manifests, and not both".into(),
        );
    }
    let right: [&str; 2] =
        if is_index { [OCI_INDEX, DOCKER_LIST] } else { [OCI_MANIFEST, DOCKER_MANIFEST] };
    for media_type in [keys.media_type.as_deref(), said].into_iter().flatten() {
        if !media_type.is_empty() && !right.contains(&media_type) {
            return refused(format!("the manifest is said to be {media_type} and is not"));
        }
    }
    if let (Some(own), Some(said)) = (keys.media_type.as_deref(), said)
        && own != said
    {
        return refused(format!("the manifest is said to be {said} and says {own} itself"));
    }
    match is_index {
        true => Ok(Document::Index(serde_json::from_slice(bytes).context("read the index")?)),
        false => Ok(Document::Manifest(read_manifest(bytes)?)),
    }
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest> {
    let manifest: Manifest = serde_json::from_slice(bytes).context("read the manifest")?;
    if manifest.layers.len() > LAYER_LIMIT {
        let words =
            format!("the image has {} layers; {LAYER_LIMIT} is the most", manifest.layers.len());
        return Err(refuse(Kind::Invalid, words));
    }
    if manifest.config.size > SIZE_LIMIT {
        return Err(refuse(Kind::Invalid, "the image's configuration is too long"));
    }
    Ok(manifest)
}

impl Index {
    /// The image that serves a platform best; the first of equals.
    pub fn best(&self, wanted: &Platform) -> Option<&Descriptor> {
        let attestation = |d: &Descriptor| {
            d.annotations.as_ref().is_some_and(|a| a.contains_key("vnd.docker.reference.type"))
        };
        let fit = |d: &Descriptor| match &d.platform {
            Some(platform) => wanted.fit(platform),
            // An image that does not say is taken where nothing else fits.
            None => Some(0),
        };
        let images = self.manifests.iter().filter(|d| !attestation(d));
        images.filter_map(|d| Some((fit(d)?, d))).rev().max_by_key(|(fit, _)| *fit).map(|(_, d)| d)
    }
}

/// How a layer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// By the media type of a layer.
    ///
    /// # Errors
    /// Where it is none that is known.
    pub fn of(media_type: &str) -> Result<Compression> {
        match media_type {
            "application/vnd.docker.image.rootfs.diff.tar"
            | "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar" => Ok(Compression::None),
            "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
            | "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => {
                Ok(Compression::Gzip)
            }
            "application/vnd.docker.image.rootfs.diff.tar.zstd"
            | "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => {
                Ok(Compression::Zstd)
            }
            other => {
                let words = format!("a layer is of the media type {other:?}, which is not known");
                Err(refuse(Kind::Invalid, words))
            }
        }
    }

    /// The media type of a layer that is packed like this.
    pub fn media_type(self) -> &'static str {
        match self {
            Compression::None => OCI_LAYER,
            Compression::Gzip => OCI_LAYER_GZIP,
            Compression::Zstd => OCI_LAYER_ZSTD,
        }
    }

    /// By the first bytes of a file.
    pub fn sniff(start: &[u8]) -> Compression {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{ZERO}","size":1}}"#)
    }

    fn manifest() -> String {
        let config = descriptor(OCI_CONFIG);
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[]}}"#
        )
    }

    #[test]
    fn a_document_is_one_thing_only() {
        assert!(matches!(
            read(manifest().as_bytes(), Some(OCI_MANIFEST)).unwrap(),
            Document::Manifest(_)
        ));
        let list = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor(OCI_MANIFEST));
        assert!(matches!(read(list.as_bytes(), Some(OCI_INDEX)).unwrap(), Document::Index(_)));
        for (text, said) in [
            (manifest(), OCI_INDEX),
            (manifest(), DOCKER_MANIFEST),
            (list.clone(), OCI_MANIFEST),
            (manifest().replace("\"layers\"", "\"manifests\":[],\"layers\""), OCI_MANIFEST),
            (list.replace("\"manifests\"", "\"layers\":[],\"manifests\""), OCI_INDEX),
            (manifest().replace(OCI_MANIFEST, OCI_INDEX), OCI_MANIFEST),
            (manifest().replace("\"schemaVersion\":2", "\"schemaVersion\":1"), OCI_MANIFEST),
            (manifest().replace(ZERO, "sha256:../../x"), OCI_MANIFEST),
            (manifest().replace("\"size\":1", "\"size\":-1"), OCI_MANIFEST),
            (r#"{"schemaVersion":2}"#.into(), OCI_MANIFEST),
            ("[]".into(), OCI_MANIFEST),
            (String::new(), OCI_MANIFEST),
        ] {
            assert!(read(text.as_bytes(), Some(said)).is_err(), "{said}: {text}");
        }
    }

    #[test]
    fn an_index_gives_the_image_that_fits_and_no_attestation() {
        let image = |architecture: &str, size: u64| {
            let platform = Platform {
                os: "linux".into(),
                architecture: architecture.into(),
                ..Platform::default()
            };
            let digest = Digest::of(architecture.as_bytes());
            Descriptor { platform: Some(platform), ..Descriptor::new(OCI_MANIFEST, digest, size) }
        };
        let mut attestation = image("amd64", 9);
        attestation.annotations =
            Some([("vnd.docker.reference.type".into(), "attestation-manifest".into())].into());
        let manifests = vec![attestation, image("arm64", 1), image("amd64", 2), image("amd64", 3)];
        let index = Index { schema_version: 2, media_type: String::new(), manifests };
        let best = |text: &str| index.best(&text.parse().unwrap()).map(|d| d.size);
        assert_eq!(best("linux/amd64"), Some(2));
        assert_eq!(best("linux/arm64"), Some(1));
        assert_eq!(best("linux/s390x"), None);
    }
}
