//! linux.namespaces: new ones, joined ones, and what is refused.

use std::fs;

use serde_json::json;
use spec_tests::container::namespace_of;
use spec_tests::holder::Holder;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    a_listed_namespace_is_new,
    a_namespace_that_is_not_listed_is_the_callers,
    a_new_user_namespace_is_made,
    a_new_cgroup_namespace_has_the_containers_cgroup_as_root,
    a_new_time_namespace_is_made,
    time_offsets_are_set,
    time_offsets_without_a_time_namespace_are_refused,
    a_new_network_namespace_has_its_loopback_up,
    the_first_process_is_pid_1_of_a_new_pid_namespace,
    a_new_mount_namespace_hides_the_hosts_mounts,
    a_joined_network_namespace_is_the_named_one,
    a_joined_ipc_namespace_is_the_named_one,
    a_joined_uts_namespace_is_the_named_one,
    a_joined_uts_namespace_gets_the_hostname,
    a_joined_cgroup_namespace_is_the_named_one,
    a_joined_time_namespace_is_the_named_one,
    a_joined_pid_namespace_is_the_named_one,
    a_container_in_a_joined_pid_namespace_ends_alone,
    a_pid_namespace_of_a_container_is_joined,
    several_namespaces_of_a_container_are_joined,
    exec_joins_every_namespace,
    exec_joins_a_joined_pid_namespace,
    a_path_of_another_type_is_refused,
    a_path_that_is_not_there_is_refused,
    a_path_that_is_no_namespace_is_refused,
    an_unknown_type_is_refused,
    a_type_listed_twice_is_refused,
];

/// What every container of this file has, new.
const NEW: [&str; 5] = ["pid", "net", "ipc", "uts", "mnt"];

fn joining(kind: &str, path: &str) -> Bundle {
    let entry = json!({"type": kind, "path": path});
    Bundle::busybox().sleeping().without_namespace(kind).set("/linux/namespaces/-", entry)
}

/// Joins `kind` of a holder, whose link under /proc is called `name`.
fn joins(kind: &str, name: &str, option: &str) -> Result<(Container, Holder)> {
    let holder = Holder::new(&[option])?;
    let path = holder.namespace(name);
    let container = joining(kind, &path).start()?;
    assert_eq!(container.namespace(name)?, namespace_of(holder.pid, name)?);
    assert_ne!(container.namespace(name)?, namespace_of(0, name)?);
    Ok((container, holder))
}

fn needs_time_namespaces() -> Result {
    let there = fs::exists("/proc/self/ns/time")?;
    host::needs(there, "needs time namespaces (Linux 5.6)")
}

fn a_listed_namespace_is_new() -> Result {
    chapter!("config-linux.md#namespaces");
    let container = Bundle::busybox().sleeping().start()?;
    for name in NEW {
        assert_ne!(container.namespace(name)?, namespace_of(0, name)?);
    }
    for name in ["user", "cgroup"] {
        assert_eq!(container.namespace(name)?, namespace_of(0, name)?);
    }
    Ok(())
}

fn a_namespace_that_is_not_listed_is_the_callers() -> Result {
    chapter!("config-linux.md#namespaces");
    let bundle = Bundle::busybox().sleeping().remove("/hostname");
    let bundle =
        ["network", "ipc", "uts", "pid"].into_iter().fold(bundle, Bundle::without_namespace);
    let container = bundle.start()?;
    for name in ["net", "ipc", "uts", "pid"] {
        assert_eq!(container.namespace(name)?, namespace_of(0, name)?);
    }
    Ok(())
}

fn a_new_user_namespace_is_made() -> Result {
    chapter!("config-linux.md#namespaces");
    let container = Bundle::busybox().sleeping().in_user_namespace(100_000).start()?;
    for name in ["user"].iter().chain(&NEW) {
        assert_ne!(container.namespace(name)?, namespace_of(0, name)?);
    }
    Ok(())
}

fn a_new_cgroup_namespace_has_the_containers_cgroup_as_root() -> Result {
    chapter!("config-linux.md#namespaces");
    let bundle = Bundle::busybox().sh("cat /proc/self/cgroup").namespace("cgroup");
    let output = bundle.run()?.ok()?;
    let own = |line: &&str| !line.ends_with(":/");
    // A named v1 hierarchy (systemd's) is not every runtime's business.
    let mut foreign = output.lines().into_iter().filter(own);
    let found = foreign.find(|line| !line.contains("name="));
    assert_eq!(found, None, "{output}");
    Ok(())
}

