//! linux.cgroupsPath and linux.resources: what really stands in the kernel's files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::memory::MemController;
use cgroups_rs::fs::pid::PidController;
use cgroups_rs::fs::{Cgroup, MaxValue, hierarchies};
use serde_json::{Value, json};
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::{Bundle, Container, Result, cgroup, chapter, host, tests};

tests![
    the_process_is_in_the_configured_cgroup,
    every_controller_has_the_cgroup,
    a_path_below_another_is_made,
    a_path_with_dots_stays_below_the_root,
    a_relative_path_is_used,
    an_empty_path_is_named_after_the_container,
    the_cgroup_is_removed_with_the_container,
    cgroups_made_inside_are_removed_with_the_container,
    a_parent_cgroup_is_left,
    the_memory_limit_is_written,
    the_memory_limit_may_be_unlimited,
    the_memory_reservation_is_written,
    the_swap_limit_is_written,
    a_swap_limit_below_the_memory_limit_is_refused,
    swappiness_is_written,
    the_oom_killer_is_disabled,
    cpu_shares_are_written,
    cpu_quota_and_period_are_written,
    cpu_burst_is_written,
    cpu_idle_is_written,
    the_processors_and_memory_nodes_are_written,
    processors_that_do_not_exist_are_refused,
    the_process_limit_is_written,
    a_process_limit_of_minus_one_is_unlimited,
    the_process_limit_holds,
    the_memory_limit_holds,
    io_weight_is_written,
    io_throttling_is_written,
    huge_page_limits_are_written,
    unified_files_are_written,
    unified_names_what_is_not_there,
    unified_on_cgroup_v1_is_refused,
    the_independent_reader_agrees,
    ps_lists_the_processes_of_the_cgroup,
    the_cgroup_is_the_same_with_a_cgroup_namespace,
];

pub(crate) fn v2() -> bool {
    host::cgroups() == host::Cgroups::V2
}

/// The directory of a controller for the cgroup at `path`.
pub(crate) fn directory(controller: &str, path: &str) -> PathBuf {
    let root = Path::new("/sys/fs/cgroup");
    let root = if v2() { root.into() } else { root.join(controller) };
    root.join(path.trim_start_matches('/'))
}

/// Needs the controller, with this file of a new cgroup of v1, or this one of v2.
pub(crate) fn needs(controller: &str, file: &str) -> Result {
    let root = Path::new("/sys/fs/cgroup");
    if v2() {
        let list = fs::read_to_string(root.join("cgroup.controllers"))?;
        return host::needs(
            list.split_whitespace().any(|word| word == controller),
            &format!("needs the {controller} controller"),
        );
    }
    let there = root.join(controller).join(file).exists();
    host::needs(there, &format!("needs {controller}/{file}"))
}

/// What stands in a file of the container's cgroup.
pub(crate) fn read(container: &Container, controller: &str, file: &str) -> Result<String> {
    let path = directory(controller, &container.cgroup()).join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Creates a container with these resources.
fn limited(name: &str, value: impl Into<Value>) -> Result<Container> {
    Bundle::busybox().sleeping().set(&format!("/linux/resources/{name}"), value).create()
}

/// Demands what stands in the file of v1 and of v2.
fn stands(container: &Container, controller: &str, v1: [&str; 2], v2_: [&str; 2]) -> Result {
    let [file, expected] = if v2() { v2_ } else { v1 };
    assert_eq!(read(container, controller, file)?, expected, "{file}");
    Ok(())
}

fn pids_in(directory: &Path) -> Result<Vec<i32>> {
    let path = directory.join("cgroup.procs");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

fn the_process_is_in_the_configured_cgroup() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let container = Bundle::busybox().sleeping().create()?;
    let pids = pids_in(&directory("memory", &container.cgroup()))?;
    assert!(pids.contains(&container.pid()?), "{pids:?}");
    Ok(())
}

/// Whether a line of /proc/PID/cgroup is every runtime's business: not a named v1 hierarchy
/// (systemd's), nor the half that is not in use.
fn counts(line: &str) -> bool {
    !line.contains("name=") && line.starts_with("0::") == v2()
}

fn every_controller_has_the_cgroup() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let container = Bundle::busybox().sleeping().start()?;
    let text = container.proc_file("cgroup")?;
    assert!(text.lines().any(counts), "{text}");
    for line in text.lines().filter(|line| counts(line)) {
        assert!(line.ends_with(&container.cgroup()), "{text}");
    }
    Ok(())
}

