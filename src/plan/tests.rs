use std::path::Path;

use super::{
    CgroupManager, ExecOverrides, ExecSource, Keyring, Options, Plan, RootSwitch, Terminal,
};
use crate::error::Result;
use crate::host::{Cgroups, Host};
use crate::seccomp::Filter;
use crate::spec::{Process, Spec};

fn host() -> Host {
    Host {
        euid: 0,
        egid: 0,
        rootless: false,
        in_user_namespace: false,
        setgroups: true,
        cgroups: Cgroups::default(),
        apparmor: false,
        selinux: false,
        bounding: u64::MAX,
        resctrl: None,
    }
}

fn options(seccomp: Option<Filter>) -> Options<'static> {
    Options {
        id: "id",
        bundle: Path::new("/b"),
        root_switch: RootSwitch::Pivot,
        keyring: Keyring::New,
        cgroup_manager: CgroupManager::Cgroupfs,
        unit_properties: super::PROPERTIES_OF_LIMITS,
        seccomp,
    }
}

/// Reads a config whose process and root are filled in.
fn read(text: &str) -> Spec<'_> {
    let mut spec = Spec::read(text.as_bytes()).unwrap();
    spec.root.get_or_insert_default();
    let process = spec.process.get_or_insert_default();
    (process.args, process.cwd) = (vec!["sh".into()], "/".into());
    spec
}

fn planned(text: &str) -> Result<Plan> {
    super::container(&read(text), &host(), &options(None))
}

/// Each row: a config, and why it cannot be planned.
const REFUSED: &[(&str, &str)] = &[
    (
        r#"{"linux": {"namespaces": [{"type": "net"}]}}"#,
        r#"linux.namespaces: namespace "net" does not exist"#,
    ),
    (
        r#"{"linux": {"rootfsPropagation": "ro"}}"#,
        "linux.rootfsPropagation: rootfsPropagation=ro is not supported",
    ),
    (
        r#"{"mounts": [{"destination": "/m", "source": "/s", "options": ["bind", "size=1"]}]}"#,
        "mounts[0] on /m: options: a bind or remount cannot have options of a file system: size=1",
    ),
    (
        r#"{"mounts": [{"destination": "/m", "options": ["rbind"]}]}"#,
        "mounts[0] on /m: source: is missing",
    ),
    (
        r#"{"mounts": [{"destination": "/m", "source": "s", "options": ["bind", "idmap"]}]}"#,
        "mounts[0] on /m: idmap: there are no mappings and no user namespace",
    ),
    (
        r#"{"mounts": [{"destination": "/m", "type": "tmpfs",
            "options": ["idmap=uids=0-1-1;gids=0-1-1"]}]}"#,
        "mounts[0] on /m: id-mapped mounts are only supported for bind-mounts",
    ),
    (
        r#"{"linux": {"devices": [{"path": "/dev/x", "type": "a"}]}}"#,
        r#"linux.devices: /dev/x: type: "a" is not known"#,
    ),
    (
        r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 4096}]}}"#,
        "linux.devices: /dev/x: major: 4096 is not in 0 to 4095",
    ),
    (
        r#"{"linux": {"devices": [{"path": "/dev/x", "type": "b", "minor": -1}]}}"#,
        "linux.devices: /dev/x: minor: -1 is not in 0 to 1048575",
    ),
    (
        r#"{"process": {"rlimits": [{"type": "RLIMIT_X"}]}}"#,
        r#"process.rlimits: "RLIMIT_X" is not known"#,
    ),
    (
        r#"{"process": {"scheduler": {"policy": "FIFO"}}}"#,
        r#"process.scheduler.policy: "FIFO" is not known"#,
    ),
    (
        r#"{"process": {"ioPriority": {"class": "RT"}}}"#,
        r#"process.ioPriority.class: "RT" is not known"#,
    ),
    (
        r#"{"process": {"execCPUAffinity": {"initial": ","}}}"#,
        "process.execCPUAffinity.initial: names no CPU",
    ),
    (
        r#"{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "1-0"}}}"#,
        r#"linux.memoryPolicy.nodes: invalid memory policy nodes: "1-0" is no number and no range"#,
    ),
    (
        r#"{"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "0-7"}}}"#,
        "linux.memoryPolicy.nodes: MPOL_LOCAL mode requires 0 nodes but got 8",
    ),
    (
        r#"{"linux": {"memoryPolicy": {"mode": "BIND", "nodes": "0"}}}"#,
        r#"linux.memoryPolicy.mode: invalid memory policy mode: "BIND" is not known"#,
    ),
    (
        r#"{"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "flags": ["bad"]}}}"#,
        r#"linux.memoryPolicy.flags: invalid memory policy flag: "bad" is not known"#,
    ),
    (
        r#"{"linux": {"rootfsPropagation": "rslave"}}"#,
        "linux.rootfsPropagation: unable to set rootfs propagation without a private MNT namespace",
    ),
    (
        r#"{"linux": {"personality": {"domain": "linux"}}}"#,
        r#"linux.personality.domain: "linux" is not known"#,
    ),
    (
        r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}"#,
        "linux.seccomp: the filter was not compiled",
    ),
];

#[test]
fn what_cannot_be_planned_is_refused_by_its_field() {
    for (config, words) in REFUSED {
        assert_eq!(planned(config).unwrap_err().to_string(), *words, "{config}");
    }
}

