//! Commands that come while a container is being started, or waits for its next run.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal::SIGKILL;
use onggi_engine::model::Status;

use super::memory::kill_beside;
use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

/// A command whose runtime runs some programs at once, and others when the file `go` is there. The
/// file `asked` has a line for each time that it was to.
struct Slow {
    free: usize,
    go: PathBuf,
    asked: PathBuf,
    line: Vec<OsString>,
}

impl Slow {
    fn new(dok: &Dok, words: &[&str]) -> Slow {
        Slow::after(0, dok, words)
    }

    fn after(free: usize, dok: &Dok, words: &[&str]) -> Slow {
        let beside = |name: &str| dok.root().with_file_name(name);
        let (go, asked, script) = (beside("go"), beside("asked"), beside("slow"));
        for of_one_before in [&go, &asked] {
            let _ = std::fs::remove_file(of_one_before);
        }
        let inner = dok.direct(words);
        let mut line = vec![inner.get_program().to_owned()];
        line.extend(inner.get_args().map(ToOwned::to_owned));
        let at = line.iter().position(|word| word == "--runtime").unwrap() + 1;
        let runtime = PathBuf::from(std::mem::replace(&mut line[at], script.clone().into()));
        let (asking, going, runtime) = (asked.display(), go.display(), runtime.display());
        let text = format!(
            "#!/bin/sh\ncase \" $* \" in *' run '*) echo >> {asking}; \
             test $(wc -l < {asking}) -le {free} || until test -e {going}; do sleep 0.01; done;; \
             esac\nexec {runtime} \"$@\"\n"
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        Slow { free, go, asked, line }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]);
        command
    }

    fn wait(&self) {
        until("the runtime is asked", || {
            let lines = std::fs::read(&self.asked).unwrap_or_default().len();
            (lines > self.free).then_some(())
        });
    }

    fn go(&self) {
        std::fs::write(&self.go, "").unwrap();
    }
}

/// Without an end: each run fails.
fn fails_again_and_again(dok: &Dok) -> String {
    let words = ["run", "-d", "--name", "again", "--restart", "always", NONE, "busybox", "false"];
    let id = dok.ok(&words).trim().to_owned();
    until("it waits for long", || {
        let state = dok.store().state(&id).unwrap();
        (state.status == Status::Restarting && state.restart_count > 3).then_some(())
    });
    id
}

#[test]
fn a_container_that_waits_for_its_next_run_keeps_nobody_waiting() {
    let Some(dok) = Dok::new() else { return };
    let id = fails_again_and_again(&dok);
    assert_eq!(dok.ok(&["start", "again"]), "again\n");
    let file = dok.root().with_file_name("passwd");
    dok.ok(&["cp", "again:/etc/passwd", file.to_str().unwrap()]);
    assert!(std::fs::read_to_string(file).unwrap().starts_with("root:"));
    dok.ok(&["export", "-o", dok.root().with_file_name("tar").to_str().unwrap(), "again"]);
    assert!(dok.dok(&["rm", "again"]).err.contains("stop the container"));
    assert!(dok.store().state(&id).unwrap().status.is_up());
    dok.ok(&["rm", "-f", "again"]);
}

#[test]
fn what_is_being_started_is_removed_by_force() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "web", NONE, "busybox", "sleep", "86400"]);
    let slow = Slow::new(&dok, &["start", "web"]);
    let mut start = slow.command().stdout(Stdio::null()).spawn().unwrap();
    slow.wait();
    let mut remove = dok.command(&["rm", "-f", "web"]);
    let mut remove = remove.stdout(Stdio::null()).spawn().unwrap();
    // It is still to be started; that the other waits already is likely, and not needed.
    std::thread::sleep(std::time::Duration::from_millis(100));
    slow.go();
    assert!(remove.wait().unwrap().success());
    assert!(start.wait().unwrap().success());
    assert!(dok.store().container_ids().unwrap().is_empty());
}

/// Where the init, which is process 1, does not hold signals yet, the kernel drops one: as for any
/// program that is process 1.
#[test]
fn what_is_being_started_hears_its_stop_signal() {
    let Some(dok) = Dok::new() else { return };
    let script = "trap 'exit 3' TERM; while :; do sleep 0.05; done";
    let hears = |name: &str| {
        let program = ["--init", "busybox", "sh", "-c", script];
        let id = dok.ok(&[&["create", "--name", name, NONE], &program[..]].concat());
        let slow = Slow::new(&dok, &["start", name]);
        let mut start = slow.command().stdout(Stdio::null()).spawn().unwrap();
        slow.wait();
        let mut stop = dok.command(&["stop", "-t", "5", name]);
        let mut stop = stop.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        slow.go();
        assert!(start.wait().unwrap().success());
        assert!(stop.wait().unwrap().success());
        // The shell may not have come to its trap.
        [3, 143].contains(&dok.store().state(id.trim()).unwrap().exit_code)
    };
    assert!(["first", "second", "third"].into_iter().any(hears));
}