/// The line of the memory controller.
fn memory_line(container: &Container) -> Result<String> {
    let text = container.proc_file("cgroup")?;
    let wanted = |line: &&str| counts(line) && (v2() || line.contains(":memory:"));
    let line = text.lines().find(wanted).context("a cgroup of memory")?;
    Ok(line.into())
}

/// The cgroups of a test with a path of its own, removed at the end.
struct Tree(String);

impl Tree {
    fn new(container: &str) -> Self {
        Self(format!("{container}-tree"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for directory in cgroup::directories(&self.0) {
            cgroup::remove(&directory);
        }
    }
}

/// Starts a container at `TREE/PATH`; gives the tree to keep.
fn at_path(path: &str) -> Result<(Tree, Container, String)> {
    host::cgroupfs_driver()?;
    let container = Bundle::busybox().sleeping().build()?;
    let tree = Tree::new(container.id());
    let path = path.replace("TREE", &tree.0);
    container.reconfigure("/linux/cgroupsPath", path.as_str())?;
    container.create().ok()?;
    container.start().ok()?;
    Ok((tree, container, path))
}

fn a_path_below_another_is_made() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let (_tree, container, path) = at_path("/TREE/deep/down")?;
    let pids = pids_in(&directory("memory", &path))?;
    assert!(pids.contains(&container.pid()?), "{pids:?}");
    container.delete_by_force().ok()?;
    assert!(!directory("memory", &path).exists());
    Ok(())
}

fn a_path_with_dots_stays_below_the_root() -> Result {
    chapter!("cli#create");
    let (_tree, container, _) = at_path("/../../../TREE/x/../y")?;
    let line = memory_line(&container)?;
    assert!(line.ends_with("-tree/y") && !line.contains(".."), "{line}");
    container.delete_by_force().ok()?;
    Ok(())
}

fn a_relative_path_is_used() -> Result {
    chapter!("config-linux.md#cgroups-path");
    let (_tree, container, path) = at_path("TREE/relative")?;
    let line = memory_line(&container)?;
    assert!(line.ends_with(&path), "{line}");
    container.delete_by_force().ok()?;
    Ok(())
}

fn an_empty_path_is_named_after_the_container() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().remove("/linux/cgroupsPath").start()?;
    let text = container.proc_file("cgroup")?;
    let named = |line: &&str| line.contains(container.id());
    assert!(text.lines().any(|line| named(&line)), "{text}");
    container.delete_by_force().ok()?;
    Ok(())
}

fn the_cgroup_is_removed_with_the_container() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().sleeping().start()?;
    assert!(!container.cgroups().is_empty());
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    assert!(container.cgroups().is_empty());
    Ok(())
}

