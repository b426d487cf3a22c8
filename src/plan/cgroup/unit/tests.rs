use super::*;
use crate::host::{Cgroups, Hierarchy, Unified};

fn host(euid: u32, own: &str) -> Host {
    let (mount, own) = ("/sys/fs/cgroup".into(), own.into());
    Host {
        euid,
        egid: euid,
        rootless: euid != 0,
        in_user_namespace: false,
        setgroups: true,
        cgroups: Cgroups { legacy: Vec::new(), unified: Some(Unified { mount, own }) },
        apparmor: false,
        selinux: false,
        bounding: 0,
        resctrl: None,
    }
}

fn hybrid() -> Host {
    let hierarchy = |name: &str| Hierarchy {
        controllers: vec![name.to_owned()],
        mount: format!("/sys/fs/cgroup/{name}").into(),
        own: "/".into(),
    };
    let names = ["cpu", "memory", "pids", "devices", "blkio"];
    let legacy = names.into_iter().map(hierarchy).collect();
    Host { cgroups: Cgroups { legacy, unified: None }, ..host(0, "/") }
}

fn plan(config: &str, host: &Host) -> Result<Cgroup> {
    cgroup_of_systemd(&Spec::read(config.as_bytes()).unwrap(), host, "a+b", PROPERTIES_OF_LIMITS)
}

