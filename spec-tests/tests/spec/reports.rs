//! What a runtime tells: events, features, spec, version, log.

use std::fs;

use anyhow::Context;
use serde_json::Value;
use spec_tests::container::PATIENCE;
use spec_tests::runtime::{Output, Runtime, wait_until};
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    events_stats_is_one_object_in_an_envelope,
    events_stats_counts_what_the_container_uses,
    events_repeat_at_the_interval,
    events_of_a_stopped_container_fail,
    an_interval_of_nothing_is_refused,
    features_is_json_and_nothing_else,
    features_lists_what_linux_has,
    features_lists_mount_options,
    features_tells_of_seccomp_and_cgroups,
    spec_writes_a_config,
    spec_does_not_overwrite,
    cve_2022_24769_spec_has_no_inheritable_capabilities,
    spec_rootless_has_a_user_namespace,
    the_config_of_spec_runs,
    version_has_the_lines_that_engines_read,
    version_needs_no_state_directory,
    an_error_is_one_json_object_in_the_log,
    an_error_of_create_is_one_json_object_in_the_log,
    an_error_is_a_line_of_the_text_log,
    an_error_is_on_stderr_too,
    the_log_is_appended_to,
    success_logs_nothing,
    another_log_format_is_refused,
];

fn stats(container: &Container) -> Result<Value> {
    let output = container.call("events").args(["--stats", container.id()]).run().ok()?;
    assert_eq!(output.lines().len(), 1, "{output}");
    Ok(serde_json::from_str(&output.stdout)?)
}

fn events_stats_is_one_object_in_an_envelope() -> Result {
    chapter!("cli#events");
    let container = Bundle::busybox().sleeping().start()?;
    let event = stats(&container)?;
    assert_eq!((&event["type"], &event["id"]), (&"stats".into(), &container.id().into()));
    for part in ["cpu", "memory", "pids", "blkio"] {
        assert!(event["data"][part].is_object(), "{part} in {event}");
    }
    Ok(())
}

/// Needs the controllers whose files `events` reads.
fn memory_and_pids() -> Result {
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers");
    let both = controllers.map_or(true, |list| list.contains("memory") && list.contains("pids"));
    host::needs(both, "needs the memory and pids controllers")
}

fn events_stats_counts_what_the_container_uses() -> Result {
    chapter!("cli#events");
    memory_and_pids()?;
    let script = "sleep 1000 & i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; \
                  echo ready > /ready; wait";
    let container = Bundle::busybox().sh(script).start()?;
    container.wait_for_file("ready")?;
    let data = &stats(&container)?["data"];
    let number = |pointer| data.pointer(pointer).and_then(Value::as_u64);
    assert_eq!(number("/pids/current"), Some(2), "{data}");
    // Nanoseconds: such a loop takes more than a millisecond and less than a minute.
    let used = number("/cpu/usage/total").unwrap_or_default();
    assert!((1_000_000..60_000_000_000).contains(&used), "{used}");
    assert!(number("/memory/usage/usage").is_some_and(|bytes| bytes > 0), "{data}");
    assert!(number("/memory/usage/limit").is_some(), "{data}");
    assert!(data["memory"]["raw"].is_object(), "{data}");
    Ok(())
}

fn events_repeat_at_the_interval() -> Result {
    chapter!("cli#events");
    memory_and_pids()?;
    let container = Bundle::busybox().sleeping().start()?;
    for interval in ["--interval=50ms", "--interval=1s"] {
        let call = container.call("events").args([interval, container.id()]);
        let running = call.spawn()?;
        let lines = || (running.stdout().lines().count() >= 2).then_some(());
        let two = wait_until(PATIENCE, lines);
        assert!(two.is_some(), "{interval}: {}", running.stdout());
    }
    Ok(())
}

fn events_of_a_stopped_container_fail() -> Result {
    chapter!("cli#events");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    let words = format!("container with id {} is not running", container.id());
    container.call("events").args(["--stats", container.id()]).run().fails_with(&words)?;
    Ok(())
}

fn an_interval_of_nothing_is_refused() -> Result {
    chapter!("cli#events");
    let container = Bundle::busybox().sleeping().start()?;
    for interval in ["0", "0s", "-1s", "soon"] {
        let option = format!("--interval={interval}");
        container.call("events").args([&option, container.id()]).run().fails()?;
    }
    Ok(())
}

