//! The house rules that no compiler knows: which room may use which, who prints, how long a file
//! may be. The map is at the top of src/lib.rs.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../../tests/architecture/source.rs"]
#[allow(dead_code, reason = "the runtime's rules use more of it")]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// The rooms from the lowest floor up: a room may use those on floors below its own.
const FLOORS: &[&[&str]] = &[
    &["error", "progress", "time"],
    &["image", "template"],
    &["model"],
    &["store"],
    &["registry", "layer", "network", "runtime", "bundle", "rootfs", "cgroup"],
    &["monitor"],
    &["service"],
    &["cli", "api"],
];
/// Rooms that are data: the same input gives the same output.
const PURE: &[&str] = &["bundle", "image", "model", "template"];
/// What of `std` a pure room may not name.
const IMPURE: &[&str] = &["fs", "process", "thread", "time"];
/// Who may print.
const PRINTERS: &[&str] = &["cli", "monitor"];
/// Names under which everything and nothing fits.
const NO_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];
/// Lines without tests.
const FILE_LIMIT: usize = 400;
/// Columns.
const LINE_LIMIT: usize = 100;

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn broken_by(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    if let Some(own) = floor(&source.room) {
        for room in source.below("crate::").into_iter().filter(|room| *room != source.room) {
            match floor(&room) {
                None => broken.push(format!("uses crate::{room}, which is no room")),
                Some(other) if other >= own => broken.push(format!("uses {room}, not below it")),
                Some(_) => {}
            }
        }
    }
    if PURE.contains(&source.room.as_str()) {
        let named = source.below("std::");
        let impure = IMPURE.iter().filter(|name| named.contains(**name));
        broken.extend(impure.map(|name| format!("is data and names std::{name}")));
        if source.words().any(|word| word == "Time::now") {
            broken.push("is data and reads the clock".into());
        }
    }
    let prints = ["print!", "println!", "eprint!", "eprintln!"];
    let may_print = PRINTERS.contains(&source.room.as_str());
    if !may_print && prints.iter().any(|name| source.has_macro(name)) {
        broken.push("prints, which only cli may".into());
    }
    if source.code.split(|c: char| !source::is_name(c)).any(|word| word == "unsafe") {
        broken.push("has unsafe code".into());
    }
    let path = source.path.trim_end_matches(".rs").split('/').map(str::to_owned);
    let names = path.chain(source.modules()).filter(|name| NO_NAMES.contains(&name.as_str()));
    broken.extend(names.map(|name| format!("a module called {name} says nothing")));
    if source.lines() > FILE_LIMIT {
        broken.push(format!("has {} lines without tests", source.lines()));
    }
    let wide = source.widths.iter().position(|width| *width > LINE_LIMIT);
    broken.extend(wide.map(|line| format!("has a wide line {}", line + 1)));
    broken.iter().map(|words| format!("engine/src/{} {words}", source.path)).collect()
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
        Source::new(name, &fs::read_to_string(path).unwrap())
    };
    let all: Vec<Source> = files.iter().map(read).collect();
    let is_test = |path: &str| all.iter().any(|source| source.tests_with(path));
    let tests: BTreeSet<String> =
        all.iter().map(|source| source.path.clone()).filter(|path| is_test(path)).collect();
    all.into_iter().filter(|source| !tests.contains(&source.path)).collect()
}

#[test]
fn every_file_keeps_the_rules() {
    let sources = sources();
    assert!(sources.len() > 40, "the sources are found: {}", sources.len());
    let broken: Vec<String> = sources.iter().flat_map(broken_by).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    let root = sources().into_iter().find(|source| source.path == "lib.rs").unwrap();
    for room in root.modules() {
        assert!(floor(&room).is_some(), "{room} is on no floor");
    }
}

#[test]
fn the_runtime_is_reached_by_running_it_alone() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let mut keys = manifest.lines().map(|line| line.split(['=', '.', ' ']).next().unwrap());
    assert!(!keys.any(|key| key == "onggi") && !manifest.contains("[dependencies.onggi]"));
}

/// A check that cannot fail is none: each rule is shown code that breaks it.
#[test]
fn the_rules_see_what_breaks_them() {
    for (path, text, words) in [
        ("store/mod.rs", "use crate::service::Engine;", "uses service"),
        ("layer/mod.rs", "use crate::registry::Client;", "uses registry"),
        ("layer/mod.rs", "use crate::nowhere::X;", "no room"),
        ("image/mod.rs", "use std::fs;", "names std::fs"),
        ("bundle/mod.rs", "fn f() { g(Time::now()) }", "reads the clock"),
        ("store/mod.rs", "fn f() { println!(\"\"); }", "prints"),
        ("store/mod.rs", "fn f() { unsafe { g() } }", "unsafe"),
        ("store/utils.rs", "", "called utils"),
        ("store/mod.rs", &"// a line\n".repeat(FILE_LIMIT + 1), "401 lines"),
        ("store/mod.rs", &format!("// {}", "x".repeat(LINE_LIMIT)), "wide line 1"),
    ] {
        let broken = broken_by(&Source::new(path, text));
        assert!(broken.iter().any(|line| line.contains(words)), "{path}: {text}\n{broken:?}");
    }
}
