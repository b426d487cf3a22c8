use super::{problems, process_problems, sound};
use crate::host::{Cgroups, Host};
use crate::spec::{self, IdMapping, Spec};

fn root() -> Host {
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

fn user() -> Host {
    Host { euid: 1000, egid: 1000, rootless: true, ..root() }
}

/// A sound spec with the fields of `more` beside or instead of its own.
fn told(host: &Host, more: &str) -> Vec<String> {
    let mut config: serde_json::Value = serde_json::from_str(
        r#"{"ociVersion": "1.2.0", "root": {"path": "rootfs"},
            "process": {"args": ["sh"], "cwd": "/"}}"#,
    )
    .unwrap();
    merge(&mut config, serde_json::from_str(more).unwrap());
    let text = config.to_string();
    let spec = Spec::read(text.as_bytes()).unwrap();
    problems(&spec, host).iter().map(ToString::to_string).collect()
}

fn merge(config: &mut serde_json::Value, more: serde_json::Value) {
    match (config, more) {
        (serde_json::Value::Object(config), serde_json::Value::Object(more)) => {
            for (key, value) in more {
                merge(config.entry(key).or_insert_with(Default::default), value);
            }
        }
        (config, more) => *config = more,
    }
}

#[test]
fn what_is_sound_has_no_problems() {
    let sound = [
        r#"{}"#,
        r#"{"ociVersion": "1.0.0-rc5-dev"}"#,
        r#"{"ociVersion": "1.99.0+dev"}"#,
        r#"{"hostname": "a", "linux": {"namespaces": [{"type": "uts", "path": "/x"}]}}"#,
        r#"{"mounts": [{"destination": "/proc", "type": "bind", "options": ["rbind"]}]}"#,
        r#"{"mounts": [{"destination": "/proc/meminfo", "options": ["bind"]}]}"#,
        r#"{"mounts": [{"destination": "/proc/sys/kernel/ns_last_pid", "options": ["bind"]}]}"#,
        r#"{"mounts": [{"destination": "/procfs"}, {"destination": "/proc/../tmp"}]}"#,
        r#"{"linux": {"namespaces": [{"type": "user", "path": "/x"}],
            "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}}"#,
        r#"{"linux": {"namespaces": [{"type": "network"}, {"type": "ipc"}, {"type": "uts"}],
            "sysctl": {"net.ipv4.ip_forward": "1", "net/ipv4/conf/a.b/x": "1",
                       "fs.mqueue.msg_max": "1", "kernel.sem": "1", "kernel.domainname": "x"}}}"#,
        r#"{"process": {"apparmorProfile": "unconfined"}}"#,
        r#"{"linux": {"memoryPolicy": {"mode": "MPOL_PREFERRED"}}}"#,
    ];
    for more in sound {
        assert_eq!(told(&root(), more), [""; 0], "{more}");
    }
}

