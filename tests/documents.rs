//! Documents that the code can contradict: the order of init's steps, the tests that prove the
//! specification, the links between pages.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use onggi::init::{ADD_MOUNTS, EXEC, NEW_CONTAINER, REMOVE_MOUNTS, Step};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first cells of the table under a heading.
fn first_cells<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let chapter = text.split("\n## ").find(|chapter| chapter.starts_with(heading)).unwrap_or("");
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").next().unwrap());
    cells.filter(|cell| !["step", "code", "message"].contains(cell)).collect()
}

#[test]
fn the_order_of_init_is_the_one_that_is_explained() {
    let text = fs::read_to_string(repository().join("docs/init-order.md")).unwrap();
    for (heading, steps) in [
        ("A new container", NEW_CONTAINER),
        ("exec", EXEC),
        ("mounts add", ADD_MOUNTS),
        ("mounts remove", REMOVE_MOUNTS),
    ] {
        let names: Vec<&str> = steps.iter().map(|step: &Step| step.0).collect();
        assert_eq!(first_cells(&text, heading), names, "docs/init-order.md, {heading}");
    }
}

#[test]
fn the_cells_of_a_table_are_those_of_its_chapter() {
    let text = "# A\n\n## One\n\n| step | x |\n|---|---|\n| a | b |\n\n## Two\n| step |\n| c |\n";
    assert_eq!(first_cells(text, "One"), ["a"]);
    assert_eq!(first_cells(text, "Two"), ["c"]);
    assert_eq!(first_cells(text, "Three"), [""; 0]);
}

#[test]
fn every_code_of_an_error_is_explained_and_every_message_is_there() {
    let text = fs::read_to_string(repository().join("docs/errors.md")).unwrap();
    let codes: Vec<String> =
        onggi::error::Code::ALL.iter().map(|(_, name)| format!("`{name}`")).collect();
    let cells = first_cells(&text, "Codes");
    assert_eq!(cells, codes, "docs/errors.md, Codes");
    let mut sources = String::new();
    source_text(&repository().join("src"), &mut sources);
    let messages = first_cells(&text, "Messages");
    assert!(messages.len() > 20, "{messages:?}");
    for message in messages {
        let lost: Vec<String> =
            phrases(message).into_iter().filter(|phrase| !sources.contains(phrase)).collect();
        assert!(lost.is_empty(), "docs/errors.md, {message}: {lost:?} is nowhere in src");
        let rows: Vec<&str> = text.lines().filter(|line| line.contains(message)).collect();
        assert!(rows.iter().all(|row| codes.iter().any(|code| row.contains(code))), "{rows:?}");
    }
}

/// The parts of a message that never change: what varies is written in capitals.
fn phrases(message: &str) -> Vec<String> {
    let varies = |word: &&str| !word.chars().any(char::is_lowercase);
    let words: Vec<&str> = message.trim_matches('`').split(' ').collect();
    let parts = words.split(varies).map(|part| part.join(" "));
    let parts = parts.map(|part| part.trim_matches([':', ',']).to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

#[test]
fn a_phrase_of_a_message_ends_where_something_varies() {
    let message = "`cannot delete container ID that is not stopped: STATUS`";
    assert_eq!(phrases(message), ["cannot delete container", "that is not stopped"]);
}

fn source_text(directory: &Path, found: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => source_text(&path, found),
            false => found.push_str(&fs::read_to_string(&path).unwrap()),
        }
    }
}

