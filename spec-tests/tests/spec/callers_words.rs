//! Words of runc's newest release that its own suite and people's scripts look for.

use std::fs;

use serde_json::json;
use spec_tests::host::{self, Cgroups};
use spec_tests::output::Output;
use spec_tests::runtime::Runtime;
use spec_tests::{Bundle, Result, chapter, tests};

tests![
    help_begins_with_the_name_of_what_was_called,
    an_unknown_command_has_no_help_topic,
    the_debug_log_of_a_run_has_its_milestones,
    the_debug_log_tells_how_the_program_is_protected,
    the_debug_log_of_exec_has_its_milestones,
    the_initial_affinity_is_logged_and_one_that_cannot_be_is_refused,
    an_ambient_capability_that_cannot_be_raised_is_named,
    another_file_in_a_devices_place_is_told_apart,
    a_group_that_exec_cannot_enter_is_told_of,
    unified_limits_are_no_configuration_of_cgroup_v1,
    a_written_config_has_a_cgroup_namespace_on_cgroup_v2_alone,
    a_path_of_criu_is_taken,
];

fn help_begins_with_the_name_of_what_was_called() -> Result {
    chapter!("cli#help");
    let container = Bundle::busybox().build()?;
    let program = &Runtime::get()?.name;
    let begins = |output: &Output, name: &str| {
        let lines = output.lines();
        assert!(lines[0].starts_with("NAME:"), "{output}");
        assert!(lines[1].trim_start().starts_with(&format!("{name} - ")), "{output}");
    };
    for word in ["-h", "--help"] {
        let output = container.bare_call().arg(word).run().ok()?;
        begins(&output, program);
        assert!(output.lines()[1].contains(" - Open Container Initiative runtime"), "{output}");
        for command in ["create", "checkpoint", "exec", "features", "ps", "update"] {
            let output = container.bare_call().args([command, word]).run().ok()?;
            begins(&output, &format!("{program} {command}"));
        }
    }
    Ok(())
}

fn an_unknown_command_has_no_help_topic() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().build()?;
    let output = container.bare_call().args(["nonsense", "-h"]).run().fails()?;
    assert!(output.text().contains("No help topic for 'nonsense'"), "{output}");
    Ok(())
}

fn has_all(log: &str, words: &[&str]) {
    for words in words {
        assert!(log.contains(words), "no «{words}» in {log}");
    }
}

fn the_debug_log_of_a_run_has_its_milestones() -> Result {
    chapter!("cli#log");
    const WORDS: &[&str] = &[
        "nsexec container setup",
        "child process in init()",
        "init: closing the pipe to signal completion",
    ];
    let container = Bundle::busybox().args(["true"]).build()?;
    let debugging = |words: &[&str]| {
        let call = container.rooted_call().args(words).args(["--debug", "run"]).arg(container.id());
        call.in_directory(&container.bundle()).run()
    };
    let output = debugging(&[]).ok()?;
    has_all(&output.stderr, WORDS);
    let log = container.directory().join("debug.log");
    let output = debugging(&["--log", &log.to_string_lossy()]).ok()?;
    assert!(!output.stderr.contains("level=debug"), "{output}");
    has_all(&fs::read_to_string(log)?, WORDS);
    Ok(())
}

/// In the one way or in the other, by what the kernel offers: callers look for either.
fn the_debug_log_tells_how_the_program_is_protected() -> Result {
    chapter!("cli#log");
    let container = Bundle::busybox().args(["true"]).build()?;
    let call = container.rooted_call().args(["--debug", "run"]).arg(container.id());
    let output = call.in_directory(&container.bundle()).run().ok()?;
    has_all(
        &output.stderr,
        &[
            "runc exeseal: using /proc/self/exe clone",
            "runc exeseal: using overlayfs for sealed /proc/self/exe",
        ],
    );
    Ok(())
}

fn the_debug_log_of_exec_has_its_milestones() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    let call = container.rooted_call().args(["--debug", "exec", container.id(), "true"]);
    let words = ["nsexec container setup", "child process in init()", "setns_init: about to exec"];
    has_all(&call.run().ok()?.stderr, &words);
    Ok(())
}

