//! AppArmor: the program and what joins it are confined by the profile that is asked for.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use spec_tests::racer::while_exchanging;
use spec_tests::{Bundle, Result, chapter, host, tests};

tests![
    the_program_is_confined_by_its_profile,
    a_profile_that_is_not_loaded_is_refused,
    a_joining_process_has_the_containers_profile,
    exec_may_name_another_profile,
    a_program_may_ask_to_be_unconfined,
    cve_2025_52881_the_profile_holds_or_there_is_no_program,
];

/// What a process may read of itself to learn its profile.
const CURRENT: &str = "cat /proc/self/attr/apparmor/current";

/// A profile of the kernel's that allows all but writing to /sealed; unloaded when dropped.
struct Profile(String);

impl Profile {
    fn load() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        host::security_module("apparmor")?;
        host::program("apparmor_parser")?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile = Self(format!("spec-{}-{count}", std::process::id()));
        parse("--add", &profile.text())?;
        Ok(profile)
    }

    fn text(&self) -> String {
        format!(
            "profile {} flags=(attach_disconnected) {{\n\
             file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,\n\
             deny /sealed w,\n}}\n",
            self.0
        )
    }

    /// How the kernel names it where it holds.
    fn in_force(&self) -> String {
        format!("{} (enforce)", self.0)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = parse("--remove", &self.text());
    }
}

fn parse(what: &str, text: &str) -> Result {
    let mut parser = Command::new("apparmor_parser")
        .args([what, "--skip-cache", "--quiet"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("apparmor_parser")?;
    parser.stdin.take().context("stdin")?.write_all(text.as_bytes())?;
    let output = parser.wait_with_output()?;
    if !output.status.success() {
        bail!("apparmor_parser {what}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn confined(profile: &Profile) -> Bundle {
    Bundle::busybox().set("/process/apparmorProfile", profile.0.as_str())
}

fn the_program_is_confined_by_its_profile() -> Result {
    chapter!("config.md#linux-process");
    let profile = Profile::load()?;
    let script = format!("{CURRENT}; echo no >/sealed || echo refused; echo yes >/open");
    let output = confined(&profile).sh(&script).run()?.ok()?;
    assert_eq!(output.lines(), [profile.in_force().as_str(), "refused"], "{output}");
    Ok(())
}

fn a_profile_that_is_not_loaded_is_refused() -> Result {
    chapter!("config.md#linux-process");
    host::security_module("apparmor")?;
    let bundle = Bundle::busybox().set("/process/apparmorProfile", "spec-that-nobody-loaded");
    bundle.is_refused("apparmor profile spec-that-nobody-loaded: profile not loaded")
}

fn a_joining_process_has_the_containers_profile() -> Result {
    chapter!("cli#exec");
    let profile = Profile::load()?;
    let container = confined(&profile).sleeping().start()?;
    container.exec_sh(CURRENT).says(&profile.in_force())?;
    container.exec_sh("echo no >/sealed").fails()?;
    assert!(!Path::new(&container.in_root("sealed")).exists());
    Ok(())
}

fn exec_may_name_another_profile() -> Result {
    chapter!("cli#exec");
    let (profile, other) = (Profile::load()?, Profile::load()?);
    let container = confined(&profile).sleeping().start()?;
    let exec = |name: &str| container.exec_with(["--apparmor", name], ["/bin/sh", "-c", CURRENT]);
    exec(&other.0).says(&other.in_force())?;
    exec("spec-that-nobody-loaded").fails_with("apparmor")?;
    assert_eq!(container.proc_file("attr/apparmor/current")?.trim(), profile.in_force());
    Ok(())
}

fn a_program_may_ask_to_be_unconfined() -> Result {
    chapter!("config.md#linux-process");
    host::security_module("apparmor")?;
    let bundle = Bundle::busybox().set("/process/apparmorProfile", "unconfined");
    bundle.sh(CURRENT).run()?.says("unconfined")?;
    Ok(())
}

/// A volume is at its own place, or over the files that the profile is written to.
fn cve_2025_52881_the_profile_holds_or_there_is_no_program() -> Result {
    chapter!("config.md#linux-process");
    let profile = Profile::load()?;
    let bundle = confined(&profile).sh(CURRENT).directory("volume/place/self/attr");
    let bundle = bundle.file("fake/exec", "fake", 0o666).file("fake/current", "fake", 0o666);
    let bundle = bundle.file("fake/apparmor/exec", "fake", 0o666);
    let bundle = bundle.file("fake/apparmor/current", "fake", 0o666);
    let bundle = bundle.bind("rootfs/volume", "/shared", &["rbind"]);
    let container = bundle.bind("rootfs/fake", "/shared/place/self/attr", &["bind"]).build()?;
    container.run().says(&profile.in_force())?;
    let (place, other) = (container.in_root("volume/place"), container.in_root("volume/other"));
    symlink("/proc", &other)?;
    while_exchanging(&[(&place, &other)], |_| {
        let output = container.run();
        for name in ["exec", "apparmor/exec"] {
            let fake = fs::read_to_string(container.in_root("fake").join(name))?;
            anyhow::ensure!(fake == "fake", "{name} has {fake:?}: {output}");
        }
        let holds = output.stdout.trim() == profile.in_force();
        anyhow::ensure!(holds || output.code() != Some(0), "{output}");
        Ok(())
    })?;
    container.left_no_trace()
}
