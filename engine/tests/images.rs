//! Images in the store: assembled, imported, loaded, and taken away.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use onggi_engine::service::Engine;
use onggi_engine::service::image::{Import, Registries};
use onggi_engine::store::Store;

/// An engine with a store of its own.
struct Place {
    folder: PathBuf,
    engine: Engine,
}

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("dok-images-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let store = Store::open(folder.join("root"), folder.join("run")).unwrap();
        let registries =
            Registries { settings: folder.join("dok.json"), client: folder.join("client") };
        Place { engine: Engine { store, runtime: "onggi".into(), registries }, folder }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn hello_is_there_in_an_empty_store_and_runs() {
    let place = Place::new();
    let image = place.engine.image("hello").unwrap();
    assert_eq!(image.tags[0].familiar(), "hello:latest");
    let folders = place.engine.store.layer_folders(&image).unwrap();
    let program = folders[0].join("hello");
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    let said = Command::new(&program).output().unwrap();
    assert!(said.status.success());
    assert!(String::from_utf8(said.stdout).unwrap().starts_with("Hello from a container of dok."));
    assert_eq!(place.engine.image("hello").unwrap().id, image.id);
    assert!(place.engine.store.image("hello:2").is_err());
}

#[test]
fn an_import_is_an_image_with_its_changes() {
    let place = Place::new();
    for compress in [false, true] {
        let plain = archive(&[("etc/motd", "hi")]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let bytes = if compress { gzip.finish().unwrap() } else { plain };
        let told = Import {
            name: Some("imp:1".parse().unwrap()),
            changes: vec!["CMD [\"/bin/sh\"]".into()],
            ..Import::default()
        };
        let id = place.engine.import(&bytes[..], told).unwrap();
        let image = place.engine.image("imp:1").unwrap();
        assert_eq!((image.id, image.config.cmd), (id, Some(vec!["/bin/sh".to_owned()])));
        assert_eq!(image.record.size, 2);
        let by_prefix = place.engine.image(&id.short()).unwrap();
        assert_eq!(by_prefix.id, id);
    }
    let store = &place.engine.store;
    let before = store.image_ids().unwrap().len();
    assert_eq!(before, 2, "the first lost its name and stays");
    assert!(place.engine.import(&b"no archive at all"[..], Import::default()).is_err());
    assert_eq!(store.image_ids().unwrap().len(), before);
    assert_eq!(store.garbage().unwrap(), []);
}

#[test]
fn what_no_image_needs_is_collected() {
    let place = Place::new();
    let store = &place.engine.store;
    let hello = place.engine.image("hello").unwrap();
    assert_eq!(store.garbage().unwrap(), []);
    store.add_blob(b"nobody's").unwrap();
    let staged = store.stage_layer().unwrap();
    fs::write(staged.root().join("half"), "unpacked").unwrap();
    std::mem::forget(staged);
    assert_eq!(store.garbage().unwrap().len(), 2);
    let busy = store.busy().unwrap();
    assert_eq!(store.collect().unwrap(), 0, "somebody else is at work");
    assert_eq!(store.garbage().unwrap().len(), 2);
    drop(busy);
    assert_eq!(store.garbage().unwrap(), [], "the last one to leave collects");
    store.remove_image_record(&hello.id).unwrap();
    assert!(store.collect().unwrap() > 0);
    assert!(fs::read_dir(store.root().join("layers")).unwrap().next().is_none());
    assert!(fs::read_dir(store.root().join("blobs/sha256")).unwrap().next().is_none());
}

/// CVE-2014-9356 and others: nothing in an archive of images is a path of ours.
#[test]
fn an_archive_of_images_names_only_what_is_in_it() {
    let place = Place::new();
    let secret = place.folder.join("secret");
    fs::write(&secret, "{}").unwrap();
    let outside = secret.to_str().unwrap();
    let load = |archive: &[u8]| {
        let loaded = place.engine.load(archive, None, &|_| {});
        assert_eq!(place.engine.store.garbage().unwrap(), []);
        format!("{:#}", loaded.unwrap_err())
    };
    for config in ["../secret", "../../../secret", outside, "linked"] {
        let listed = format!(r#"[{{"Config":"{config}","RepoTags":["x:1"],"Layers":[]}}]"#);
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "linked", outside).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(listed.len() as u64);
        builder.append_data(&mut header, "manifest.json", listed.as_bytes()).unwrap();
        let words = load(&builder.into_inner().unwrap());
        assert!(words.contains("names") && words.contains("does not have it"), "{words}");
    }
    let long = vec![b'a'; 2 << 20];
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(long.len() as u64);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &long[..]).unwrap();
    let words = load(&builder.into_inner().unwrap());
    assert!(words.contains("longer than allowed"), "{words}");
}
