use std::path::Path;

use super::*;
use crate::host::{Hierarchy, Unified};
use crate::plan::DeviceKind;

const ALL: [&str; 10] = [
    "cpu", "memory", "cpuset", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "rdma", "devices",
];

fn v1() -> Cgroups {
    let hierarchy = |name: &&str| Hierarchy {
        controllers: vec![name.to_string()],
        mount: format!("/sys/fs/cgroup/{name}").into(),
        own: "/own/group".into(),
    };
    Cgroups { legacy: ALL.iter().map(hierarchy).collect(), unified: None }
}

fn v2() -> Cgroups {
    let (mount, own) = ("/sys/fs/cgroup".into(), "/own/group".into());
    Cgroups { legacy: Vec::new(), unified: Some(Unified { mount, own }) }
}

fn host(cgroups: Cgroups) -> Host {
    Host {
        euid: 0,
        egid: 0,
        rootless: false,
        in_user_namespace: false,
        setgroups: true,
        cgroups,
        apparmor: false,
        selinux: false,
        bounding: 0,
        resctrl: None,
    }
}

fn plan(config: &str, host: &Host) -> Result<Cgroup> {
    cgroup(&Spec::read(config.as_bytes()).unwrap(), host, "web")
}

/// What is written for `linux.resources`, as `file=value`, and the manner where it is special.
fn written(resources: &str, cgroups: Cgroups) -> Vec<String> {
    let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
    let plan = plan(&config, &host(cgroups)).unwrap();
    plan.writes.iter().map(line).collect()
}

fn line(write: &CgroupWrite) -> String {
    let (file, value) = (&write.file, &write.value);
    match &write.manner {
        Manner::Must => format!("{file}={value}"),
        Manner::IfThere => format!("{file}={value} if there"),
        Manner::Again => format!("{file}={value} again"),
        Manner::Else { file: other, value: otherwise } => {
            format!("{file}={value} else {other}={otherwise}")
        }
        Manner::Lines => format!("{file}={value:?} by line"),
    }
}

fn refused(resources: &str, cgroups: Cgroups) -> String {
    let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
    plan(&config, &host(cgroups)).unwrap_err().to_string()
}

