//! What stays beside a container: how much memory it takes, and what it may do.

use std::fs;
use std::path::Path;

use super::networks::on_a_host;
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

#[test]
fn what_stays_beside_a_container_takes_little_memory_of_its_own() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "front"]);
        // Each shares the pages of the program's file with those before it.
        let script = "seq 20000; sleep 100";
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
            std::thread::sleep(std::time::Duration::from_millis(700));
            let processes = beside(dok, id.trim());
            let words: Vec<_> = processes.iter().map(|(_, word)| &**word).collect();
            assert_eq!(words, names, "{how:?}");
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
        let network = ["--network=front", "busybox", "sleep", "100"];
        let id = dok.ok(&[&["run", "-d", "-t"], &ports[..], &network].concat());
        let processes = beside(dok, id.trim());
        let words: Vec<_> = processes.iter().map(|(_, word)| &**word).collect();
        assert_eq!(words, ["carry", "monitor", "names", "streams"]);
        for (pid, _) in processes.iter().filter(|(_, word)| word != "monitor") {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            for line in ["Seccomp:\t2", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
                assert!(status.contains(line), "{processes:?}: {line}: {status}");
            }
        }
    });
}

#[test]
fn a_process_that_moves_bytes_is_replaced_and_outlives_its_monitor() {
    let Some(dok) = Dok::new() else { return };
    let script = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done";
    for how in [&["-i"][..], &["-t"]] {
        let words = [&["run", "-d", "--network=none"], how, &["busybox", "sh", "-c", script]];
        let id = dok.ok(&words.concat());
        let id = id.trim();
        let kill = |word: &str| {
            let processes = beside(&dok, id);
            let (pid, _) = processes.iter().find(|(_, other)| other == word).unwrap();
            let pid = rustix::process::Pid::from_raw(*pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        let grows = || {
            let before = dok.ok(&["logs", id]).lines().count();
            std::thread::sleep(std::time::Duration::from_millis(400));
            let after = dok.ok(&["logs", id]).lines().count();
            assert!(after > before + 3, "{how:?}: {before}, {after}");
        };
        grows();
        kill("streams");
        std::thread::sleep(std::time::Duration::from_millis(100));
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
