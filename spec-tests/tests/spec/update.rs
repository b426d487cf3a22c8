//! update: limits of a living container.

use std::fs;

use serde_json::{Value, json};
use spec_tests::output::Output;
use spec_tests::{Bundle, Container, Result, chapter, tests};

use crate::cgroups::{needs, read, v2};

tests![
    resources_come_from_stdin,
    resources_come_from_stdin_as_two_words,
    resources_come_from_a_file,
    keys_are_read_in_any_case,
    broken_resources_are_refused_and_change_nothing,
    each_flag_is_written,
    the_memory_flag_takes_units,
    quota_alone_keeps_the_period,
    the_process_limit_may_become_unlimited,
    update_leaves_what_is_not_named,
    update_of_a_created_container_works,
    update_of_a_stopped_container_fails,
    update_of_an_unknown_container_fails,
    update_does_not_touch_the_devices,
    a_value_that_the_kernel_refuses_fails,
    pause_is_told_by_state,
    a_paused_container_is_updated,
];

fn running() -> Result<Container> {
    let resources = json!({
        "memory": {"limit": 96 << 20},
        "cpu": {"quota": 40_000, "period": 50_000, "shares": 512},
        "pids": {"limit": 50},
        "devices": [{"allow": false, "access": "rwm"}],
    });
    needs("memory", "memory.limit_in_bytes")?;
    needs("cpu", "cpu.cfs_quota_us")?;
    Bundle::busybox().sleeping().set("/linux/resources", resources).start()
}

fn update(container: &Container, words: &[&str]) -> Output {
    container.call("update").args(words).arg(container.id()).run()
}

fn memory_limit(container: &Container) -> Result<String> {
    let file = if v2() { "memory.max" } else { "memory.limit_in_bytes" };
    read(container, "memory", file)
}

/// Quota and period.
fn bandwidth(container: &Container) -> Result<String> {
    if v2() {
        return read(container, "cpu", "cpu.max");
    }
    let quota = read(container, "cpu", "cpu.cfs_quota_us")?;
    Ok(format!("{quota} {}", read(container, "cpu", "cpu.cfs_period_us")?))
}

fn resources() -> Value {
    json!({"memory": {"limit": 48 << 20}, "pids": {"limit": 33}, "cpu": {"quota": 30_000}})
}

fn was_updated(container: &Container) -> Result {
    assert_eq!(memory_limit(container)?, (48 << 20).to_string());
    assert_eq!(read(container, "pids", "pids.max")?, "33");
    assert!(bandwidth(container)?.starts_with("30000 "));
    Ok(())
}

fn resources_come_from_stdin() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let call = container.call("update").args(["--resources=-", container.id()]);
    call.stdin(&resources().to_string()).run().ok()?;
    was_updated(&container)
}

fn resources_come_from_stdin_as_two_words() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let call = container.call("update").args(["--resources", "-"]);
    let call = call.arg(container.id()).stdin(&resources().to_string());
    call.run().ok()?;
    was_updated(&container)
}

fn resources_come_from_a_file() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let path = container.directory().join("resources.json");
    fs::write(&path, resources().to_string())?;
    update(&container, &["-r", &path.to_string_lossy()]).ok()?;
    was_updated(&container)
}

fn keys_are_read_in_any_case() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let resources = json!({"MEMORY": {"Limit": 96 << 20}}).to_string();
    let call = container.call("update").args(["--resources=-", container.id()]);
    call.stdin(&resources).run().ok()?;
    assert_eq!(memory_limit(&container)?, (96 << 20).to_string());
    Ok(())
}

fn broken_resources_are_refused_and_change_nothing() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let call = container.call("update").args(["--resources=-", container.id()]);
    call.stdin(r#"{"memory":{"limit":"#).run().fails()?;
    assert_eq!(memory_limit(&container)?, (96 << 20).to_string());
    Ok(())
}

