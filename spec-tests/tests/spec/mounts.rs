//! mounts: what is mounted, where, and in which order.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use anyhow::Context;
use serde_json::json;
use spec_tests::mountinfo::{self, Mount};
use spec_tests::runtime::Output;
use spec_tests::{Bundle, Result, chapter, tests};

tests![
    mounts_are_made_in_the_listed_order,
    a_later_mount_covers_an_earlier_one,
    a_relative_destination_is_below_the_root,
    a_destination_with_dots_stays_below_the_root,
    a_destination_through_the_root_begins_there,
    a_source_inside_the_root_is_what_was_mounted_there,
    a_missing_destination_is_made_with_its_parents,
    a_bind_mount_shows_the_sources_files,
    a_bind_mount_of_a_file_makes_an_empty_file,
    a_relative_source_is_below_the_bundle,
    a_missing_source_is_refused,
    a_file_over_a_directory_is_refused,
    the_type_of_a_bind_mount_does_not_count,
    an_unknown_type_is_refused,
    bind_leaves_the_mounts_below_behind,
    rbind_brings_the_mounts_below,
    a_proc_shows_the_containers_processes,
    a_second_proc_may_have_options,
    sysfs_shows_the_containers_network,
    mqueue_is_the_containers,
    devpts_is_a_new_instance,
    the_cgroup_mount_shows_the_containers_cgroup,
    the_cgroup_mount_is_read_only_when_asked,
    the_cgroup_mount_in_a_cgroup_namespace_is_its_root,
    a_symlink_is_followed_inside_the_root,
    a_symlink_cannot_lead_out_of_the_root,
    a_symlink_in_the_middle_cannot_lead_out_of_the_root,
    cve_2023_28642_a_proc_that_is_a_symlink_is_refused,
    cve_2025_54867_a_sys_that_is_a_symlink_is_refused,
    a_mount_inside_proc_is_refused,
    a_few_files_of_proc_may_be_covered,
    another_file_system_on_proc_is_refused,
    a_null_byte_is_refused,
    a_mount_on_a_broken_file_system_leaves_no_trace,
    a_mount_inside_a_mount_of_the_hosts_leaves_its_mode,
];

const TABLE: &str = "cat /proc/self/mountinfo";

fn at(output: &Output, point: &str) -> Result<Mount> {
    mountinfo::at(&output.stdout, point)
}

fn tmpfs(bundle: Bundle, destination: &str, options: &[&str]) -> Bundle {
    bundle.mount(destination, ("tmpfs", "tmpfs"), options)
}

/// A bundle with a file `host/one` beside its root.
fn with_host(script: &str) -> Bundle {
    Bundle::busybox().sh(script).file("../host/one", "of the host\n", 0o644)
}

fn mounts_are_made_in_the_listed_order() -> Result {
    chapter!("config.md#mounts");
    let script = "cat /proc/self/mountinfo; echo x > /a/b/c/file";
    let bundle = ["/a", "/a/b", "/a/b/c"]
        .iter()
        .fold(Bundle::busybox().sh(script), |bundle, point| tmpfs(bundle, point, &[]));
    let output = bundle.run()?.ok()?;
    let mounts = mountinfo::parse(&output.stdout);
    let points = mounts.iter().map(|mount| mount.point.as_str());
    let points: Vec<_> = points.filter(|point| point.starts_with("/a")).collect();
    assert_eq!(points, ["/a", "/a/b", "/a/b/c"]);
    Ok(())
}

fn a_later_mount_covers_an_earlier_one() -> Result {
    chapter!("config.md#mounts");
    let bundle = with_host("ls /mnt; cat /proc/self/mountinfo");
    let bundle = tmpfs(bundle.bind("@BUNDLE@/host", "/mnt", &[]), "/mnt", &["size=64k"]);
    let output = bundle.run()?.ok()?;
    assert!(!output.stdout.starts_with("one"), "{output}");
    assert_eq!(at(&output, "/mnt")?.kind, "tmpfs");
    let count = output.stdout.matches(" /mnt ").count();
    assert_eq!(count, 2, "{output}");
    Ok(())
}

