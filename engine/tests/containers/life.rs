//! Running, ending, exit codes, restarts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use onggi_engine::model::Status;

use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn run_gives_output_and_exit_code_and_rm_leaves_nothing() {
    let Some(dok) = Dok::new() else { return };
    let said =
        dok.dok(&["run", "--rm", NONE, "busybox", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((said.code, &*said.out, &*said.err), (Some(7), "out\n", "err\n"));
    assert_eq!(dok.store().container_ids().unwrap(), Vec::<String>::new());
    assert!(dok.store().volume_names().unwrap().is_empty());
}

#[test]
fn what_cannot_be_run_ends_as_dockers_does() {
    let Some(dok) = Dok::new() else { return };
    for (words, code, text) in [
        (&["run", "--rm", NONE, "busybox", "nosuch"][..], 127, "executable file not found"),
        (&["run", "--rm", NONE, "busybox", "/etc/passwd"], 126, "permission denied"),
        (&["run", "--rm", NONE, "--pull=never", "ghost", "true"], 125, "No such image: ghost"),
        (&["run", "--pull=often", "ghost", "true"], 125, "often"),
        (&["run", "--rm", NONE, "--name", "x", "busybox"], 125, "Invalid container name (x)"),
        (&["run", "--rm", NONE, "--nosuch", "busybox"], 125, "--nosuch"),
        (
            &["run", "--rm", NONE, "-u", "ghost", "busybox", "true"],
            125,
            "unable to find user ghost",
        ),
        (&["run", "--rm", NONE, "--memory", "1m", "busybox"], 125, "Minimum memory limit"),
        (
            &["run", "--rm", NONE, "--restart", "always", "busybox"],
            125,
            "cannot specify both --restart and --rm",
        ),
        (&["run", "-it", "--rm", NONE, "busybox"], 1, "the input device is not a TTY"),
        (&["run", "--gpus", "all", NONE, "busybox"], 125, "could not select device driver"),
        (&["rm", "-l", "ghost"], 1, "cannot remove the default link name"),
        (&["start", "ghost"], 1, "No such container: ghost"),
        (&["exec", "ghost", "true"], 1, "No such container: ghost"),
    ] {
        let said = dok.dok(words);
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        assert!(said.err.contains(text), "{words:?}: {said:?}");
    }
    assert!(dok.store().container_ids().unwrap().is_empty(), "nothing is left behind");
}

#[test]
fn one_that_could_not_be_started_again_has_ended() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "job", NONE, "busybox", "/job"]);
    let job = dok.run_folder().with_file_name("job");
    let write = |mode| {
        fs::write(&job, "#!/bin/sh\nexit 3\n").unwrap();
        fs::set_permissions(&job, fs::Permissions::from_mode(mode)).unwrap();
        dok.ok(&["cp", job.to_str().unwrap(), "job:/job"]);
    };
    let told = |what: &str| dok.ok(&["inspect", "--format", what, "job"]);
    write(0o755);
    assert_eq!(dok.dok(&["start", "-a", "job"]).code, Some(3));
    let ended = told("{{.State.StartedAt}} {{.State.FinishedAt}}");
    write(0o644);
    dok.refused(1, &["start", "-a", "job"], "permission denied");
    assert_eq!(told("{{.State.Status}} {{.State.ExitCode}}"), "exited 126\n");
    assert_eq!(told("{{.State.StartedAt}} {{.State.FinishedAt}}"), ended);
}

#[test]
fn a_container_is_stopped_started_killed_and_removed() {
    let Some(dok) = Dok::new() else { return };
    let script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let id = dok.ok(&["run", "-d", "--name", "web", NONE, "busybox", "sh", "-c", script]);
    assert_eq!(id.trim().len(), 64);
    until("it listens", || dok.ok(&["logs", "web"]).contains("ready").then_some(()));
    let refused = dok.dok(&["rm", "web"]);
    assert!(refused.err.contains("stop the container before removing or force remove"));
    assert_eq!(dok.ok(&["stop", "-t", &i64::MAX.to_string(), "web"]), "web\n");
    let state = dok.store().state(id.trim()).unwrap();
    assert_eq!((state.status, state.exit_code, state.pid), (Status::Exited, 3, 0));
    assert!(dok.ok(&["logs", "web"]).contains("bye"));
    dok.ok(&["start", "web"]);
    dok.ok(&["start", "web"]);
    dok.ok(&["kill", "web"]);
    assert_eq!(dok.store().state(id.trim()).unwrap().exit_code, 137);
    let refused = dok.dok(&["kill", "web"]);
    assert!(refused.err.contains("is not running"), "{refused:?}");
    dok.ok(&["restart", "-t", "1", "web"]);
    assert_eq!(dok.ok(&["rm", "-f", "web"]), "web\n");
    assert!(dok.dok(&["rm", "web"]).err.contains("No such container: web"));
}