/// Each row: what is added to a sound spec, and the one problem that it then has.
const PROBLEMS: &[(&str, &str)] = &[
    (r#"{"ociVersion": null}"#, "ociVersion: is missing"),
    (r#"{"ociVersion": "2.0.0"}"#, r#"ociVersion: "2.0.0" is not supported, only 1.x is"#),
    (r#"{"root": null}"#, "root: root must be specified"),
    (r#"{"root": {"path": null}}"#, "root.path: is missing"),
    (r#"{"process": null}"#, "process: process property must not be empty"),
    (r#"{"process": {"cwd": ""}}"#, "process.cwd: Cwd property must not be empty"),
    (r#"{"process": {"cwd": "a"}}"#, "process.cwd: Cwd must be an absolute path"),
    (r#"{"process": {"args": []}}"#, "process.args: args must not be empty"),
    (
        r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU"}, {"type": "RLIMIT_CPU"}]}}"#,
        "process.rlimits[1]: RLIMIT_CPU is there twice",
    ),
    (
        r#"{"process": {"selinuxLabel": "a:b:c"}}"#,
        "process.selinuxLabel: selinux label is specified in config, but selinux is disabled or \
         not supported",
    ),
    (
        r#"{"process": {"apparmorProfile": "p"}}"#,
        "process.apparmorProfile: apparmor: config provided but apparmor not supported",
    ),
    (r#"{"process": {"scheduler": {}}}"#, "process.scheduler: scheduler policy is required"),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}}"#,
        "process.scheduler: invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_BATCH", "priority": 1}}}"#,
        "process.scheduler: scheduler.priority can only be specified for SchedFIFO or SchedRR \
         policy",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_RR", "period": 1}}}"#,
        "process.scheduler: scheduler runtime/deadline/period can only be specified for \
         SchedDeadline policy",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "deadline": 9000}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` requires `runtime`",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 9000}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` requires `deadline`",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 0, "deadline": 9000}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` runtime must be greater than 0",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1023, "deadline": 9000}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` runtime 1023 must be between 1024 and \
         9223372036854775807",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 9001, "deadline": 9000}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` runtime 9001 must be <= deadline 9000",
    ),
    (
        r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 8000, "deadline": 9000,
            "period": 8999}}}"#,
        "process.scheduler: sched_setattr: `SCHED_DEADLINE` deadline 9000 must be <= period 8999",
    ),
    (
        r#"{"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}}"#,
        "process.ioPriority: invalid ioPriority.Priority: 8",
    ),
    (r#"{"process": {"user": {"uid": 4294967295}}}"#, "process.user: 4294967295 is not a uid"),
    (
        r#"{"process": {"user": {"additionalGids": [4294967295]}}}"#,
        "process.user: 4294967295 is not a gid",
    ),
    (r#"{"mounts": [{"type": "tmpfs"}]}"#, "mounts[0].destination: is missing"),
    (
        r#"{"mounts": [{"destination": "/a/..", "type": "proc"}]}"#,
        "mounts[0].destination: only a tmpfs or a bind mount can be over the root",
    ),
    (
        r#"{"mounts": [{"destination": "/proc/self/attr", "options": ["bind"]}]}"#,
        r#"mounts[0].destination: "/proc/self/attr" cannot be mounted because it is inside /proc"#,
    ),
    (
        r#"{"mounts": [{"destination": "/x/..//proc/./meminfo/x"}]}"#,
        "mounts[0].destination: \"/x/..//proc/./meminfo/x\" cannot be mounted because it is inside \
         /proc",
    ),
    (
        r#"{"mounts": [{"destination": "proc/", "type": "tmpfs"}]}"#,
        r#"mounts[0].destination: "proc/" cannot be mounted because it is not of type proc"#,
    ),
    (
        r#"{"mounts": [{"destination": "/m", "options": ["bind"],
            "uidMappings": [{"size": 1}]}]}"#,
        "mounts[0].uidMappings: id-mapped mounts must have both uid and gid mappings",
    ),
    (r#"{"hostname": "a"}"#, "hostname: unable to set hostname without a private UTS namespace"),
    (
        r#"{"domainname": "a"}"#,
        "domainname: unable to set domainname without a private UTS namespace",
    ),
    (
        r#"{"linux": {"readonlyPaths": ["/a"]}}"#,
        "linux.maskedPaths: unable to restrict sys entries without a private MNT namespace",
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "pid"}, {"type": "pid", "path": "/x"}]}}"#,
        r#"linux.namespaces[1]: malformed spec file: duplicated ns "pid""#,
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "pid", "path": "x"}]}}"#,
        r#"linux.namespaces[0].path: "x" is not absolute"#,
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "user"}],
            "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}}"#,
        "linux.uidMappings: uid and gid mappings must both be there",
    ),
    (
        r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}}"#,
        "linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in \
         the config",
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "time", "path": "/x"}],
            "timeOffsets": {"monotonic": {"secs": 1}}}}"#,
        "linux.timeOffsets: time namespace enabled, but both namespace path and time offsets \
         specified -- you may only provide one",
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "time"}], "timeOffsets": {"real": {"secs": 1}}}}"#,
        r#"linux.timeOffsets: there is no clock "real""#,
    ),
    (
        r#"{"linux": {"netDevices": {"eth0": {}}}}"#,
        "linux.netDevices: unable to move network devices without a private NET namespace",
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "network"}], "netDevices": {"e": {"name": "a/b"}}}}"#,
        r#"linux.netDevices: invalid network device name "a/b""#,
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "network"}],
            "netDevices": {"eth0": {}, "eth1": {"name": "eth0"}}}}"#,
        r#"linux.netDevices: two devices are called "eth0" inside"#,
    ),
    (
        r#"{"linux": {"resources": {"devices": [{"allow": false}]}}}"#,
        "linux.resources.devices: device access at 0 field cannot be empty",
    ),
    (
        r#"{"annotations": {"run.oci.handler": "krun"}}"#,
        "annotations: run.oci.handler: \"krun\": a container is no virtual machine",
    ),
    (
        r#"{"annotations": {"run.oci.seccomp.plugins": "a.so"}}"#,
        "annotations: run.oci.seccomp.plugins: no plugins are loaded",
    ),
    (
        r#"{"linux": {"intelRdt": {"closID": "a/b"}}}"#,
        "linux.intelRdt.closID: \"a/b\" is no name of a directory",
    ),
    (
        r#"{"linux": {"intelRdt": {"memBwSchema": "L3:0=f"}}}"#,
        "linux.intelRdt.memBwSchema: \"L3:0=f\" is not one line that starts with MB:",
    ),
    (
        r#"{"linux": {"intelRdt": {"l3CacheSchema": "L3:0=f\nf0"}}}"#,
        "linux.intelRdt.l3CacheSchema: \"f0\" is no line like L3:0=f;1=f0",
    ),
    (
        r#"{"linux": {"intelRdt": {"schemata": ["L3:0=f\nL2:0=f"]}}}"#,
        "linux.intelRdt.schemata: \"L3:0=f\\nL2:0=f\" is more than one line",
    ),
    (
        r#"{"linux": {"memoryPolicy": {"mode": "MPOL_BIND"}}}"#,
        "linux.memoryPolicy.nodes: MPOL_BIND needs at least one node",
    ),
    (
        r#"{"linux": {"memoryPolicy": {"nodes": "0"}}}"#,
        "linux.memoryPolicy.mode: invalid memory policy mode: it is missing",
    ),
    (
        r#"{"linux": {"sysctl": {"kernel.sem": "1"}}}"#,
        r#"linux.sysctl: sysctl "kernel.sem" is not allowed in the hosts ipc namespace"#,
    ),
    (
        r#"{"linux": {"sysctl": {"net/core/somaxconn": "1"}}}"#,
        r#"linux.sysctl: sysctl "net/core/somaxconn" not allowed in host network namespace"#,
    ),
    (
        r#"{"linux": {"sysctl": {"kernel.core_pattern": "x"}}}"#,
        r#"linux.sysctl: sysctl "kernel.core_pattern" is not in a separate kernel namespace"#,
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "uts"}], "sysctl": {"kernel.hostname": "x"}}}"#,
        "linux.sysctl: sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \
         \"hostname\" field",
    ),
    (
        r#"{"linux": {"namespaces": [{"type": "network"}], "sysctl": {"net/../kernel/x": ""}}}"#,
        r#"linux.sysctl: sysctl "net/../kernel/x" contains an invalid path"#,
    ),
    (
        r#"{"hooks": {"poststop": [{"path": "a"}]}}"#,
        r#"hooks.poststop[0].path: "a" is not absolute"#,
    ),
    (
        r#"{"hooks": {"prestart": [{"path": "/a", "timeout": 0}]}}"#,
        "hooks.prestart[0].timeout: 0 is not greater than zero",
    ),
];

