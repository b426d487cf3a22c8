//! exec: what its options and a process file change.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::{Value, json};
use spec_tests::container::PATIENCE;
use spec_tests::runtime::wait_until;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    env_adds_to_the_containers_environment,
    env_is_not_split_at_commas,
    cwd_replaces_the_containers,
    user_is_a_number_or_two,
    cve_2026_30892_user_is_refused_unless_it_is_a_number_or_two,
    additional_groups_are_added,
    a_capability_is_added,
    cve_2022_29162_an_added_capability_is_not_inheritable,
    no_new_privileges_is_set,
    a_process_file_is_all_there_is,
    a_process_file_sets_ids_limits_and_umask,
    a_process_file_falls_back_on_the_containers_capabilities,
    a_process_file_without_arguments_is_refused,
    a_detached_process_lives_on,
    a_detached_process_is_left_to_the_callers_subreaper,
    detached_exec_fails_when_the_program_is_missing,
    umask_is_the_containers,
    cgroup_is_a_child_of_the_containers,
    a_cgroup_outside_the_containers_is_refused,
    the_configured_affinity_is_set,
    the_affinity_of_exec_is_not_for_init,
    a_program_waits_for_a_reader_of_the_fifo,
    a_fifo_to_wait_for_must_be_one,
    home_follows_the_user,
];

fn sleeping() -> Result<Container> {
    Bundle::busybox().sleeping().start()
}

fn mask(output: &str, name: &str) -> Result<u64> {
    Ok(u64::from_str_radix(host::field(output, name).unwrap_or("none"), 16)?)
}

fn process(args: &[&str]) -> Value {
    json!({"cwd": "/", "args": args, "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}})
}

fn env_adds_to_the_containers_environment() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().env("OWN=1").env("BOTH=1").start()?;
    let options = ["--env", "ADDED=2", "--env", "BOTH=2", "--env=EMPTY="];
    let output = container.exec_with(options, ["env"]).ok()?;
    let lines = output.lines();
    for expected in ["OWN=1", "ADDED=2", "BOTH=2", "EMPTY="] {
        assert!(lines.contains(&expected), "{expected} in {output}");
    }
    assert!(!lines.contains(&"BOTH=1"), "{output}");
    container.exec_with(["-e", "A=1", "-e", "B=2"], ["sh", "-c", "echo $A$B"]).says("12")?;
    Ok(())
}

fn env_is_not_split_at_commas() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let options = ["--env", "LIST=a,b,C=d"];
    container.exec_with(options, ["sh", "-c", "echo $LIST"]).says("a,b,C=d")?;
    Ok(())
}

fn cwd_replaces_the_containers() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_with(["--cwd", "/etc"], ["pwd"]).says("/etc")?;
    container.exec_with(["--cwd", "etc"], ["pwd"]).fails()?;
    Ok(())
}

fn user_is_a_number_or_two() -> Result {
    chapter!("cli#exec");
    let user = json!({"uid": 7, "gid": 8});
    let container = Bundle::busybox().sleeping().set("/process/user", user).start()?;
    for (user, uid, gid) in [("1", 1, 8), ("1:2", 1, 2), ("0:0", 0, 0), ("2147483647", i32::MAX, 8)]
    {
        let output = container.exec_with(["--user", user], ["sh", "-c", "id -u; id -g"]).ok()?;
        assert_eq!(output.stdout, format!("{uid}\n{gid}\n"), "{user}");
    }
    container.exec_with(["-u", "5"], ["id", "-u"]).says("5")?;
    Ok(())
}

fn cve_2026_30892_user_is_refused_unless_it_is_a_number_or_two() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let mut accepted = Vec::new();
    for user in ["-1", "1:", ":2", "1:-2", "4294967295", "4294967296", "1x", "0x1", "root", "1:2:3"]
    {
        let option = format!("--user={user}");
        if container.exec_with([option], ["true"]).fails().is_err() {
            accepted.push(user);
        }
    }
    assert_eq!(accepted, [""; 0]);
    Ok(())
}

fn additional_groups_are_added() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let options = ["-g", "70", "-g", "5"];
    let output = container.exec_with(options, ["grep", "Groups", "/proc/self/status"]).ok()?;
    assert_eq!(host::field(&output.stdout, "Groups"), Some("5 70"));
    Ok(())
}

/// The sets of a process with two more capabilities.
const ADDED: [&str; 4] = ["--cap", "CAP_CHOWN", "--cap", "CAP_FOWNER"];
const SETS: [&str; 3] = ["grep", "Cap", "/proc/self/status"];