/// Its monitor has not written it down yet.
#[test]
fn a_container_that_has_just_ended_does_not_run() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&["run", "-d", "--name", "web", NONE, "busybox", "sleep", "86400"]);
    let id = id.trim();
    let program = dok.store().state(id).unwrap().pid;
    let status = || std::fs::read_to_string(format!("/proc/{program}/status")).unwrap();
    let said = |name: &str| {
        let text = status();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    let send = |pid: &str, signal| kill(Pid::from_raw(pid.parse().unwrap()), signal).unwrap();
    let monitor = said("PPid:");
    send(&monitor, Signal::SIGSTOP);
    send(&program.to_string(), Signal::SIGKILL);
    until("it has ended", || said("State:").starts_with('Z').then_some(()));
    let killed = dok.dok(&["kill", "-s", "USR1", "web"]);
    send(&monitor, Signal::SIGCONT);
    let words = format!("cannot kill container: web: container {id} is not running\n");
    assert_eq!(killed.err, format!("Error response from daemon: {words}"));
    assert_eq!(killed.code, Some(1), "{killed:?}");
    assert_eq!(dok.ok(&["wait", "web"]), "137\n");
}

#[test]
fn a_program_that_does_not_listen_is_killed_after_its_grace() {
    let Some(dok) = Dok::new() else { return };
    // Its own grace has no end in sight.
    let words = ["run", "-d", "--name", "deaf", "--stop-timeout", "86400", NONE];
    dok.ok(&[&words[..], &["busybox", "sleep", "86400"]].concat());
    let begun = Instant::now();
    dok.ok(&["stop", "-t", "1", "deaf"]);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    let id = dok.store().container("deaf").unwrap().id;
    assert_eq!(dok.store().state(&id).unwrap().exit_code, 137);
}

/// One whose start fails takes its time (strace holds it up after each lock) to clean up.
#[test]
fn a_start_that_fails_takes_nothing_from_the_next_one() {
    let Some(dok) = Dok::new() else { return };
    let source = dok.root().with_file_name("source");
    std::fs::create_dir(&source).unwrap();
    let mount = format!("type=bind,src={},dst=/data", source.display());
    let create = ["create", "--name", "web", NONE, "--mount", &mount, "busybox"];
    let id = dok.ok(&[&create[..], &["sleep", "86400"]].concat());
    std::fs::remove_dir(&source).unwrap();
    let (store, fails) = (dok.store(), dok.command(&["start", "web"]));
    let mut slow = std::process::Command::new("strace");
    slow.args(["-qq", "-o", "/dev/null", "-e", "inject=flock:delay_exit=700000"]);
    // The words of the command begin with the limit of its own `timeout`.
    slow.args(fails.get_args().skip(1)).stderr(std::process::Stdio::piped());
    let Ok(slow) = slow.spawn() else {
        eprintln!("skipped: there is no strace on this machine");
        return;
    };
    until("it begins", || store.try_lock_container(id.trim()).unwrap().is_none().then_some(()));
    drop(store.lock_container(id.trim()).unwrap());
    std::fs::create_dir(&source).unwrap();
    dok.ok(&["start", "web"]);
    let said = slow.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(words.contains("source on /data: No such file or directory"), "{words}");
    dok.ok(&["exec", "web", "test", "-d", "/data"]);
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let rootfs = store.bundle(id.trim()).join("rootfs");
    assert!(mounts.contains(&*rootfs.to_string_lossy()), "{mounts}");
}

#[test]
fn a_failing_program_is_restarted_as_often_as_its_policy_says() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&["run", "-d", "--restart", "on-failure:2", NONE, "busybox", "false"]);
    let state = until("it has failed for good", || {
        Some(dok.store().state(id.trim()).unwrap()).filter(|state| state.status == Status::Exited)
    });
    assert_eq!((state.restart_count, state.exit_code), (2, 1));
    dok.ok(&["run", "-d", "--name", "again", "--restart", "always", NONE, "busybox", "true"]);
    dok.ok(&["stop", "again"]);
    let again = dok.store().container("again").unwrap().id;
    assert_eq!(dok.store().state(&again).unwrap().status, Status::Exited);
}

