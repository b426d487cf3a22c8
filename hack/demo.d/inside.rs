//! Tells what a process sees from inside a container: all of it from /proc, nothing of the host's.

use std::fs;

fn main() {
    let status = read("/proc/self/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or("?").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    tell("process", &[format!("{}, of {} in sight", std::process::id(), processes())]);
    tell("host name", &[read("/proc/sys/kernel/hostname")]);
    let ids = |name: &str| first(&field(name)).to_owned();
    tell(
        "user",
        &[
            format!("{}, group {}", ids("Uid"), ids("Gid")),
            format!("id inside, id outside, count: {}", squeeze(&read("/proc/self/uid_map"))),
        ],
    );
    tell("capabilities", &[capabilities(&field("CapEff"))]);
    tell("no_new_privs", &[if field("NoNewPrivs") == "1" { "set" } else { "not set" }.to_owned()]);
    tell("seccomp", &[mode(&field("Seccomp")).to_owned()]);
    tell("namespaces", &namespaces());
    tell("limits", &limits());
    tell("mounts", &mounts());
    tell("devices", &[names("/dev").join(" ")]);
    tell("network", &[interfaces()]);
    tell("environment", &[environment()]);
}

/// Where hack/demo writes down the host's namespaces, to compare with.
const HOST: &str = "NAMESPACES_OF_THE_HOST";

fn environment() -> String {
    let others = std::env::vars().filter(|(name, _)| name != HOST);
    others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn tell(what: &str, lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let what = if number == 0 { what } else { "" };
        println!("  {what:<14}{}", line.trim_end());
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| format!("{path}: {error}"))
}

fn first(words: &str) -> &str {
    words.split(' ').next().unwrap_or_default()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn processes() -> usize {
    names("/proc").iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).count()
}

fn mode(number: &str) -> &'static str {
    match number {
        "0" => "off",
        "1" => "strict",
        "2" => "a filter is in force",
        _ => "unknown",
    }
}

/// The names of linux/capability.h, in the order of their numbers.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

fn capabilities(mask: &str) -> String {
    let mask = u64::from_str_radix(mask, 16).unwrap_or_default();
    let held = CAPABILITIES.iter().enumerate().filter(|(number, _)| mask & 1 << number != 0);
    let held: Vec<&str> = held.map(|(_, name)| *name).collect();
    if held.is_empty() { "none".into() } else { held.join(" ") }
}

fn namespaces() -> Vec<String> {
    let host = std::env::var(HOST).unwrap_or_default();
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
    let (mut own, mut shared) = (Vec::new(), Vec::new());
    for kind in kinds {
        let Ok(link) = fs::read_link(format!("/proc/self/ns/{kind}")) else { continue };
        let same = host.split_whitespace().any(|other| other == link.to_string_lossy());
        if same { shared.push(kind) } else { own.push(kind) }
    }
    let of_the_host = if shared.is_empty() { "none".into() } else { shared.join(" ") };
    vec![format!("own: {}", own.join(" ")), format!("the host's: {of_the_host}")]
}

/// Soft limits of the process, and those of its control group, by the name of either version.
fn limits() -> Vec<String> {
    let all = read("/proc/self/limits");
    let limit = |name: &str| {
        let line = all.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
        format!("{}: {}", name.trim_start_matches("Max ").to_lowercase(), first(line.trim_start()))
    };
    let mut lines = vec![[limit("Max open files"), limit("Max core file size")].join(", ")];
    let group = "/sys/fs/cgroup";
    for (what, files) in [
        ("memory", ["memory.max", "memory/memory.limit_in_bytes"]),
        ("processes", ["pids.max", "pids/pids.max"]),
    ] {
        let value =
            files.iter().find_map(|file| fs::read_to_string(format!("{group}/{file}")).ok());
        lines.extend(value.map(|value| format!("cgroup: {what}: {}", value.trim_end())));
    }
    lines
}

fn mounts() -> Vec<String> {
    let table = read("/proc/self/mountinfo");
    let row = |line: &str| {
        let (own, kind) = line.split_once(" - ")?;
        let own: Vec<&str> = own.split(' ').collect();
        Some(format!("{:<9}{:<25}{}", first(kind), own.get(4)?, own.get(5)?))
    };
    table.lines().filter_map(row).collect()
}

fn interfaces() -> String {
    let table = read("/proc/net/dev");
    let names = table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    names.collect::<Vec<_>>().join(" ")
}
