//! What every runtime has to refuse before it starts, one row each, and that nothing is left.

use anyhow::Context;
use serde_json::{Value, json};
use spec_tests::{Bundle, Result, chapter, tests};

tests![
    hostname_without_its_namespace_is_refused,
    domainname_without_its_namespace_is_refused,
    sysctls_of_the_host_are_refused,
    sysctls_without_their_namespace_are_refused,
    network_sysctls_of_the_hosts_namespace_are_refused,
    a_sysctl_that_smuggles_another_is_refused,
    schedulers_that_contradict_themselves_are_refused,
    io_priorities_out_of_range_are_refused,
    class_names_that_are_paths_are_refused,
    personalities_that_do_not_exist_are_refused,
    memory_policies_that_contradict_themselves_are_refused,
    network_device_names_that_cannot_be_are_refused,
    network_devices_without_a_namespace_are_refused,
    cve_2024_40635_ids_that_do_not_fit_are_refused,
    a_version_that_is_no_text_is_refused,
    every_version_1_is_accepted,
    unknown_properties_are_accepted,
    null_is_the_same_as_absent,
    values_of_another_type_are_refused,
    a_late_failure_leaves_no_trace,
    a_failing_hook_leaves_no_trace,
    a_cwd_that_cannot_be_leaves_no_trace,
];

/// Each value in turn, at this place of the config, must be refused.
fn refuses(pointer: &str, values: &[Value]) -> Result {
    for value in values {
        let bundle = Bundle::busybox().set(pointer, value.clone());
        bundle.is_refused("").with_context(|| format!("{pointer} = {value}"))?;
    }
    Ok(())
}

fn hostname_without_its_namespace_is_refused() -> Result {
    chapter!("config.md#hostname");
    Bundle::busybox().without_namespace("uts").is_refused("")
}

fn domainname_without_its_namespace_is_refused() -> Result {
    chapter!("config.md#domainname");
    Bundle::busybox()
        .without_namespace("uts")
        .remove("/hostname")
        .set("/domainname", "example.org")
        .is_refused("")
}

fn sysctls_of_the_host_are_refused() -> Result {
    chapter!("cli#create");
    for name in
        ["kernel.core_pattern", "vm.swappiness", "fs.file-max", "kernel.hostname", "nothing"]
    {
        Bundle::busybox()
            .set(&format!("/linux/sysctl/{name}"), "1")
            .is_refused(name)
            .context(name)?;
    }
    Ok(())
}

fn sysctls_without_their_namespace_are_refused() -> Result {
    chapter!("cli#create");
    for (kind, name) in [
        ("ipc", "kernel.msgmax"),
        ("ipc", "fs.mqueue.queues_max"),
        ("network", "net.ipv4.ip_forward"),
    ] {
        Bundle::busybox()
            .without_namespace(kind)
            .set(&format!("/linux/sysctl/{name}"), "1")
            .is_refused(name)
            .context(name)?;
    }
    Ok(())
}

fn network_sysctls_of_the_hosts_namespace_are_refused() -> Result {
    chapter!("cli#create");
    let entry = json!({"type": "network", "path": "/proc/self/ns/net"});
    Bundle::busybox()
        .without_namespace("network")
        .set("/linux/namespaces/-", entry)
        .set("/linux/sysctl/net.ipv4.ip_forward", "1")
        .is_refused("net.ipv4.ip_forward")
}

fn a_sysctl_that_smuggles_another_is_refused() -> Result {
    chapter!("cli#create");
    for name in
        ["net.../../kernel.core_pattern", "net~1..~1kernel~1core_pattern", "net.ipv4.nothing"]
    {
        let name = name.replace("~1", "/");
        let bundle = Bundle::busybox().set("/linux/sysctl", json!({ &name: "1" }));
        bundle.is_refused("").context(name)?;
    }
    Ok(())
}

fn schedulers_that_contradict_themselves_are_refused() -> Result {
    chapter!("config.md#linux-process");
    refuses(
        "/process/scheduler",
        &[
            json!({"policy": "SCHED_FIFO", "nice": 5}),
            json!({"policy": "SCHED_OTHER", "priority": 5}),
            json!({"policy": "SCHED_OTHER", "nice": 20}),
            json!({"policy": "SCHED_OTHER", "nice": -21}),
            json!({"policy": "SCHED_BATCH", "runtime": 1000}),
            json!({"policy": "SCHED_NONSENSE"}),
        ],
    )
}

fn io_priorities_out_of_range_are_refused() -> Result {
    chapter!("config.md#linux-process");
    refuses(
        "/process/ioPriority",
        &[
            json!({"class": "IOPRIO_CLASS_BE", "priority": 8}),
            json!({"class": "IOPRIO_CLASS_BE", "priority": -1}),
            json!({"class": "IOPRIO_CLASS_NONSENSE", "priority": 4}),
        ],
    )
}

fn class_names_that_are_paths_are_refused() -> Result {
    chapter!("config-linux.md#intelrdt");
    let row = |name: &str| json!({"closID": name});
    refuses("/linux/intelRdt", &[row("."), row(".."), row("a/b")])
}

fn personalities_that_do_not_exist_are_refused() -> Result {
    chapter!("config-linux.md#personality");
    refuses("/linux/personality", &[json!({"domain": "LINUX64"})])
}

