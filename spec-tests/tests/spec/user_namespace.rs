//! A user namespace: maps, and everything else of a container inside of it.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use spec_tests::container::namespace_of;
use spec_tests::holder::Holder;
use spec_tests::mountinfo;
use spec_tests::runtime::wait_until;
use spec_tests::suite::children;
use spec_tests::{Bundle, Result, chapter, host, shim, tests};

use super::weakened;

tests![
    the_maps_are_the_configured_ones,
    a_map_may_have_many_ranges,
    without_maps_root_inside_is_the_caller,
    a_root_that_only_the_mapped_owner_may_enter_is_found,
    a_map_may_do_without_root,
    a_map_that_the_container_made_up_is_not_read,
    the_process_has_the_mapped_ids,
    another_user_has_the_mapped_ids,
    an_unmapped_user_is_refused,
    an_unmapped_group_is_refused,
    additional_groups_are_set,
    files_belong_to_the_mapped_users,
    the_default_devices_work,
    a_device_that_the_host_does_not_show_is_made,
    a_fifo_is_made,
    the_file_systems_are_mounted,
    the_message_queues_belong_to_root_inside,
    the_cgroup_mount_in_the_hosts_cgroup_namespace_is_the_hosts,
    a_cgroup2_mount_shows_no_hierarchy_of_v1,
    a_bind_mount_of_the_hosts_is_there,
    a_read_only_bind_mount_stays_read_only,
    a_read_only_root_is_read_only,
    masked_paths_are_masked,
    sysfs_with_the_hosts_network_is_a_bind_mount,
    capabilities_are_those_of_the_namespace,
    exec_has_the_mapped_ids,
    a_joined_namespace_is_the_named_one,
    a_joined_namespace_may_have_equal_maps,
    a_joined_namespace_with_other_maps_is_refused,
    an_init_that_joins_a_namespace_is_out_of_its_reach,
    limits_are_set_before_the_privilege_is_lost,
    the_hostname_is_set,
    a_seccomp_filter_is_set,
    hooks_run_as_the_caller,
    a_terminal_belongs_to_the_user,
];

const FIRST: u32 = 100_000;

fn mapped() -> Bundle {
    Bundle::busybox().in_user_namespace(FIRST)
}

fn the_maps_are_the_configured_ones() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let container = mapped().sleeping().set("/linux/gidMappings/0/size", 5000).start()?;
    let words = |name: &str| -> Result<Vec<u32>> {
        let text = container.proc_file(name)?;
        let numbers = text.split_whitespace().map(|word| Ok(word.parse()?));
        numbers.collect()
    };
    assert_eq!(words("uid_map")?, [0, FIRST, 65_536]);
    assert_eq!(words("gid_map")?, [0, FIRST, 5000]);
    Ok(())
}

/// No more than one user and one group, neither of them root.
fn mapped_without_root() -> Bundle {
    let map = json!([{"containerID": 1000, "hostID": FIRST, "size": 1}]);
    mapped()
        .set("/linux/uidMappings", map.clone())
        .set("/linux/gidMappings", map)
        .set("/process/user", json!({"uid": 1000, "gid": 1000}))
        .terminals_of_one_group()
}

/// Everything that is prepared inside has an owner all the same.
fn a_map_may_do_without_root() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let bundle = mapped_without_root().mount("/fresh/place", ("tmpfs", "tmpfs"), &["mode=0700"]);
    let words = "id -u; id -g; stat -c %u /dev /fresh /fresh/place /proc/1; \
                 touch /fresh/place/mine; grep ^NoNewPrivs /proc/self/status";
    let container = bundle.sh(&format!("{words}; echo ready > /ready; exec sleep 1000")).start()?;
    container.wait_for_file("ready")?;
    let expected = ["1000"; 6].into_iter().chain(["NoNewPrivs:\t1"]).collect::<Vec<_>>();
    assert_eq!(container.log().lines().collect::<Vec<_>>(), expected);
    assert_eq!(container.exec_sh(words).ok()?.lines(), expected);
    let owner = container.in_root("fresh").metadata()?;
    assert_eq!((owner.uid(), owner.gid()), (FIRST, FIRST));
    Ok(())
}