fn cgroups_made_inside_are_removed_with_the_container() -> Result {
    chapter!("runtime.md#delete");
    let container = Bundle::busybox().sleeping().start()?;
    let below = directory("memory", &container.cgroup()).join("inner/most");
    fs::create_dir_all(below)?;
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn a_parent_cgroup_is_left() -> Result {
    chapter!("runtime.md#delete");
    host::cgroupfs_driver()?;
    let container = Bundle::busybox().sleeping().build()?;
    let tree = Tree::new(container.id());
    let parent = directory("memory", &tree.0);
    fs::create_dir_all(&parent)?;
    container.reconfigure("/linux/cgroupsPath", format!("/{}/own", tree.0))?;
    container.create().ok()?;
    assert!(parent.join("own").exists());
    container.delete_by_force().ok()?;
    assert!(parent.exists() && !parent.join("own").exists());
    Ok(())
}

const MIB: u64 = 1 << 20;

fn the_memory_limit_is_written() -> Result {
    chapter!("config-linux.md#memory");
    needs("memory", "memory.limit_in_bytes")?;
    let container = limited("memory", json!({"limit": 64 * MIB}))?;
    let expected = (64 * MIB).to_string();
    stands(&container, "memory", ["memory.limit_in_bytes", &expected], ["memory.max", &expected])
}

fn the_memory_limit_may_be_unlimited() -> Result {
    chapter!("config-linux.md#memory");
    needs("memory", "memory.limit_in_bytes")?;
    let container = limited("memory", json!({"limit": -1}))?;
    let unlimited = "9223372036854771712";
    stands(&container, "memory", ["memory.limit_in_bytes", unlimited], ["memory.max", "max"])
}

fn the_memory_reservation_is_written() -> Result {
    chapter!("config-linux.md#memory");
    needs("memory", "memory.soft_limit_in_bytes")?;
    let container = limited("memory", json!({"reservation": 32 * MIB}))?;
    let expected = (32 * MIB).to_string();
    stands(
        &container,
        "memory",
        ["memory.soft_limit_in_bytes", &expected],
        ["memory.low", &expected],
    )
}

fn needs_swap_accounting() -> Result {
    if v2() {
        return needs("memory", "");
    }
    needs("memory", "memory.memsw.limit_in_bytes")
}

fn the_swap_limit_is_written() -> Result {
    chapter!("config-linux.md#memory");
    needs_swap_accounting()?;
    let container = limited("memory", json!({"limit": 64 * MIB, "swap": 96 * MIB}))?;
    stands(
        &container,
        "memory",
        ["memory.memsw.limit_in_bytes", &(96 * MIB).to_string()],
        ["memory.swap.max", &(32 * MIB).to_string()],
    )
}

fn a_swap_limit_below_the_memory_limit_is_refused() -> Result {
    chapter!("config-linux.md#memory");
    needs_swap_accounting()?;
    let memory = json!({"limit": 64 * MIB, "swap": 32 * MIB});
    Bundle::busybox().set("/linux/resources/memory", memory).is_refused("")
}

fn swappiness_is_written() -> Result {
    chapter!("config-linux.md#memory");
    host::cgroup_v1()?;
    let container = limited("memory", json!({"swappiness": 37}))?;
    assert_eq!(read(&container, "memory", "memory.swappiness")?, "37");
    Ok(())
}

fn the_oom_killer_is_disabled() -> Result {
    chapter!("config-linux.md#memory");
    host::cgroup_v1()?;
    let container = limited("memory", json!({"limit": 64 * MIB, "disableOOMKiller": true}))?;
    let text = read(&container, "memory", "memory.oom_control")?;
    assert!(text.contains("oom_kill_disable 1"), "{text}");
    Ok(())
}

fn cpu_shares_are_written() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpu", "cpu.shares")?;
    let container = limited("cpu", json!({"shares": 512}))?;
    if v2() {
        // Two formulas are in use, and both give something between these.
        let weight: u32 = read(&container, "cpu", "cpu.weight")?.parse()?;
        assert!((20..=59).contains(&weight), "{weight}");
        return Ok(());
    }
    assert_eq!(read(&container, "cpu", "cpu.shares")?, "512");
    Ok(())
}

fn cpu_quota_and_period_are_written() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpu", "cpu.cfs_quota_us")?;
    let container = limited("cpu", json!({"quota": 40_000, "period": 50_000}))?;
    stands(&container, "cpu", ["cpu.cfs_quota_us", "40000"], ["cpu.max", "40000 50000"])?;
    stands(&container, "cpu", ["cpu.cfs_period_us", "50000"], ["cpu.max", "40000 50000"])
}

fn cpu_burst_is_written() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpu", "cpu.cfs_burst_us")?;
    let cpu = json!({"quota": 40_000, "period": 50_000, "burst": 20_000});
    let container = limited("cpu", cpu)?;
    stands(&container, "cpu", ["cpu.cfs_burst_us", "20000"], ["cpu.max.burst", "20000"])
}

fn cpu_idle_is_written() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpu", "cpu.idle")?;
    let container = limited("cpu", json!({"idle": 1}))?;
    stands(&container, "cpu", ["cpu.idle", "1"], ["cpu.idle", "1"])
}

fn the_processors_and_memory_nodes_are_written() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpuset", "cpuset.cpus")?;
    let container = limited("cpu", json!({"cpus": "0", "mems": "0"}))?;
    let files = ["cpuset.cpus", "cpuset.mems"];
    for file in files {
        assert_eq!(read(&container, "cpuset", file)?, "0", "{file}");
    }
    container.start().ok()?;
    assert_eq!(container.proc_status("Cpus_allowed_list")?, "0");
    Ok(())
}

fn processors_that_do_not_exist_are_refused() -> Result {
    chapter!("config-linux.md#cpu");
    needs("cpuset", "cpuset.cpus")?;
    let cpu = json!({"cpus": "100000-100001"});
    Bundle::busybox().set("/linux/resources/cpu", cpu).is_refused("")
}

fn the_process_limit_is_written() -> Result {
    chapter!("config-linux.md#pids");
    needs("pids", "")?;
    let container = limited("pids", json!({"limit": 77}))?;
    assert_eq!(read(&container, "pids", "pids.max")?, "77");
    Ok(())
}

fn a_process_limit_of_minus_one_is_unlimited() -> Result {
    chapter!("config-linux.md#pids");
    needs("pids", "")?;
    let container = limited("pids", json!({"limit": -1}))?;
    assert_eq!(read(&container, "pids", "pids.max")?, "max");
    Ok(())
}

