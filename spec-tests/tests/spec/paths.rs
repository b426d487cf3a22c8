//! linux.maskedPaths and linux.readonlyPaths.

use std::os::unix::fs::symlink;

use serde_json::json;
use spec_tests::mountinfo;
use spec_tests::{Bundle, Result, chapter, tests};

tests![
    a_masked_file_is_empty_and_not_writable,
    a_masked_directory_is_empty_and_not_writable,
    a_masked_path_that_is_not_there_is_ignored,
    a_path_may_be_masked_twice,
    many_masked_directories_are_masked,
    a_masked_file_of_proc_is_masked,
    a_masked_path_of_a_bind_mount_is_masked_only_inside,
    masking_does_not_trust_the_images_null_device,
    a_read_only_file_is_not_writable,
    a_read_only_directory_is_not_writable,
    a_read_only_path_that_is_not_there_is_ignored,
    a_read_only_path_reaches_the_mounts_below,
    a_read_only_path_keeps_the_other_flags,
    a_path_may_be_read_only_and_masked_below,
    exec_sees_the_same,
    paths_without_a_mount_namespace_are_refused,
];

fn masking(script: &str, paths: &[&str]) -> Bundle {
    Bundle::busybox()
        .sh(script)
        .file("secret", "known\n", 0o644)
        .file("vault/one", "known\n", 0o644)
        .set("/linux/maskedPaths", paths.to_vec())
}

fn a_masked_file_is_empty_and_not_writable() -> Result {
    chapter!("config-linux.md#masked-paths");
    let script = "cat /secret; echo x > /secret; cat /secret; stat -c '%F %t %T' /secret";
    let container = masking(script, &["/secret"]).build()?;
    container.run().says("character special file 1 3")?;
    let text = std::fs::read_to_string(container.in_root("secret"))?;
    assert_eq!(text, "known\n");
    Ok(())
}

fn a_masked_directory_is_empty_and_not_writable() -> Result {
    chapter!("config-linux.md#masked-paths");
    let script = "ls -A /vault; touch /vault/x 2>/dev/null || echo refused";
    masking(script, &["/vault"]).run()?.says("refused")?;
    Ok(())
}

fn a_masked_path_that_is_not_there_is_ignored() -> Result {
    chapter!("config-linux.md#masked-paths");
    let paths = ["/nothing", "/proc/nothing", "/vault/nothing"];
    let container = masking("ls /nothing 2>/dev/null || echo fine", &paths).build()?;
    container.run().says("fine")?;
    Ok(())
}

fn a_path_may_be_masked_twice() -> Result {
    chapter!("config-linux.md#masked-paths");
    let paths = ["/secret", "/vault", "/secret", "/vault"];
    masking("cat /secret; ls /vault", &paths).run()?.says("")?;
    Ok(())
}

fn many_masked_directories_are_masked() -> Result {
    chapter!("config-linux.md#masked-paths");
    let names: Vec<String> = (0..64).map(|number| format!("/d{number}")).collect();
    let bundle = Bundle::busybox().sh("ls -A /d[0-9]*/ | grep -c known; touch /d7/x 2>/dev/null");
    let add = |bundle: Bundle, name: &String| bundle.file(&format!("{name}/known"), "", 0o644);
    let bundle = names.iter().fold(bundle, add);
    let output = bundle.set("/linux/maskedPaths", names).run()?;
    assert_eq!(output.stdout, "0\n", "{output}");
    assert_eq!(output.code(), Some(1));
    Ok(())
}

fn a_masked_file_of_proc_is_masked() -> Result {
    chapter!("config-linux.md#masked-paths");
    let paths = ["/proc/timer_list", "/proc/keys", "/proc/version"];
    let script = "cat /proc/timer_list /proc/keys /proc/version | wc -c";
    masking(script, &paths).run()?.says("0")?;
    Ok(())
}

fn a_masked_path_of_a_bind_mount_is_masked_only_inside() -> Result {
    chapter!("config-linux.md#masked-paths");
    let bundle = masking("cat /mnt/one; echo x > /mnt/one", &["/mnt/one"]);
    let bundle = bundle.file("../host/one", "known\n", 0o644);
    let container = bundle.bind("host", "/mnt", &[]).build()?;
    container.run().says("")?;
    let text = std::fs::read_to_string(container.bundle().join("host/one"))?;
    assert_eq!(text, "known\n");
    Ok(())
}