#[test]
fn a_frozen_container_neither_runs_nor_keeps_from_being_removed() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "ice", NONE, "busybox", "sleep", "86400"]);
    dok.ok(&["pause", "ice"]);
    assert!(dok.dok(&["pause", "ice"]).err.contains("is already paused"));
    assert!(dok.dok(&["exec", "ice", "true"]).err.contains("is paused"));
    dok.ok(&["unpause", "ice"]);
    dok.ok(&["exec", "ice", "true"]);
    dok.ok(&["pause", "ice"]);
    dok.ok(&["rm", "-f", "ice"]);
}

#[test]
fn a_container_outlives_the_command_that_runs_it_but_not_unseen_its_monitor() {
    let Some(dok) = Dok::new() else { return };
    let script = "until test -e /tmp/go; do sleep 0.05; done; exit 5";
    let mut run = dok.direct(&["run", "--name", "kept", NONE, "busybox", "sh", "-c", script]);
    let mut run = run.spawn().unwrap();
    let store = dok.store();
    let id = until("it runs", || {
        let kept = store.container("kept").ok()?;
        (store.state(&kept.id).unwrap().status == Status::Running).then_some(kept.id)
    });
    run.kill().unwrap();
    run.wait().unwrap();
    dok.dok(&["exec", "kept", "sh", "-c", "echo > /tmp/go"]);
    store.wait_for_monitor(&id).unwrap();
    assert_eq!(store.state(&id).unwrap().exit_code, 5);

    dok.ok(&["run", "-d", "--name", "orphan", NONE, "busybox", "sleep", "86400"]);
    let orphan = store.container("orphan").unwrap().id;
    let pid = store.state(&orphan).unwrap().pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let monitor: i32 =
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    let monitor = rustix::process::Pid::from_raw(monitor).unwrap();
    rustix::process::kill_process(monitor, rustix::process::Signal::KILL).unwrap();
    store.wait_for_monitor(&orphan).unwrap();
    assert_eq!(store.state(&orphan).unwrap().status, Status::Running, "it is adopted");
    dok.ok(&["exec", "orphan", "true"]);
    dok.ok(&["stop", "-t", "0", "orphan"]);
    let state = store.state(&orphan).unwrap();
    assert_eq!((state.status, state.exit_code), (Status::Exited, 255));
    assert!(state.error.contains("exit code is not known"));
    dok.ok(&["start", "orphan"]);
}

#[test]
fn after_a_reboot_runs_what_its_policy_says() {
    let Some(dok) = Dok::new() else { return };
    for (name, policy) in [("ever", "always"), ("kept", "unless-stopped"), ("once", "no")] {
        let words = ["run", "-d", "--name", name, "--restart", policy, NONE];
        dok.ok(&[&words[..], &["busybox", "sleep", "86400"]].concat());
        dok.ok(&["stop", "-t", "0", name]);
    }
    assert_eq!(dok.ok(&["system", "start"]), "ever\n");
    assert_eq!(dok.ok(&["system", "start"]), "", "it runs");
    dok.ok(&["stop", "-t", "0", "ever"]);
    let store = dok.store();
    let unreadable = store.container("once").unwrap().id;
    std::fs::write(store.container_folder(&unreadable).join("container.json"), "{").unwrap();
    let said = dok.dok(&["system", "start"]);
    assert_eq!((said.code, &*said.out), (Some(1), "ever\n"), "{said:?}");
    assert!(said.err.contains(&format!("start {unreadable}: read ")), "{said:?}");
}

#[test]
fn a_program_that_was_killed_for_want_of_memory_is_told_apart() {
    let Some(dok) = Dok::new() else { return };
    let eats = "a=xxxxxxxx; while :; do a=$a$a; done";
    let words = ["run", "--name", "eats", "-m", "8m", "--memory-swap", "8m", NONE, "busybox"];
    let said = dok.dok(&[&words[..], &["sh", "-c", eats]].concat());
    let store = dok.store();
    let state = store.state(&store.container("eats").unwrap().id).unwrap();
    if said.code == Some(125) {
        eprintln!("skipped: memory cannot be limited here: {}", said.err);
        return;
    }
    assert_eq!((said.code, state.oom_killed), (Some(137), true), "{said:?}");
    dok.dok(&["run", "--name", "well", "-m", "8m", NONE, "busybox", "false"]);
    let state = store.state(&store.container("well").unwrap().id).unwrap();
    assert!(!state.oom_killed);
}
