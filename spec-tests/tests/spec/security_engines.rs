//! Attacks on engines that were published, where the runtime is the tool or the last line of
//! defence: what an image, a pod's annotation or a value of the user's may not bring about.

use std::fs;
use std::mem::MaybeUninit;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::io::Errno;
use serde_json::json;
use spec_tests::canary::Canary;
use spec_tests::config::mount;
use spec_tests::runtime::Runtime;
use spec_tests::{Bundle, Result, chapter, host, tests};

use crate::cgroups;

tests![
    cve_2019_14271_nothing_of_the_image_is_loaded,
    cve_2020_15257_no_abstract_socket_is_open,
    cve_2022_4318_a_home_with_a_line_feed_makes_no_user,
    cve_2023_6476_annotations_lift_no_limit,
    cve_2024_1753_mounts_and_directories_below_links_are_inside,
    cve_2024_3154_a_property_that_runs_programs_is_refused,
    cve_2024_5154_nothing_is_made_or_deleted_through_links,
    cve_2025_47291_the_cgroup_is_the_configured_one,
    cve_2026_47262_a_passwd_without_end_holds_nothing_up,
    ghsa_7ww5_the_meters_of_power_are_masked_by_default,
];

/// What of a directory's files was opened since the watch began.
fn opened(watch: &rustix::fd::OwnedFd) -> Result<Vec<String>> {
    let mut space = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(watch, &mut space);
    let mut names = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => names.extend(event.file_name().map(|it| it.to_string_lossy().into())),
            Err(Errno::AGAIN) => return Ok(names),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A runtime that looks up names or loads a library after it has entered the root takes both from
/// the image.
fn cve_2019_14271_nothing_of_the_image_is_loaded() -> Result {
    chapter!("cli#create");
    const LIBRARY: &str = "lib/x86_64-linux-gnu/libnss_files.so.2";
    let user = json!({"uid": 1000, "gid": 1000});
    let bundle = Bundle::busybox().args(["cat", LIBRARY]).set("/process/user", user);
    let bundle = bundle.file("etc/passwd", "u:x:1000:1000::/home:/bin/sh\n", 0o644);
    let bundle = bundle.file("etc/group", "u:x:1000:\n", 0o644).file(LIBRARY, "trap", 0o755);
    let bundle = bundle.file("etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0o644);
    let bundle = bundle.file("etc/ld.so.preload", "/lib/trap.so\n", 0o644);
    let container = bundle.file("etc/ld.so.cache", "trap", 0o644).build()?;
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    for directory in ["etc", "lib", "lib/x86_64-linux-gnu"] {
        inotify::add_watch(&watch, container.in_root(directory), WatchFlags::OPEN)?;
    }
    container.run().ok()?;
    let seen = opened(&watch)?;
    ensure!(seen.iter().any(|name| LIBRARY.ends_with(name)), "the watch sees nothing: {seen:?}");
    // Who has which home is data: it is read, and nothing of it is run.
    let is_data = |name: &String| name == "passwd" || name == "group";
    container.reconfigure("/process/args", json!(["sleep", "100"]))?;
    container.create().ok()?;
    container.start().ok()?;
    container.exec(["true"]).ok()?;
    let loaded: Vec<_> = opened(&watch)?.into_iter().filter(|name| !is_data(name)).collect();
    ensure!(loaded.is_empty(), "{loaded:?}");
    Ok(())
}

/// The abstract unix sockets that a process has open.
fn abstract_sockets(pid: i32) -> Vec<String> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    let sockets = links.filter_map(|link| {
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
        let line = table.lines().find(|line| line.split_whitespace().nth(6) == Some(&inode))?;
        line.split_whitespace().nth(7).filter(|name| name.starts_with('@')).map(String::from)
    });
    sockets.collect()
}

/// A container with the host's network can connect to any of them.
fn cve_2020_15257_no_abstract_socket_is_open() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().without_namespace("network").sleeping().build()?;
    let address = SocketAddr::from_abstract_name(container.id())?;
    let own = UnixListener::bind_addr(&address)?;
    let seen = abstract_sockets(std::process::id().cast_signed());
    ensure!(seen.contains(&format!("@{}", container.id())), "not seen: {seen:?}");
    drop(own);
    let none = |when: &str| {
        let sockets: Vec<_> =
            container.processes().into_iter().flat_map(abstract_sockets).collect();
        ensure!(sockets.is_empty(), "{when}: {sockets:?}");
        Ok(())
    };
    container.create().ok()?;
    none("created")?;
    container.delete_by_force().ok()?;
    let running = container.run_call().arg(container.id()).spawn()?;
    container.wait_for("running")?;
    none("running in the foreground")?;
    container.kill("KILL").ok()?;
    drop(running.wait());
    Ok(())
}