/// The image has a `/dev/null` that leads somewhere else, and nothing is mounted on `/dev`.
fn masking_does_not_trust_the_images_null_device() -> Result {
    chapter!("config-linux.md#masked-paths");
    let script = "cat /secret; echo overwritten > /secret; true";
    let mounts = json!([{"destination": "/proc", "type": "proc", "source": "proc"}]);
    let bundle = masking(script, &["/secret"]).set("/mounts", mounts);
    let container = bundle.file("canary", "canary\n", 0o666).build()?;
    symlink("/canary", container.in_root("dev/null"))?;
    // A runtime may refuse, or mask with a real null device.
    let output = container.run();
    assert!(!output.stdout.contains("canary"), "{output}");
    let read = |name: &str| std::fs::read_to_string(container.in_root(name));
    assert_eq!(read("canary")?, "canary\n");
    assert_eq!(read("secret")?, "known\n");
    Ok(())
}

fn read_only(script: &str, paths: &[&str]) -> Bundle {
    Bundle::busybox()
        .sh(script)
        .file("config/one", "known\n", 0o644)
        .set("/linux/readonlyPaths", paths.to_vec())
}

fn a_read_only_file_is_not_writable() -> Result {
    chapter!("config-linux.md#readonly-paths");
    let script = "cat /config/one; (echo x > /config/one) 2>/dev/null || echo refused; \
                  echo x > /config/two && echo made";
    let output = read_only(script, &["/config/one"]).run()?.ok()?;
    assert_eq!(output.lines(), ["known", "refused", "made"]);
    Ok(())
}

fn a_read_only_directory_is_not_writable() -> Result {
    chapter!("config-linux.md#readonly-paths");
    let script = "(echo x > /config/one) 2>/dev/null || echo refused; \
                  (echo 1 > /proc/sys/vm/drop_caches) 2>/dev/null || echo refused; touch /x";
    let output = read_only(script, &["/config", "/proc/sys"]).run()?.ok()?;
    assert_eq!(output.lines(), ["refused", "refused"]);
    Ok(())
}

fn a_read_only_path_that_is_not_there_is_ignored() -> Result {
    chapter!("config-linux.md#readonly-paths");
    let paths = ["/nothing", "/proc/nothing"];
    read_only("echo fine", &paths).run()?.says("fine")?;
    Ok(())
}

fn a_read_only_path_reaches_the_mounts_below() -> Result {
    chapter!("config-linux.md#readonly-paths");
    let script = "touch /config/x 2>/dev/null || echo refused; ls /config/below/";
    let bundle = read_only(script, &["/config"]).mount("/config/below", ("tmpfs", "tmpfs"), &[]);
    let output = bundle.run()?.ok()?;
    assert_eq!(output.lines(), ["refused"]);
    Ok(())
}

fn a_read_only_path_keeps_the_other_flags() -> Result {
    chapter!("cli#create");
    let bundle = read_only("cat /proc/self/mountinfo", &["/t", "/proc/sys"]);
    let options = ["nosuid", "nodev", "noexec"];
    let output = bundle.mount("/t", ("tmpfs", "tmpfs"), &options).run()?.ok()?;
    let mount = mountinfo::at(&output.stdout, "/t")?;
    for word in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(word), "{word} {mount:?}");
    }
    assert!(mountinfo::at(&output.stdout, "/proc/sys")?.has("ro"));
    Ok(())
}

fn a_path_may_be_read_only_and_masked_below() -> Result {
    chapter!("config-linux.md#masked-paths");
    let bundle =
        read_only("cat /config/one; touch /config/x 2>/dev/null || echo refused", &["/config"]);
    let bundle = bundle.set("/linux/maskedPaths", ["/config/one"].to_vec());
    bundle.run()?.says("refused")?;
    Ok(())
}

fn exec_sees_the_same() -> Result {
    chapter!("cli#exec");
    let bundle =
        masking("true", &["/secret"]).set("/linux/readonlyPaths", ["/vault"].to_vec()).sleeping();
    let container = bundle.start()?;
    let script = "cat /secret; touch /vault/x 2>/dev/null || echo refused";
    container.exec_sh(script).says("refused")?;
    Ok(())
}

fn paths_without_a_mount_namespace_are_refused() -> Result {
    chapter!("cli#create");
    for name in ["maskedPaths", "readonlyPaths"] {
        let bundle = Bundle::busybox()
            .without_namespace("mount")
            .remove("/mounts")
            .remove("/linux/maskedPaths")
            .remove("/linux/readonlyPaths");
        bundle.set(&format!("/linux/{name}"), ["/etc"].to_vec()).is_refused("")?;
    }
    Ok(())
}
