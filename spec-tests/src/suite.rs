//! A test, its chapter of the specification, and the run of all of them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, bail};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use rustix::process::{getpid, set_child_subreaper};

use crate::host::field;
use crate::runtime::Runtime;
use crate::shim;

/// What a test gives back.
pub type Result<T = ()> = anyhow::Result<T>;

/// One test: its name is the sentence it proves.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// `room::sentence`.
    pub name: &'static str,
    /// The test itself.
    pub run: fn() -> Result,
}

/// The list of a file's tests. A function that is not in it is dead code, so none is forgotten.
#[macro_export]
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        /// The tests of this room.
        pub(crate) const TESTS: &[$crate::Test] = &[$($crate::Test {
            name: concat!(module_path!(), "::", stringify!($test)),
            run: $test,
        }),*];
    };
}

/// The first line of each test: `chapter!("config.md#mounts")` is a chapter of runtime-spec 1.3,
/// `chapter!("cli#exec")` what every drop-in for runc does on its command line.
#[macro_export]
macro_rules! chapter {
    ($chapter:literal) => {
        $crate::suite::enter($chapter)
    };
}

/// The documents a chapter may come from.
const DOCUMENTS: [&str; 10] = [
    "bundle.md",
    "cli",
    "config-linux.md",
    "config.md",
    "engine",
    "features-linux.md",
    "features.md",
    "runtime-linux.md",
    "runtime.md",
    "spec.md",
];

thread_local! {
    static CHAPTER: Cell<&'static str> = const { Cell::new("") };
    /// Words and place of the last panic: told with the test's failure, not at once.
    static PANIC: Cell<String> = const { Cell::new(String::new()) };
}

/// Notes the chapter of the running test; see [`chapter!`](crate::chapter).
pub fn enter(chapter: &'static str) {
    CHAPTER.set(chapter);
}

/// Why this machine cannot run a test.
#[derive(Debug)]
pub struct Skip(pub String);

impl std::fmt::Display for Skip {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// How a test ended.
#[derive(Debug)]
pub enum End {
    /// It holds.
    Passed,
    /// Why this machine cannot run it.
    Skipped(String),
    /// What it found.
    Failed(String),
}

/// Runs the tests that the command line asks for (libtest's options and filters). What a runtime is
/// known not to pass is listed in the folder `known_failures` of this crate.
pub fn main(rooms: &[&'static [Test]], known_failures: &str) -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == AS_SUBREAPER) {
        return as_subreaper(&words[2..]);
    }
    if words.get(1).is_some_and(|word| word == shim::FLAG) {
        return shim::become_command(&words[2..]);
    }
    let mut arguments = Arguments::from_args();
    std::panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string())));
    // The tests mostly wait for processes.
    arguments.test_threads.get_or_insert(4);
    match prepare(&arguments, rooms, known_failures) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("spec-tests: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// First argument of this program when it plays the part of an engine's shim.
const AS_SUBREAPER: &str = "--as-subreaper";

/// The words that run a command below a subreaper, for
/// [`Call::under`](crate::runtime::Call::under).
pub fn under_subreaper() -> Result<[OsString; 2]> {
    Ok([std::env::current_exe()?.into(), AS_SUBREAPER.into()])
}

/// Runs a command as a shim does, and prints the pids of the processes that it left to us.
fn as_subreaper(words: &[OsString]) -> ExitCode {
    let run = || -> Result<ExitStatus> {
        set_child_subreaper(Some(getpid()))?;
        let status = Command::new(&words[0]).args(&words[1..]).status()?;
        for pid in children(getpid().as_raw_pid()) {
            println!("{pid}");
        }
        Ok(status)
    };
    match run() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one test of this program again, with more variables; gives how it ended, with all that was
/// printed.
pub fn again(test: &str, variables: &[(&str, &str)]) -> Result<End> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", test]).envs(variables.iter().copied());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.contains("running 1 test\n") {
        bail!("{test} is no test: {text}");
    }
    Ok(match (output.status.success(), text.contains("; 1 ignored;")) {
        (false, _) => End::Failed(text),
        (true, true) => End::Skipped(text),
        (true, false) => End::Passed,
    })
}

/// The processes whose parent is `parent`.
pub fn children(parent: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        field(&status, "PPid") == Some(&parent.to_string())
    };
    pids.filter(is_child).collect()
}

