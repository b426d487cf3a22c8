//! Attacks that are won by changing a file at the right moment: a thread that exchanges two names
//! of a shared volume for as long as the runtime makes containers. Without it each container runs.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;
use spec_tests::canary::Canary;
use spec_tests::config::mount;
use spec_tests::mountinfo::{self, Mount};
use spec_tests::racer::{ROUNDS, while_exchanging};
use spec_tests::runtime::Output;
use spec_tests::terminal::Terminal;
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing,
    cve_2021_30465_a_racing_link_leads_inside,
    cve_2024_45310_nothing_is_made_where_a_racing_link_leads,
    cve_2025_31133_a_null_that_changes_hides_nothing_writable,
    cve_2025_52565_the_console_is_the_terminal_or_nothing,
    cve_2025_52881_settings_are_written_to_procfs_or_not_at_all,
];

/// A container whose `/dev` is a volume that others write to as well.
fn with_a_shared_dev(bundle: Bundle) -> Result<Container> {
    let container = bundle.file("volume/full", "", 0o644).build()?;
    let volume = mount("/dev", ("bind", "rootfs/volume"), &["bind"]);
    let proc = mount("/proc", ("proc", "proc"), &[]);
    container.reconfigure("/mounts", json!([proc, volume]))?;
    Ok(container)
}

fn cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox().args(["cat", "/proc/self/mountinfo"]).directory("volume");
    let container = bundle.build()?;
    container.run().ok()?;
    let (proc, other) = (container.in_root("proc"), container.in_root("other"));
    symlink("/volume", &other)?;
    while_exchanging(&[(&proc, &other)], |_| {
        let output = container.run();
        let mut lines = output.stdout.lines().filter(|line| line.contains(" - proc "));
        let led = lines.find(|line| line.contains(" /volume"));
        anyhow::ensure!(led.is_none(), "proc is astray: {output}");
        let below = fs::read_dir(container.in_root("volume"))?.count();
        anyhow::ensure!(below == 0, "proc is astray: {below} files were made below the link");
        Ok(())
    })?;
    container.left_no_trace()
}

fn cve_2021_30465_a_racing_link_leads_inside() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox().args(["cat", "/proc/self/mountinfo"]);
    let bundle = bundle.directory("volume/place").bind("rootfs/volume", "/shared", &["rbind"]);
    let container = bundle.bind("/etc", "/shared/place/below", &["rbind"]).build()?;
    container.run().ok()?;
    let canary = Canary::new(&container)?;
    let (place, other) = (container.in_root("volume/place"), container.in_root("volume/other"));
    symlink(canary.from(&container, "/volume"), &other)?;
    while_exchanging(&[(&place, &other)], |_| {
        drop(container.run());
        canary.lives()?;
        Ok(())
    })?;
    container.left_no_trace()
}

/// Targets of all kinds that are yet to be made, in each round others.
fn cve_2024_45310_nothing_is_made_where_a_racing_link_leads() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox().file("file", "", 0o644).directory("volume/place");
    let container = bundle.build()?;
    let empty = container.directory().join("empty");
    fs::create_dir(&empty)?;
    let run = |round: u32| {
        let at = |name: &str| format!("/shared/place/{round}{name}");
        let mounts = json!([
            mount("/proc", ("proc", "proc"), &[]),
            mount("/shared", ("bind", "rootfs/volume"), &["rbind"]),
            mount(&at("directory"), ("bind", "rootfs/etc"), &["bind"]),
            mount(&at("file"), ("bind", "rootfs/file"), &["bind"]),
            mount(&at("deep/er/file"), ("bind", "rootfs/file"), &["bind"]),
            mount(&at("tmpfs"), ("tmpfs", "tmpfs"), &[]),
        ]);
        container.reconfigure("/mounts", mounts)?;
        Result::Ok(container.run())
    };
    run(ROUNDS)?.ok()?;
    let (place, other) = (container.in_root("volume/place"), container.in_root("volume/other"));
    let up = "../".repeat(container.in_root("volume").components().count());
    symlink(format!("{up}{}", empty.display()), &other)?;
    while_exchanging(&[(&place, &other)], |round| {
        drop(run(round)?);
        let made: Vec<_> = fs::read_dir(&empty)?.flatten().map(|it| it.file_name()).collect();
        anyhow::ensure!(made.is_empty(), "made on the host: {made:?}");
        Ok(())
    })?;
    container.left_no_trace()
}

fn cve_2025_31133_a_null_that_changes_hides_nothing_writable() -> Result {
    chapter!("config-linux.md#masked-paths");
    let bundle = Bundle::busybox().sh("cat /secret; echo written > /secret; true");
    let bundle = bundle.file("secret", "secret", 0o644).file("victim", "victim", 0o644);
    let container = with_a_shared_dev(bundle.set("/linux/maskedPaths", json!(["/secret"])))?;
    let (null, other) = (container.in_root("volume/null"), container.in_root("volume/other"));
    mknodat(CWD, &null, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(1, 3))?;
    container.run().ok()?;
    symlink("/victim", &other)?;
    while_exchanging(&[(&null, &other)], |_| {
        let output = container.run();
        let shown = output.stdout.contains("secret") || output.stdout.contains("victim");
        anyhow::ensure!(!shown, "null is another file: {output}");
        let victim = fs::read_to_string(container.in_root("victim"))?;
        anyhow::ensure!(victim == "victim", "null is another file: it has {victim:?}");
        Ok(())
    })?;
    container.left_no_trace()
}