/// Who joins finds the container's own /proc, which is of its image here.
fn a_map_that_the_container_made_up_is_not_read() -> Result {
    chapter!("cli#exec");
    let bundle = mapped_without_root().sleeping().remove("/mounts/0").directory("proc/self");
    let container =
        bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
    let container = container.start()?;
    let maps = ["uid_map", "gid_map"].map(|name| container.in_root("proc/self").join(name));
    for map in &maps {
        std::fs::write(map, "7 7 7\n")?;
    }
    assert_eq!(container.exec(["id", "-u"]).ok()?.stdout, "1000\n");
    for map in &maps {
        std::fs::remove_file(map)?;
        mknodat(CWD, map, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    }
    // A fifo without a writer would hold it up.
    assert_eq!(container.exec(["id", "-u"]).ok()?.stdout, "1000\n");
    Ok(())
}

fn a_map_may_have_many_ranges() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let range =
        |number: u32| json!({"containerID": number, "hostID": FIRST + number * 10, "size": 1});
    let map: Vec<_> = (0..200).map(range).collect();
    let bundle = mapped().sleeping().set("/linux/uidMappings", map.clone());
    let container = bundle.set("/linux/gidMappings", map).start()?;
    for name in ["uid_map", "gid_map"] {
        let text = container.proc_file(name)?;
        assert_eq!(text.lines().count(), 200, "{name}");
        assert!(text.lines().any(|line| { line.split_whitespace().eq(["199", "101990", "1"]) }));
    }
    Ok(())
}

fn without_maps_root_inside_is_the_caller() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    // The usual group of terminals is none of the namespace.
    let bundle = |script: &str| {
        Bundle::busybox().namespace("user").sh(script).set("/mounts/2/options", json!(["nosuid"]))
    };
    let output = bundle("cat /proc/self/uid_map /proc/self/gid_map; id -u").run()?.ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    assert_eq!(words, ["0", "0", "1", "0", "0", "1", "0"]);
    let container = bundle("sleep 1000").start()?;
    assert_eq!(container.exec(["id", "-u"]).ok()?.stdout, "0\n");
    Ok(())
}

fn a_root_that_only_the_mapped_owner_may_enter_is_found() -> Result {
    chapter!("config.md#root");
    let container = mapped().sh("id -u; echo > /file").build()?;
    std::os::unix::fs::chown(container.directory(), Some(FIRST), Some(FIRST))?;
    let own = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(container.directory(), own)?;
    let output = container.run_call().arg(container.id()).run().ok()?;
    assert_eq!(output.stdout, "0\n");
    assert_eq!(std::fs::metadata(container.in_root("file"))?.uid(), FIRST);
    Ok(())
}

fn the_process_has_the_mapped_ids() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let container = mapped().sleeping().start()?;
    assert_eq!(container.proc_status("Uid")?, ["100000"; 4].join("\t"));
    assert_eq!(container.proc_status("Gid")?, ["100000"; 4].join("\t"));
    Ok(())
}

fn another_user_has_the_mapped_ids() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let user = json!({"uid": 1000, "gid": 2000});
    let container = mapped().sleeping().set("/process/user", user).start()?;
    assert_eq!(container.proc_status("Uid")?, ["101000"; 4].join("\t"));
    assert_eq!(container.proc_status("Gid")?, ["102000"; 4].join("\t"));
    Ok(())
}

fn an_unmapped_user_is_refused() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    mapped().set("/process/user/uid", 70_000).is_refused("")
}

fn an_unmapped_group_is_refused() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    mapped().set("/process/user/gid", 70_000).is_refused("")
}

fn additional_groups_are_set() -> Result {
    chapter!("config.md#posix-platform-user");
    let container =
        mapped().sleeping().set("/process/user/additionalGids", [5, 70].to_vec()).start()?;
    assert_eq!(container.proc_status("Groups")?, "100005 100070");
    Ok(())
}

fn files_belong_to_the_mapped_users() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let container = mapped()
        .capabilities(&["bounding", "effective", "permitted"], &["CAP_CHOWN"])
        .sh("touch /made; chown 7:8 /made; stat -c %u:%g /bin/busybox /made")
        .build()?;
    assert_eq!(container.run().ok()?.stdout, "0:0\n7:8\n");
    let made = container.in_root("made").metadata()?;
    assert_eq!((made.uid(), made.gid()), (100_007, 100_008));
    Ok(())
}