fn a_relative_destination_is_below_the_root() -> Result {
    chapter!("config.md#mounts");
    let output = tmpfs(Bundle::busybox().sh(TABLE), "mnt/here", &[]).run()?;
    at(&output.ok()?, "/mnt/here")?;
    Ok(())
}

fn a_destination_with_dots_stays_below_the_root() -> Result {
    chapter!("cli#create");
    let container = tmpfs(Bundle::busybox().sh(TABLE), "/../../../outside", &[]).build()?;
    at(&container.run().ok()?, "/outside")?;
    assert!(!container.directory().join("outside").exists());
    Ok(())
}

fn a_destination_through_the_root_begins_there() -> Result {
    chapter!("cli#create");
    let bundle = with_host("cat /inner/one").bind("@BUNDLE@/host", "@BUNDLE@/rootfs/inner", &[]);
    bundle.run()?.says("of the host")?;
    Ok(())
}

fn a_source_inside_the_root_is_what_was_mounted_there() -> Result {
    chapter!("cli#create");
    let script = "cat /copy/one";
    for first in [None, Some(100_000)] {
        let bundle = with_host(script).bind("@BUNDLE@/host", "/mnt", &[]).bind(
            "@BUNDLE@/rootfs/mnt",
            "/copy",
            &["rbind"],
        );
        let bundle = first.into_iter().fold(bundle, Bundle::in_user_namespace);
        bundle.run()?.says("of the host")?;
    }
    Ok(())
}

fn a_missing_destination_is_made_with_its_parents() -> Result {
    chapter!("config.md#mounts");
    let bundle = with_host("cat /new/way/mnt/one").bind("@BUNDLE@/host", "/new/way/mnt", &[]);
    let container = bundle.build()?;
    container.run().says("of the host")?;
    for path in ["new", "new/way", "new/way/mnt"] {
        let mode = fs::metadata(container.in_root(path))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{path}");
    }
    Ok(())
}

fn a_bind_mount_shows_the_sources_files() -> Result {
    chapter!("config.md#linux-mount-options");
    let script = "cat /mnt/one; echo more > /mnt/two";
    let container = with_host(script).bind("@BUNDLE@/host", "/mnt", &[]).build()?;
    container.run().says("of the host")?;
    let two = fs::read_to_string(container.bundle().join("host/two"))?;
    assert_eq!(two, "more\n");
    Ok(())
}

fn a_bind_mount_of_a_file_makes_an_empty_file() -> Result {
    chapter!("config.md#linux-mount-options");
    let script = "cat /new/file; stat -c %F /new/file";
    let container = with_host(script).bind("@BUNDLE@/host/one", "/new/file", &[]).build()?;
    let output = container.run().ok()?;
    assert_eq!(output.stdout, "of the host\nregular file\n");
    assert_eq!(fs::read(container.in_root("new/file"))?, b"");
    Ok(())
}

fn a_relative_source_is_below_the_bundle() -> Result {
    chapter!("config.md#mounts");
    let bundle = with_host("cat /mnt/one").bind("host", "/mnt", &[]);
    let container = bundle.build()?;
    let call = container.run_call().arg(container.id());
    call.in_directory(std::path::Path::new("/")).run().says("of the host")?;
    Ok(())
}

fn a_missing_source_is_refused() -> Result {
    chapter!("config.md#mounts");
    Bundle::busybox().bind("@BUNDLE@/nowhere", "/mnt", &[]).is_refused("nowhere")
}

fn a_file_over_a_directory_is_refused() -> Result {
    chapter!("config.md#mounts");
    with_host("true")
        .directory("there")
        .bind("@BUNDLE@/host/one", "/there", &[])
        .is_refused("there")
}

