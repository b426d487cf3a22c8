//! Attacks that are won by changing a file at the right moment: a thread that exchanges two names
//! for as long as the runtime makes containers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, makedev, mknodat, renameat_with};
use serde_json::json;
use spec_tests::config::mount;
use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    cve_2025_31133_a_null_that_changes_hides_nothing_writable,
    cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing,
];

const ROUNDS: u32 = 40;

/// Exchanges two names for as long as `rounds` takes.
fn while_exchanging(one: &Path, other: &Path, rounds: impl FnOnce() -> Result) -> Result {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
            }
        });
        let result = rounds();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

/// A container whose `/dev` is a volume that others write to as well.
fn with_a_shared_dev(bundle: Bundle) -> Result<Container> {
    let container = bundle.file("volume/full", "", 0o644).build()?;
    let volume = mount("/dev", ("bind", "rootfs/volume"), &["bind"]);
    let proc = mount("/proc", ("proc", "proc"), &[]);
    container.reconfigure("/mounts", json!([proc, volume]))?;
    Ok(container)
}

fn cve_2025_31133_a_null_that_changes_hides_nothing_writable() -> Result {
    chapter!("config-linux.md#masked-paths");
    let bundle = Bundle::busybox().sh("cat /secret; echo written > /secret; true");
    let bundle = bundle.file("secret", "secret", 0o644).file("victim", "victim", 0o644);
    let container = with_a_shared_dev(bundle.set("/linux/maskedPaths", json!(["/secret"])))?;
    let (null, other) = (container.in_root("volume/null"), container.in_root("volume/other"));
    mknodat(CWD, &null, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(1, 3))?;
    symlink("/victim", &other)?;
    while_exchanging(&null, &other, || {
        for _ in 0..ROUNDS {
            let output = container.run();
            let shown = output.stdout.contains("secret") || output.stdout.contains("victim");
            anyhow::ensure!(!shown, "{output}");
            let victim = fs::read_to_string(container.in_root("victim"))?;
            anyhow::ensure!(victim == "victim", "{victim:?} was written");
        }
        Ok(())
    })?;
    container.left_no_trace()
}

fn cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing() -> Result {
    chapter!("config.md#mounts");
    let bundle = Bundle::busybox().args(["cat", "/proc/self/mountinfo"]).directory("volume");
    let container = bundle.build()?;
    let (proc, other) = (container.in_root("proc"), container.in_root("other"));
    symlink("/volume", &other)?;
    while_exchanging(&proc, &other, || {
        for _ in 0..ROUNDS {
            let output = container.run();
            let mut lines = output.stdout.lines().filter(|line| line.contains(" - proc "));
            let led = lines.find(|line| line.contains(" /volume"));
            anyhow::ensure!(led.is_none(), "{output}");
            let below = fs::read_dir(container.in_root("volume"))?.count();
            anyhow::ensure!(below == 0, "{below} files were made where the link leads");
        }
        Ok(())
    })?;
    container.left_no_trace()
}
