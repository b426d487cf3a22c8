//! exec: one more process in a running container.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    the_process_is_in_the_containers_namespaces_and_cgroup,
    the_three_streams_pass_through,
    the_exit_code_is_the_programs,
    a_program_that_a_signal_ended_adds_128,
    a_failure_of_the_runtime_is_255,
    a_failing_exec_leaves_the_container_alone,
    options_after_the_id_belong_to_the_program,
    a_double_dash_ends_the_options,
    no_program_is_refused,
    exec_in_an_unknown_container_fails,
    exec_in_a_stopped_container_fails,
    exec_in_a_paused_container_is_refused,
    exec_may_ignore_that_the_container_is_paused,
    exec_in_a_created_container_runs,
    the_containers_process_is_the_base,
    env_adds_to_the_containers_environment,
    env_is_not_split_at_commas,
    cwd_replaces_the_containers,
    user_is_a_number_or_two,
    user_is_refused_unless_it_is_a_number_or_two,
    additional_groups_are_added,
    a_capability_is_added_but_never_inheritable,
    no_new_privileges_is_set,
    a_process_file_is_all_there_is,
    a_process_file_sets_ids_limits_and_umask,
    a_process_file_falls_back_on_the_containers_capabilities,
    a_process_file_without_arguments_is_refused,
    a_detached_process_lives_on,
    a_detached_process_is_left_to_the_callers_subreaper,
    detached_exec_fails_when_the_program_is_missing,
    the_process_has_a_session_of_its_own,
    umask_is_the_containers,
    cgroup_is_a_child_of_the_containers,
    a_cgroup_outside_the_containers_is_refused,
    the_configured_affinity_is_set,
    home_follows_the_user,
];

fn sleeping() -> Result<Container> {
    Bundle::busybox().sleeping().start()
}

fn the_process_is_in_the_containers_namespaces_and_cgroup() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let pid = container.pid()?;
    for kind in ["pid", "net", "ipc", "uts", "mnt"] {
        let expected = fs::read_link(format!("/proc/{pid}/ns/{kind}"))?;
        let link = format!("/proc/self/ns/{kind}");
        container.exec(["readlink", &link]).says(&expected.to_string_lossy())?;
    }
    let output = container.exec(["cat", "/proc/self/cgroup"]).ok()?;
    assert_eq!(output.stdout, container.proc_file("cgroup")?);
    Ok(())
}

fn the_three_streams_pass_through() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let call = container.call("exec").args([container.id(), "sh", "-c", "cat; echo err >&2"]);
    let output = call.stdin("in\n").run().ok()?;
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("in\n", "err\n"));
    Ok(())
}

fn the_exit_code_is_the_programs() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    for code in [0, 1, 42, 254] {
        container.exec_sh(&format!("exit {code}")).exits(code)?;
    }
    Ok(())
}

fn a_program_that_a_signal_ended_adds_128() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_sh("kill -KILL $$").exits(137)?;
    container.exec_sh("kill -TERM $$").exits(143)?;
    Ok(())
}

fn a_failure_of_the_runtime_is_255() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let output = container.exec(["nowhere"]).exits(255)?;
    assert!(output.stderr.contains("exec failed: "), "{output}");
    output.fails_with("executable file not found in $PATH")?;
    container.exec(["/nowhere"]).exits(255)?.fails_with("no such file or directory")?;
    let output = container.exec(["/etc"]).exits(255)?.text().to_lowercase();
    assert!(output.contains("permission denied") || output.contains("is a directory"), "{output}");
    Ok(())
}

fn a_failing_exec_leaves_the_container_alone() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let before = container.processes();
    container.exec(["nowhere"]).fails()?;
    container.exec_with(["--cwd", "relative"], ["true"]).fails()?;
    assert_eq!(container.status()?, "running");
    assert_eq!(container.processes(), before);
    Ok(())
}

fn options_after_the_id_belong_to_the_program() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec(["echo", "-t", "--detach", "--cwd=/x", "-e"]).says("-t --detach --cwd=/x -e")?;
    Ok(())
}

fn a_double_dash_ends_the_options() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec_with(["--cwd", "/tmp", "--"], ["echo", "-d"]).says("-d")?;
    Ok(())
}