fn a_new_time_namespace_is_made() -> Result {
    chapter!("config-linux.md#namespaces");
    needs_time_namespaces()?;
    let container = Bundle::busybox().sleeping().namespace("time").start()?;
    assert_ne!(container.namespace("time")?, namespace_of(0, "time")?);
    Ok(())
}

fn time_offsets_are_set() -> Result {
    chapter!("config-linux.md#offset-for-time-namespace");
    needs_time_namespaces()?;
    let offsets = json!({
        "monotonic": {"secs": 172_800, "nanosecs": 5},
        "boottime": {"secs": 604_800},
    });
    let bundle = Bundle::busybox()
        .sh("cat /proc/self/timens_offsets; cat /proc/uptime")
        .namespace("time")
        .set("/linux/timeOffsets", offsets);
    let output = bundle.run()?.ok()?;
    let words: Vec<Vec<&str>> =
        output.lines().iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["monotonic", "172800", "5"]);
    assert_eq!(words[1], ["boottime", "604800", "0"]);
    let uptime: f64 = words[2][0].parse()?;
    assert!(uptime > 604_800.0, "{uptime}");
    Ok(())
}

fn time_offsets_without_a_time_namespace_are_refused() -> Result {
    chapter!("config-linux.md#offset-for-time-namespace");
    let offsets = json!({"monotonic": {"secs": 1}});
    Bundle::busybox().set("/linux/timeOffsets", offsets).is_refused("time")
}

fn a_new_network_namespace_has_its_loopback_up() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh("cat /sys/class/net/lo/flags; ls /sys/class/net");
    let output = bundle.run()?.ok()?;
    let flags = output.lines()[0].trim_start_matches("0x").to_owned();
    assert_eq!(u32::from_str_radix(&flags, 16)? & 1, 1, "{output}");
    Ok(())
}

fn the_first_process_is_pid_1_of_a_new_pid_namespace() -> Result {
    chapter!("config-linux.md#namespaces");
    let bundle = Bundle::busybox().sh("echo $$ $PPID");
    bundle.run()?.says("1 0")?;
    Ok(())
}

fn a_new_mount_namespace_hides_the_hosts_mounts() -> Result {
    chapter!("config-linux.md#namespaces");
    let container = Bundle::busybox().sh("cat /proc/self/mountinfo").build()?;
    let output = container.run().ok()?;
    let directory = container.directory().to_string_lossy().into_owned();
    let points = output.lines();
    let leak = points.iter().find(|line| {
        let point = line.split(' ').nth(4).unwrap_or_default();
        point.starts_with(&directory) || point.starts_with("/sys/fs/cgroup/")
    });
    assert_eq!(leak, None, "{output}");
    Ok(())
}

fn a_joined_network_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    joins("network", "net", "--net")?;
    Ok(())
}

fn a_joined_ipc_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    joins("ipc", "ipc", "--ipc")?;
    Ok(())
}

fn a_joined_uts_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    joins("uts", "uts", "--uts")?;
    Ok(())
}

fn a_joined_uts_namespace_gets_the_hostname() -> Result {
    chapter!("config.md#hostname");
    let (_container, holder) = joins("uts", "uts", "--uts")?;
    let call = std::process::Command::new("nsenter")
        .args(["--uts", "--target", &holder.pid.to_string(), "hostname"])
        .output()?;
    assert_eq!(String::from_utf8(call.stdout)?.trim(), "spec");
    Ok(())
}

fn a_joined_cgroup_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    joins("cgroup", "cgroup", "--cgroup")?;
    Ok(())
}

fn a_joined_time_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    needs_time_namespaces()?;
    let holder = Holder::new(&["--time", "--fork", "--kill-child"])?;
    let container = joining("time", &holder.namespace("time")).start()?;
    assert_eq!(container.namespace("time")?, namespace_of(holder.pid, "time")?);
    Ok(())
}

fn pid_holder() -> Result<Holder> {
    Holder::new(&["--pid", "--fork", "--kill-child"])
}