fn the_default_devices_work() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "for name in null zero full random urandom tty; do \
                  stat -c '%n %F %a' /dev/$name; done; \
                  echo gone > /dev/null && head -c 3 /dev/zero | wc -c; \
                  head -c 3 /dev/urandom | wc -c; readlink /dev/ptmx; test -w /dev/ptmx";
    let output = mapped().sh(script).run()?.ok()?;
    let node = |name: &&str| format!("/dev/{name} character special file 666");
    let names = ["null", "zero", "full", "random", "urandom", "tty"];
    let mut expected: Vec<String> = names.iter().map(node).collect();
    expected.extend(["3", "3", "pts/ptmx"].map(String::from));
    assert_eq!(output.lines(), expected);
    Ok(())
}

fn a_device_that_the_host_does_not_show_is_made() -> Result {
    chapter!("config-linux.md#devices");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let device = json!({"path": "/dev/more/none", "type": "c", "major": 1, "minor": 3,
        "fileMode": 0o646, "uid": 10, "gid": 11});
    let script = "stat -c '%F %t:%T %a %u %g' /dev/more/none; echo > /dev/more/none && echo written; \
                  grep -c ' /dev ' /proc/self/mountinfo";
    let container = mapped().set("/linux/devices", json!([device])).sh(script).build()?;
    let output = container.run_call().arg(container.id()).run().ok()?;
    assert_eq!(output.stdout, "character special file 1:3 646 10 11\nwritten\n1\n");
    container.left_no_trace()
}

fn a_fifo_is_made() -> Result {
    chapter!("config-linux.md#devices");
    let fifo = json!({"path": "/dev/pipe", "type": "p", "fileMode": 0o600, "uid": 10, "gid": 11});
    let bundle = mapped().set("/linux/devices", json!([fifo]));
    let output = bundle.sh("stat -c '%F %a %u %g' /dev/pipe").run()?.ok()?;
    assert_eq!(output.stdout, "fifo 600 10 11\n");
    Ok(())
}

fn the_cgroup_mount_in_the_hosts_cgroup_namespace_is_the_hosts() -> Result {
    chapter!("config-linux.md#cgroups-path");
    host::cgroup_v2()?;
    // Its top has no events, and is root's of the host.
    let script = "stat -c %u /sys/fs/cgroup; cd /sys/fs/cgroup && test -e cgroup.controllers && ! \
                  test -e cgroup.events && echo top";
    let bundle = mapped().without_namespace("cgroup").sh(script);
    let bundle = bundle.mount("/sys/fs/cgroup", ("cgroup", "cgroup"), &["nosuid", "noexec"]);
    bundle.run()?.says("65534\ntop")?;
    Ok(())
}

/// Beside v1 there is no place of the host's that would do instead of the refused one.
fn a_cgroup2_mount_shows_no_hierarchy_of_v1() -> Result {
    chapter!("config.md#mounts");
    host::cgroup_v1()?;
    let bundle = mapped().without_namespace("cgroup");
    bundle.mount("/sys/fs/cgroup", ("cgroup2", "cgroup2"), &["nosuid"]).is_refused("cgroup2")
}

fn the_message_queues_belong_to_root_inside() -> Result {
    chapter!("config-linux.md#namespaces");
    let bundle = Bundle::busybox().sh("stat -c %u:%g /dev/mqueue");
    bundle.in_user_namespace(100_000).run()?.says("0:0")?;
    Ok(())
}

fn the_file_systems_are_mounted() -> Result {
    chapter!("config.md#mounts");
    let output = mapped().sh("cat /proc/self/mountinfo").run()?.ok()?;
    let kinds = [
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/dev/mqueue", "mqueue"),
        ("/sys", "sysfs"),
    ];
    for (point, kind) in kinds {
        assert_eq!(mountinfo::at(&output.stdout, point)?.kind, kind, "{point}");
    }
    assert!(mountinfo::at(&output.stdout, "/sys")?.has("ro"));
    Ok(())
}

fn a_bind_mount_of_the_hosts_is_there() -> Result {
    chapter!("config.md#mounts");
    let bundle =
        mapped().sh("cat /mnt/one; stat -c %u /mnt/one").file("../host/one", "content\n", 0o644);
    let container = bundle.bind("@BUNDLE@/host", "/mnt", &[]).build()?;
    std::os::unix::fs::chown(container.bundle().join("host/one"), Some(0), Some(0))?;
    // The host's root is nobody here.
    assert_eq!(container.run().ok()?.stdout, "content\n65534\n");
    Ok(())
}