fn memory_policies_that_contradict_themselves_are_refused() -> Result {
    chapter!("config-linux.md#memory-policy");
    refuses(
        "/linux/memoryPolicy",
        &[
            json!({"mode": "MPOL_NONSENSE", "nodes": "0"}),
            json!({"mode": "MPOL_BIND", "nodes": ""}),
            json!({"mode": "MPOL_DEFAULT", "nodes": "0"}),
            json!({"mode": "MPOL_BIND", "nodes": "x"}),
            json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NONSENSE"]}),
        ],
    )
}

fn network_device_names_that_cannot_be_are_refused() -> Result {
    chapter!("config-linux.md#network-devices");
    let device = |name: &str| json!({"lo": {"name": name}});
    refuses(
        "/linux/netDevices",
        &[
            device("."),
            device(".."),
            device("a/b"),
            device("a:b"),
            device("a b"),
            device("sixteen-letters-"),
        ],
    )
}

fn network_devices_without_a_namespace_are_refused() -> Result {
    chapter!("config-linux.md#network-devices");
    Bundle::busybox()
        .without_namespace("network")
        .set("/linux/netDevices/spec0/name", "eth0")
        .is_refused("")
}

fn cve_2024_40635_ids_that_do_not_fit_are_refused() -> Result {
    chapter!("config.md#posix-platform-user");
    let rows = [json!(4_294_967_296_u64), json!(u32::MAX), json!(-1), json!(1.5)];
    refuses("/process/user/uid", &rows)?;
    refuses("/process/user/gid", &rows)
}

fn a_version_that_is_no_text_is_refused() -> Result {
    chapter!("config.md#specification-version");
    refuses("/ociVersion", &[json!(1), json!(["1.0.2"])])
}

fn every_version_1_is_accepted() -> Result {
    chapter!("config.md#specification-version");
    for version in ["1.0.0", "1.0.2-dev", "1.1.0+dev", "1.2.1", "1.3.0", "1.99.0-rc.1"] {
        let bundle = Bundle::busybox().args(["echo", "ran"]);
        bundle.set("/ociVersion", version).run()?.says("ran").context(version)?;
    }
    Ok(())
}

fn unknown_properties_are_accepted() -> Result {
    chapter!("config.md#extensibility");
    let pointers =
        ["/new", "/process/user/new", "/mounts/0/new", "/linux/resources/new", "/hooks/new"];
    let add = |bundle: Bundle, pointer: &&str| bundle.set(pointer, json!({"deep": [1, "x", null]}));
    let bundle = pointers.iter().fold(Bundle::busybox().args(["echo", "ran"]), add);
    bundle.run()?.says("ran")?;
    Ok(())
}

fn null_is_the_same_as_absent() -> Result {
    chapter!("cli#create");
    let pointers = [
        "/hooks",
        "/annotations",
        "/linux/seccomp",
        "/linux/devices",
        "/linux/sysctl",
        "/linux/uidMappings",
        "/linux/resources/memory",
        "/process/rlimits",
        "/process/oomScoreAdj",
        "/process/user/additionalGids",
        "/mounts/0/options",
        "/domainname",
        "/linux/maskedPaths",
    ];
    let add = |bundle: Bundle, pointer: &&str| bundle.set(pointer, Value::Null);
    let bundle = pointers.iter().fold(Bundle::busybox().args(["echo", "ran"]), add);
    bundle.run()?.says("ran")?;
    Ok(())
}

fn values_of_another_type_are_refused() -> Result {
    chapter!("config.md#configuration");
    for (pointer, value) in [
        ("/process/args", json!("true")),
        ("/process/env", json!({"A": "1"})),
        ("/process/cwd", json!(1)),
        ("/process/terminal", json!("no")),
        ("/root", json!("rootfs")),
        ("/mounts", json!({})),
        ("/mounts/0/options", json!("ro")),
        ("/linux/namespaces", json!("pid")),
        ("/linux/resources/memory", json!({"limit": "64m"})),
        ("/hooks", json!([])),
    ] {
        Bundle::busybox().set(pointer, value).is_refused("").context(pointer)?;
    }
    Ok(())
}

/// Each stands for another station of the way: cgroup, mounts, devices, sysctl, limits, program.
fn a_late_failure_leaves_no_trace() -> Result {
    chapter!("runtime.md#create");
    let tmpfs = json!({"destination": "/mnt", "type": "tmpfs", "options": ["nonsense=1"]});
    let device = json!({"path": "/proc/nothing/x", "type": "c", "major": 1, "minor": 3});
    for (pointer, value) in [
        ("/linux/resources/cpu", json!({"cpus": "99999"})),
        ("/mounts/-", tmpfs),
        ("/linux/devices/-", device),
        ("/linux/sysctl", json!({"net.ipv4.nothing": "1"})),
        ("/linux/rootfsPropagation", json!("sideways")),
        ("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}])),
        ("/process/args", json!(["/no/such/program"])),
        ("/process/args", json!(["/etc"])),
        ("/linux/namespaces/-", json!({"type": "user", "path": "/proc/self/status"})),
    ] {
        Bundle::busybox().set(pointer, value).is_refused("").context(pointer)?;
    }
    Ok(())
}

fn a_failing_hook_leaves_no_trace() -> Result {
    chapter!("runtime.md#create");
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let bundle = Bundle::busybox().hook(kind, "exit 3");
        bundle.is_refused("").context(kind)?;
    }
    Ok(())
}

fn a_cwd_that_cannot_be_leaves_no_trace() -> Result {
    chapter!("runtime.md#create");
    Bundle::busybox().file("file", "", 0o644).set("/process/cwd", "/file/below").is_refused("")
}