fn the_process_limit_holds() -> Result {
    chapter!("config-linux.md#pids");
    needs("pids", "")?;
    let script = "i=0; while [ $i -lt 20 ]; do sleep 0.2 & i=$((i+1)); done; echo all; wait";
    let bundle = Bundle::busybox().sh(script).set("/linux/resources/pids/limit", 8);
    let output = bundle.run()?;
    assert!(output.stderr.contains("fork"), "{output}");
    assert!(!output.stdout.contains("all"), "{output}");
    Ok(())
}

fn the_memory_limit_holds() -> Result {
    chapter!("config-linux.md#memory");
    needs("memory", "memory.limit_in_bytes")?;
    let memory = json!({"limit": 32 * MIB, "swap": 32 * MIB});
    let bundle = Bundle::busybox()
        .sh("head -c 200000000 /dev/zero | tail > /dev/null; echo $?")
        .set("/linux/resources/memory", memory);
    let output = bundle.run()?;
    // The kernel may take the shell as well.
    let killed = output.stdout.contains("137") || output.code() == Some(137);
    assert!(killed, "{output}");
    Ok(())
}

/// Whether a group of v2 with the controller is seen to have no weight.
fn lacks_weights() -> bool {
    let groups = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let groups: Vec<PathBuf> = groups.map(|entry| entry.path()).collect();
    let some_has = |file: &str| groups.iter().any(|group| group.join(file).exists());
    some_has("io.max") && !some_has("io.weight") && !some_has("io.bfq.weight")
}

fn io_weight_is_written() -> Result {
    chapter!("config-linux.md#block-io");
    let file = if v2() { "io.bfq.weight" } else { "blkio.bfq.weight" };
    let there = |file: &str| directory("blkio", "").join(file).exists();
    if v2() {
        needs("io", "")?;
        host::needs(!lacks_weights(), "needs io.weight or io.bfq.weight")?;
    } else {
        let either = there("blkio.weight") || there("blkio.bfq.weight");
        host::needs(either, "needs blkio weights")?;
    }
    let container = limited("blockIO", json!({"weight": 500}))?;
    let own = directory("blkio", &container.cgroup());
    let file = if own.join(file).exists() {
        file
    } else if v2() {
        "io.weight"
    } else {
        "blkio.weight"
    };
    let text = fs::read_to_string(own.join(file))?;
    let number = text.split_whitespace().last().unwrap_or_default();
    let expected = if file == "io.weight" { "4950" } else { "500" };
    assert_eq!(number, expected, "{file}: {text}");
    Ok(())
}

/// The number of a whole disk: a partition cannot be throttled.
fn disk() -> Result<(u32, u32)> {
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let number = |entry: &fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path().join("dev")).ok()?;
        let (major, minor) = text.trim().split_once(':')?;
        let virtual_ = ["ram", "zram"].iter().any(|word| name.starts_with(word));
        (!virtual_).then_some((major.parse().ok()?, minor.parse().ok()?))
    };
    let found = entries.into_iter().find_map(|entry| number(&entry));
    host::needs(found.is_some(), "needs a disk")?;
    found.context("a disk")
}

fn io_throttling_is_written() -> Result {
    chapter!("config-linux.md#block-io");
    if v2() {
        needs("io", "")?;
    } else {
        needs("blkio", "blkio.throttle.read_bps_device")?;
    }
    let (major, minor) = disk()?;
    let device = |rate: u32| json!([{"major": major, "minor": minor, "rate": rate}]);
    let io = json!({
        "throttleReadBpsDevice": device(1_048_576),
        "throttleWriteBpsDevice": device(2_097_152),
        "throttleReadIOPSDevice": device(300),
        "throttleWriteIOPSDevice": device(400),
    });
    let container = limited("blockIO", io)?;
    let number = format!("{major}:{minor}");
    if v2() {
        let text = read(&container, "io", "io.max")?;
        assert_eq!(text, format!("{number} rbps=1048576 wbps=2097152 riops=300 wiops=400"));
        return Ok(());
    }
    for (file, rate) in [
        ("blkio.throttle.read_bps_device", 1_048_576),
        ("blkio.throttle.write_bps_device", 2_097_152),
        ("blkio.throttle.read_iops_device", 300),
        ("blkio.throttle.write_iops_device", 400),
    ] {
        let text = read(&container, "blkio", file)?;
        assert_eq!(text, format!("{number} {rate}"), "{file}");
    }
    Ok(())
}