fn a_read_only_bind_mount_stays_read_only() -> Result {
    chapter!("config.md#mounts");
    let script = "touch /mnt/x 2>/dev/null && echo wrote; cat /proc/self/mountinfo";
    let bundle = mapped().sh(script).file("../host/one", "", 0o644);
    let bundle = bundle.bind("@BUNDLE@/host", "/mnt", &["ro", "nosuid", "nodev", "noexec"]);
    let output = bundle.run()?.ok()?;
    let mount = mountinfo::at(&output.stdout, "/mnt")?;
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(option), "{option} {mount:?}");
    }
    assert!(!output.stdout.starts_with("wrote"));
    Ok(())
}

fn a_read_only_root_is_read_only() -> Result {
    chapter!("config.md#root");
    let bundle = mapped().sh("touch /x 2>/dev/null || echo read-only").set("/root/readonly", true);
    bundle.run()?.says("read-only")?;
    Ok(())
}

fn masked_paths_are_masked() -> Result {
    chapter!("config-linux.md#masked-paths");
    let script = "wc -c < /proc/timer_list; ls /sys/firmware; cat /secret; ls /vault";
    let bundle = mapped()
        .sh(script)
        .file("secret", "x", 0o644)
        .file("vault/one", "x", 0o644)
        .set("/linux/maskedPaths/-", "/secret");
    bundle.set("/linux/maskedPaths/-", "/vault").run()?.says("0")?;
    Ok(())
}

fn sysfs_with_the_hosts_network_is_a_bind_mount() -> Result {
    chapter!("cli#create");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let bundle =
        mapped().sh("cat /proc/self/mountinfo; ls /sys/class/net").without_namespace("network");
    let output = bundle.run()?.ok()?;
    let mount = mountinfo::at(&output.stdout, "/sys")?;
    assert_eq!(mount.kind, "sysfs");
    assert!(mount.has("ro"), "{mount:?}");
    Ok(())
}

fn capabilities_are_those_of_the_namespace() -> Result {
    chapter!("config.md#linux-process");
    let sets = ["bounding", "effective", "permitted"];
    let names = ["CAP_SYS_ADMIN", "CAP_CHOWN"];
    let bundle = mapped()
        .sh("mount -t tmpfs none /mnt && echo mounted; grep CapEff /proc/self/status")
        .directory("mnt");
    let output = bundle.capabilities(&sets, &names).run()?.ok()?;
    assert_eq!(output.lines()[0], "mounted", "{output}");
    assert!(output.stdout.contains("0000000000200001"), "{output}");
    Ok(())
}

fn exec_has_the_mapped_ids() -> Result {
    chapter!("cli#exec");
    let container = mapped().sleeping().start()?;
    let script = "id -u; touch /of-exec";
    assert_eq!(container.exec_sh(script).ok()?.stdout, "0\n");
    assert_eq!(container.in_root("of-exec").metadata()?.uid(), FIRST);
    let output = container.exec_with(["--user", "7:8"], ["id", "-u"]);
    assert_eq!(output.ok()?.stdout, "7\n");
    Ok(())
}

/// A user namespace where the first 1000 ids are the host's from `FIRST` on.
fn holder() -> Result<Holder> {
    mapped_holder(&["--user"])
}

fn mapped_holder(options: &[&str]) -> Result<Holder> {
    let holder = Holder::new(options)?;
    for name in ["uid_map", "gid_map"] {
        let path = format!("/proc/{}/{name}", holder.pid);
        std::fs::write(path, format!("0 {FIRST} 1000"))?;
    }
    Ok(holder)
}

fn joining(path: &str) -> Bundle {
    let entry = json!({"type": "user", "path": path});
    Bundle::busybox().sleeping().set("/linux/namespaces/-", entry).owned_by(FIRST)
}

fn a_joined_namespace_is_the_named_one() -> Result {
    chapter!("config-linux.md#namespaces");
    let holder = holder()?;
    let container = joining(&holder.namespace("user")).start()?;
    assert_eq!(container.namespace("user")?, namespace_of(holder.pid, "user")?);
    assert_eq!(container.proc_status("Uid")?, ["100000"; 4].join("\t"));
    assert_eq!(container.exec(["id", "-u"]).ok()?.stdout, "0\n");
    Ok(())
}

fn a_joined_namespace_may_have_equal_maps() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let holder = holder()?;
    let map = json!([{"containerID": 0, "hostID": FIRST, "size": 1000}]);
    let bundle = joining(&holder.namespace("user")).set("/linux/uidMappings", map.clone());
    let container = bundle.set("/linux/gidMappings", map).start()?;
    assert_eq!(container.namespace("user")?, namespace_of(holder.pid, "user")?);
    Ok(())
}