fn a_capability_is_added() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let before = container.exec(SETS).ok()?.stdout;
    let with = container.exec_with(ADDED, SETS).ok()?.stdout;
    let added = 1 | 1 << 3;
    for set in ["CapBnd", "CapPrm", "CapEff"] {
        assert_eq!(mask(&with, set)?, mask(&before, set)? | added, "{set}");
    }
    Ok(())
}

fn cve_2022_29162_an_added_capability_is_not_inheritable() -> Result {
    chapter!("cli#exec");
    let with = sleeping()?.exec_with(ADDED, SETS).ok()?.stdout;
    assert_ne!(mask(&with, "CapEff")?, 0);
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(mask(&with, set)?, 0, "{set}");
    }
    Ok(())
}

fn no_new_privileges_is_set() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().set("/process/noNewPrivileges", false).start()?;
    let words = ["grep", "NoNewPrivs", "/proc/self/status"];
    container.exec(words).says("NoNewPrivs:\t0")?;
    container.exec_with(["--no-new-privs"], words).says("NoNewPrivs:\t1")?;
    let container = Bundle::busybox().sleeping().set("/process/noNewPrivileges", true).start()?;
    container.exec(words).says("NoNewPrivs:\t1")?;
    container.exec_with(["--no-new-privs=false"], words).says("NoNewPrivs:\t0")?;
    let twice = ["--no-new-privs=false", "--no-new-privs"];
    container.exec_with(twice, words).says("NoNewPrivs:\t1")?;
    Ok(())
}

fn a_process_file_is_all_there_is() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().env("OWN=1").start()?;
    let mut wanted = process(&["sh", "-c", "env | sort; pwd"]);
    wanted["cwd"] = json!("/etc");
    wanted["env"] = json!(["PATH=/bin", "A=1"]);
    let output = container.exec_process(&wanted)?.ok()?;
    assert!(output.stdout.contains("A=1\n") && !output.stdout.contains("OWN="), "{output}");
    assert_eq!(output.lines().last(), Some(&"/etc"));
    let path = container.directory().join("process.json");
    container.call("exec").arg("-p").arg(path).arg(container.id()).run().ok()?;
    Ok(())
}

fn a_process_file_sets_ids_limits_and_umask() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let mut wanted = process(&["sh", "-c", "id -u; id -g; umask; ulimit -n"]);
    wanted["user"] = json!({"uid": 10, "gid": 20, "umask": 0o077});
    wanted["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 99}]);
    let output = container.exec_process(&wanted)?.ok()?;
    assert_eq!(output.stdout, "10\n20\n0077\n99\n");
    Ok(())
}

fn a_process_file_falls_back_on_the_containers_capabilities() -> Result {
    chapter!("cli#exec");
    let sets = ["bounding", "permitted", "effective"];
    let bundle = Bundle::busybox().sleeping().capabilities(&sets, &["CAP_CHOWN"]);
    let container = bundle.start()?;
    let show = ["grep", "Cap", "/proc/self/status"];
    let output = container.exec_process(&process(&show))?.ok()?.stdout;
    for set in ["CapBnd", "CapPrm", "CapEff"] {
        assert_eq!(mask(&output, set)?, 1, "{set}");
    }
    let mut wanted = process(&show);
    wanted["capabilities"] = json!({"bounding": [], "permitted": [], "effective": []});
    let output = container.exec_process(&wanted)?.ok()?.stdout;
    for set in ["CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"] {
        assert_eq!(mask(&output, set)?, 0, "{set}");
    }
    Ok(())
}

fn a_process_file_without_arguments_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_process(&process(&[]))?.fails()?;
    let mut relative = process(&["true"]);
    relative["cwd"] = json!("etc");
    container.exec_process(&relative)?.fails()?;
    let path = container.directory().join("process.json");
    fs::write(&path, "{")?;
    container.call("exec").arg("--process").arg(&path).arg(container.id()).run().fails()?;
    Ok(())
}

fn a_detached_process_lives_on() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let path = container.directory().join("exec.pid");
    let call = container.call("exec").args(["--detach", "--pid-file"]).arg(&path);
    call.args([container.id(), "sleep", "1000"]).run().ok()?;
    let pid: i32 = fs::read_to_string(&path)?.parse()?;
    // execve(2) lets go of the runtime's end of a pipe before the command line is there.
    let command = || fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let runs = wait_until(PATIENCE, || (command() == "sleep\x001000\0").then_some(()));
    assert!(runs.is_some(), "{:?}", command());
    assert!(container.processes().contains(&pid));
    Ok(())
}

fn a_detached_process_is_left_to_the_callers_subreaper() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let path = container.directory().join("exec.pid");
    let call = container.call("exec").args(["-d", "--pid-file"]).arg(&path);
    let call = call.args([container.id(), "sleep", "1000"]);
    let left = call.under(spec_tests::suite::under_subreaper()?).run().ok()?;
    assert_eq!(left.stdout.trim(), fs::read_to_string(path)?);
    Ok(())
}

