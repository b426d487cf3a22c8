//! The house rules that no compiler knows: which room may use which, who may touch the machine,
//! where `unsafe` and printing are, how long a file may be.
//!
//! [`FLOORS`] is the map. A room that is not on it fails the test, as does an exception in
//! [`LONG_FILES`] that is not needed any more.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// The rooms from the lowest floor up: a room may use those on floors below its own.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["log", "failpoint", "weakness"],
    &["sys"],
    &["spec", "dbus"],
    &["host", "seccomp"],
    &["validate"],
    &["plan"],
    &["launch", "cgroup", "resctrl", "hooks"],
    &["init", "criu"],
    &["container"],
    &["cli"],
];

/// Rooms that know neither the machine nor the time: the same input gives the same output.
const PURE: &[&str] = &["spec", "validate", "seccomp", "plan"];
/// What of `std` a pure room may not name.
const IMPURE_STD: &[&str] = &["env", "fs", "net", "process", "thread", "time"];
/// What else it may not name: `host` is data for it, and the probe is not.
const IMPURE_PATHS: &[&str] = &["host::probe", "dbus::Connection", "nix::"];
/// Rooms below it that read the environment or do system calls.
const IMPURE_ROOMS: &[&str] = &["failpoint", "sys", "weakness"];

/// Who may print: `cli`, and what tests alone have.
const PRINTERS: &[&str] = &["cli", "failpoint"];

/// Names under which everything and nothing fits.
const NO_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];

/// Lines without tests.
const FILE_LIMIT: usize = 400;
/// Columns.
const LINE_LIMIT: usize = 100;
/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[
    ("plan/types.rs", "the plan's types, one after the other, and no function of weight"),
    ("seccomp/syscalls/table.rs", "a table, written by hack/syscalls"),
];

/// A rule: what a file breaks, in words.
type Rule = fn(&Source) -> Vec<String>;