fn a_joined_namespace_with_other_maps_is_refused() -> Result {
    chapter!("config-linux.md#user-namespace-mappings");
    let holder = holder()?;
    let map = json!([{"containerID": 0, "hostID": 300_000, "size": 7}]);
    let bundle = joining(&holder.namespace("user")).set("/linux/uidMappings", map.clone());
    bundle.set("/linux/gidMappings", map).is_refused("")
}

/// Root of the namespace sees init where it shares the host's pid namespace, and has every right
/// over a process of the namespace that does not hide; init still has the host's ids and files.
fn an_init_that_joins_a_namespace_is_out_of_its_reach() -> Result {
    chapter!("config-linux.md#namespaces");
    weakened::needs_failpoints()?;
    let holder = mapped_holder(&["--user", "--mount"])?;
    let own = namespace_of(holder.pid, "user")?;
    // Where another namespace is made, the ids change before init is there, which hides it too.
    let join = |kind, file| json!({"type": kind, "path": holder.namespace(file)});
    let joined = json!([join("user", "user"), join("mount", "mnt")]);
    let bundle = joining(&holder.namespace("user")).set("/linux/namespaces", joined);
    let container = bundle.remove("/hostname").build()?;
    let call = container.create_call().arg(container.id());
    let running = call.env(weakened::FAILPOINT, "wait:become root inside").spawn()?;
    let joined = |pid: &i32| namespace_of(*pid, "user").is_ok_and(|its| its == own);
    let find = || children(running.pid()).into_iter().find(joined);
    let init = wait_until(Duration::from_secs(10), find).expect("init has joined");
    let looks_into = |pid: i32| {
        let mut look = Command::new("nsenter");
        look.args(["--user", "--target", &holder.pid.to_string()]);
        look.args(["readlink", &format!("/proc/{pid}/root")]).output()
    };
    assert!(looks_into(holder.pid)?.status.success(), "one that does not hide");
    assert!(!looks_into(init)?.status.success(), "init");
    Ok(())
}

fn limits_are_set_before_the_privilege_is_lost() -> Result {
    chapter!("config.md#posix-process");
    let limit = json!({"type": "RLIMIT_CORE", "hard": 100, "soft": 50});
    let bundle = mapped()
        .sh("grep 'core file' /proc/self/limits; cat /proc/self/oom_score_adj")
        .set("/process/rlimits/-", limit);
    let output = bundle.set("/process/oomScoreAdj", 300).run()?.ok()?;
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    assert_eq!(words, ["Max", "core", "file", "size", "50", "100", "bytes", "300"]);
    Ok(())
}

fn the_hostname_is_set() -> Result {
    chapter!("config.md#hostname");
    mapped().args(["hostname"]).run()?.says("spec")?;
    Ok(())
}

fn a_seccomp_filter_is_set() -> Result {
    chapter!("config-linux.md#seccomp");
    let filter = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
    });
    for no_new_privileges in [true, false] {
        let bundle = mapped()
            .sh("mkdir /x 2>/dev/null || echo refused")
            .set("/process/noNewPrivileges", no_new_privileges);
        bundle.set("/linux/seccomp", filter.clone()).run()?.says("refused")?;
    }
    Ok(())
}

fn hooks_run_as_the_caller() -> Result {
    chapter!("config.md#posix-platform-hooks");
    let bundle =
        mapped().hook("createRuntime", "id -u > $1/uid; readlink /proc/self/ns/user >> $1/uid");
    let container = bundle.create()?;
    let text = std::fs::read_to_string(container.bundle().join("uid"))?;
    assert_eq!(text, format!("0\n{}\n", namespace_of(0, "user")?));
    Ok(())
}

fn a_terminal_belongs_to_the_user() -> Result {
    chapter!("config.md#process");
    let container = mapped()
        .sh("stat -L -c '%u %F' /dev/console; test -t 1 && echo terminal")
        .set("/process/terminal", true)
        .build()?;
    let terminal = spec_tests::terminal::Terminal::new(24, 80)?;
    let call = container.run_call().arg(container.id());
    call.on_terminal(terminal.user).run().ok()?;
    let text = spec_tests::terminal::read_to_end(&terminal.controller)?;
    assert!(text.contains("0 character special file\r\n"), "{text}");
    assert!(text.contains("terminal\r\n"), "{text}");
    Ok(())
}