fn prepare(arguments: &Arguments, rooms: &[&'static [Test]], folder: &str) -> Result<Vec<Trial>> {
    let tests: Vec<Test> = rooms.iter().flat_map(|room| room.iter().copied()).collect();
    if arguments.list {
        return Ok(tests.into_iter().map(|test| trial(test, None)).collect());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("needs root: it drives a runtime that makes namespaces, mounts and cgroups");
    }
    let runtime = Runtime::get()?;
    let mut known = known_failures(folder, &runtime.name)?;
    println!("runtime: {} ({} known failures)", runtime.program.display(), known.len());
    if let Some(calls) = shim::wanted() {
        println!("without: {calls}");
    }
    let trials = tests.into_iter().map(|test| {
        let reason = known.remove(short(test.name));
        trial(test, reason)
    });
    let trials = trials.collect();
    if let Some(name) = known.keys().next() {
        bail!("{folder}/{}.txt lists {name}, which is no test", runtime.name);
    }
    Ok(trials)
}

/// `lifecycle::sentence` without the crate's name.
fn short(name: &'static str) -> &'static str {
    name.split_once("::").map_or(name, |(_, short)| short)
}

/// What is known of a test that a runtime does not pass.
struct Known {
    reason: String,
    /// Lost races: it passes at times.
    at_times: bool,
}

/// The list of a runtime. No file: nothing is known to fail.
fn known_failures(folder: &str, runtime: &str) -> Result<BTreeMap<String, Known>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let path = folder.join(format!("{runtime}.txt"));
    let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
    parse_known(&text).with_context(|| path.display().to_string())
}

/// `name  # reason` per line, `~name  # reason` for what fails at times only.
fn parse_known(text: &str) -> Result<BTreeMap<String, Known>> {
    let mut known = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once('#').unwrap_or((line, ""));
        let entry = Known { reason: reason.trim().into(), at_times: name.starts_with('~') };
        let name = name.trim().trim_start_matches('~');
        if entry.reason.is_empty() {
            bail!("{name} has no reason");
        }
        if known.insert(name.to_owned(), entry).is_some() {
            bail!("{name} stands there twice");
        }
    }
    Ok(known)
}

fn trial(test: Test, known: Option<Known>) -> Trial {
    Trial::ignorable_test(short(test.name), move || judge(&test, known))
}

/// The ratchet: a listed test must fail, any other must not.
fn judge(test: &Test, known: Option<Known>) -> std::result::Result<Completion, Failed> {
    match (attempt(test), known) {
        (End::Passed, Some(known)) if !known.at_times => {
            Err("passes: take it out of known-failures".into())
        }
        (End::Passed, _) => Ok(Completion::Completed),
        (End::Skipped(reason), _) => Ok(Completion::ignored_with(reason)),
        (End::Failed(_), Some(known)) => {
            Ok(Completion::ignored_with(format!("known failure: {}", known.reason)))
        }
        (End::Failed(words), None) => {
            // At once, for a run that is cut short before its end.
            eprintln!("{}: {words}", short(test.name));
            Err(words.into())
        }
    }
}

fn attempt(test: &Test) -> End {
    CHAPTER.set("");
    let end = match catch_unwind(test.run) {
        Ok(Ok(())) => End::Passed,
        Ok(Err(error)) => match error.downcast::<Skip>() {
            Ok(skip) => End::Skipped(skip.to_string()),
            Err(error) => End::Failed(format!("{error:#}")),
        },
        Err(_) => End::Failed(PANIC.take()),
    };
    let chapter = CHAPTER.get();
    let document = chapter.split_once('#').map_or("", |(document, _)| document);
    if !DOCUMENTS.contains(&document) {
        return End::Failed(format!("the test names no chapter ({chapter:?})"));
    }
    match end {
        End::Failed(words) => End::Failed(format!("{chapter}\n{words}")),
        end => end,
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Skip, Test, enter, judge, parse_known};
    use libtest_mimic::Completion;

    fn with_chapter(chapter: &'static str, end: super::Result) -> super::Result {
        enter(chapter);
        end
    }

    const PASSING: Test = Test { name: "p", run: || with_chapter("cli#run", Ok(())) };
    const FAILING: Test =
        Test { name: "f", run: || with_chapter("cli#run", Err(anyhow::anyhow!("no"))) };
    const SKIPPED: Test =
        Test { name: "s", run: || with_chapter("cli#run", Err(Skip("no".into()).into())) };
    const WITHOUT_CHAPTER: Test = Test { name: "c", run: || Ok(()) };
    const OF_NO_DOCUMENT: Test = Test { name: "d", run: || with_chapter("novel.md#1", Ok(())) };

    fn known(at_times: bool) -> Option<Known> {
        Some(Known { reason: "why".into(), at_times })
    }

    #[test]
    fn a_test_that_is_not_listed_must_pass() {
        assert!(matches!(judge(&PASSING, None), Ok(Completion::Completed)));
        assert!(judge(&FAILING, None).is_err());
    }

    #[test]
    fn a_listed_test_must_fail() {
        assert!(judge(&PASSING, known(false)).is_err());
        assert!(matches!(judge(&FAILING, known(false)), Ok(Completion::Ignored { .. })));
    }

    #[test]
    fn a_listed_race_may_pass() {
        assert!(matches!(judge(&PASSING, known(true)), Ok(Completion::Completed)));
        assert!(matches!(judge(&FAILING, known(true)), Ok(Completion::Ignored { .. })));
    }

    #[test]
    fn what_the_machine_cannot_do_is_ignored() {
        assert!(matches!(judge(&SKIPPED, None), Ok(Completion::Ignored { .. })));
        assert!(matches!(judge(&SKIPPED, known(false)), Ok(Completion::Ignored { .. })));
    }

    #[test]
    fn a_test_without_a_chapter_fails() {
        assert!(judge(&WITHOUT_CHAPTER, None).is_err());
        assert!(judge(&OF_NO_DOCUMENT, None).is_err());
    }

    #[test]
    fn a_list_has_a_reason_for_each_name() {
        let list = parse_known("# words\n\na::b  # why\n~a::c  # race\n");
        assert!(list.is_ok_and(|list| !list["a::b"].at_times && list["a::c"].at_times));
        for wrong in ["a::b", "a::b #", "a::b # x\na::b # y"] {
            assert!(parse_known(wrong).is_err(), "{wrong}");
        }
    }
}
