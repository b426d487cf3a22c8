//! The command lines of podman, moby and buildah, word by word, and what they read of the answers.

use std::fs;

use serde_json::Value;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::{Call, wait_until};
use spec_tests::{Bundle, Container, Result, chapter, tests};

use crate::callers::{is_a_bare_pid, runtime_name};

tests![
    podman_ends_containers_without_a_path,
    podman_updates_from_a_file,
    podman_creates_through_conmon,
    podman_reads_the_log_as_one_object,
    podman_disables_the_cgroup,
    podman_and_moby_map_errors_to_exit_codes,
    moby_asks_for_version_and_features,
    buildah_creates_polls_and_deletes,
];

/// podman's environment for everything but start and exec: no PATH.
fn podman(container: &Container, command: &[&str]) -> Call {
    let call = container.bare_call().env_only(&[("XDG_RUNTIME_DIR", "/run")]);
    call.arg("--root").arg(container.state_root()).args(command).arg(container.id())
}

fn podman_ends_containers_without_a_path() -> Result {
    chapter!("cli#kill");
    let container = Bundle::busybox().sleeping().create()?;
    podman(&container, &["start"]).run().ok()?;
    for (command, status) in [("pause", "paused"), ("resume", "running")] {
        podman(&container, &[command]).run().ok()?;
        assert_eq!(container.status()?, status);
    }
    container.wait_for_handler()?;
    podman(&container, &["kill"]).arg("15").run().ok()?;
    container.wait_for("stopped")?;
    podman(&container, &["kill", "--all"]).arg("9").run().ok()?;
    podman(&container, &["delete", "--force"]).run().ok()?;
    container.left_no_trace()
}

fn podman_updates_from_a_file() -> Result {
    chapter!("cli#update");
    let container = Bundle::busybox().sleeping().start()?;
    let file = container.directory().join("resources");
    fs::write(&file, "{\"cpu\":{\"shares\":512}}")?;
    let option = format!("--resources={}", file.display());
    podman(&container, &["update", &option]).run().ok()?;
    Ok(())
}

/// `--runtime-arg --log-format=json --runtime-arg --log --runtime-arg=PATH`
fn podman_create(container: &Container, more: &[&str]) -> Call {
    let call = container.bare_call().args(["--log-format=json", "--log"]);
    let call = call.arg(container.directory().join("oci-log")).args(more);
    let call = call.arg("--root").arg(container.state_root());
    let call = call.arg("create").arg("--bundle").arg(container.bundle());
    let call = call.arg("--pid-file").arg(container.directory().join("pidfile"));
    call.arg(container.id()).streams("container")
}

fn podman_creates_through_conmon() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    podman_create(&container, &[]).run().ok()?;
    assert_eq!(is_a_bare_pid(&container.directory().join("pidfile"))?, container.pid()?);
    Ok(())
}

/// A warning in front of the error would hide it.
fn podman_reads_the_log_as_one_object() -> Result {
    chapter!("cli#log");
    let sets = ["bounding", "permitted", "effective"];
    let bundle = Bundle::busybox().args(["nowhere"]);
    let container = bundle.capabilities(&sets, &["CAP_CHOWN", "CAP_NOBODY_KNOWS"]).build()?;
    podman_create(&container, &[]).run().exits(1)?;
    let text = fs::read_to_string(container.directory().join("oci-log"))?;
    let record: Value = serde_json::from_str(&text)?;
    assert_eq!(record["level"], "error");
    let words = record["msg"].as_str().unwrap_or_default();
    assert!(words.contains("executable file not found in $PATH"), "{record}");
    container.left_no_trace()
}

fn podman_disables_the_cgroup() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let help = container.bare_call().arg("--help").run();
    let offers = help.text().contains("--cgroup-manager");
    spec_tests::host::needs(offers, "the runtime does not offer --cgroup-manager")?;
    podman_create(&container, &["--cgroup-manager", "disabled"]).run().ok()?;
    assert!(container.cgroups().is_empty());
    podman(&container, &["delete", "--force"]).run().ok()?;
    container.left_no_trace()
}

/// 127 and 126 of `docker run` and `podman run` are read out of these words.
fn podman_and_moby_map_errors_to_exit_codes() -> Result {
    chapter!("cli#create");
    for (program, words) in [
        ("nowhere", &["executable file not found in"][..]),
        ("/nowhere", &["no such file or directory"]),
        ("/etc", &["permission denied", "is a directory"]),
        ("/plain", &["permission denied"]),
    ] {
        let bundle = Bundle::busybox().args([program]).file("plain", "no program", 0o644);
        let output = bundle.build()?.create().exits(1)?;
        let text = output.text().to_lowercase();
        assert!(words.iter().any(|words| text.contains(words)), "{program}: {output}");
    }
    Ok(())
}

fn moby_asks_for_version_and_features() -> Result {
    chapter!("cli#version");
    let container = Bundle::busybox().build()?;
    let output = container.bare_call().arg("--version").run().ok()?;
    let with = |word: &str| output.stdout.lines().filter(|line| line.contains(word)).count();
    assert_eq!((with("version "), with("commit: ")), (1, 1), "{output}");
    let first = format!("{} version ", runtime_name()?);
    assert!(output.stdout.starts_with(&first), "{output}");
    let output = container.bare_call().arg("features").run().ok()?;
    serde_json::from_str::<Value>(&output.stdout)?;
    assert_eq!(output.stderr, "");
    Ok(())
}

fn buildah_creates_polls_and_deletes() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sh("exit 0").build()?;
    let call = container.call("create").arg("--bundle").arg(container.bundle());
    let call = call.arg("--pid-file").arg(container.directory().join("pid"));
    let create = call.args(["--no-pivot", container.id()]).streams("container").spawn()?;
    let mut seen = Vec::new();
    let known = ["creating", "created", "running", "stopped"];
    let ended = || {
        let status = container.status().unwrap_or_default();
        assert!(status.is_empty() || known.contains(&status.as_str()), "{status}");
        seen.push(status);
        seen.iter().any(|status| status == "created").then_some(())
    };
    let reached = wait_until(PATIENCE, ended);
    create.wait().ok()?;
    assert_eq!(reached, Some(()));
    container.start().ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}