fn the_type_of_a_bind_mount_does_not_count() -> Result {
    chapter!("config.md#mounts");
    let kinds = ["", "none", "tmpfs", "proc", "unheard-of"];
    for kind in kinds {
        let bundle = with_host("cat /mnt/one").mount("/mnt", (kind, "@BUNDLE@/host"), &["rbind"]);
        bundle.run()?.says("of the host")?;
    }
    Ok(())
}

fn an_unknown_type_is_refused() -> Result {
    chapter!("config.md#posix-platform-mounts");
    Bundle::busybox().mount("/mnt", ("unheard-of", "none"), &[]).is_refused("mnt")
}

/// Runs the container where the host has a tmpfs `below` inside the bundle's `host`.
fn run_with_mount_below(option: &str) -> Result<Output> {
    let bundle = Bundle::busybox().sh(TABLE).directory("../host/below");
    let bundle = bundle.mount("/mnt", ("none", "@BUNDLE@/host"), &[option]);
    let container = bundle.build()?;
    let script = "mount -t tmpfs none bundle/host/below || exit 1; exec \"$@\"";
    let call = container.run_call().arg(container.id());
    call.under(["unshare", "-m", "sh", "-c", script, "sh"]).run().ok()
}

fn bind_leaves_the_mounts_below_behind() -> Result {
    chapter!("config.md#linux-mount-options");
    let output = run_with_mount_below("bind")?;
    at(&output, "/mnt")?;
    assert!(at(&output, "/mnt/below").is_err(), "{output}");
    Ok(())
}

fn rbind_brings_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    let output = run_with_mount_below("rbind")?;
    assert_eq!(at(&output, "/mnt/below")?.kind, "tmpfs");
    Ok(())
}

fn a_proc_shows_the_containers_processes() -> Result {
    chapter!("config-linux.md#default-filesystems");
    let bundle = Bundle::busybox().sh("echo /proc/[0-9]*; stat -f -c %t /proc");
    let output = bundle.run()?.ok()?;
    assert_eq!(output.lines().last(), Some(&"9fa0"));
    assert!(output.stdout.starts_with("/proc/1"), "{output}");
    let count = output.lines()[0].split(' ').count();
    assert!(count <= 2, "{output}");
    Ok(())
}

fn a_second_proc_may_have_options() -> Result {
    chapter!("config.md#mounts");
    let options = ["hidepid=2", "nosuid", "ro"];
    let bundle = Bundle::busybox().sh(TABLE).mount("/other", ("proc", "proc"), &options);
    let mount = at(&bundle.run()?.ok()?, "/other")?;
    assert!(mount.has("ro") && mount.has("nosuid"), "{mount:?}");
    let hidden = mount.has_data("hidepid=2") || mount.has_data("hidepid=invisible");
    assert!(hidden, "{mount:?}");
    Ok(())
}

fn sysfs_shows_the_containers_network() -> Result {
    chapter!("config-linux.md#default-filesystems");
    let script = "stat -f -c %t /sys; ls /sys/class/net/lo > /dev/null && echo lo; \
                  touch /sys/x 2> /dev/null || echo read-only";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    assert_eq!(output.lines(), ["62656572", "lo", "read-only"]);
    Ok(())
}

fn mqueue_is_the_containers() -> Result {
    chapter!("config.md#mounts");
    let script = "stat -f -c %t /dev/mqueue; ls -A /dev/mqueue | wc -l; touch /dev/mqueue/own; \
                  ls /dev/mqueue";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    assert_eq!(output.lines(), ["19800202", "0", "own"]);
    Ok(())
}

fn devpts_is_a_new_instance() -> Result {
    chapter!("config-linux.md#default-filesystems");
    let script = "ls /dev/pts; stat -c %a /dev/pts/ptmx; cat /proc/self/mountinfo";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    assert_eq!(output.lines()[..2], ["ptmx", "666"], "{output}");
    let mount = at(&output, "/dev/pts")?;
    for datum in ["gid=5", "mode=620", "ptmxmode=666"] {
        assert!(mount.has_data(datum), "{datum} {mount:?}");
    }
    assert!(mount.has("nosuid") && mount.has("noexec"));
    Ok(())
}