fn features(container: &Container) -> Result<(Output, Value)> {
    let output = container.bare_call().arg("features").run().ok()?;
    let value = serde_json::from_str(&output.stdout)?;
    Ok((output, value))
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn features_is_json_and_nothing_else() -> Result {
    chapter!("features.md#oci-version");
    let container = Bundle::busybox().build()?;
    let (output, features) = features(&container)?;
    assert_eq!(output.stderr, "");
    for key in ["ociVersionMin", "ociVersionMax"] {
        assert!(features[key].as_str().is_some_and(|version| version.starts_with("1.")), "{key}");
    }
    let mut hooks = texts(&features["hooks"]);
    hooks.sort_unstable();
    let six =
        ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"];
    assert_eq!(hooks, six);
    Ok(())
}

fn features_lists_what_linux_has() -> Result {
    chapter!("features-linux.md#namespaces");
    let container = Bundle::busybox().build()?;
    let (_, features) = features(&container)?;
    let namespaces = texts(&features["linux"]["namespaces"]);
    for kind in ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"] {
        assert!(namespaces.contains(&kind), "{kind}");
    }
    let capabilities = texts(&features["linux"]["capabilities"]);
    assert_eq!(capabilities.len(), 41);
    for name in ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"] {
        assert!(capabilities.contains(&name), "{name}");
    }
    Ok(())
}

fn features_lists_mount_options() -> Result {
    chapter!("features.md#mount-options");
    let container = Bundle::busybox().build()?;
    let (_, features) = features(&container)?;
    let options = texts(&features["mountOptions"]);
    for option in
        ["ro", "rw", "bind", "rbind", "nosuid", "rslave", "rro", "tmpcopyup", "nosymfollow"]
    {
        assert!(options.contains(&option), "{option}");
    }
    Ok(())
}

fn features_tells_of_seccomp_and_cgroups() -> Result {
    chapter!("features-linux.md#seccomp");
    let container = Bundle::busybox().build()?;
    let (_, features) = features(&container)?;
    let linux = &features["linux"];
    for part in ["v1", "v2", "systemd", "systemdUser"] {
        assert!(linux["cgroup"][part].is_boolean(), "{part}");
    }
    assert_eq!(linux["seccomp"]["enabled"], true);
    for (list, entry) in [
        ("actions", "SCMP_ACT_NOTIFY"),
        ("operators", "SCMP_CMP_MASKED_EQ"),
        ("archs", "SCMP_ARCH_X86_64"),
    ] {
        assert!(texts(&linux["seccomp"][list]).contains(&entry), "{entry}");
    }
    assert!(linux["apparmor"]["enabled"].is_boolean() && linux["selinux"]["enabled"].is_boolean());
    Ok(())
}

fn spec_writes_a_config() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    let config = container.spec(&[])?;
    assert!(config["ociVersion"].as_str().is_some_and(|version| version.starts_with("1.")));
    assert_eq!(config["root"]["path"], "rootfs");
    assert_eq!(config["process"]["args"][0], "sh");
    fs::remove_file(container.bundle().join("config.json"))?;
    container.bare_call().arg("spec").in_directory(&container.bundle()).run().ok()?;
    assert!(container.bundle().join("config.json").exists());
    Ok(())
}

fn spec_does_not_overwrite() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    let path = container.bundle().join("config.json");
    let before = fs::read(&path)?;
    container.bare_call().args(["spec", "-b"]).arg(container.bundle()).run().fails()?;
    assert_eq!(fs::read(&path)?, before);
    Ok(())
}

fn cve_2022_24769_spec_has_no_inheritable_capabilities() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    let config = container.spec(&[])?;
    assert_eq!(texts(&config["process"]["capabilities"]["inheritable"]), [""; 0]);
    assert_eq!(config["process"]["noNewPrivileges"], true);
    Ok(())
}

fn spec_rootless_has_a_user_namespace() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    let config = container.spec(&["--rootless"])?;
    let namespaces = config["linux"]["namespaces"].as_array();
    assert!(namespaces.is_some_and(|list| list.iter().any(|entry| entry["type"] == "user")));
    assert_eq!(config["linux"]["uidMappings"][0]["size"], 1);
    assert!(config["linux"].get("resources").is_none());
    Ok(())
}