#[test]
fn what_waits_for_its_next_run_is_killed_as_in_docker() {
    let Some(dok) = Dok::new() else { return };
    let id = fails_again_and_again(&dok);
    dok.ok(&["kill", "-s", "USR1", "again"]);
    assert!(dok.store().state(&id).unwrap().status.is_up());
    dok.ok(&["kill", "again"]);
    assert_eq!(dok.store().state(&id).unwrap().status, Status::Exited);
}

#[test]
fn a_next_run_that_its_monitor_did_not_write_down_is_seen() {
    let Some(dok) = Dok::new() else { return };
    let script = "test -e /again && exec sleep 86400; echo > /again; exit 1";
    let words = ["run", "-d", "--name", "web", "--restart", "always", NONE, "busybox"];
    let slow = Slow::after(1, &dok, &[&words[..], &["sh", "-c", script]].concat());
    assert!(slow.command().stdout(Stdio::null()).status().unwrap().success());
    slow.wait();
    let (store, id) = (dok.store(), dok.store().container("web").unwrap().id);
    kill_beside(&dok, &id, "monitor");
    slow.go();
    until("it runs", || (store.state(&id).unwrap().status == Status::Running).then_some(()));
    dok.ok(&["exec", "web", "true"]);
    dok.ok(&["stop", "-t", "0", "web"]);
    assert_eq!(store.state(&id).unwrap().status, Status::Exited);
}

#[test]
fn a_program_that_was_frozen_when_it_ended_is_not_so_in_its_next_run() {
    let Some(dok) = Dok::new() else { return };
    let words = ["run", "-d", "--name", "ice", "--restart", "always", NONE, "busybox"];
    let id = dok.ok(&[&words[..], &["sleep", "86400"]].concat()).trim().to_owned();
    let (store, first) = (dok.store(), dok.store().state(&id).unwrap().pid);
    dok.ok(&["pause", "ice"]);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first.try_into().unwrap()), SIGKILL).unwrap();
    // With cgroup v1 it ends when it can move.
    let mut thaw = Command::new(dok.runtime());
    thaw.arg("--root").arg(store.runtime_state()).args(["resume", &id]);
    assert!(thaw.stderr(Stdio::null()).status().is_ok());
    let state = until("it runs again", || {
        Some(store.state(&id).unwrap()).filter(|state| state.pid != 0 && state.pid != first)
    });
    assert_eq!(state.status, Status::Running);
    dok.ok(&["exec", "ice", "true"]);
}

/// Both wait for its lock, the change first.
#[test]
fn what_is_changed_before_a_start_is_in_force_with_it() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&["create", "--name", "web", "-m", "64m", NONE, "busybox", "sleep", "86400"]);
    let store = dok.store();
    let lock = store.lock_container(id.trim()).unwrap();
    let waits = |command: &mut Command| {
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let own = child.id().to_string();
        let is_own = |line: &str| line.contains("->") && line.split(' ').any(|word| word == own);
        until("it waits for the lock", || {
            let locks = std::fs::read_to_string("/proc/locks").unwrap();
            locks.lines().any(is_own).then_some(())
        });
        child
    };
    let mut update = waits(&mut dok.direct(&["update", "-m", "32m", "web"]));
    let mut start = waits(&mut dok.direct(&["start", "web"]));
    drop(lock);
    assert!(update.wait().unwrap().success() && start.wait().unwrap().success());
    let text = std::fs::read_to_string(store.bundle(id.trim()).join("config.json")).unwrap();
    assert!(text.contains("\"limit\":33554432"), "{text}");
}

#[test]
fn what_the_runtime_made_for_a_container_that_is_gone_is_found_and_removed() {
    let Some(dok) = Dok::new() else { return };
    let id = "a".repeat(64);
    let known = dok.store().runtime_state().join(&id);
    std::fs::create_dir_all(&known).unwrap();
    let told = format!("what the runtime knows of {id}");
    let said = dok.dok(&["system", "check"]);
    assert!(said.code == Some(1) && said.out.contains(&told), "{said:?}");
    assert!(dok.ok(&["system", "check", "--repair"]).contains(&told));
    assert!(!known.exists());
    assert_eq!(dok.ok(&["system", "check"]), "0 problems, 0B left over\n");
}
