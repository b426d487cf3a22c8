//! linux.devices and what every container finds in /dev.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use spec_tests::canary::Canary;
use spec_tests::{Bundle, Result, chapter, tests};

tests![
    the_default_devices_are_there,
    the_default_devices_work,
    the_default_links_are_there,
    a_ptmx_of_the_image_is_replaced,
    a_configured_character_device_is_made,
    a_configured_block_device_is_made,
    a_configured_fifo_is_made,
    modes_and_owners_are_the_configured_ones,
    the_callers_umask_does_not_matter,
    a_device_may_be_anywhere,
    the_permission_bits_of_a_full_mode_count,
    an_unknown_type_is_refused,
    a_redundant_default_device_is_fine,
    a_dev_of_the_users_is_left_alone,
    without_a_mount_on_dev_the_images_directory_gets_the_devices,
    cve_2026_47766_a_dev_that_is_a_symlink_cannot_lead_out_of_the_root,
    a_device_below_a_symlink_cannot_lead_out_of_the_root,
    the_standard_streams_can_be_opened_again,
];

const NAMES: [(&str, &str); 6] = [
    ("null", "1 3"),
    ("zero", "1 5"),
    ("full", "1 7"),
    ("random", "1 8"),
    ("urandom", "1 9"),
    ("tty", "5 0"),
];

fn the_default_devices_are_there() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "cd /dev; for name in null zero full random urandom tty; do \
                  stat -c '%n %F %t %T %a %u %g' $name; done";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    let line =
        |(name, number): (&str, &str)| format!("{name} character special file {number} 666 0 0");
    assert_eq!(output.lines(), NAMES.map(line));
    Ok(())
}

fn the_default_devices_work() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "echo x > /dev/null; head -c 5 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; \
                  head -c 5 /dev/random | wc -c; (echo x > /dev/full) 2>/dev/null || echo full";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    assert_eq!(output.lines(), ["5", "5", "5", "full"]);
    Ok(())
}

fn the_default_links_are_there() -> Result {
    chapter!("runtime-linux.md#dev-symbolic-links");
    let script = "cd /dev; for name in fd stdin stdout stderr ptmx; do readlink $name; done";
    let output = Bundle::busybox().sh(script).run()?.ok()?;
    let links = ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"];
    assert_eq!(output.lines()[..4], links);
    let ptmx = output.lines()[4].trim_start_matches("/dev/");
    assert_eq!(ptmx, "pts/ptmx");
    Ok(())
}

fn a_ptmx_of_the_image_is_replaced() -> Result {
    chapter!("config-linux.md#default-devices");
    let bundle = on_images_dev("stat -c %F /dev/ptmx").file("dev/ptmx", "image", 0o644);
    bundle.run()?.says("symbolic link")?;
    Ok(())
}

/// Nothing is mounted on /dev, only below it.
fn on_images_dev(script: &str) -> Bundle {
    let pts = ["newinstance", "ptmxmode=0666", "mode=0620"];
    Bundle::busybox()
        .sh(script)
        .set("/mounts", json!([]))
        .mount("/proc", ("proc", "proc"), &[])
        .mount("/dev/pts", ("devpts", "devpts"), &pts)
}

fn with_device(script: &str, device: Value) -> Bundle {
    Bundle::busybox().sh(script).set("/linux/devices/-", device)
}

const STAT: &str = "stat -c '%F %t %T %a %u:%g' /dev/own";

fn a_configured_character_device_is_made() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/dev/own", "type": "c", "major": 10, "minor": 229});
    let output = with_device(STAT, device).run()?.ok()?;
    assert!(output.stdout.starts_with("character special file a e5 "), "{output}");
    let device = json!({"path": "/dev/own", "type": "u", "major": 10, "minor": 229});
    let output = with_device(STAT, device).run()?.ok()?;
    assert!(output.stdout.starts_with("character special file a e5 "), "{output}");
    Ok(())
}

fn a_configured_block_device_is_made() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/dev/own", "type": "b", "major": 7, "minor": 300});
    let output = with_device(STAT, device).run()?.ok()?;
    assert!(output.stdout.starts_with("block special file 7 12c "), "{output}");
    Ok(())
}

fn a_configured_fifo_is_made() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/dev/own", "type": "p", "fileMode": 0o600});
    let output = with_device(STAT, device).run()?.ok()?;
    assert!(output.stdout.starts_with("fifo "), "{output}");
    assert!(output.stdout.ends_with(" 600 0:0\n"), "{output}");
    Ok(())
}

fn modes_and_owners_are_the_configured_ones() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({
        "path": "/dev/own", "type": "c", "major": 1, "minor": 3,
        "fileMode": 0o624, "uid": 1000, "gid": 2000,
    });
    with_device(STAT, device).run()?.says("character special file 1 3 624 1000:2000")?;
    Ok(())
}

