//! Archives of images and of containers: who may read them, and what may be one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

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