/// CVE-2026-15809 too: the value is the program's business, and nobody writes it to a file.
fn cve_2022_4318_a_home_with_a_line_feed_makes_no_user() -> Result {
    chapter!("config.md#process");
    let users = "root:x:0:0::/root:/bin/sh\n";
    let bundle = Bundle::busybox().sh("id -u; echo \"$HOME\"").file("etc/passwd", users, 0o644);
    let bundle = bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    let container = bundle.env("HOME=/\nevil:x:0:0::/:/bin/sh").build()?;
    let output = container.run().ok()?;
    assert_eq!(output.stdout, "1000\n/\nevil:x:0:0::/:/bin/sh\n");
    assert_eq!(fs::read_to_string(container.in_root("etc/passwd"))?, users);
    Ok(())
}

fn cve_2023_6476_annotations_lift_no_limit() -> Result {
    chapter!("config.md#annotations");
    cgroups::needs("pids", "cgroup.procs")?;
    let annotations = json!({
        "io.kubernetes.cri-o.UnifiedCgroup.spec": "pids.max=max;memory.max=max",
        "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw": "true",
        "io.kubernetes.cri-o.LinuxOverhead": "{\"pids\":{\"limit\":-1}}",
        "io.kubernetes.cri-o.LinuxResources": "{\"pids\":{\"limit\":-1}}",
        "run.oci.cgroup.pids.max": "max",
        "linux.resources.pids.limit": "-1",
    });
    let bundle = Bundle::busybox().sleeping().set("/annotations", annotations);
    let container = bundle.set("/linux/resources/pids", json!({"limit": 123})).start()?;
    assert_eq!(cgroups::read(&container, "pids", "pids.max")?, "123");
    Ok(())
}

/// A working directory and mounts of a build, below a link of the image.
fn cve_2024_1753_mounts_and_directories_below_links_are_inside() -> Result {
    chapter!("config.md#mounts");
    let container = Bundle::busybox().directory("source").build()?;
    let canary = Canary::new(&container)?;
    symlink(canary.from(&container, "/"), container.in_root("link"))?;
    container.reconfigure("/process/cwd", "/link/directory")?;
    drop(container.run());
    canary.lives()?;
    for (name, what) in [("bind", ("bind", "rootfs/source")), ("tmpfs", ("tmpfs", "tmpfs"))] {
        let options: &[&str] = if name == "bind" { &["bind"] } else { &[] };
        container.reconfigure("/mounts/-", mount(&format!("/link/{name}"), what, options))?;
        drop(container.run());
        canary.lives()?;
    }
    container.left_no_trace()
}

fn cve_2024_3154_a_property_that_runs_programs_is_refused() -> Result {
    chapter!("config.md#annotations");
    let container = Bundle::busybox().build()?;
    let canary = Canary::new(&container)?;
    let property = "org.systemd.property.ExecStartPre";
    let script = format!("touch {}/new", canary.path().display());
    let value = format!("[('/bin/sh', ['/bin/sh', '-c', '{script}'], false)]");
    container.reconfigure("/annotations", json!({property: value}))?;
    let path = format!("system.slice:spec:{}", container.id());
    container.reconfigure("/linux/cgroupsPath", path)?;
    let call = container.bare_call().args(["--systemd-cgroup", "--root"]);
    let call = call.arg(container.state_root()).args(["create", "--bundle"]);
    let output = call.arg(container.bundle()).arg(container.id()).run();
    canary.lives()?;
    // Where nobody runs systemd, whoever asks it first says nothing about the property.
    if !Runtime::get()?.is_onggi() {
        host::systemd()?;
    }
    output.fails_with("ExecStartPre")?;
    container.left_no_trace()
}