fn the_initial_affinity_is_logged_and_one_that_cannot_be_is_refused() -> Result {
    chapter!("config.md#linux-process");
    host::processors(2)?;
    let affinity = |initial: &str| json!({"initial": initial});
    let bundle = Bundle::busybox().sleeping();
    let container = bundle.set("/process/execCPUAffinity", affinity("1")).start()?;
    let call = container.rooted_call().args(["--debug", "exec", container.id()]);
    let output = call.args(["grep", "Cpus_allowed_list", "/proc/self/status"]).run().ok()?;
    let line = output.stderr.lines().find(|line| line.contains("nsexec"));
    assert!(line.is_some() && output.stderr.contains(": affinity: 0x2"), "{output}");
    // Once in the cgroup it has every processor of that.
    assert_ne!(host::field(&output.stdout, "Cpus_allowed_list"), Some("1"), "{output}");
    let process = json!({"cwd": "/", "args": ["true"], "execCPUAffinity": affinity("4095")});
    container.exec_process(&process)?.fails()?;
    Ok(())
}

fn an_ambient_capability_that_cannot_be_raised_is_named() -> Result {
    chapter!("config.md#linux-process");
    let output = Bundle::busybox()
        .args(["grep", "CapAmb", "/proc/self/status"])
        .capabilities(&["bounding", "effective", "permitted"], &["CAP_KILL", "CAP_CHOWN"])
        .capabilities(&["inheritable"], &["CAP_KILL"])
        .capabilities(&["ambient"], &["CAP_KILL", "CAP_CHOWN"])
        .run()?
        .ok()?;
    assert!(output.stderr.contains("can't raise ambient capability CAP_CHOWN: "), "{output}");
    assert_eq!(host::field(&output.stdout, "CapAmb"), Some("0000000000000020"));
    Ok(())
}

fn another_file_in_a_devices_place_is_told_apart() -> Result {
    chapter!("config-linux.md#devices");
    let device = json!({"path": "/data/own", "type": "c", "major": 1, "minor": 3});
    let bundle = Bundle::busybox().args(["stat", "-c", "%F %t %T", "/data/own"]);
    let container = bundle.directory("data").set("/linux/devices/-", device).build()?;
    let place = container.in_root("data/own");
    fs::write(&place, "")?;
    container.run().fails_with("/data/own has incorrect ftype")?;
    let becomes = |minor: &str| -> Result {
        fs::remove_file(&place)?;
        host::success("mknod", &[&place.to_string_lossy(), "c", "1", minor])
    };
    becomes("5")?;
    let words = "/data/own has incorrect major:minor: 1:5 doesn't match expected 1:3";
    container.run().fails_with(words)?;
    becomes("3")?;
    container.run().says("character special file 1 3")?;
    Ok(())
}

fn a_group_that_exec_cannot_enter_is_told_of() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().start()?;
    for path in ["..", "../sibling", "/../x"] {
        container.exec_with(["--cgroup", path], ["true"]).fails_with("bad sub cgroup path")?;
    }
    let output = container.exec_with(["--cgroup", "nonexistent"], ["true"]).fails()?;
    let after = output.stderr.split_once(" adding pid ").map(|parts| parts.1.to_owned());
    let after = after.unwrap_or_default();
    assert!(after.contains("o such file or directory"), "{output}");
    Ok(())
}

fn unified_limits_are_no_configuration_of_cgroup_v1() -> Result {
    chapter!("config-linux.md#unified");
    host::cgroup_v1()?;
    let bundle = Bundle::busybox().sleeping();
    bundle
        .set("/linux/resources/unified", json!({"memory.min": "131072"}))
        .is_refused("invalid configuration")
}

fn a_written_config_has_a_cgroup_namespace_on_cgroup_v2_alone() -> Result {
    chapter!("cli#spec");
    let container = Bundle::busybox().build()?;
    for options in [&[][..], &["--rootless"]] {
        let config = container.spec(options)?;
        let namespaces = config["linux"]["namespaces"].as_array().cloned().unwrap_or_default();
        let has_one = namespaces.iter().any(|namespace| namespace["type"] == "cgroup");
        assert_eq!(has_one, host::cgroups() == Cgroups::V2, "{options:?}");
    }
    Ok(())
}

fn a_path_of_criu_is_taken() -> Result {
    chapter!("cli#global");
    let container = Bundle::busybox().sleeping().start()?;
    container.rooted_call().args(["--criu", "criu", "state", container.id()]).run().ok()?;
    Ok(())
}
