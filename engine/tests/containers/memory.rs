//! What stays beside a container: how much memory it takes, and what it may do.

use std::fs;
use std::path::{Path, PathBuf};

use super::networks::on_a_host;
use super::patience::until;
use super::setting::Dok;

/// 0.5 MiB, in KiB: for the monitor and what moves its container's bytes, and for the others, a
/// resolver and a carrier of ports.
const MOST: u64 = 512;

/// The words that they begin with.
const WORDS: [&str; 4] = ["carry", "monitor", "names", "streams"];

/// The processes of a store beside its containers, by the word that they began with.
fn beside(dok: &Dok, id: &str) -> Vec<(i32, String)> {
    let folder = dok.root().parent().unwrap().to_owned();
    let all = command_lines();
    let is_ours = |words: &[String]| {
        words.iter().any(|word| word.contains(id))
            && words.iter().any(|word| Path::new(word).starts_with(&folder))
    };
    let is_monitor = |words: &[String]| words[1] == "monitor" && is_ours(words);
    let monitor = all.iter().find(|(_, words)| is_monitor(words)).map(|(pid, _)| pid.to_string());
    // The second word of those that a monitor starts is its number.
    let ours = all.iter().filter(|(_, words)| is_ours(words) || words.get(2) == monitor.as_ref());
    let mut found: Vec<_> = ours.map(|(pid, words)| (*pid, words[1].clone())).collect();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

/// The words of each process of that kind: not the runtime, which is there for a moment.
fn command_lines() -> Vec<(i32, Vec<String>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into());
        let words: Vec<String> = words.collect();
        let is_beside = words.get(1).is_some_and(|word| WORDS.contains(&word.as_str()));
        found.extend(pid.filter(|_| is_beside).map(|pid| (pid, words)));
    }
    found
}

/// Memory that no other process has, in KiB.
fn private(pid: i32) -> u64 {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let lines = smaps.lines().filter(|line| line.starts_with("Private_"));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

/// Whether a container's log has the last number that it says, and its health was looked at.
fn is_written(dok: &Dok, id: &str) -> bool {
    let checked = dok.store().state(id).unwrap().health.is_none_or(|health| health.log.len() > 1);
    checked && dok.ok(&["logs", "--tail", "1", id]).starts_with("20000")
}

#[test]
fn what_stays_beside_a_container_takes_little_memory_of_its_own() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "front"]);
        // Each shares the pages of the program's file with those before it.
        let script = "seq 20000; sleep 86400";
        for more in ["-t", "-i"] {
            dok.ok(&["run", "-d", "--network=front", more, "busybox", "sh", "-c", script]);
        }
        let check = ["--health-cmd", "true", "--health-interval", "100ms"];
        for (how, names) in [
            (&["--network=none"][..], &["monitor", "streams"][..]),
            (&["--network=none", "-t"], &["monitor", "streams"]),
            (&["-p", "8098:80", "-p", "8097:81/udp"], &["monitor", "streams"]),
            (&["-p", "[::1]:8096:80"], &["carry", "monitor", "streams"]),
            (&["--network=front"], &["monitor", "names", "streams"]),
            (&[&["--network=none"], &check[..]].concat(), &["monitor", "streams"]),
        ] {
            let words = [&["run", "-d"], how, &["busybox", "sh", "-c", script]];
            let id = dok.ok(&words.concat());
            until("all of it is written down", || is_written(dok, id.trim()).then_some(()));
            let processes = until(&format!("{how:?}: {names:?}"), || {
                // One that is about to become the runtime is still called as its parent.
                let processes = beside(dok, id.trim());
                let same = processes.iter().map(|(_, word)| &**word).eq(names.iter().copied());
                same.then_some(processes)
            });
            let words: Vec<_> = processes.iter().map(|(_, word)| &**word).collect();
            let each: Vec<_> = processes.iter().map(|(pid, _)| private(*pid)).collect();
            println!("{how:?}: {words:?} {each:?} KiB");
            let all = words.iter().zip(&each);
            let always = all.filter(|(word, _)| ["monitor", "streams"].contains(word));
            let always: u64 = always.map(|(_, size)| size).sum();
            let sizes = each.iter().sum::<u64>();
            assert!(always.max(sizes - always) <= MOST, "{how:?}: {words:?} {each:?} KiB");
        }
    });
}