fn a_joined_pid_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    let holder = pid_holder()?;
    let container = joining("pid", &holder.namespace("pid")).start()?;
    assert_eq!(container.namespace("pid")?, namespace_of(holder.pid, "pid")?);
    let inside = container.proc_status("NSpid")?;
    assert!(!inside.ends_with("\t1"), "{inside}");
    // Its /proc shows the namespace that it joined.
    let output = container.exec_sh("cat /proc/1/comm").ok()?;
    assert_eq!(output.stdout, "sleep\n");
    Ok(())
}

fn a_container_in_a_joined_pid_namespace_ends_alone() -> Result {
    chapter!("cli#kill");
    let holder = pid_holder()?;
    let path = holder.namespace("pid");
    let container = joining("pid", &path).start()?;
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    assert!(fs::exists(&path)?);
    container.left_no_trace()
}

fn a_pid_namespace_of_a_container_is_joined() -> Result {
    chapter!("config-linux.md#namespaces");
    let first = Bundle::busybox().sleeping().start()?;
    let path = format!("/proc/{}/ns/pid", first.pid()?);
    let second = joining("pid", &path).start()?;
    assert_eq!(second.namespace("pid")?, first.namespace("pid")?);
    // The end of the namespace is the end of both.
    first.kill("KILL").ok()?;
    second.wait_for("stopped")?;
    second.delete().ok()?;
    second.left_no_trace()
}

fn several_namespaces_of_a_container_are_joined() -> Result {
    chapter!("config-linux.md#namespaces");
    let first = Bundle::busybox().sleeping().start()?;
    let pid = first.pid()?;
    let kinds = [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")];
    let join = |bundle: Bundle, (kind, name): &(&str, &str)| {
        let entry = json!({"type": kind, "path": format!("/proc/{pid}/ns/{name}")});
        bundle.without_namespace(kind).set("/linux/namespaces/-", entry)
    };
    let bundle = kinds.iter().fold(Bundle::busybox().sleeping().remove("/hostname"), join);
    let second = bundle.start()?;
    for (_, name) in kinds {
        assert_eq!(second.namespace(name)?, first.namespace(name)?);
    }
    assert_ne!(second.namespace("mnt")?, first.namespace("mnt")?);
    Ok(())
}

const LINKS: &str = "cd /proc/self/ns; for name in pid net ipc uts mnt user cgroup; \
                     do readlink $name; done";

fn links_match(container: &Container) -> Result {
    let output = container.exec_sh(LINKS).ok()?;
    let names = ["pid", "net", "ipc", "uts", "mnt", "user", "cgroup"];
    for (link, name) in output.lines().into_iter().zip(names) {
        assert_eq!(link, container.namespace(name)?);
    }
    assert_eq!(output.lines().len(), names.len());
    Ok(())
}

fn exec_joins_every_namespace() -> Result {
    chapter!("cli#exec");
    let bundle = Bundle::busybox().sleeping().namespace("cgroup");
    links_match(&bundle.in_user_namespace(100_000).start()?)
}

fn exec_joins_a_joined_pid_namespace() -> Result {
    chapter!("cli#exec");
    let holder = pid_holder()?;
    links_match(&joining("pid", &holder.namespace("pid")).start()?)
}

fn a_path_of_another_type_is_refused() -> Result {
    chapter!("config-linux.md#namespaces");
    let holder = Holder::new(&["--net", "--ipc", "--uts"])?;
    for (kind, name) in [("network", "uts"), ("ipc", "net"), ("uts", "ipc"), ("pid", "net")] {
        joining(kind, &holder.namespace(name)).is_refused("")?;
    }
    Ok(())
}

fn a_path_that_is_not_there_is_refused() -> Result {
    chapter!("config-linux.md#namespaces");
    joining("network", "/proc/self/ns/nothing").is_refused("/proc/self/ns/nothing")
}

fn a_path_that_is_no_namespace_is_refused() -> Result {
    chapter!("config-linux.md#namespaces");
    joining("ipc", "/proc/self/status").is_refused("")
}

fn an_unknown_type_is_refused() -> Result {
    chapter!("config-linux.md#namespaces");
    Bundle::busybox().namespace("flavour").is_refused("flavour")
}

fn a_type_listed_twice_is_refused() -> Result {
    chapter!("config-linux.md#namespaces");
    for kind in ["pid", "network", "mount", "ipc", "uts"] {
        Bundle::busybox().namespace(kind).is_refused("")?;
    }
    Ok(())
}