fn the_callers_umask_does_not_matter() -> Result {
    chapter!("cli#create");
    let device = json!({
        "path": "/dev/deep/own", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666,
    });
    let script = "stat -c %a /dev/deep/own /dev/null /dev/shm";
    let container = with_device(script, device).build()?;
    let call = container.run_call().arg(container.id());
    let output = call.after_shell("umask 077;").run().ok()?;
    assert_eq!(output.lines(), ["666", "666", "1777"]);
    Ok(())
}

fn a_device_may_be_anywhere() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/opt/deep/own", "type": "c", "major": 1, "minor": 3});
    let container = with_device("stat -c '%F %t %T' /opt/deep/own", device).build()?;
    container.run().says("character special file 1 3")?;
    let made = fs::metadata(container.in_root("opt/deep/own"))?;
    assert!(made.file_type().is_char_device());
    Ok(())
}

fn the_permission_bits_of_a_full_mode_count() -> Result {
    chapter!("config-linux.md#devices");
    // S_IFCHR | 0640, as engines that copy st_mode send it.
    let device = json!({
        "path": "/dev/own", "type": "c", "major": 1, "minor": 3, "fileMode": 0o020_640,
    });
    let output = with_device(STAT, device).run()?.ok()?;
    assert!(output.stdout.starts_with("character special file 1 3 640"), "{output}");
    Ok(())
}

fn an_unknown_type_is_refused() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/dev/own", "type": "x", "major": 1, "minor": 3});
    with_device("true", device).is_refused("")
}

fn a_redundant_default_device_is_fine() -> Result {
    chapter!("config-linux.md#devices");
    let device =
        json!({"path": "/dev/tty", "type": "c", "major": 5, "minor": 0, "fileMode": 0o666});
    let output = with_device("stat -c '%t %T %a' /dev/tty", device).run()?;
    output.says("5 0 666")?;
    let device = json!({"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2});
    let pts = ["newinstance", "ptmxmode=0666", "mode=0620"];
    for bundle in [Bundle::busybox(), Bundle::busybox().in_user_namespace(300_000)] {
        let bundle = bundle.mount("/dev/pts", ("devpts", "devpts"), &pts);
        let bundle = bundle.set("/linux/devices/-", device.clone());
        bundle.args(["stat", "-Lc", "%t %T %a", "/dev/ptmx"]).run()?.says("5 2 666")?;
    }
    Ok(())
}

fn a_dev_of_the_users_is_left_alone() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox()
        .sh("ls /dev")
        .set("/mounts", json!([]))
        .mount("/proc", ("proc", "proc"), &[])
        .file("../own/one", "", 0o644);
    let container = bundle.bind("own", "/dev", &[]).build()?;
    let own = container.bundle().join("own");
    let null = rustix::fs::makedev(1, 3);
    let mode = Mode::from_raw_mode(0o666);
    mknodat(CWD, own.join("null"), FileType::CharacterDevice, mode, null)?;
    let output = container.run().ok()?;
    assert_eq!(output.lines(), ["null", "one"], "{output}");
    assert_eq!(fs::read_dir(own)?.count(), 2);
    Ok(())
}

fn without_a_mount_on_dev_the_images_directory_gets_the_devices() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "stat -c '%F %a' /dev/null; readlink /dev/stdin";
    let output = on_images_dev(script).run()?.ok()?;
    assert_eq!(output.lines(), ["character special file 666", "/proc/self/fd/0"]);
    Ok(())
}

fn cve_2026_47766_a_dev_that_is_a_symlink_cannot_lead_out_of_the_root() -> Result {
    chapter!("cli#create");
    let mounts = json!([{"destination": "/proc", "type": "proc", "source": "proc"}]);
    let container = Bundle::busybox().set("/mounts", mounts).build()?;
    let canary = Canary::new(&container)?;
    fs::remove_dir(container.in_root("dev"))?;
    symlink("../../canary", container.in_root("dev"))?;
    // Refused, or made inside the root.
    let _ = container.run();
    canary.lives()
}

fn a_device_below_a_symlink_cannot_lead_out_of_the_root() -> Result {
    chapter!("cli#create");
    let device = json!({"path": "/link/own", "type": "c", "major": 1, "minor": 3});
    let container = with_device("true", device).build()?;
    let canary = container.directory().join("canary");
    fs::create_dir(&canary)?;
    symlink("../../canary", container.in_root("link"))?;
    let _ = container.run();
    assert_eq!(fs::read_dir(canary)?.count(), 0);
    Ok(())
}

fn the_standard_streams_can_be_opened_again() -> Result {
    chapter!("runtime-linux.md#dev-symbolic-links");
    let container =
        Bundle::busybox().sh("echo out > /dev/stdout; echo err > /dev/stderr").build()?;
    let output = container.run().ok()?;
    assert_eq!(output.stderr, "err\n");
    assert!(output.stdout.starts_with("out\n"), "{output}");
    Ok(())
}