/// CVE-2024-23652 too: what was made as a mount's target is not removed by its path.
fn cve_2024_5154_nothing_is_made_or_deleted_through_links() -> Result {
    chapter!("cli#delete");
    let bundle = Bundle::busybox().sleeping().file("source", "", 0o644).directory("volume");
    let bundle = bundle.bind("rootfs/source", "/volume/stub/ptmx", &["bind"]);
    let bundle = bundle.bind("rootfs/source", "/etc/mtab", &["bind"]);
    let bundle = bundle.bind("rootfs/volume", "/link/new", &["bind"]);
    let container = bundle.bind("rootfs/source", "/etc/hosts", &["bind"]).build()?;
    let canary = Canary::new(&container)?;
    symlink(canary.path().join("mtab"), container.in_root("etc/mtab"))?;
    symlink(canary.from(&container, "/etc").join("hosts"), container.in_root("etc/hosts"))?;
    symlink(canary.from(&container, "/"), container.in_root("link"))?;
    container.create().ok()?;
    container.start().ok()?;
    canary.lives()?;
    fs::rename(container.in_root("volume/stub"), container.in_root("volume/was"))?;
    symlink(canary.from(&container, "/volume"), container.in_root("volume/stub"))?;
    container.delete_by_force().ok()?;
    canary.lives()?;
    container.left_no_trace()
}

fn cve_2025_47291_the_cgroup_is_the_configured_one() -> Result {
    chapter!("config-linux.md#cgroups-path");
    host::cgroupfs_driver()?;
    let container = Bundle::busybox().sleeping().in_user_namespace(100_000).build()?;
    let path = format!("/{}/pod", container.id());
    container.reconfigure("/linux/cgroupsPath", path.as_str())?;
    container.create().ok()?;
    container.start().ok()?;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", container.pid()?))?;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    // Of v1, systemd's hierarchy and the other half are not every runtime's business.
    let counts = |line: &&str| !line.contains("name=") && line.starts_with("0::") == cgroups::v2();
    for (line, start) in groups.lines().filter(counts).zip(own.lines().filter(counts)) {
        let start = start.rsplit(':').next().context("a path")?.trim_end_matches('/');
        let at = line.rsplit(':').next().context("a path")?;
        ensure!(at == path || at == format!("{start}{path}"), "it is in another cgroup: {line}");
    }
    container.delete_by_force().ok()?;
    Ok(())
}

/// Bytes that the runtime may allocate: less than the file has.
const MEMORY: &str = "ulimit -d 262144;";
const SIZE: u64 = 1 << 30;

fn cve_2026_47262_a_passwd_without_end_holds_nothing_up() -> Result {
    chapter!("cli#create");
    let user = json!({"uid": 1000, "gid": 1000});
    for kind in ["huge file", "fifo", "device"] {
        let bundle = Bundle::busybox().args(["true"]).set("/process/user", user.clone());
        let container = bundle.build()?;
        for path in ["etc/passwd", "etc/group"] {
            lay_trap(&container.in_root(path), kind)?;
        }
        let call = container.run_call().within(Duration::from_secs(10)).arg(container.id());
        let output = call.after_shell(MEMORY).run();
        // To refuse such an image is as good.
        let refused = output.code().is_some() && !output.text().contains("memory");
        ensure!(refused, "{kind}: {output}");
        container.left_no_trace().context(kind)?;
    }
    Ok(())
}

fn lay_trap(path: &Path, kind: &str) -> Result {
    let mode = Mode::from_raw_mode(0o666);
    match kind {
        "fifo" => mknodat(CWD, path, FileType::Fifo, mode, 0)?,
        // /dev/zero, which every container may read.
        "device" => mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(1, 5))?,
        _ => fs::File::create(path)?.set_len(SIZE)?,
    }
    Ok(())
}

fn ghsa_7ww5_the_meters_of_power_are_masked_by_default() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    let config = container.spec(&[])?;
    let masked = config["linux"]["maskedPaths"].as_array().context("maskedPaths")?;
    ensure!(masked.contains(&json!("/sys/devices/virtual/powercap")), "{masked:?}");
    Ok(())
}