fn with_cgroup_mount(script: &str, options: &[&str]) -> Bundle {
    Bundle::busybox().sh(script).mount("/sys/fs/cgroup", ("cgroup", "cgroup"), options)
}

/// Any controller's directory, in either layout: the one with the processes of this container.
const OWN_PROCESSES: &str = "cd /sys/fs/cgroup; [ -e cgroup.procs ] || cd memory; \
                             grep -qx $$ cgroup.procs && echo own";

fn the_cgroup_mount_shows_the_containers_cgroup() -> Result {
    chapter!("config-linux.md#default-filesystems");
    with_cgroup_mount(OWN_PROCESSES, &["nosuid", "noexec", "nodev", "relatime"])
        .namespace("cgroup")
        .run()?
        .says("own")?;
    if spec_tests::host::cgroup_v1().is_ok() {
        with_cgroup_mount(OWN_PROCESSES, &["nosuid", "noexec", "nodev"]).run()?.says("own")?;
    }
    Ok(())
}

fn the_cgroup_mount_is_read_only_when_asked() -> Result {
    chapter!("config.md#mounts");
    let script = "cd /sys/fs/cgroup; [ -e cgroup.procs ] || cd memory; \
                  mkdir x 2>/dev/null && echo made; \
                  cat /proc/self/mountinfo";
    let output = with_cgroup_mount(script, &["ro", "nosuid"]).namespace("cgroup").run()?.ok()?;
    assert!(!output.stdout.contains("made"), "{output}");
    let mounts = mountinfo::parse(&output.stdout);
    let of_kind = |mount: &&Mount| mount.kind.starts_with("cgroup");
    let mut cgroups = mounts.iter().filter(of_kind);
    assert!(cgroups.all(|mount| mount.has("ro")), "{output}");
    Ok(())
}

fn the_cgroup_mount_in_a_cgroup_namespace_is_its_root() -> Result {
    chapter!("config.md#mounts");
    let output = with_cgroup_mount(TABLE, &["nosuid"]).namespace("cgroup").run()?.ok()?;
    let mounts = mountinfo::parse(&output.stdout);
    let of_kind = |mount: &&Mount| mount.kind.starts_with("cgroup");
    let cgroups: Vec<_> = mounts.iter().filter(of_kind).collect();
    assert!(!cgroups.is_empty(), "{output}");
    for mount in cgroups {
        // A named v1 hierarchy is not every runtime's business.
        let named = mount.data.iter().any(|datum| datum.starts_with("name="));
        assert!(mount.root == "/" || named, "{mount:?}");
    }
    Ok(())
}

fn a_symlink_is_followed_inside_the_root() -> Result {
    chapter!("cli#create");
    let container = tmpfs(Bundle::busybox().sh(TABLE).directory("real"), "/link", &[]).build()?;
    symlink("/real", container.in_root("link"))?;
    at(&container.run().ok()?, "/real")?;
    Ok(())
}

fn a_symlink_cannot_lead_out_of_the_root() -> Result {
    chapter!("cli#create");
    for target in ["../../canary", "/../../canary", "../../../../../../canary"] {
        let bundle = with_host(TABLE).directory("canary").bind("@BUNDLE@/host", "/link", &[]);
        let container = bundle.build()?;
        let canary = container.directory().join("canary");
        fs::create_dir(&canary)?;
        symlink(target, container.in_root("link"))?;
        at(&container.run().ok()?, "/canary")?;
        assert_eq!(fs::read_dir(canary)?.count(), 0);
    }
    Ok(())
}

fn a_symlink_in_the_middle_cannot_lead_out_of_the_root() -> Result {
    chapter!("cli#create");
    let bundle = with_host("cat /proc/self/mountinfo").bind("@BUNDLE@/host/one", "/link/a/b", &[]);
    let container = bundle.build()?;
    let canary = container.directory().join("canary");
    fs::create_dir(&canary)?;
    symlink(format!("../../../..{}", canary.display()), container.in_root("link"))?;
    // Made inside, or refused: both are fine, a file outside is not.
    let _ = container.run();
    assert_eq!(fs::read_dir(canary)?.count(), 0);
    Ok(())
}