#[test]
fn who_reads_what_a_container_writes_has_no_rights_and_few_calls() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "front"]);
        let ports = ["-p", "[::1]:8095:80"];
        let network = ["--network=front", "busybox", "sleep", "86400"];
        let id = dok.ok(&[&["run", "-d", "-t"], &ports[..], &network].concat());
        let processes = beside(dok, id.trim());
        let words: Vec<_> = processes.iter().map(|(_, word)| &**word).collect();
        assert_eq!(words, ["carry", "monitor", "names", "streams"]);
        for (pid, _) in processes.iter().filter(|(_, word)| word != "monitor") {
            let confined = ["Seccomp:\t2", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"];
            // It lets go of its rights by itself, before it reads anything.
            until(&format!("{processes:?}: {pid} is confined"), || {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
                confined.iter().all(|line| status.contains(line)).then_some(())
            });
        }
    });
}

pub(crate) fn kill_beside(dok: &Dok, id: &str, word: &str) {
    let processes = beside(dok, id);
    let (pid, _) = processes.iter().find(|(_, other)| other == word).unwrap();
    let pid = rustix::process::Pid::from_raw(*pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn who_waits_hears_of_the_end_from_another_process_that_moves_bytes_too() {
    let Some(dok) = Dok::new() else { return };
    let script = "until test -e /tmp/go; do sleep 0.05; done; exit 7";
    let id = dok.ok(&["run", "-d", "--network=none", "busybox", "sh", "-c", script]);
    let id = id.trim();
    let mut waits = dok.direct(&["wait", id]);
    let waits = waits.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let open = PathBuf::from(format!("/proc/{}/fd", waits.id()));
    until("it is connected", || {
        let open = fs::read_dir(&open).unwrap().flatten();
        let mut to = open.filter_map(|file| fs::read_link(file.path()).ok());
        to.any(|to| to.to_string_lossy().starts_with("socket:")).then_some(())
    });
    kill_beside(&dok, id, "streams");
    // The container may end, and take this one along, before it has ended by itself.
    dok.dok(&["exec", id, "sh", "-c", "echo > /tmp/go"]);
    let said = waits.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "7\n");
}

#[test]
fn stop_gives_its_grace_although_another_process_moves_bytes_now() {
    let Some(dok) = Dok::new() else { return };
    let script = "trap 'echo asked' TERM; while :; do sleep 0.05; done";
    let id = dok.ok(&["run", "-d", "--network=none", "busybox", "sh", "-c", script]);
    let id = id.trim();
    let mut stops = dok.direct(&["stop", "-t", "1", id]).spawn().unwrap();
    until("it hears the signal", || dok.ok(&["logs", id]).contains("asked").then_some(()));
    kill_beside(&dok, id, "streams");
    assert!(stops.wait().unwrap().success());
    let state = "{{.State.Status}} {{.State.ExitCode}}";
    assert_eq!(dok.ok(&["inspect", "--format", state, id]), "exited 137\n");
}

#[test]
fn a_process_that_moves_bytes_is_replaced_and_outlives_its_monitor() {
    let Some(dok) = Dok::new() else { return };
    let script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done";
    for how in [&["-i"][..], &["-t"]] {
        let words = [&["run", "-d", "--network=none"], how, &["busybox", "sh", "-c", script]];
        let id = dok.ok(&words.concat());
        let id = id.trim();
        let kill = |word: &str| kill_beside(&dok, id, word);
        let grows = || {
            let lines = || dok.ok(&["logs", id]).lines().count();
            let before = lines();
            until(&format!("{how:?}: the log grows"), || (lines() > before + 3).then_some(()));
        };
        grows();
        kill("streams");
        grows();
        dok.ok(&["inspect", id]);
        kill("monitor");
        dok.store().wait_for_monitor(id).unwrap();
        grows();
        assert_eq!(dok.ok(&["inspect", "--format", "{{.State.Status}}", id]), "running\n");
        assert!(dok.dok(&["attach", id]).err.contains("has lost its monitor"));
        dok.ok(&["exec", id, "true"]);
        dok.ok(&["stop", "-t", "0", id]);
        assert_eq!(dok.ok(&["wait", id]), "255\n");
        assert!(beside(&dok, id).iter().all(|(_, word)| word != "monitor"));
        dok.ok(&["rm", "-v", id]);
    }
}