fn detached_exec_fails_when_the_program_is_missing() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let path = container.directory().join("exec.pid");
    let call = container.call("exec").args(["-d", "--pid-file"]).arg(&path);
    call.args([container.id(), "nowhere"]).run().fails()?;
    assert!(!path.exists());
    Ok(())
}

fn umask_is_the_containers() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().set("/process/user/umask", 0o037).start()?;
    container.exec_sh("umask").says("0037")?;
    Ok(())
}

fn cgroup_is_a_child_of_the_containers() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    for cgroup in container.cgroups() {
        let child = cgroup.join("child");
        fs::create_dir(&child)?;
        // A cpuset of v1 starts empty.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if host::cgroup_v1().is_ok() && child.join(file).exists() {
                fs::write(child.join(file), fs::read(cgroup.join(file))?)?;
            }
        }
    }
    let output = container.exec_with(["--cgroup", "child"], ["cat", "/proc/self/cgroup"]).ok()?;
    let cgroups = container.cgroups();
    let name = cgroups.first().and_then(|cgroup| cgroup.file_name()).unwrap_or_default();
    let expected = format!("/{}/child", name.display());
    let inside = output.lines().iter().filter(|line| line.ends_with(&expected)).count();
    assert!(inside > 0 && inside == cgroups.len(), "{output}");
    Ok(())
}

fn a_cgroup_outside_the_containers_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    for cgroup in ["..", "../..", "/../x", "not/there"] {
        container.exec_with(["--cgroup", cgroup], ["true"]).fails()?;
    }
    Ok(())
}

fn the_configured_affinity_is_set() -> Result {
    chapter!("config.md#linux-process");
    host::processors(2)?;
    let affinity = json!({"initial": "0-1", "final": "1"});
    let container =
        Bundle::busybox().sleeping().set("/process/execCPUAffinity", affinity).start()?;
    let output = container.exec(["grep", "Cpus_allowed_list", "/proc/self/status"]).ok()?;
    assert_eq!(host::field(&output.stdout, "Cpus_allowed_list"), Some("1"));
    Ok(())
}

fn the_affinity_of_exec_is_not_for_init() -> Result {
    chapter!("config.md#linux-process");
    host::processors(2)?;
    let script = ["grep", "Cpus_allowed_list", "/proc/self/status"];
    let all = fs::read_to_string("/proc/self/status")?;
    let bundle = Bundle::busybox().args(script);
    let output = bundle.set("/process/execCPUAffinity", json!({"final": "1"})).run()?.ok()?;
    let list = |text: &str| host::field(text, "Cpus_allowed_list").map(str::to_owned);
    assert_eq!(list(&output.stdout), list(&all));
    Ok(())
}

fn a_program_waits_for_a_reader_of_the_fifo() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().directory("tmp").build()?;
    fs::set_permissions(container.in_root("tmp"), Permissions::from_mode(0o1777))?;
    container.run_detached().ok()?;
    let fifo = container.directory().join("fifo");
    host::success("mkfifo", &[&fifo.to_string_lossy()])?;
    let pid_file = container.directory().join("exec.pid");
    let call = container.call("exec").arg("--detach").arg("--exec-wait-fifo").arg(&fifo);
    let call = call.args(["--user", "1000:1000"]).arg("--pid-file").arg(&pid_file);
    let call = call.args([container.id(), "sh", "-c", "id -u > /tmp/ran"]);
    call.streams("waiting").run().ok()?;
    assert!(fs::read_to_string(&pid_file)?.parse::<i32>()? > 0);
    std::thread::sleep(Duration::from_millis(200));
    assert!(!container.in_root("tmp/ran").exists());
    assert_eq!(fs::read(&fifo)?, b"");
    assert_eq!(container.wait_for_file("tmp/ran")?.trim(), "1000");
    Ok(())
}

fn a_fifo_to_wait_for_must_be_one() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let file = container.directory().join("file");
    fs::write(&file, "")?;
    let waiting = |path: &std::path::Path| {
        container.exec_with([OsStr::new("--exec-wait-fifo"), path.as_os_str()], ["true"])
    };
    waiting(&file).fails_with("is not a fifo")?;
    let missing = container.directory().join("missing");
    waiting(&missing).fails_with("failed to open exec wait fifo")?;
    Ok(())
}

fn home_follows_the_user() -> Result {
    chapter!("cli#exec");
    let passwd = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
    let container = Bundle::busybox().sleeping().file("etc/passwd", passwd, 0o644).start()?;
    let script = ["sh", "-c", "echo $HOME"];
    container.exec(script).says("/root")?;
    container.exec_with(["-u", "1000:1000"], script).says("/home/user")?;
    Ok(())
}