#[test]
fn the_path_is_absolute_or_from_where_the_runtime_is() {
    for (given, legacy, unified) in [
        ("", "own/group/web", "own/web"),
        ("/a/b", "a/b", "a/b"),
        ("a/b", "own/group/a/b", "own/a/b"),
        ("../../a", "own/group/a", "own/a"),
        ("/../a/./../b//c/", "b/c", "b/c"),
    ] {
        let config = format!(r#"{{"linux":{{"cgroupsPath":"{given}"}}}}"#);
        for (cgroups, path) in [(v1(), legacy), (v2(), unified)] {
            let plan = plan(&config, &host(cgroups)).unwrap();
            assert!(plan.groups.iter().all(|group| group.path == Path::new(path)), "{plan:?}");
        }
    }
}

#[test]
fn a_path_without_a_name_is_refused() {
    for given in ["/", ".", "..", "/..", "a/.."] {
        let config = format!(r#"{{"linux":{{"cgroupsPath":"{given}"}}}}"#);
        let error = plan(&config, &host(v2())).unwrap_err().to_string();
        assert!(error.starts_with("linux.cgroupsPath: "), "{error}");
    }
}

#[test]
fn memory_comes_last_and_a_hybrid_host_has_a_group_in_cgroup2_too() {
    let mut cgroups = v1();
    cgroups.unified = v2().unified;
    let plan = plan("{}", &host(cgroups)).unwrap();
    assert_eq!(plan.groups.len(), ALL.len() + 1);
    assert_eq!(plan.groups.last().unwrap().controllers, ["memory"]);
    let unified = plan.groups.iter().find(|group| group.controllers.is_empty()).unwrap();
    assert_eq!(unified.path, Path::new("own/group/web"));
}

/// `linux.resources`, what v1 is told, what v2 is told.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const LIMITS: &[Row] = &[
    ("{}", &[], &[]),
    (r#"{"pids":{"limit":0}}"#, &["pids.max=1"], &["pids.max=1"]),
    (r#"{"pids":{"limit":-1}}"#, &["pids.max=max"], &["pids.max=max"]),
    (r#"{"pids":{"limit":9}}"#, &["pids.max=9"], &["pids.max=9"]),
    (r#"{"pids":{}}"#, &[], &[]),
    (r#"{"memory":{"limit":0,"swap":0,"reservation":0}}"#, &[], &[]),
    (
        r#"{"memory":{"limit":100,"swap":300,"reservation":50}}"#,
        &[
            "memory.limit_in_bytes=100 again",
            "memory.memsw.limit_in_bytes=300",
            "memory.soft_limit_in_bytes=50",
        ],
        &["memory.swap.max=200", "memory.max=100", "memory.low=50"],
    ),
    (
        r#"{"memory":{"limit":100,"swap":100}}"#,
        &["memory.limit_in_bytes=100 again", "memory.memsw.limit_in_bytes=100"],
        &["memory.swap.max=0 if there", "memory.max=100"],
    ),
    (
        r#"{"memory":{"limit":-1}}"#,
        &["memory.limit_in_bytes=-1 again", "memory.memsw.limit_in_bytes=-1 if there"],
        &["memory.swap.max=max if there", "memory.max=max"],
    ),
    (
        r#"{"cpu":{"shares":1024,"quota":5000,"period":10000,"burst":0,"idle":1}}"#,
        &[
            "cpu.shares=1024 again",
            "cpu.idle=1",
            "cpu.cfs_period_us=10000 again",
            "cpu.cfs_burst_us=0 again",
            "cpu.cfs_quota_us=5000 again",
        ],
        &["cpu.weight=100 again", "cpu.idle=1", "cpu.max.burst=0 again", "cpu.max=5000 10000"],
    ),
    (r#"{"cpu":{"quota":-1}}"#, &["cpu.cfs_quota_us=-1 again"], &["cpu.max=max"]),
    (r#"{"cpu":{"period":7000}}"#, &["cpu.cfs_period_us=7000 again"], &["cpu.max=max 7000"]),
    (
        r#"{"cpu":{"cpus":"0-1","mems":"0"}}"#,
        &["cpuset.cpus=0-1", "cpuset.mems=0"],
        &["cpuset.cpus=0-1", "cpuset.mems=0"],
    ),
    (
        r#"{"blockIO":{"weight":500,"weightDevice":[{"major":8,"minor":0,"weight":10}]}}"#,
        &[
            "blkio.weight=500 else blkio.bfq.weight=500",
            "blkio.weight_device=8:0 10 else blkio.bfq.weight_device=8:0 10",
        ],
        &["io.bfq.weight=500 else io.weight=4950", "io.bfq.weight=8:0 10 else io.weight=8:0 1"],
    ),
    (
        r#"{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":7}],
            "throttleWriteIOPSDevice":[{"major":8,"minor":1,"rate":0}]}}"#,
        &["blkio.throttle.read_bps_device=8:0 7", "blkio.throttle.write_iops_device=8:1 0"],
        &["io.max=8:0 rbps=7", "io.max=8:1 wiops=max"],
    ),
    (
        r#"{"hugepageLimits":[{"pageSize":"2MB","limit":9}]}"#,
        &["hugetlb.2MB.rsvd.limit_in_bytes=9 if there", "hugetlb.2MB.limit_in_bytes=9"],
        &["hugetlb.2MB.rsvd.max=9 if there", "hugetlb.2MB.max=9"],
    ),
    (
        r#"{"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":4},"mlx5_2":{"hcaObjects":5}}}"#,
        &["rdma.max=mlx5_1 hca_handle=3 hca_object=4", "rdma.max=mlx5_2 hca_object=5"],
        &["rdma.max=mlx5_1 hca_handle=3 hca_object=4", "rdma.max=mlx5_2 hca_object=5"],
    ),
];

#[test]
fn limits_are_written_in_the_words_of_each_version() {
    for (resources, legacy, unified) in LIMITS {
        assert_eq!(written(resources, v1()), *legacy, "{resources}");
        assert_eq!(written(resources, v2()), *unified, "{resources}");
    }
}

#[test]
fn what_only_one_version_has() {
    for (resources, legacy) in [
        (r#"{"memory":{"swappiness":60}}"#, "memory.swappiness=60"),
        (r#"{"memory":{"useHierarchy":false}}"#, "memory.use_hierarchy=0"),
        (r#"{"memory":{"disableOOMKiller":true}}"#, "memory.oom_control=1"),
        (r#"{"cpu":{"realtimeRuntime":5}}"#, "cpu.rt_runtime_us=5 again"),
        (r#"{"blockIO":{"leafWeight":500}}"#, "blkio.leaf_weight=500"),
        (r#"{"network":{"classID":7}}"#, "net_cls.classid=7"),
        (r#"{"network":{"priorities":[{"name":"lo","priority":3}]}}"#, "net_prio.ifpriomap=lo 3"),
    ] {
        assert_eq!(written(resources, v1()), [legacy]);
        let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
        let plan = plan(&config, &host(v2())).unwrap();
        assert_eq!((plan.writes.len(), plan.warnings.len()), (0, 1), "{plan:?}");
    }
    let lines = r#"{"unified":{"io.max":"8:0 rbps=1\n8:1 rbps=2"}}"#;
    assert_eq!(written(lines, v2()), [r#"io.max="8:0 rbps=1\n8:1 rbps=2" by line"#]);
    assert!(refused(lines, v1()).contains("cannot use unified on cgroup v1"));
}

#[test]
fn an_error_names_the_field() {
    for (resources, cgroups, field) in [
        (r#"{"memory":{"limit":-5}}"#, v2(), "linux.resources.memory.limit: -5"),
        (r#"{"memory":{"swap":5}}"#, v2(), "linux.resources.memory.swap: unable"),
        (r#"{"memory":{"limit":9,"swap":5}}"#, v2(), "linux.resources.memory.swap: memory+swap"),
        (r#"{"memory":{"swappiness":101}}"#, v1(), "linux.resources.memory.swappiness: 101"),
        (r#"{"cpu":{"shares":1}}"#, v1(), "linux.resources.cpu.shares: the minimum"),
        (r#"{"cpu":{"shares":262145}}"#, v1(), "linux.resources.cpu.shares: the maximum"),
        (r#"{"blockIO":{"weight":9}}"#, v2(), "linux.resources.blockIO.weight: 9"),
        (r#"{"unified":{"../x":"1"}}"#, v2(), "linux.resources.unified: \"../x\""),
        (r#"{"unified":{"..":"1"}}"#, v2(), "linux.resources.unified: \"..\""),
        (
            r#"{"unified":{"memory":"1"}}"#,
            v2(),
            "linux.resources.unified: the specified key has not the form CONTROLLER.VALUE `memory`",
        ),
        (
            r#"{"unified":{"pids.max":"m\u0000"}}"#,
            v2(),
            "linux.resources.unified: holds a NUL byte",
        ),
        (
            r#"{"unified":{"pids.max\u0000":"1"}}"#,
            v2(),
            "linux.resources.unified: holds a NUL byte",
        ),
        (r#"{"cpu":{"cpus":"0\u0000"}}"#, v1(), "linux.resources.cpu.cpus: holds a NUL byte"),
        (r#"{"devices":[{"allow":true}]}"#, v2(), "linux.resources.devices.access: device access"),
        (r#"{"devices":[{"access":"rx"}]}"#, v2(), "linux.resources.devices.access: \"rx\""),
        (r#"{"devices":[{"access":"r","type":"p"}]}"#, v2(), "linux.resources.devices.type: \"p\""),
        (r#"{"devices":[{"access":"r","major":-2}]}"#, v2(), "linux.resources.devices.major: -2"),
    ] {
        let error = refused(resources, cgroups);
        assert!(error.starts_with(field), "{error}");
    }
    for size in ["", "2M", "MB", "2MB/../x", "-2MB"] {
        let limits = format!(r#"{{"hugepageLimits":[{{"pageSize":"{size}","limit":1}}]}}"#);
        assert!(refused(&limits, v2()).starts_with("linux.resources.hugepageLimits: "));
    }
    let mut few = v1();
    few.legacy.retain(|hierarchy| hierarchy.controllers != ["pids"]);
    let error = refused(r#"{"pids":{"limit":5}}"#, few);
    assert_eq!(error, "linux.resources.pids.limit: this host has no cgroup controller pids");
}

#[test]
fn a_weight_beside_idle_is_told() {
    let warned = |resources: &str| {
        let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
        plan(&config, &host(v2())).unwrap().warnings.join("; ")
    };
    for both in
        [r#"{"cpu":{"shares":1024,"idle":1}}"#, r#"{"unified":{"cpu.idle":"1","cpu.weight":"8"}}"#]
    {
        assert!(warned(both).contains("unable to apply both"), "{both}");
    }
    assert_eq!(warned(r#"{"cpu":{"shares":1024,"idle":0}}"#), "");
}

#[test]
fn usage_is_looked_at_where_it_is_asked_for() {
    let memory = r#"{"memory":{"limit":100,"swap":300,"checkBeforeUpdate":true}}"#;
    let (new, none) = (serde_json::from_str(memory).unwrap(), Resources::default());
    let update = update(&new, &none, &v2()).unwrap();
    let bounds = update.writes.iter().map(|write| (&*write.file, write.beyond_usage));
    let expected = [("memory.swap.max", Some(300)), ("memory.max", Some(100))];
    assert_eq!(bounds.collect::<Vec<_>>(), expected);
}

#[test]
fn an_update_completes_pairs_from_what_is_there() {
    for (old, new, unified) in [
        (r#"{"cpu":{"quota":5,"period":9}}"#, r#"{"cpu":{"period":8}}"#, &["cpu.max=5 8"][..]),
        (r#"{"cpu":{"quota":5,"period":9}}"#, r#"{"cpu":{"quota":6}}"#, &["cpu.max=6 9"]),
        (r#"{"cpu":{"quota":5}}"#, r#"{"cpu":{"shares":1024}}"#, &["cpu.weight=100 again"]),
        (
            r#"{"memory":{"limit":100,"swap":300}}"#,
            r#"{"memory":{"limit":200}}"#,
            &["memory.swap.max=100", "memory.max=200"],
        ),
        (
            r#"{"memory":{"limit":100,"swap":300}}"#,
            r#"{"memory":{"swap":400}}"#,
            &["memory.swap.max=300", "memory.max=100"],
        ),
        (
            r#"{"memory":{"limit":100,"swap":300}}"#,
            r#"{"memory":{"limit":-1}}"#,
            &["memory.swap.max=max if there", "memory.max=max"],
        ),
        (r#"{"pids":{"limit":5}}"#, r#"{"devices":[{"access":"r"}]}"#, &[]),
    ] {
        let (old, new) = (serde_json::from_str(old).unwrap(), serde_json::from_str(new).unwrap());
        let update = update(&new, &old, &v2()).unwrap();
        assert_eq!(update.writes.iter().map(line).collect::<Vec<_>>(), unified, "{new:?}");
    }
}

#[test]
fn what_is_there_after_an_update_is_the_old_and_the_new() {
    let old =
        r#"{"cpu":{"quota":5,"cpus":"0"},"pids":{"limit":5},"unified":{"x.a":"1","x.b":"2"}}"#;
    let new = r#"{"cpu":{"period":9},"memory":{"limit":7},"unified":{"x.b":"3"}}"#;
    let merged = merge(&serde_json::from_str(old).unwrap(), &serde_json::from_str(new).unwrap());
    let expected = r#"{"cpu":{"quota":5,"period":9,"cpus":"0"},"pids":{"limit":5},
        "memory":{"limit":7},"unified":{"x.a":"1","x.b":"3"}}"#;
    assert_eq!(merged, serde_json::from_str(expected).unwrap());
}

#[test]
fn the_rules_of_the_user_come_before_those_of_everybody() {
    let config = r#"{"linux":{"resources":{"devices":[
        {"allow":false,"access":"rwm"},{"allow":true,"type":"b","major":8,"minor":-1,"access":"mr"}
    ]}}}"#;
    let rules = plan(config, &host(v2())).unwrap().devices.unwrap();
    assert!(rules[0].is_total() && !rules[0].allow);
    let disk = &rules[1];
    let expected = (true, DeviceKind::Block, Some(8), None, 3);
    assert_eq!((disk.allow, disk.kind, disk.major, disk.minor, disk.access), expected);
    assert_eq!(rules.len(), 2 + 11);
    assert!(rules[2..].iter().all(|rule| rule.allow));
    let rootless = Host { rootless: true, ..host(v2()) };
    assert_eq!(plan(config, &rootless).unwrap().devices, None);
    assert_eq!(plan("{}", &host(v2())).unwrap().devices.unwrap().len(), 11);
}

#[test]
fn a_group_is_optional_only_without_rights_and_without_a_path() {
    let rootless = Host { rootless: true, ..host(v2()) };
    assert!(plan("{}", &rootless).unwrap().optional);
    assert!(!plan(r#"{"linux":{"cgroupsPath":"x"}}"#, &rootless).unwrap().optional);
    assert!(!plan("{}", &host(v2())).unwrap().optional);
}

#[test]
fn the_group_is_given_away_where_the_container_may_write_to_it() {
    let config = |options: &str, namespaces: &str| {
        format!(
            r#"{{"process":{{"user":{{"uid":1000}}}},
            "mounts":[{{"destination":"/sys/fs/cgroup/","type":"cgroup","options":[{options}]}}],
            "linux":{{"uidMappings":[{{"containerID":0,"hostID":100000,"size":65536}}],
                      "namespaces":[{namespaces}]}}}}"#
        )
    };
    const OWN: &str = r#"{"type":"cgroup"}"#;
    const USER: &str = r#"{"type":"cgroup"},{"type":"user"}"#;
    for (options, namespaces, owner) in [
        ("", OWN, Some(1000)),
        (r#""ro","rw""#, OWN, Some(1000)),
        (r#""ro""#, OWN, None),
        ("", USER, Some(101_000)),
        ("", "", None),
        ("", r#"{"type":"cgroup","path":"/proc/1/ns/cgroup"}"#, None),
    ] {
        let config = config(options, namespaces);
        assert_eq!(plan(&config, &host(v2())).unwrap().owner, owner, "{config}");
        assert_eq!(plan(&config, &host(v1())).unwrap().owner, None);
    }
}
