//! What the figures depend on: the machine and the peers' versions.
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(": ").map(|(_, model)| model.to_owned())
}

/// Which version of cgroups the runtimes meet.
pub fn cgroups() -> &'static str {
    let exists = |path: &str| fs::exists(path).unwrap_or(false);
    if exists("/sys/fs/cgroup/cgroup.controllers") {
        "v2"
    } else if exists("/sys/fs/cgroup/unified/cgroup.controllers") {
        "v1, hybrid"
    } else {
        "v1"
    }
}

/// The mean number of runnable processes of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|load| load.parse().ok())
        .unwrap_or(0.0)
}

/// Name, and `--version`, of each program.
pub fn machine<'a>(programs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let versions: serde_json::Map<_, _> = programs
        .map(|(name, path)| (name.to_owned(), json!(first_line(path, &["--version"]))))
        .collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    json!({
        "cpu": cpu_model(),
        "cpus": std::thread::available_parallelism().map(usize::from).ok(),
        "memory_kib": memory.unwrap_or(0u64),
        "kernel": first_line("uname", &["-sr"]),
        "cgroups": cgroups(),
        "load": load(),
        "versions": versions,
    })
}