const RULES: &[Rule] = &[
    uses_rooms_below,
    leaves_its_room_by_name,
    pure_rooms_touch_nothing,
    unsafe_is_in_sys,
    only_cli_prints,
    names_say_something,
    files_are_short,
    lines_are_narrow,
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn uses_rooms_below(source: &Source) -> Vec<String> {
    let Some(own) = floor(&source.room) else {
        // The crate's root and main know every room.
        return Vec::new();
    };
    let mentioned = source.below("crate::").into_iter().filter(|room| *room != source.room);
    mentioned
        .filter_map(|room| match floor(&room) {
            None => Some(format!("uses crate::{room}, which is no room")),
            Some(other) if other >= own => Some(format!("uses {room}, which is not below")),
            Some(_) => None,
        })
        .collect()
}

/// `super::` out of a room would be a way past the floors.
fn leaves_its_room_by_name(source: &Source) -> Vec<String> {
    let climbs = source.words().map(|word| word.split("::").take_while(|s| *s == "super").count());
    match climbs.max() {
        Some(most) if most >= source.depth() && floor(&source.room).is_some() => {
            vec!["leaves its room by super::, where crate::ROOM is the way".into()]
        }
        _ => Vec::new(),
    }
}

fn pure_rooms_touch_nothing(source: &Source) -> Vec<String> {
    if !PURE.contains(&source.room.as_str()) {
        return Vec::new();
    }
    let mut broken: Vec<String> = Vec::new();
    let std = source.below("std::");
    broken.extend(
        std.iter()
            .filter(|name| IMPURE_STD.contains(&name.as_str()))
            .map(|name| format!("is in a pure room and names std::{name}")),
    );
    let paths = IMPURE_PATHS.iter().filter(|path| source.words().any(|word| word.contains(**path)));
    broken.extend(paths.map(|path| format!("is in a pure room and names {path}")));
    let rooms = source.below("crate::");
    let rooms = IMPURE_ROOMS.iter().filter(|room| rooms.contains(**room));
    broken.extend(rooms.map(|room| format!("is in a pure room and uses {room}")));
    broken
}

fn unsafe_is_in_sys(source: &Source) -> Vec<String> {
    let is_unsafe = source.code.split(|c: char| !source::is_name(c)).any(|word| word == "unsafe");
    match is_unsafe && source.room != "sys" {
        true => vec!["has unsafe code, which only sys may have".into()],
        false => Vec::new(),
    }
}

fn only_cli_prints(source: &Source) -> Vec<String> {
    let macros = ["print!", "println!", "eprint!", "eprintln!"];
    let found = macros.iter().filter(|name| source.has_macro(name));
    let may = PRINTERS.contains(&source.room.as_str());
    found.filter(|_| !may).map(|name| format!("prints by {name}, which only cli may")).collect()
}

fn names_say_something(source: &Source) -> Vec<String> {
    let path = source.path.trim_end_matches(".rs").split('/').map(str::to_owned);
    path.chain(source.modules())
        .filter(|name| NO_NAMES.contains(&name.as_str()))
        .map(|name| format!("a module called {name} says nothing"))
        .collect()
}

fn files_are_short(source: &Source) -> Vec<String> {
    let excused = LONG_FILES.iter().any(|(path, _)| *path == source.path);
    match (source.lines() > FILE_LIMIT, excused) {
        (true, false) => {
            vec![format!("has {} lines without tests; {FILE_LIMIT} is the limit", source.lines())]
        }
        (false, true) => vec!["is short enough: take it out of LONG_FILES".into()],
        _ => Vec::new(),
    }
}

/// Columns; rustfmt leaves comments alone.
fn lines_are_narrow(source: &Source) -> Vec<String> {
    let wide = source.widths.iter().enumerate().filter(|(_, width)| **width > LINE_LIMIT);
    let excused = LONG_FILES.iter().any(|(path, _)| *path == source.path);
    wide.filter(|_| !excused)
        .map(|(number, width)| format!("has {width} columns in line {}", number + 1))
        .collect()
}

/// What a file breaks, each with its path.
fn broken_by(source: &Source) -> Vec<String> {
    let broken = RULES.iter().flat_map(|rule| rule(source));
    broken.map(|words| format!("src/{} {words}", source.path)).collect()
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

/// The runtime's files but those that are compiled for tests only.
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
    assert!(sources.len() > 100, "the sources are found: {}", sources.len());
    let broken: Vec<String> = sources.iter().flat_map(broken_by).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    let root = sources().into_iter().find(|source| source.path == "lib.rs").unwrap();
    let rooms: BTreeSet<String> = root.modules().collect();
    let placed: BTreeSet<String> = FLOORS.concat().iter().map(|room| (*room).to_owned()).collect();
    assert_eq!(rooms, placed, "src/lib.rs and FLOORS");
}

/// The engine reaches isolation by running the binary, and the suite drives any runtime.
#[test]
fn the_other_crates_do_not_link_the_runtime() {
    for package in ["engine", "spec-tests"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(package).join("Cargo.toml");
        let manifest = fs::read_to_string(path).unwrap();
        let mut keys = manifest.lines().map(|line| line.split(['=', '.', ' ']).next().unwrap());
        assert!(!keys.any(|key| key == "onggi" || key == "[dependencies.onggi]"), "{package}");
    }
}

/// A check that cannot fail is none: each rule is shown code that breaks it.
#[test]
fn the_rules_see_what_breaks_them() {
    for (path, text, words) in [
        ("plan/mod.rs", "use crate::init::Init;", "uses init"),
        ("plan/mod.rs", "fn f() { crate::sys::fd::here(); }", "uses sys"),
        ("plan/mod.rs", "use crate::{error::Result, weakness};", "uses weakness"),
        ("cgroup/mod.rs", "use crate::{error, launch::Child};", "uses launch"),
        ("hooks.rs", "use crate::nowhere::X;", "no room"),
        ("hooks.rs", "use super::init::Init;", "leaves its room"),
        ("plan/cgroup/v1.rs", "use super::super::super::sys;", "leaves its room"),
        ("validate/mod.rs", "use std::fs;", "names std::fs"),
        ("validate/mod.rs", "use std::{fmt, env::args};", "names std::env"),
        ("plan/mod.rs", "let host = crate::host::probe(spec)?;", "names host::probe"),
        ("plan/mod.rs", "use crate::dbus::Connection;", "names dbus::Connection"),
        ("container/run.rs", "unsafe { libc::setsid() };", "has unsafe"),
        ("container/run.rs", "println!(\"{}\", 1);", "prints by println!"),
        ("sys/utils.rs", "", "called utils"),
        ("sys/fd.rs", "mod helpers { fn f() {} }", "called helpers"),
        ("init/root.rs", &"// a line\n".repeat(FILE_LIMIT + 1), "401 lines"),
        ("init/root.rs", &format!("// {}", "x".repeat(LINE_LIMIT)), "103 columns in line 1"),
        ("seccomp/syscalls/table.rs", "const TABLE: [u8; 0] = [];", "take it out"),
    ] {
        let broken = broken_by(&Source::new(path, text));
        assert!(broken.iter().any(|line| line.contains(words)), "{path}: {text}\n{broken:?}");
    }
}

#[test]
fn what_only_looks_like_a_breach_is_none() {
    let tests = "\n#[cfg(test)]\nmod tests {\n    use std::fs;\n    use crate::cli;\n}\n";
    for (path, text) in [
        ("plan/mod.rs", "use crate::spec::Spec;\nuse crate::host::Host;"),
        ("plan/mod.rs", "// as crate::init does\n/// [`crate::cli`]\n/* crate::sys */"),
        ("plan/mod.rs", "const WORDS: &str = \"crate::sys \\\" unsafe println!\";"),
        ("plan/mod.rs", "const RAW: &str = r#\"a \" crate::sys\"#; fn f<'a>(c: &'a str) {}"),
        ("plan/mod.rs", "const QUOTE: char = '\"'; use crate::spec; const END: char = '\\'';"),
        ("plan/cgroup/v1.rs", "use super::super::types::Cgroup;"),
        ("plan/mod.rs", tests),
        ("main.rs", "#![no_main]\nonggi::entry!(onggi::cli::main);"),
        ("init/root.rs", &tests.replace("use std::fs;", &"\n".repeat(FILE_LIMIT))),
    ] {
        assert_eq!(broken_by(&Source::new(path, text)), [""; 0], "{path}: {text}");
    }
}