fn the_config_of_spec_runs() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    container.spec(&[])?;
    container.reconfigure("/process/terminal", false)?;
    container.reconfigure("/process/args", ["echo", "hi"].as_slice())?;
    container.reconfigure("/linux/cgroupsPath", host::cgroups_path(container.id()))?;
    container.run().says("hi")?;
    Ok(())
}

fn version_has_the_lines_that_engines_read() -> Result {
    chapter!("cli#--version");
    let container = Bundle::busybox().build()?;
    let output = container.bare_call().arg("--version").run().ok()?;
    let lines = output.lines();
    let name = lines[0].split_once(" version ").map(|(name, version)| (name, version.is_empty()));
    let own = &Runtime::get()?.name;
    assert_eq!(name, Some((own.as_str(), false)), "{output}");
    for start in ["commit: ", "spec: 1."] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start} in {output}");
    }
    assert_eq!(lines.iter().filter(|line| line.contains("version")).count(), 1, "{output}");
    Ok(())
}

fn version_needs_no_state_directory() -> Result {
    chapter!("cli#--version");
    let container = Bundle::busybox().build()?;
    let output = container.bare_call().args(["--root", "/proc/nowhere", "--version"]).run().ok()?;
    assert!(output.stdout.contains(" version "), "{output}");
    Ok(())
}

/// `--log FILE --log-format FORMAT --root ROOT WORDS…`, and what stands in the log then.
fn logged(container: &Container, format: &str, words: &[&str]) -> Result<(Output, String)> {
    let path = container.directory().join("log");
    let call = container.bare_call().arg("--log").arg(&path).args(["--log-format", format]);
    let output = call.arg("--root").arg(container.state_root()).args(words).run();
    Ok((output, fs::read_to_string(&path).unwrap_or_default()))
}

fn check_record(log: &str, words: &str) -> Result {
    let record: Value = serde_json::from_str(log).with_context(|| log.to_owned())?;
    assert_eq!(record["level"], "error");
    assert!(record["msg"].as_str().is_some_and(|text| text.contains(words)), "{log}");
    let time = record["time"].as_str().unwrap_or_default().as_bytes();
    // RFC 3339, to the second at least: 2006-01-02T15:04:05Z or with an offset.
    assert!(time.len() >= 20 && time[4] == b'-' && time[10] == b'T' && time[16] == b':', "{log}");
    Ok(())
}

fn an_error_is_one_json_object_in_the_log() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().build()?;
    let (output, log) = logged(&container, "json", &["state", "nobody"])?;
    output.fails()?;
    check_record(&log, "does not exist")
}

fn an_error_of_create_is_one_json_object_in_the_log() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().args(["nowhere"]).build()?;
    let bundle = container.bundle().to_string_lossy().into_owned();
    let words = ["create", "--bundle", &bundle, container.id()];
    let (output, log) = logged(&container, "json", &words)?;
    output.fails()?;
    check_record(&log, "executable file not found in $PATH")
}

fn an_error_is_a_line_of_the_text_log() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().build()?;
    let (output, log) = logged(&container, "text", &["state", "nobody"])?;
    output.fails()?;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("level=error msg=") && log.starts_with("time=\""), "{log}");
    assert!(log.contains("does not exist"), "{log}");
    Ok(())
}

fn an_error_is_on_stderr_too() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().build()?;
    let (output, _) = logged(&container, "json", &["state", "nobody"])?;
    assert!(output.stderr.contains("does not exist"), "{output}");
    Ok(())
}

fn the_log_is_appended_to() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().build()?;
    fs::write(container.directory().join("log"), "before\n")?;
    let (output, log) = logged(&container, "json", &["state", "nobody"])?;
    output.fails()?;
    let record = log.strip_prefix("before\n").unwrap_or_default();
    check_record(record, "does not exist")
}

fn success_logs_nothing() -> Result {
    chapter!("cli#--log");
    let container = Bundle::busybox().sleeping().build()?;
    let bundle = container.bundle().to_string_lossy().into_owned();
    let words = ["create", "--bundle", &bundle, container.id()];
    let (output, log) = logged(&container, "json", &words)?;
    let output = output.ok()?;
    assert_eq!((output.stderr.as_str(), log.as_str()), ("", ""));
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn another_log_format_is_refused() -> Result {
    chapter!("cli#--log-format");
    let container = Bundle::busybox().build()?;
    let call = container.bare_call().args(["--log-format", "yaml", "list"]);
    call.run().fails_with("invalid log-format")?;
    Ok(())
}
