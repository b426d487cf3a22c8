//! Whole configurations of known containers: `golden/NAME.json`. With `DOK_GOLDEN=write` they are
//! written anew.

use std::fs;
use std::path::Path;

use super::*;
use crate::model::{Config, Device, HostConfig, Ulimit};

fn container(config: Config, host_config: HostConfig) -> Container {
    Container { id: "0123456789abcdef".repeat(4), config, host_config, ..Container::default() }
}

fn facts() -> Facts {
    Facts {
        rootfs: "/run/dok/ID/rootfs".into(),
        capabilities: u64::MAX,
        unified: true,
        swap: true,
        architecture: "x86_64".into(),
        message_queues: true,
        ..Facts::default()
    }
}

fn command(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

/// The filter has its own tests, and would hide all else.
fn without_filter(mut configuration: Value) -> Value {
    if configuration["linux"]["seccomp"].is_object() {
        configuration["linux"]["seccomp"] = "the default".into();
    }
    configuration
}

#[track_caller]
fn agree(name: &str, container: &Container, facts: &Facts) {
    let configuration = without_filter(configuration(container, facts).unwrap());
    let text = format!("{}\n", serde_json::to_string_pretty(&configuration).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/bundle/golden/{name}.json"));
    if std::env::var_os("DOK_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "{name}: DOK_GOLDEN=write writes it");
}

#[test]
fn a_plain_container() {
    let config = Config { cmd: command(&["true"]), ..Config::default() };
    agree("plain", &container(config, HostConfig::default()), &facts());
}

#[test]
fn a_container_that_asks_for_much() {
    let config = Config {
        entrypoint: command(&["/bin/serve"]),
        cmd: command(&["--port", "80"]),
        env: command(&["PATH=/bin", "A=1", "HOSTNAME"]),
        working_dir: "/srv".into(),
        tty: true,
        hostname: "web".into(),
        ..Config::default()
    };
    let host = HostConfig {
        memory: 1 << 26,
        nano_cpus: 1_500_000_000,
        cap_drop: command(&["MKNOD"]),
        readonly_rootfs: true,
        console_size: [24, 80],
        security_opt: command(&["no-new-privileges"]),
        ulimits: Some(vec![Ulimit { name: "nofile".into(), hard: -1, soft: 1024 }]),
        devices: Some(vec![Device::default()]),
        cgroup_parent: "/shop".into(),
        ..HostConfig::default()
    };
    let mut facts = facts();
    facts.identity = Identity { uid: 33, gid: 33, groups: vec![4], home: None };
    facts.init = Some("/sbin/docker-init".into());
    facts.devices = vec![DeviceNode {
        path: "/dev/fuse".into(),
        kind: 'c',
        numbers: Numbers { major: 10, minor: 229 },
        mode: 0o666,
        owner: (0, 44),
        access: "rw".into(),
    }];
    agree("much", &container(config, host), &facts);
}

#[test]
fn a_privileged_container_in_the_hosts_namespaces() {
    let config = Config { cmd: command(&["sh"]), ..Config::default() };
    let host = HostConfig {
        privileged: true,
        network_mode: "host".into(),
        pid_mode: "host".into(),
        ipc_mode: "host".into(),
        uts_mode: "host".into(),
        ..HostConfig::default()
    };
    agree("privileged", &container(config, host), &facts());
}

#[test]
fn without_a_program_there_is_no_configuration() {
    let nothing = container(Config::default(), HostConfig::default());
    assert_eq!(configuration(&nothing, &facts()).unwrap_err().to_string(), "no command specified");
}

#[test]
fn a_mount_at_a_place_of_ours_takes_the_place() {
    let config = Config { cmd: command(&["true"]), ..Config::default() };
    let mut facts = facts();
    facts.mounts = vec![OuterMount {
        kind: "bind",
        source: "/big".into(),
        destination: "/dev/shm".into(),
        options: vec!["rbind".into()],
    }];
    let configuration = configuration(&container(config, HostConfig::default()), &facts).unwrap();
    let mounts = configuration["mounts"].as_array().unwrap();
    let shm: Vec<_> = mounts.iter().filter(|mount| mount["destination"] == "/dev/shm").collect();
    assert_eq!(shm.len(), 1);
    assert_eq!(shm[0]["source"], "/big");
}
