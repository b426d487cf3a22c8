//! The image `hello`, put together on the spot.

use tar::{Builder, Header};

use super::compose;
use crate::error::{Context, Result};
use crate::image::config::{Config, File, History, RootFs};
use crate::image::manifest::{Descriptor, OCI_LAYER};
use crate::image::platform::Platform;
use crate::image::{Digest, Reference, hello};
use crate::store::Store;

/// Whether a name means the image that needs no registry.
pub(super) fn is_meant(name: &str) -> bool {
    let reference = name.parse::<Reference>().map(Reference::or_latest);
    reference.is_ok_and(|reference| reference.to_string() == hello::NAME)
}

/// Puts the image into the store, under its name.
pub(super) fn assemble(store: &Store) -> Result<Digest> {
    let _busy = store.busy()?;
    let platform = Platform::own();
    let program = hello::program(&platform.architecture)
        .with_context(|| format!("the image hello has no program for {}", platform.architecture))?;
    let archive = archive(&program).context("pack the image hello")?;
    let digest = store.add_blob(&archive)?;
    let path = format!("/{}", hello::PROGRAM);
    let created = Some("1970-01-01T00:00:00Z".to_owned());
    let file = File {
        architecture: platform.architecture,
        variant: platform.variant,
        os: platform.os,
        created: created.clone(),
        author: String::new(),
        config: Config { cmd: Some(vec![path]), ..Config::default() },
        rootfs: RootFs { kind: "layers".into(), diff_ids: vec![digest] },
        history: vec![History { created, created_by: "dok".into(), ..History::default() }],
        more: serde_json::Map::new(),
    };
    let layer = Descriptor::new(OCI_LAYER, digest, archive.len() as u64);
    let name: Reference = hello::NAME.parse()?;
    compose(store, &file, vec![layer], Some(&name)).context("assemble the image hello")
}

/// The program alone in an archive.
fn archive(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = Header::new_ustar();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(program.len() as u64);
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut header, hello::PROGRAM, program)?;
    archive.into_inner()
}