fn each_flag_is_written() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let words = [
        "--memory=50331648",
        "--pids-limit=44",
        "--cpu-quota=25000",
        "--cpu-period=100000",
        "--cpu-share=256",
    ];
    update(&container, &words).ok()?;
    assert_eq!(memory_limit(&container)?, "50331648");
    assert_eq!(read(&container, "pids", "pids.max")?, "44");
    assert_eq!(bandwidth(&container)?, "25000 100000");
    if !v2() {
        assert_eq!(read(&container, "cpu", "cpu.shares")?, "256");
    }
    if needs("cpuset", "cpuset.cpus").is_ok() {
        update(&container, &["--cpuset-cpus", "0", "--cpuset-mems", "0"]).ok()?;
        assert_eq!(read(&container, "cpuset", "cpuset.cpus")?, "0");
        assert_eq!(read(&container, "cpuset", "cpuset.mems")?, "0");
    }
    Ok(())
}

fn the_memory_flag_takes_units() -> Result {
    chapter!("cli#update");
    let container = running()?;
    for (word, bytes) in [("64m", 64 << 20), ("65536k", 64 << 20), ("71303168", 68 << 20)] {
        update(&container, &["--memory", word]).ok()?;
        assert_eq!(memory_limit(&container)?, bytes.to_string(), "{word}");
    }
    Ok(())
}

fn quota_alone_keeps_the_period() -> Result {
    chapter!("cli#update");
    let container = running()?;
    update(&container, &["--cpu-quota", "20000"]).ok()?;
    assert_eq!(bandwidth(&container)?, "20000 50000");
    Ok(())
}

fn the_process_limit_may_become_unlimited() -> Result {
    chapter!("cli#update");
    let container = running()?;
    update(&container, &["--pids-limit=-1"]).ok()?;
    assert_eq!(read(&container, "pids", "pids.max")?, "max");
    Ok(())
}

fn update_leaves_what_is_not_named() -> Result {
    chapter!("cli#update");
    let container = running()?;
    update(&container, &["--pids-limit", "44"]).ok()?;
    assert_eq!(memory_limit(&container)?, (96 << 20).to_string());
    assert_eq!(bandwidth(&container)?, "40000 50000");
    Ok(())
}

fn update_of_a_created_container_works() -> Result {
    chapter!("cli#update");
    needs("pids", "")?;
    let container = Bundle::busybox().sleeping().create()?;
    update(&container, &["--pids-limit", "44"]).ok()?;
    assert_eq!(read(&container, "pids", "pids.max")?, "44");
    Ok(())
}

fn update_of_a_stopped_container_fails() -> Result {
    chapter!("cli#update");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    update(&container, &["--pids-limit", "44"]).fails()?;
    assert_eq!(container.status()?, "stopped");
    Ok(())
}

fn update_of_an_unknown_container_fails() -> Result {
    chapter!("cli#update");
    let container = Bundle::busybox().build()?;
    update(&container, &["--pids-limit", "44"]).fails_with("does not exist")?;
    Ok(())
}

fn update_does_not_touch_the_devices() -> Result {
    chapter!("cli#update");
    let container = running()?;
    let script = "while : > /dev/null; do :; done; echo refused > /tmp/refused";
    let watcher = container.call("exec").args(["--detach", container.id(), "sh", "-c", script]);
    watcher.streams("watcher").run().ok()?;
    for limit in ["61", "62", "63"] {
        update(&container, &["--pids-limit", limit]).ok()?;
    }
    assert!(!container.in_root("tmp/refused").exists());
    Ok(())
}

fn a_value_that_the_kernel_refuses_fails() -> Result {
    chapter!("cli#update");
    needs("cpuset", "cpuset.cpus")?;
    let container = running()?;
    update(&container, &["--cpuset-cpus", "100000"]).fails()?;
    assert_eq!(memory_limit(&container)?, (96 << 20).to_string());
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn paused() -> Result<Container> {
    let container = Bundle::busybox().sleeping().start()?;
    container.pause().ok()?;
    Ok(container)
}

fn pause_is_told_by_state() -> Result {
    chapter!("cli#pause");
    let container = paused()?;
    assert_eq!(container.status()?, "paused");
    let list = container.call("list").args(["--format", "json"]).run().ok()?;
    let list: Value = serde_json::from_str(&list.stdout)?;
    assert_eq!(list[0]["status"], "paused");
    container.resume().ok()?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

fn a_paused_container_is_updated() -> Result {
    chapter!("cli#update");
    needs("pids", "")?;
    let container = paused()?;
    update(&container, &["--pids-limit", "44"]).ok()?;
    assert_eq!(read(&container, "pids", "pids.max")?, "44");
    assert_eq!(container.status()?, "paused");
    Ok(())
}
