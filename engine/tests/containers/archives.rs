//! Archives of images and of containers: who may read them, and what may be one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use onggi_engine::image::Digest;

use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn an_archive_in_a_file_is_for_its_owner_alone() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    for (verb, name) in [("save", "busybox"), ("export", "box")] {
        let file = dok.root().with_file_name(verb);
        let path = file.to_str().unwrap();
        for before in [None, Some("was there")] {
            if let Some(text) = before {
                fs::write(&file, text).unwrap();
                fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
            }
            dok.ok(&[verb, "-o", path, name]);
            let facts = fs::metadata(&file).unwrap();
            assert_eq!(facts.permissions().mode() & 0o777, 0o600, "{verb}, {before:?}");
            assert!(facts.len() > 1024, "{verb}");
        }
        assert_eq!(dok.dok(&[verb, "-o", path, "ghost"]).code, Some(1));
        assert!(fs::metadata(&file).unwrap().len() > 1024, "what was there stays");
    }
}

#[test]
fn an_archive_may_be_packed_as_people_pack_them() {
    let Some(dok) = Dok::new() else { return };
    let folder = dok.root().with_file_name("archives");
    fs::create_dir(&folder).unwrap();
    let tar = folder.join("image.tar").display().to_string();
    dok.ok(&["save", "-o", &tar, "busybox"]);
    let id = dok.ok(&["images", "-q", "--no-trunc"]);
    for (program, name) in [("xz", "xz"), ("bzip2", "bz2"), ("gzip", "gz"), ("zstd", "zst")] {
        if Command::new(program).args(["-q", "-k", &tar]).output().is_err() {
            eprintln!("skipped: there is no {program} on this machine");
            continue;
        }
        let packed = format!("{tar}.{name}");
        dok.ok(&["rmi", "busybox"]);
        assert_eq!(dok.ok(&["load", "-i", &packed]), "Loaded image: busybox:latest\n", "{name}");
        assert_eq!(dok.ok(&["images", "-q", "--no-trunc"]), id, "{name}");
        let whole = fs::read(&packed).unwrap();
        let half = folder.join("half");
        fs::write(&half, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(dok.dok(&["load", "-i", half.to_str().unwrap()]).code, Some(1), "{name}");
        assert_eq!(dok.dok(&["import", half.to_str().unwrap(), "x"]).code, Some(1), "{name}");
        dok.ok(&["import", &packed, "imported"]);
        let layer = ["inspect", "-f", "{{index .RootFS.Layers 0}}", "imported"];
        let digest = Digest::of(&fs::read(&tar).unwrap()).to_string();
        assert_eq!(dok.ok(&layer).trim(), digest, "{name}");
        dok.ok(&["rmi", "imported"]);
    }
    assert_eq!(dok.ok(&["system", "check"]), "0 problems, 0B left over\n");
}

#[test]
fn of_what_is_no_archive_nothing_is_told() {
    let Some(dok) = Dok::new() else { return };
    let secret = dok.root().with_file_name("secret");
    fs::write(&secret, "password=hunter2\n".repeat(100)).unwrap();
    for verb in ["load", "import"] {
        let words: &[&str] = if verb == "load" { &["load", "-i"] } else { &["import"] };
        let said = dok.dok(&[words, &[secret.to_str().unwrap()]].concat());
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_eq!(
            said.err,
            "Error response from daemon: Error processing tar file: archive/tar: invalid tar \
             header\n"
        );
    }
}