fn placed(path: &str, host: &Host) -> Result<String> {
    let config = format!(r#"{{"linux":{{"cgroupsPath":{path:?}}}}}"#);
    plan(&config, host).map(|plan| plan.groups[0].path.display().to_string())
}

fn told(config: &str, host: &Host) -> Vec<String> {
    let unit = plan(config, host).unwrap().unit.unwrap();
    unit.properties.iter().map(|known| format!("{}={}", known.name, known.value)).collect()
}

fn told_of_limits(resources: &str) -> Vec<String> {
    let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
    let mut told = told(&config, &host(0, "/"));
    told.drain(..9);
    told
}

#[test]
fn a_path_names_slice_and_scope() {
    let root = host(0, "/system.slice/x.service");
    for (path, group) in [
        ("", r"system.slice/onggi-a\x2bb.scope"),
        ("system.slice:docker:0a1b", "system.slice/docker-0a1b.scope"),
        (":p:n", "system.slice/p-n.scope"),
        ("a-b-c.slice::n", "a.slice/a-b.slice/a-b-c.slice/n.scope"),
        ("-:p:n", "p-n.scope"),
        ("-.slice:p:n", "p-n.scope"),
        ("kubepods.slice:cri-containerd:f", "kubepods.slice/cri-containerd-f.scope"),
    ] {
        assert_eq!(placed(path, &root).unwrap(), group, "{path}");
    }
}

#[test]
fn a_path_that_names_no_scope_is_refused() {
    for (path, words) in [
        ("/foo/bar", "expected cgroupsPath to be of format \"slice:prefix:name\""),
        ("a.slice:b", "expected cgroupsPath"),
        ("a.slice:b:c:d", "expected cgroupsPath"),
        ("a.slice:b:", "the name is missing"),
        ("a.slice:b:c.slice", "a slice has no processes"),
        ("a:b:c", "\"a\" is no name of a slice"),
        ("a--b.slice:b:c", "is no name of a slice"),
        ("-a.slice:b:c", "is no name of a slice"),
        ("../a.slice:b:c", "is no name of a slice"),
        (".slice:b:c", "is no name of a slice"),
        (&format!(":b:{}", "c".repeat(250)), "longer than 255 bytes"),
    ] {
        let error = placed(path, &host(0, "/")).unwrap_err().to_string();
        assert!(error.starts_with("linux.cgroupsPath: ") && error.contains(words), "{error}");
    }
}

#[test]
fn a_users_manager_is_where_the_runtime_is_or_where_it_always_is() {
    let inside = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope";
    let manager = "user.slice/user-1000.slice/user@1000.service";
    for own in [inside, "/user.slice/user-1000.slice/session-1.scope"] {
        let host = host(1000, own);
        assert_eq!(placed("", &host).unwrap(), format!(r"{manager}/user.slice/onggi-a\x2bb.scope"));
        let unit = plan("{}", &host).unwrap().unit.unwrap();
        assert_eq!(unit.id.manager, Manager::User);
    }
    let error = plan("{}", &Host { euid: 1000, ..hybrid() }).unwrap_err().to_string();
    assert!(error.contains("needs cgroup v2"), "{error}");
}

#[test]
fn a_scope_is_told_what_every_container_needs() {
    assert_eq!(
        told("{}", &host(0, "/")),
        [
            r#"Description="onggi container a+b""#,
            r#"Slice="system.slice""#,
            "Delegate=true",
            "DefaultDependencies=false",
            r#"CollectMode="inactive-or-failed""#,
            "CPUAccounting=true",
            "MemoryAccounting=true",
            "IOAccounting=true",
            "TasksAccounting=true",
        ]
    );
}

#[test]
fn limits_are_properties_too() {
    for (resources, properties) in [
        (
            r#"{"memory":{"limit":500,"swap":700,"reservation":300}}"#,
            vec!["MemorySwapMax=uint64 200", "MemoryMax=uint64 500", "MemoryLow=uint64 300"],
        ),
        (
            r#"{"memory":{"limit":-1}}"#,
            vec![
                "MemorySwapMax=uint64 18446744073709551615",
                "MemoryMax=uint64 18446744073709551615",
            ],
        ),
        (r#"{"pids":{"limit":0}}"#, vec!["TasksMax=uint64 1"]),
        (r#"{"pids":{"limit":-1}}"#, vec!["TasksMax=uint64 18446744073709551615"]),
        (r#"{"cpu":{"shares":1024,"idle":1}}"#, vec!["CPUWeight=uint64 0"]),
        (r#"{"cpu":{"cpus":"0,9"}}"#, vec!["AllowedCPUs=[byte 0x01, byte 0x02]"]),
        (r#"{"cpu":{"mems":"1"}}"#, vec!["AllowedMemoryNodes=[byte 0x02]"]),
        (r#"{"blockIO":{"weight":10}}"#, vec!["IOWeight=uint64 1"]),
        (r#"{"cpu":{"burst":5}}"#, vec![]),
        (
            r#"{"unified":{"memory.oom.group":"1","memory.high":"7","hugetlb.2MB.max":"0"}}"#,
            vec![r#"OOMPolicy="kill""#, "MemoryHigh=uint64 7"],
        ),
        // The last one wins, as in the group's files.
        (r#"{"pids":{"limit":5},"unified":{"pids.max":"6"}}"#, vec!["TasksMax=uint64 6"]),
    ] {
        assert_eq!(told_of_limits(resources), properties, "{resources}");
    }
}

#[test]
fn a_quota_is_rounded_up_to_percents_in_both_places() {
    for (cpu, written, properties) in [
        (r#"{"quota":50000}"#, "50000", vec!["CPUQuotaPerSecUSec=uint64 500000"]),
        (
            r#"{"quota":25300,"period":50000}"#,
            "25500 50000",
            vec!["CPUQuotaPeriodUSec=uint64 50000", "CPUQuotaPerSecUSec=uint64 510000"],
        ),
        (
            r#"{"quota":-1,"period":50000}"#,
            "max 50000",
            vec![
                "CPUQuotaPeriodUSec=uint64 50000",
                "CPUQuotaPerSecUSec=uint64 18446744073709551615",
            ],
        ),
        (
            r#"{"period":50000}"#,
            "max 50000",
            vec![
                "CPUQuotaPeriodUSec=uint64 50000",
                "CPUQuotaPerSecUSec=uint64 18446744073709551615",
            ],
        ),
        (
            r#"{"quota":9223372036854775807,"period":1}"#,
            "9223372036854775807 1",
            vec!["CPUQuotaPeriodUSec=uint64 1", "CPUQuotaPerSecUSec=uint64 18446744073709551615"],
        ),
    ] {
        let resources = format!(r#"{{"cpu":{cpu}}}"#);
        assert_eq!(told_of_limits(&resources), properties, "{cpu}");
        let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
        assert_eq!(plan(&config, &host(0, "/")).unwrap().writes[0].value, written, "{cpu}");
    }
}

#[test]
fn cgroup_v1_has_its_own_names() {
    let config = r#"{"linux":{"resources":{"memory":{"limit":500},"pids":{"limit":3},
        "cpu":{"shares":512,"quota":1,"period":1000000},"blockIO":{"weight":10}}}}"#;
    let told = told(config, &hybrid());
    for property in [
        "BlockIOAccounting=true",
        "MemoryLimit=uint64 500",
        "TasksMax=uint64 3",
        "CPUShares=uint64 512",
        "CPUQuotaPeriodUSec=uint64 1000000",
        "CPUQuotaPerSecUSec=uint64 10000",
        "BlockIOWeight=uint64 10",
    ] {
        assert!(told.iter().any(|known| known == property), "{property}: {told:?}");
    }
}

#[test]
fn on_cgroup_v1_systemd_knows_the_devices() {
    let config = r#"{"linux":{"resources":{"devices":[
        {"allow":true,"type":"c","major":1,"minor":11,"access":"r"},
        {"allow":false,"access":"rwm"},
        {"allow":true,"type":"b","major":8,"minor":0,"access":"rw"},
        {"allow":true,"type":"c","major":4,"access":"w"},
        {"allow":false,"type":"c","major":4,"access":"w"}]}}}"#;
    let told = told(config, &hybrid());
    let list = told.iter().find(|known| known.starts_with("DeviceAllow=")).unwrap();
    assert!(list.starts_with(r#"DeviceAllow=[("/dev/block/8:0", "rw"), ("char-*", "m"), "#));
    assert!(
        list.contains(r#"("/dev/char/1:3", "rwm")"#) && list.contains(r#"("char-136", "rwm")"#)
    );
    assert!(told.contains(&r#"DevicePolicy="strict""#.to_owned()));
    let privileged = r#"{"linux":{"resources":{"devices":[{"allow":true,"access":"rwm"}]}}}"#;
    let told = self::told(privileged, &hybrid());
    assert!(told.contains(&r#"DevicePolicy="auto""#.to_owned()), "{told:?}");
}

fn annotated(annotations: &str) -> Result<Vec<String>> {
    let config = format!(r#"{{"annotations":{{{annotations}}}}}"#);
    let unit = plan(&config, &host(0, "/"))?.unit.unwrap();
    Ok(unit.properties.iter().map(|known| format!("{}={}", known.name, known.value)).collect())
}

#[test]
fn annotations_set_properties() {
    for (annotation, property) in [
        (r#""org.systemd.property.TimeoutStopUSec":"uint64 5""#, "TimeoutStopUSec=uint64 5"),
        (r#""org.systemd.property.TimeoutStopSec":"1.5""#, "TimeoutStopUSec=uint64 1500000"),
        (r#""org.systemd.property.CollectMode":"'inactive'""#, r#"CollectMode="inactive""#),
        (r#""org.systemd.property.After":"['crio.service']""#, r#"After=["crio.service"]"#),
        (r#""org.systemd.property.DefaultDependencies":"true""#, "DefaultDependencies=true"),
    ] {
        let told = annotated(annotation).unwrap();
        let name = &property[..property.find('=').unwrap()];
        let same: Vec<_> = told.iter().filter(|known| known.starts_with(name)).collect();
        assert_eq!(same, [property], "{annotation}");
    }
}

#[test]
fn annotations_cannot_set_what_reaches_the_host() {
    for name in [
        "ExecStartPre",
        "ExecStart",
        "Conflicts",
        "Slice",
        "Delegate",
        "PIDs",
        "FailureAction",
        "SuccessAction",
        "Requires",
        "DeviceAllow",
        "DevicePolicy",
        "User",
        "",
        "tasksmax",
        "ExecReloadSec",
    ] {
        let annotation = format!(r#""org.systemd.property.{name}":"'5'""#);
        let annotation =
            if name.ends_with("Sec") { annotation.replace("'", "") } else { annotation };
        let error = annotated(&annotation).unwrap_err().to_string();
        let words = format!("annotations.org.systemd.property.{name}: a container may not set");
        assert!(error.starts_with(&words), "{error}");
    }
    for text in ["", "5 6", "uint64 -1"] {
        let annotation = format!(r#""org.systemd.property.TasksMax":"{text}""#);
        let error = annotated(&annotation).unwrap_err().to_string();
        assert!(error.starts_with("annotations.org.systemd.property.TasksMax: "), "{error}");
    }
}

#[test]
fn groups_below_the_scope_are_asked_for_by_annotations() {
    let below = |annotations: &str| {
        let config = format!(r#"{{"annotations":{{{annotations}}}}}"#);
        plan(&config, &host(0, "/")).map(|plan| plan.unit.unwrap().id.below)
    };
    let (outer, inner) = ("run.oci.systemd.subgroup", "run.oci.delegate-cgroup");
    assert_eq!(below("").unwrap(), [""; 0]);
    assert_eq!(below(&format!(r#""{outer}":"""#)).unwrap(), [""; 0]);
    assert_eq!(below(&format!(r#""{outer}":"a""#)).unwrap(), ["a"]);
    assert_eq!(below(&format!(r#""{outer}":"a","{inner}":"b""#)).unwrap(), ["a", "b"]);
    for wrong in [
        format!(r#""{inner}":"b""#),
        format!(r#""{outer}":"../x""#),
        format!(r#""{outer}":"..""#),
        format!(r#""{outer}":"a/b""#),
    ] {
        assert!(below(&wrong).is_err(), "{wrong}");
    }
}