fn refuses_a_symlink_at(name: &str) -> Result {
    let container = Bundle::busybox().build()?;
    fs::remove_dir(container.in_root(name))?;
    fs::create_dir(container.in_root("elsewhere"))?;
    symlink("elsewhere", container.in_root(name))?;
    container.create().fails()?;
    container.left_no_trace()
}

fn cve_2023_28642_a_proc_that_is_a_symlink_is_refused() -> Result {
    chapter!("cli#create");
    refuses_a_symlink_at("proc")
}

fn cve_2025_54867_a_sys_that_is_a_symlink_is_refused() -> Result {
    chapter!("cli#create");
    refuses_a_symlink_at("sys")
}

fn a_mount_inside_proc_is_refused() -> Result {
    chapter!("cli#create");
    let words = "cannot be mounted because it is inside /proc";
    for destination in ["/proc/self/attr", "/proc/sys/kernel", "/tmp/../proc/tty"] {
        tmpfs(Bundle::busybox(), destination, &[]).is_refused(words).context(destination)?;
    }
    with_host("true")
        .bind("@BUNDLE@/host/one", "/proc/sys/kernel/core_pattern", &[])
        .is_refused(words)
}

fn a_few_files_of_proc_may_be_covered() -> Result {
    chapter!("cli#create");
    let names = ["cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg"];
    let bind = |bundle: Bundle, name: &&str| {
        bundle.bind("@BUNDLE@/host/one", &format!("/proc/{name}"), &[])
    };
    let script = "cd /proc; cat cpuinfo diskstats meminfo stat swaps uptime loadavg | sort -u";
    let bundle = names.iter().fold(with_host(script), bind);
    bundle.run()?.says("of the host")?;
    Ok(())
}

fn another_file_system_on_proc_is_refused() -> Result {
    chapter!("cli#create");
    tmpfs(Bundle::busybox(), "/proc", &[]).is_refused("/proc")?;
    with_host("true").bind("@BUNDLE@/host", "/proc", &[]).is_refused("/proc")
}

fn a_null_byte_is_refused() -> Result {
    chapter!("cli#create");
    let good = json!({"destination": "/mnt", "type": "tmpfs", "source": "none", "options": []});
    for field in ["destination", "source", "type"] {
        let mut mount = good.clone();
        mount[field] = format!("{}\0x", good[field].as_str().unwrap_or_default()).into();
        Bundle::busybox().set("/mounts/-", mount).is_refused("").context(field)?;
    }
    let options = json!({"destination": "/mnt", "type": "tmpfs", "options": ["size=1m\0x"]});
    Bundle::busybox().set("/mounts/-", options).is_refused("")
}

fn a_mount_on_a_broken_file_system_leaves_no_trace() -> Result {
    chapter!("runtime.md#create");
    Bundle::busybox().mount("/mnt", ("ext4", "@BUNDLE@/config.json"), &[]).is_refused("mnt")
}

fn a_mount_inside_a_mount_of_the_hosts_leaves_its_mode() -> Result {
    chapter!("config.md#mounts");
    let bundle = with_host("stat -c %a /mnt /mnt/new");
    let bundle = tmpfs(bundle.bind("@BUNDLE@/host", "/mnt", &[]), "/mnt/new", &["mode=700"]);
    let container = bundle.build()?;
    let host = container.bundle().join("host");
    fs::set_permissions(&host, PermissionsExt::from_mode(0o751))?;
    assert_eq!(container.run().ok()?.stdout, "751\n700\n");
    // The mount point stays on the host, the mount does not.
    assert_eq!(fs::read_dir(host.join("new"))?.count(), 0);
    Ok(())
}
