//! Every input in the repository, whole and cut short, on its target: without libFuzzer, in
//! seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuzz::{TARGETS, Target};

/// An input takes a millisecond; on a busy machine, or one that was interrupted, more.
const PATIENCE: Duration = Duration::from_secs(5);
/// Lengths to which an input is cut.
const CUTS: usize = 16;

fn folder(kind: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn try_input(target: &Target, file: &Path, input: &[u8]) {
    // Shown with a panic alone.
    println!("{}: {} bytes", file.display(), input.len());
    let begin = Instant::now();
    (target.run)(input);
    let took = begin.elapsed();
    assert!(took < PATIENCE, "{} took {took:?}", file.display());
}

fn replay(target: &Target) {
    let seeds = files(&folder("seeds", target.name));
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    for file in seeds.iter().chain(&files(&folder("regressions", target.name))) {
        let input = fs::read(file).expect("an input");
        try_input(target, file, &input);
        for cut in 0..CUTS {
            try_input(target, file, &input[..input.len() * cut / CUTS]);
        }
    }
}

#[test]
fn every_input_is_taken_or_refused() {
    TARGETS.iter().for_each(replay);
    fuzz::clear();
}

#[test]
fn every_folder_is_of_a_target() {
    for kind in ["seeds", "regressions"] {
        for folder in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(kind)) {
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            assert!(fuzz::find(&name).is_some(), "{name} is no target");
        }
    }
}