/// What runs on a terminal, and the mounts that it sees.
fn run_on_terminal(container: &Container) -> Result<(Output, Vec<Mount>)> {
    let terminal = Terminal::new(24, 80)?;
    let output = container.run_call().arg(container.id()).on_terminal(terminal.user).run();
    let seen = fs::read_to_string(container.in_root("seen")).unwrap_or_default();
    drop(fs::remove_file(container.in_root("seen")));
    Ok((output, mountinfo::parse(&seen)))
}

/// The names of the terminal's file system and of the console become links to files that would
/// then be bound to /dev/console, or be covered by the terminal.
fn cve_2025_52565_the_console_is_the_terminal_or_nothing() -> Result {
    chapter!("config-linux.md#default-devices");
    let bundle = Bundle::busybox().sh("cat /proc/self/mountinfo > /seen");
    let bundle = bundle.set("/process/terminal", true).set("/linux/maskedPaths", json!([]));
    let bundle = bundle.file("trap/0", "trap", 0o666).file("victim", "victim", 0o666);
    let container = with_a_shared_dev(bundle.file("volume/console", "", 0o644))?;
    let in_volume = |name: &str| container.in_root(&format!("volume/{name}"));
    let (file, mode) = (FileType::CharacterDevice, Mode::RUSR | Mode::WUSR);
    mknodat(CWD, in_volume("null"), file, mode, makedev(1, 3))?;
    symlink("pts/ptmx", in_volume("ptmx"))?;
    let pts = ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    container.reconfigure("/mounts/-", mount("/dev/pts", ("devpts", "devpts"), &pts))?;
    let (output, seen) = run_on_terminal(&container)?;
    output.ok()?;
    let terminal = |mount: &&Mount| mount.kind == "devpts" && mount.root != "/";
    anyhow::ensure!(seen.iter().filter(terminal).any(|it| it.point == "/dev/console"), "{seen:?}");
    symlink("/trap", in_volume("other-pts"))?;
    symlink("/victim", in_volume("other-console"))?;
    let (pts, other_pts) = (in_volume("pts"), in_volume("other-pts"));
    let (console, other_console) = (in_volume("console"), in_volume("other-console"));
    while_exchanging(&[(&pts, &other_pts), (&console, &other_console)], |_| {
        let (_, seen) = run_on_terminal(&container)?;
        let trap = seen.iter().find(|mount| mount.root.contains("/trap"));
        anyhow::ensure!(trap.is_none(), "the console is astray: {trap:?} is bound to it");
        let mut terminals = seen.iter().filter(terminal);
        let astray = terminals.find(|mount| !mount.point.starts_with("/dev/"));
        anyhow::ensure!(astray.is_none(), "the console is astray: the terminal covers {astray:?}");
        Ok(())
    })?;
    container.left_no_trace()
}

/// Volumes are at their own place, or over the settings of the container's network and over what
/// the kernel tells of its first process.
fn cve_2025_52881_settings_are_written_to_procfs_or_not_at_all() -> Result {
    chapter!("config-linux.md#sysctl");
    let bundle = Bundle::busybox();
    let bundle = bundle.args(["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/self/oom_score_adj"]);
    let bundle = bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
    let bundle = bundle.set("/process/oomScoreAdj", 500).directory("volume/place/self");
    let bundle = bundle.directory("volume/place/sys/net/ipv4");
    let bundle = bundle.file("fake/ip_forward", "fake", 0o666);
    let bundle = bundle.file("fake/oom_score_adj", "fake", 0o666);
    let bundle = bundle.bind("rootfs/volume", "/shared", &["rbind"]);
    let bundle = bundle.bind("rootfs/fake", "/shared/place/sys/net/ipv4", &["bind"]);
    let container = bundle.bind("rootfs/fake", "/shared/place/self", &["bind"]).build()?;
    container.run().says("1\n500")?;
    let (place, other) = (container.in_root("volume/place"), container.in_root("volume/other"));
    symlink("/proc", &other)?;
    while_exchanging(&[(&place, &other)], |_| {
        let output = container.run();
        for name in ["ip_forward", "oom_score_adj"] {
            let fake = fs::read_to_string(container.in_root("fake").join(name))?;
            anyhow::ensure!(fake == "fake", "a setting is astray: {name} has {fake:?}: {output}");
        }
        let written = output.code() != Some(0) || output.stdout == "1\n500\n";
        anyhow::ensure!(written, "a setting is astray: {output}");
        Ok(())
    })?;
    container.left_no_trace()
}