#[test]
fn each_problem_is_told() {
    for (more, words) in PROBLEMS {
        assert_eq!(told(&root(), more), [*words], "{more}");
    }
}

const OWN: &str = r#""uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
                     "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]"#;

#[test]
fn without_privileges_a_user_namespace_comes_by_itself() {
    fn maps(text: &[u8], uid: u32) -> (Vec<String>, Vec<u32>, Vec<u32>) {
        let mut spec = Spec::read(text).unwrap();
        spec.map_own_ids(uid, 100);
        let kinds = spec.linux.namespaces.iter().map(|space| space.kind.to_string()).collect();
        let hosts = |maps: &[IdMapping]| maps.iter().map(|line| line.host_id).collect::<Vec<_>>();
        (kinds, hosts(&spec.linux.uid_mappings), hosts(&spec.linux.gid_mappings))
    }
    let user = vec!["user".to_owned()];
    assert_eq!(maps(b"{}", 0), (vec![], vec![], vec![]));
    assert_eq!(maps(b"{}", 1000), (user.clone(), vec![1000], vec![100]));
    let asked = br#"{"linux": {"namespaces": [{"type": "user"}]}}"#;
    assert_eq!(maps(asked, 0), (user.clone(), vec![0], vec![100]));
    let joined = br#"{"linux": {"namespaces": [{"type": "user", "path": "/u"}]}}"#;
    assert_eq!(maps(joined, 1000), (user.clone(), vec![], vec![]));
    let mapped = format!(r#"{{"linux": {{"namespaces": [{{"type": "user"}}], {OWN}}}}}"#);
    assert_eq!(maps(mapped.as_bytes(), 7), (user, vec![1000], vec![1000]));
    // An engine's root in the user namespace that the engine made.
    assert_eq!(told(&Host { in_user_namespace: true, rootless: true, ..root() }, "{}"), [""; 0]);
}

#[test]
fn without_privileges_ids_must_be_mapped() {
    let more = format!(
        r#"{{"process": {{"user": {{"uid": 5, "gid": 6, "additionalGids": [0]}}}},
            "mounts": [{{"destination": "/m", "type": "tmpfs", "options": ["mode=1,uid=0,gid=7"]}}],
            "linux": {{"namespaces": [{{"type": "user"}}], {OWN}}}}}"#
    );
    let expected = [
        "mounts[0].options: cannot specify gid=7 mount option for rootless container: it is not \
         mapped",
        "process.user: cannot setuid to unmapped uid 5 in user namespace",
        "process.user: cannot setgid to unmapped gid 6 in user namespace",
        "process.user.additionalGids: cannot set any additional groups in a rootless container",
    ];
    assert_eq!(told(&user(), &more), expected);
}

#[test]
fn every_problem_is_told_at_once() {
    let spec = Spec::default();
    let problems = problems(&spec, &root());
    assert_eq!(
        sound(&problems).unwrap_err().to_string(),
        "process: process property must not be empty; ociVersion: is missing; root: root must be \
         specified"
    );
    assert!(problems.iter().all(|problem| problem.chapter.starts_with("config")));
}

#[test]
fn a_process_of_exec_is_held_against_the_container() {
    let process = spec::Process { cwd: "x".into(), ..Default::default() };
    let problems = process_problems(&Spec::default(), &process, &root());
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["process.cwd", "process.args"]);
}