fn huge_page_limits_are_written() -> Result {
    chapter!("config-linux.md#huge-page-limits");
    needs("hugetlb", "")?;
    let limits = json!([{"pageSize": "2MB", "limit": 4 * MIB}]);
    let container = limited("hugepageLimits", limits)?;
    let expected = (4 * MIB).to_string();
    stands(
        &container,
        "hugetlb",
        ["hugetlb.2MB.limit_in_bytes", &expected],
        ["hugetlb.2MB.max", &expected],
    )
}

fn unified_files_are_written() -> Result {
    chapter!("config-linux.md#unified");
    host::cgroup_v2()?;
    needs("memory", "")?;
    needs("pids", "")?;
    let files = json!({"memory.high": "50331648", "pids.max": "99"});
    let container = limited("unified", files)?;
    assert_eq!(read(&container, "memory", "memory.high")?, "50331648");
    assert_eq!(read(&container, "pids", "pids.max")?, "99");
    Ok(())
}

fn unified_names_what_is_not_there() -> Result {
    chapter!("config-linux.md#unified");
    host::cgroup_v2()?;
    needs("memory", "")?;
    let told = |file: &str, words: &str| {
        Bundle::busybox().set("/linux/resources/unified", json!({file: "1"})).is_refused(words)
    };
    told("memory.none", "No such file or directory")?;
    told("none.max", "the requested cgroup controller `none` is not available")?;
    told("none", "the specified key has not the form CONTROLLER.VALUE `none`")
}

fn unified_on_cgroup_v1_is_refused() -> Result {
    chapter!("config-linux.md#unified");
    host::cgroup_v1()?;
    Bundle::busybox()
        .set("/linux/resources/unified", json!({"memory.high": "50331648"}))
        .is_refused("")
}

/// cgroups-rs reads what was set, by other code than ours.
fn the_independent_reader_agrees() -> Result {
    chapter!("config-linux.md#control-groups");
    needs("memory", "memory.limit_in_bytes")?;
    needs("cpu", "cpu.cfs_quota_us")?;
    let resources = json!({
        "memory": {"limit": 64 * MIB, "reservation": 32 * MIB},
        "cpu": {"quota": 40_000, "period": 50_000},
        "pids": {"limit": 55},
        "devices": [{"allow": false, "access": "rwm"}],
    });
    let bundle = Bundle::busybox().sleeping();
    let container = bundle.set("/linux/resources", resources).create()?;
    let cgroup = Cgroup::load(hierarchies::auto(), container.cgroup());
    let memory: &MemController = cgroup.controller_of().context("the memory controller")?;
    assert_eq!(memory.memory_stat().limit_in_bytes, i64::try_from(64 * MIB)?);
    assert_eq!(memory.memory_stat().soft_limit_in_bytes, i64::try_from(32 * MIB)?);
    let cpu: &CpuController = cgroup.controller_of().context("the cpu controller")?;
    assert_eq!((cpu.cfs_quota()?, cpu.cfs_period()?), (40_000, 50_000));
    let pids: &PidController = cgroup.controller_of().context("the pids controller")?;
    assert_eq!(pids.get_pid_max()?, MaxValue::Value(55));
    Ok(())
}

fn ps_lists_the_processes_of_the_cgroup() -> Result {
    chapter!("cli#ps");
    let container = Bundle::busybox().sleeping().start()?;
    // The program starts another one at some time.
    let lists_all = || -> Result<bool> {
        let output = container.call("ps").args(["--format", "json", container.id()]).run().ok()?;
        let mut listed: Vec<i32> = serde_json::from_str(&output.stdout)?;
        let mut pids = pids_in(&directory("memory", &container.cgroup()))?;
        listed.sort_unstable();
        pids.sort_unstable();
        assert!(listed.contains(&container.pid()?));
        Ok(listed == pids)
    };
    let answer = wait_until(PATIENCE, || match lists_all() {
        Ok(false) => None,
        answer => Some(answer),
    });
    assert!(answer.transpose()?.is_some(), "ps lists others");
    Ok(())
}

fn the_cgroup_is_the_same_with_a_cgroup_namespace() -> Result {
    chapter!("config-linux.md#namespaces");
    let container = Bundle::busybox().sleeping().namespace("cgroup").start()?;
    let pids = pids_in(&directory("memory", &container.cgroup()))?;
    assert!(pids.contains(&container.pid()?));
    let output = container.exec_sh("grep -c ':/$' /proc/self/cgroup");
    assert_ne!(output.ok()?.stdout, "0\n");
    Ok(())
}
