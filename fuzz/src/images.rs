//! What a registry says of images.

use onggi_engine::image::change::apply;
use onggi_engine::image::config::File;
use onggi_engine::image::manifest::{Compression, Document, LAYER_LIMIT, read};
use onggi_engine::image::platform::Platform;
use onggi_engine::image::{Digest, Reference};

/// The names of an image, of a digest, of a platform: read, shown, and read again they are the same.
pub(crate) fn reference(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(reference) = text.parse::<Reference>() {
        let shown = reference.to_string();
        assert_eq!(shown.parse::<Reference>().expect("read again"), reference, "{shown}");
        let parts = reference.repository.split('/');
        assert!(parts.clone().all(|part| !part.is_empty() && part != ".."), "{shown}");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse::<Digest>().expect("read again"), digest);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().expect("read again"), platform);
    }
    let _ = Compression::of(&text);
}

/// A manifest or an index.
pub(crate) fn manifest(input: &[u8]) {
    let Ok(document) = read(input, None) else { return };
    let written = match &document {
        Document::Manifest(manifest) => {
            assert!(manifest.layers.len() <= LAYER_LIMIT);
            serde_json::to_vec(manifest)
        }
        Document::Index(index) => {
            let _ = index.best(&Platform::own());
            serde_json::to_vec(index)
        }
    };
    assert_eq!(read(&written.expect("written"), None).expect("read again"), document);
}

/// The configuration of an image, whose steps are taken as changes of it.
pub(crate) fn image(input: &[u8]) {
    let Ok(file) = serde_json::from_slice::<File>(input) else { return };
    let written = serde_json::to_value(&file).expect("written");
    let again: File = serde_json::from_value(written.clone()).expect("read again");
    assert_eq!(serde_json::to_value(again).expect("written again"), written);
    let mut config = file.config;
    for step in &file.history {
        let _ = apply(&mut config, &step.created_by);
    }
    serde_json::to_vec(&config).expect("written");
}