/// `hack/spec-conformance` writes the page.
#[test]
fn the_table_of_the_specification_is_current() {
    let output = Command::new(repository().join("hack/spec-conformance")).arg("--check").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Pages of the repository, without what cargo and git keep there.
fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            pages(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Where the links of a page lead, without those to other sites and within the page.
fn links(text: &str) -> Vec<&str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    ends.filter(|link| !link.is_empty() && !link.contains("://")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = Vec::new();
    pages(repository(), &mut all);
    assert!(all.len() > 10, "the pages are found: {all:?}");
    let mut dead = Vec::new();
    for page in all {
        let text = fs::read_to_string(&page).unwrap();
        let leads = |link: &&str| page.parent().unwrap().join(link).exists();
        let lost = links(&text).into_iter().filter(|link| !leads(link));
        dead.extend(lost.map(|link| format!("{}: {link}", page.display())));
    }
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

#[test]
fn a_link_is_what_stands_in_brackets_after_its_words() {
    let text = "[a](b.md) [c](https://d.e/f) [g](#h) [i](../j.md#k) ![l](m.svg)";
    assert_eq!(links(text), ["b.md", "../j.md", "m.svg"]);
}

/// Names like `sys::path::Root` between backquotes.
fn code_names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.contains("::") && !name.contains(['/', ' ']))
}

/// A test of the spec-tests, a file of the runtime, or something in a file of the runtime.
fn is_there(name: &str) -> bool {
    let mut parts = name.split("::");
    let (first, second) = (parts.next().unwrap(), parts.next().unwrap());
    let text = |path: String| fs::read_to_string(repository().join(path)).unwrap_or_default();
    let test = text(format!("spec-tests/tests/spec/{first}.rs"));
    let file =
        text(format!("src/{first}/{second}.rs")) + &text(format!("src/{first}/{second}/mod.rs"));
    let item = parts.next().unwrap_or_default();
    test.contains(&format!("fn {second}(")) || !file.is_empty() && file.contains(item)
}

#[test]
fn mitigations_and_their_tests_are_there() {
    for page in ["docs/threats.md", "docs/kernel-features.md"] {
        let text = fs::read_to_string(repository().join(page)).unwrap();
        let names: Vec<&str> = code_names(&text).collect();
        assert!(names.len() > 10, "{page}: {names:?}");
        let lost: Vec<&&str> = names.iter().filter(|name| !is_there(name)).collect();
        assert!(lost.is_empty(), "{page} names what is not there: {lost:?}");
    }
    assert!(is_there("sys::path::Root") && is_there("lifecycle::an_empty_id_is_refused"));
    assert!(!is_there("sys::path::NoSuchThing") && !is_there("sys::nowhere"));
    assert!(!is_there("lifecycle::no_such_test"));
}

/// Whether a test is named after an attack.
fn is_attack(name: &str) -> bool {
    ["cve_", "ghsa_", "hardening_"].iter().any(|start| name.starts_with(start))
}

/// The attacks among the spec-tests: `room::name`, sorted.
fn attacks() -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository().join("spec-tests/tests/spec")).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let functions = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
        found
            .extend(functions.filter(|name| is_attack(name)).map(|name| format!("{room}::{name}")));
    }
    found.sort();
    found
}

/// Cells of the rows between two marks, without the lines of a table's head.
fn rows<'a>(page: &'a str, (begin, end): (&str, &str)) -> Vec<Vec<&'a str>> {
    let part = page.split(begin).nth(1).and_then(|rest| rest.split(end).next()).unwrap_or("");
    let lines = part.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|row| !["attack", "id"].contains(&row[0])).collect()
}

/// What is wrong with a row of the table that `hack/attacks` writes.
fn flaw(row: &[&str], weakened: &str) -> Option<String> {
    let (attack, outcomes, proof) = (row[0].trim_matches('`'), &row[1..row.len() - 1], row.last()?);
    let withstands = outcomes[0] == "withstands" || outcomes[0].starts_with("skipped: ");
    let proven = match proof.strip_prefix("without ") {
        Some(place) => weakened_by(place, weakened).contains(&format!("(\"{attack}\", ")),
        None => !proof.is_empty() || outcomes.iter().any(|cell| cell.starts_with("falls")),
    };
    match (withstands, proven) {
        (false, _) => Some(format!("{attack}: onggi {}", outcomes[0])),
        (true, false) => Some(format!("{attack}: nobody was seen to fall to it")),
        (true, true) => None,
    }
}

/// The attacks that the test lists under what it leaves out, which is given with its quotes.
fn weakened_by<'a>(place: &str, weakened: &'a str) -> &'a str {
    let rest = weakened.split(&format!("    ({place}, &[\n")).nth(1).unwrap_or("");
    rest.split("\n    ]),").next().unwrap_or("")
}

/// Written by `hack/attacks`.
const TABLE: (&str, &str) = ("<!-- hack/attacks: begin -->", "<!-- hack/attacks: end -->");

fn weakened() -> String {
    fs::read_to_string(repository().join("spec-tests/tests/spec/weakened.rs")).unwrap()
}

#[test]
fn the_table_of_attacks_has_each_of_them_and_none_is_a_blank() {
    let page = fs::read_to_string(repository().join("docs/threats.md")).unwrap();
    let weakened = weakened();
    let table = rows(&page, TABLE);
    let names: Vec<&str> = table.iter().map(|row| row[0].trim_matches('`')).collect();
    assert!(names.len() > 40, "{names:?}");
    assert_eq!(names, attacks(), "hack/attacks writes the table");
    let flaws: Vec<String> = table.iter().filter_map(|row| flaw(row, &weakened)).collect();
    assert!(flaws.is_empty(), "\n{}", flaws.join("\n"));
}

