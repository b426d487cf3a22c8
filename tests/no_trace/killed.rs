//! Each step of init fails once, is once where init is killed, and once where the runtime is.

use std::fs;
use std::process::Command;

use onggi::failpoint::{OF_CREATE, OF_DELETE, OF_EXEC, OF_START};
use onggi::init::{EXEC, NEW_CONTAINER};

use crate::place::{Place, Quiet, Waiting, at, each, fails, succeeds, until};

/// The steps before init waits for `start`, and those after.
fn steps() -> (Vec<&'static str>, Vec<&'static str>) {
    let names: Vec<&str> = NEW_CONTAINER.iter().map(|(name, _)| *name).collect();
    let waits = names.iter().position(|name| *name == "wait for start").unwrap();
    (names[..=waits].to_vec(), names[waits + 1..].to_vec())
}

fn exec_steps() -> Vec<&'static str> {
    EXEC.iter().map(|(name, _)| *name).collect()
}

#[test]
fn create_that_fails_at_a_step() {
    let places: Vec<&str> = steps().0.into_iter().chain(OF_CREATE).collect();
    each(&places, |place, step| {
        let before = place.files();
        let named = if OF_CREATE.contains(&step) { "failpoint" } else { step };
        fails(at(place.create(&["--pid-file", &place.path("pid")]), "fail", step), step, named);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn create_whose_init_is_killed_at_a_step() {
    each(&steps().0, |place, step| {
        let before = place.files();
        let create = place.create(&["--pid-file", &place.path("pid")]);
        let waiting = Waiting::start(at(create, "wait", step), step);
        waiting.kill_init();
        let (ok, words) = waiting.end();
        assert!(!ok && words.contains("init was killed by signal 9"), "{step}: {words}");
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn create_that_is_killed_while_init_is_at_a_step() {
    let places: Vec<&str> = steps().0.into_iter().chain(OF_CREATE).collect();
    each(&places, |place, step| is_killed(place, place.create(&[]), step));
}

#[test]
fn run_that_is_killed_while_init_is_at_a_step() {
    let steps = NEW_CONTAINER.iter().map(|(name, _)| *name);
    let places: Vec<&str> = steps.chain(OF_CREATE).collect();
    each(&places, |place, step| is_killed(place, place.run(&[]), step));
}

/// Kills the runtime at a place: no process lives on, `list` knows it, and `delete` removes all.
fn is_killed(place: &Place, command: Command, step: &str) {
    let before = place.files();
    let waiting = Waiting::start(at(command, "wait", step), step);
    waiting.kill_runtime();
    drop(waiting.end());
    let alone = until(|| place.processes().is_empty().then_some(()));
    assert!(alone.is_some(), "{step}: {:?} lives on", place.processes());
    // It may take a moment from the last look at its memory to its end.
    let stopped = || place.list().iter().all(|status| status == "stopped").then_some(());
    assert!(until(stopped).is_some(), "{step}: {:?}", place.list());
    succeeds(place.delete(&["--force"]), step);
    place.left_no_trace(step);
    assert_eq!(place.files(), before, "{step}");
}

#[test]
fn start_that_fails_at_a_step() {
    each(&steps().1, |place, step| {
        let before = place.files();
        succeeds(at(place.create(&[]), "fail", step).stderr_null(), step);
        fails(place.command(&["start", &place.name]), step, step);
        succeeds(place.delete(&[]), step);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn start_that_is_killed_while_init_is_at_a_step() {
    each(&steps().1, |place, step| {
        let log = place.directory.join("files/log");
        let file = fs::File::create(&log).unwrap();
        let mut create = at(place.create(&[]), "wait", step);
        assert!(create.stderr(file).status().unwrap().success(), "{step}");
        let mut start = place.command(&["start", &place.name]).spawn().unwrap();
        let arrived = || fs::read_to_string(&log).unwrap().contains(step).then_some(());
        assert!(until(arrived).is_some(), "{step}");
        let told = || (place.list() == ["running"]).then_some(());
        assert!(until(told).is_some(), "{step}: {:?}", place.list());
        start.kill().unwrap();
        start.wait().unwrap();
        // It was killed before or after it took the start socket away.
        let list = place.list();
        assert!(list == ["running"] || list == ["created"], "{step}: {list:?}");
        succeeds(place.delete(&["--force"]), step);
        place.left_no_trace(step);
    });
}

/// What an exec must leave as it was: the container with its first process alone.
fn with_a_container(place: &Place, step: &str, test: impl FnOnce()) {
    let state = place.directory.join("state").join(&place.name);
    if !state.exists() {
        succeeds(place.create(&[]).stderr_null(), step);
    }
    let (init, files) = (place.processes(), place.files());
    assert_eq!(init.len(), 1);
    test();
    let alone = until(|| (place.processes() == init).then_some(()));
    assert!(alone.is_some(), "{step}: {init:?} became {:?}", place.processes());
    assert_eq!(place.files(), files, "{step}");
    assert_eq!(place.list(), ["created"], "{step}");
}

#[test]
fn exec_that_fails_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || fails(at(place.exec(), "fail", step), step, step));
    });
}

#[test]
fn exec_whose_process_is_killed_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || {
            let waiting = Waiting::start(at(place.exec(), "wait", step), step);
            waiting.kill_init();
            let (ok, words) = waiting.end();
            assert!(!ok, "{step}: {words}");
        });
    });
}

#[test]
fn exec_that_is_killed_while_its_process_is_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || {
            let waiting = Waiting::start(at(place.exec(), "wait", step), step);
            waiting.kill_runtime();
            drop(waiting.end());
        });
    });
}

#[test]
fn start_that_is_killed_at_a_step_of_its_own() {
    each(&OF_START, |place, step| {
        let before = place.files();
        succeeds(place.create(&[]).stderr_null(), step);
        let waiting =
            Waiting::start(at(place.command(&["start", &place.name]), "wait", step), step);
        waiting.kill_runtime();
        drop(waiting.end());
        // Init goes on as soon as somebody has connected; its program ends by itself.
        let wanted = if step == "connect to init" { "created" } else { "stopped" };
        let told = || (place.list() == [wanted]).then_some(());
        assert!(until(told).is_some(), "{step}: {:?}", place.list());
        succeeds(place.delete(&[]), step);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn exec_that_is_killed_at_a_step_of_its_own() {
    each(&OF_EXEC, |place, step| {
        with_a_container(place, step, || {
            let waiting = Waiting::start(at(place.exec(), "wait", step), step);
            waiting.kill_runtime();
            drop(waiting.end());
        });
    });
}

#[test]
fn exec_that_fails_at_a_step_of_its_own() {
    each(&OF_EXEC, |place, step| {
        with_a_container(place, step, || fails(at(place.exec(), "fail", step), step, "failpoint"));
    });
}

#[test]
fn delete_that_is_killed_at_a_step() {
    each(&OF_DELETE, |place, step| {
        let before = place.files();
        succeeds(place.create(&[]).stderr_null(), step);
        let waiting = Waiting::start(at(place.delete(&[]), "wait", step), step);
        waiting.kill_runtime();
        drop(waiting.end());
        let left: &[&str] = match step {
            "end the processes" => &["created"],
            "run poststop hooks" => &[],
            _ => &["stopped"],
        };
        assert_eq!(place.list(), left, "{step}");
        let again = if left.is_empty() { vec!["--force"] } else { Vec::new() };
        succeeds(place.delete(&again), step);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}