#[test]
fn a_private_root_is_not_safe_without_pivot_root() {
    let spec = read(
        r#"{"linux": {"rootfsPropagation": "rprivate",
                                  "namespaces": [{"type": "mount"}]}}"#,
    );
    let moved = Options { root_switch: RootSwitch::Move, ..options(None) };
    assert!(super::container(&spec, &host(), &moved).is_err());
    assert!(super::container(&spec, &host(), &options(None)).is_ok());
}

#[test]
fn without_a_mount_namespace_the_root_is_only_changed() {
    assert_eq!(planned("{}").unwrap().root.switch, RootSwitch::Chroot);
    let moved = Options { root_switch: RootSwitch::Move, ..options(None) };
    let refused = super::container(&read("{}"), &host(), &moved).unwrap_err().to_string();
    let words = "--no-pivot: unable to use no-pivot without a private MNT namespace";
    assert_eq!(refused, words);
}

#[test]
fn a_dev_that_the_user_binds_is_left_alone() {
    let bound = r#"{"mounts": [{"destination": "/dev/", "source": "/dev", "options": ["rbind"]}]}"#;
    assert_eq!(planned(bound).unwrap().dev, None);
    assert!(planned("{}").unwrap().dev.is_some());
}

#[test]
fn a_device_that_is_there_twice_is_made_once() {
    let plan = planned(
        r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 1},
                                  {"path": "/dev//x", "type": "c", "major": 1, "minor": 1},
                                  {"path": "/dev/x", "type": "c", "major": 1, "minor": 2},
                                  {"type": "c", "major": 7, "minor": 7}]}}"#,
    )
    .unwrap();
    assert_eq!(plan.dev.unwrap().nodes.len(), 7);
    assert_eq!(plan.warnings, ["linux.devices: /dev/x is there twice"]);
}

#[test]
fn a_spec_without_capabilities_gives_none() {
    let process = planned("{}").unwrap().process;
    assert_eq!(process.capabilities, Some(super::Capabilities::default()));
}

#[test]
fn an_annotation_of_cruns_keeps_the_callers_groups() {
    assert_eq!(planned("{}").unwrap().process.user.groups, Some(vec![]));
    let kept = r#"{"annotations": {"run.oci.keep_original_groups": "1"}}"#;
    assert_eq!(planned(kept).unwrap().process.user.groups, None);
}

#[test]
fn a_filter_that_is_asked_for_is_there() {
    let spec = read(r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}"#);
    let filter = Filter { program: vec![], flags: 0, listener: None, warnings: vec![] };
    let plan = super::container(&spec, &host(), &options(Some(filter.clone()))).unwrap();
    assert_eq!(plan.process.seccomp, Some(filter));
    let exec = ExecOverrides { args: vec!["sh".into()], ..Default::default() };
    assert!(super::exec(&spec, ExecSource::Overrides(&exec), &host(), None).is_err());
}

#[test]
fn exec_changes_what_the_command_line_says() {
    let mut spec = read(
        r#"{"process": {"env": ["A=1", "B=1"], "terminal": true, "noNewPrivileges": true,
                        "user": {"uid": 7, "gid": 8, "umask": 63, "additionalGids": [9]}}}"#,
    );
    spec.process.as_mut().unwrap().cwd = "/w".into();
    let overrides = ExecOverrides {
        args: vec!["ls".into(), "-l".into()],
        env: vec!["A=2".into()],
        user: Some("5".into()),
        additional_gids: vec!["1,2".into(), "3".into()],
        capabilities: vec!["CAP_KILL".into()],
        ..Default::default()
    };
    let exec = super::exec(&spec, ExecSource::Overrides(&overrides), &host(), None).unwrap();
    let process = exec.process;
    assert_eq!(process.args, ["ls", "-l"]);
    assert_eq!(process.env, ["B=1", "A=2"]);
    assert_eq!((process.user.uid, process.user.gid), (5, 8));
    assert_eq!(process.user.groups, Some(vec![9, 1, 2, 3]));
    assert_eq!((process.cwd.as_str(), process.umask), ("/w", 0o077));
    assert_eq!(process.terminal, Terminal::None);
    assert!(process.no_new_privileges);
    let sets = process.capabilities.unwrap();
    assert_eq!((sets.permitted, sets.inheritable, sets.ambient), (1 << 5, 0, 0));
}

#[test]
fn exec_tells_what_is_wrong_with_its_process() {
    let spec = read("{}");
    let refused = |overrides: &ExecOverrides| {
        let source = ExecSource::Overrides(overrides);
        super::exec(&spec, source, &host(), None).unwrap_err().to_string()
    };
    let args = vec!["sh".to_owned()];
    let overrides = ExecOverrides { cwd: Some("x".into()), ..Default::default() };
    assert_eq!(
        refused(&overrides),
        "process.cwd: Cwd must be an absolute path; process.args: args must not be empty"
    );
    let overrides = ExecOverrides { user: Some("1:".into()), args, ..Default::default() };
    assert_eq!(refused(&overrides), r#"--user: "" is not an id"#);
    let file = Process { args: vec!["sh".into()], ..Default::default() };
    let error = super::exec(&spec, ExecSource::File(&file), &host(), None).unwrap_err();
    assert_eq!(error.to_string(), "process.cwd: Cwd property must not be empty");
}