/// A release build leaves nothing out.
#[cfg(debug_assertions)]
mod left_out {
    use std::collections::BTreeSet;

    use onggi::init::{EXEC, NEW_CONTAINER};
    use onggi::weakness::PROTECTIONS;

    use super::{repository, source_text, weakened};

    /// The texts that stand between `start` and a quotation mark.
    fn texts_after<'a>(text: &'a str, start: &str) -> BTreeSet<&'a str> {
        text.split(start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// A name that is written wrong would leave nothing out.
    #[test]
    fn what_is_left_out_is_a_protection_or_a_step_of_init() {
        let weakened = weakened();
        let rows = texts_after(&weakened, "\n    (\"");
        let steps: BTreeSet<&str> = NEW_CONTAINER.iter().chain(EXEC).map(|step| step.0).collect();
        let wanted = rows.iter().flat_map(|row| row.split(','));
        let wanted: BTreeSet<&str> = wanted.filter(|name| !steps.contains(name)).collect();
        assert_eq!(wanted, BTreeSet::from(PROTECTIONS), "spec-tests/tests/spec/weakened.rs");
        let mut sources = String::new();
        source_text(&repository().join("src"), &mut sources);
        let left_out = texts_after(&sources, "weakness::leaves_out(\"");
        assert_eq!(left_out, BTreeSet::from(PROTECTIONS), "src");
    }
}

#[test]
fn a_flaw_of_a_row_is_seen() {
    let row =
        |place, attack| format!("    (\"{place}\", &[\n(\"{attack}\", \"words\"),\n    ]),\n");
    let weakened = row("a filter", "a::cve_1") + &row("a lock", "a::cve_2");
    for sound in [
        ["`a::cve_1`", "withstands", "withstands", "without \"a filter\""],
        ["`a::cve_2`", "withstands", "falls: fixed in 2", ""],
        ["`a::cve_2`", "skipped: needs systemd", "withstands", "(in its own way)"],
    ] {
        assert_eq!(flaw(&sound, &weakened), None, "{sound:?}");
    }
    for flawed in [
        ["`a::cve_1`", "falls", "withstands", "without \"a filter\""],
        ["`a::cve_1`", "withstands", "withstands", "without \"a door\""],
        ["`a::cve_2`", "withstands", "withstands", "without \"a filter\""],
        ["`a::cve_2`", "withstands", "not applicable", ""],
    ] {
        assert!(flaw(&flawed, &weakened).is_some(), "{flawed:?}");
    }
}

/// `CVE-2019-5736` as the name of a test begins with it.
fn id_in_names(id: &str) -> Option<String> {
    let mut parts = id.split('-');
    match (parts.next()?, parts.next()?, parts.next()) {
        ("CVE", year, Some(number)) => Some(format!("cve_{year}_{number}_")),
        ("GHSA", first, _) => Some(format!("ghsa_{first}_")),
        _ => None,
    }
}

/// Older than all of these tests.
const FIRST: &str = "CVE-2014-3499 to CVE-2015-3631";

/// What has no id is a hardening.
fn is_tested_by_its_name(row: &[&str]) -> bool {
    let mut ids: Vec<String> = row[0].split([',', ' ']).filter_map(id_in_names).collect();
    if ids.is_empty() {
        ids.push("hardening_".into());
    }
    row.last().is_some_and(|tests| ids.iter().any(|id| tests.contains(&format!("::{id}"))))
}

#[test]
fn a_vulnerability_with_an_id_is_no_hardening() {
    let hardened = "`security::hardening_1`";
    assert!(is_tested_by_its_name(&["crun, without an id", hardened]));
    assert!(is_tested_by_its_name(&["CVE-2020-1, CVE-2020-2", "`a::cve_2020_2_x`"]));
    assert!(!is_tested_by_its_name(&["CVE-2020-1", hardened]));
    assert!(!is_tested_by_its_name(&["GHSA-g54h-m393", "`a::cve_2020_1_x`"]));
}

#[test]
fn every_published_vulnerability_has_a_test_of_its_name() {
    let page = fs::read_to_string(repository().join("docs/threats.md")).unwrap();
    let table = rows(&page, ("## Published vulnerabilities", "## Who withstands what"));
    assert!(table.len() > 30, "{table:?}");
    let without: Vec<&str> = table
        .iter()
        .filter(|row| row[0] != FIRST && !is_tested_by_its_name(row))
        .map(|row| row[0])
        .collect();
    assert!(without.is_empty(), "{without:?}");
}