fn no_program_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.exec([""; 0]).fails()?;
    container.exec_with(["--unheard-of"], ["true"]).fails()?;
    Ok(())
}

fn exec_in_an_unknown_container_fails() -> Result {
    chapter!("cli#exec");
    Bundle::busybox().build()?.exec(["true"]).fails_with("does not exist")?;
    Ok(())
}

fn exec_in_a_stopped_container_fails() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().start()?;
    container.wait_for("stopped")?;
    container.exec(["true"]).fails_with("cannot exec in a stopped container")?;
    Ok(())
}

fn exec_in_a_paused_container_is_refused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.pause().ok()?;
    let words = "cannot exec in a paused container (use --ignore-paused to override)";
    container.exec(["true"]).fails_with(words)?;
    Ok(())
}

fn exec_may_ignore_that_the_container_is_paused() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    container.pause().ok()?;
    let call = container.call("exec").args(["--ignore-paused", container.id(), "echo", "ran"]);
    let running = call.spawn()?;
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(container.status()?, "paused");
    container.resume().ok()?;
    running.wait().says("ran")?;
    Ok(())
}

fn exec_in_a_created_container_runs() -> Result {
    chapter!("cli#exec");
    let container = Bundle::busybox().sleeping().create()?;
    container.exec(["echo", "ran"]).says("ran")?;
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn the_containers_process_is_the_base() -> Result {
    chapter!("cli#exec");
    let user = json!({"uid": 1000, "gid": 2000, "additionalGids": [5]});
    let bundle = Bundle::busybox().sleeping().set("/process/user", user).env("OWN=1");
    let container = bundle.directory("work").set("/process/cwd", "/work").start()?;
    let script =
        "echo $OWN; pwd; id -u; id -g; grep -E 'Groups|NoNewPrivs|CapBnd' /proc/self/status";
    let output = container.exec_sh(script).ok()?;
    let lines = output.lines();
    assert_eq!(lines[..4], ["1", "/work", "1000", "2000"]);
    for (line, name) in lines[4..].iter().zip(["Groups", "CapBnd", "NoNewPrivs"]) {
        assert_eq!(host::field(line, name), Some(container.proc_status(name)?.as_str()), "{line}");
    }
    Ok(())
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

fn user_is_refused_unless_it_is_a_number_or_two() -> Result {
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

fn mask(output: &str, name: &str) -> Result<u64> {
    Ok(u64::from_str_radix(host::field(output, name).unwrap_or("none"), 16)?)
}

fn a_capability_is_added_but_never_inheritable() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let words = ["grep", "Cap", "/proc/self/status"];
    let before = container.exec(words).ok()?.stdout;
    let with =
        container.exec_with(["--cap", "CAP_CHOWN", "--cap", "CAP_FOWNER"], words).ok()?.stdout;
    let added = 1 | 1 << 3;
    for set in ["CapBnd", "CapPrm", "CapEff"] {
        assert_eq!(mask(&with, set)?, mask(&before, set)? | added, "{set}");
    }
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
    Ok(())
}

fn process(args: &[&str]) -> Value {
    json!({"cwd": "/", "args": args, "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}})
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
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline"))?;
    assert_eq!(command, "sleep\x001000\0");
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

fn the_process_has_a_session_of_its_own() -> Result {
    chapter!("cli#exec");
    let container = sleeping()?;
    let output = container.exec(["cat", "/proc/self/stat"]).ok()?;
    let fields: Vec<_> = output.stdout.split_whitespace().collect();
    assert_eq!(fields[5], fields[0]);
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
    let expected = format!("/{}/child", container.id());
    let inside = output.lines().iter().filter(|line| line.ends_with(&expected)).count();
    assert_eq!(inside, container.cgroups().len(), "{output}");
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

fn home_follows_the_user() -> Result {
    chapter!("cli#exec");
    let passwd = "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
    let container = Bundle::busybox().sleeping().file("etc/passwd", passwd, 0o644).start()?;
    let script = ["sh", "-c", "echo $HOME"];
    container.exec(script).says("/root")?;
    container.exec_with(["-u", "1000:1000"], script).says("/home/user")?;
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
