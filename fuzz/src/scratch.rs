//! Folders for inputs that have to be files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where hack/fuzz has a file system of its own, in memory. Archives of `seeds` name it, to get to
/// its `outside` by an absolute path.
const ROOT: &str = "/dev/shm/onggi-fuzz";

/// This process's.
fn own() -> &'static Path {
    static OWN: OnceLock<PathBuf> = OnceLock::new();
    OWN.get_or_init(|| {
        let own = Path::new(ROOT).join(std::process::id().to_string());
        match fs::create_dir_all(&own) {
            Ok(()) => own,
            Err(_) => std::env::temp_dir().join(format!("onggi-fuzz-{}", std::process::id())),
        }
    })
}

/// That of a target in this process.
pub(crate) fn folder(target: &str) -> PathBuf {
    let folder = own().join(target);
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// An empty folder in that of a target, with nothing beside it but an empty `outside`.
pub(crate) fn emptied(target: &str) -> PathBuf {
    let inside = folder(target).join("inside");
    remove(&inside);
    fs::create_dir(&inside).expect("an empty folder");
    let _ = fs::create_dir(folder(target).join("outside"));
    let _ = fs::create_dir(Path::new(ROOT).join("outside"));
    inside
}

/// Whatever was put into [`emptied`] must not have got out of it.
pub(crate) fn check_outside(target: &str) {
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let beside = names(&folder(target));
    let right = |own: &String| own == "inside" || own == "outside";
    assert!(beside.len() == 2 && beside.iter().all(right), "{beside:?}");
    for outside in [folder(target).join("outside"), Path::new(ROOT).join("outside")] {
        assert_eq!(names(&outside), [""; 0], "{}", outside.display());
    }
}

/// Removes the folders of this process.
pub fn clear() {
    remove(own());
    // Others may be at work.
    let _ = fs::remove_dir(Path::new(ROOT).join("outside"));
    let _ = fs::remove_dir(ROOT);
}

/// Removes a folder with all in it, also where its modes forbid that to its owner.
fn remove(path: &Path) {
    if path.exists() && fs::remove_dir_all(path).is_err() {
        let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(path).status();
        fs::remove_dir_all(path).expect("an empty folder");
    }
}
