//! process: program, arguments, environment, working directory, limits and scheduling.

use std::fs;

use serde_json::json;
use spec_tests::{Bundle, Result, chapter, host, tests};

tests![
    arguments_arrive_as_they_were_written,
    no_arguments_are_refused,
    the_environment_is_the_configured_one,
    the_last_of_two_equal_variables_wins,
    a_variable_may_have_any_value,
    a_variable_without_equals_sign_is_refused,
    the_program_is_searched_in_the_containers_path,
    the_search_passes_by_what_cannot_be_run,
    a_program_with_a_slash_is_not_searched,
    a_program_that_is_not_there_fails_create,
    a_program_that_may_not_be_run_fails_create,
    a_script_without_its_interpreter_fails,
    home_comes_from_the_containers_passwd,
    home_is_the_root_when_passwd_does_not_know_the_user,
    a_configured_home_is_kept,
    the_working_directory_is_the_configured_one,
    a_missing_working_directory_is_made,
    a_relative_working_directory_is_refused,
    a_working_directory_below_a_descriptor_is_refused,
    a_working_directory_that_only_the_user_may_enter_is_fine,
    limits_are_set,
    a_limit_named_twice_is_refused,
    an_unknown_limit_is_refused,
    a_limit_that_may_not_be_raised_is_named,
    a_limit_may_equal_the_hosts,
    no_new_privileges_is_set_or_not,
    the_oom_score_is_set,
    the_oom_score_is_inherited_when_not_configured,
    the_scheduler_is_set,
    a_deadline_is_not_for_some_cpus_only,
    a_scheduler_that_contradicts_itself_is_refused,
    the_io_priority_is_set,
    the_personality_is_set,
    an_unknown_personality_is_refused,
    affinity_is_every_processor,
    the_streams_are_not_the_hosts_null_device,
    signals_are_neither_blocked_nor_ignored,
];

fn arguments_arrive_as_they_were_written() -> Result {
    chapter!("config.md#process");
    let script = r#"for word; do echo "[$word]"; done"#;
    let words = ["/bin/sh", "-c", script, "sh", "a b", "", "ü", "-x", "$HOME"];
    let output = Bundle::busybox().args(words).run()?.ok()?;
    assert_eq!(output.stdout, "[a b]\n[]\n[ü]\n[-x]\n[$HOME]\n");
    Ok(())
}

fn no_arguments_are_refused() -> Result {
    chapter!("config.md#process");
    Bundle::busybox().args([""; 0]).is_refused("args must not be empty")
}

fn the_environment_is_the_configured_one() -> Result {
    chapter!("config.md#process");
    let container = Bundle::busybox().args(["env"]).set("/process/env", ["A=1", "B="].to_vec());
    let container = container.set("/process/env/-", "PATH=/bin").build()?;
    let call = container.run_call().arg(container.id()).env("SECRET", "of the caller");
    let output = call.run().ok()?;
    let mut lines = output.lines();
    lines.sort_unstable();
    assert_eq!(lines, ["A=1", "B=", "HOME=/", "PATH=/bin"]);
    Ok(())
}

fn the_last_of_two_equal_variables_wins() -> Result {
    chapter!("cli#run");
    let bundle = Bundle::busybox().sh("env | grep ^TWICE=").env("TWICE=1").env("TWICE=2");
    bundle.run()?.says("TWICE=2")?;
    Ok(())
}

fn a_variable_may_have_any_value() -> Result {
    chapter!("config.md#process");
    let bundle = Bundle::busybox().sh(r#"echo "[$ODD]""#).env("ODD=a=b c\nd\t'\"é");
    assert_eq!(bundle.run()?.ok()?.stdout, "[a=b c\nd\t'\"é]\n");
    Ok(())
}

fn a_variable_without_equals_sign_is_refused() -> Result {
    chapter!("cli#create");
    Bundle::busybox().env("NOTHING").is_refused("NOTHING")
}

fn the_program_is_searched_in_the_containers_path() -> Result {
    chapter!("config.md#process");
    let bundle =
        Bundle::busybox().args(["tool"]).file("opt/own/tool", "#!/bin/sh\necho own", 0o755);
    let bundle = bundle.set("/process/env", ["PATH=/bin:/opt/own"].to_vec());
    bundle.run()?.says("own")?;
    Ok(())
}

fn the_search_passes_by_what_cannot_be_run() -> Result {
    chapter!("config.md#process");
    let bundle =
        Bundle::busybox().args(["tool"]).file("opt/own/tool", "#!/bin/sh\necho own", 0o755);
    let bundle = bundle.directory("opt/a/tool").file("opt/b/tool", "no program", 0o644);
    bundle.set("/process/env", ["PATH=/opt/a:/opt/b:/opt/own"].to_vec()).run()?.says("own")?;
    Ok(())
}

fn a_program_with_a_slash_is_not_searched() -> Result {
    chapter!("config.md#process");
    let tool = |bundle: Bundle| bundle.file("opt/tool", "#!/bin/sh\necho own", 0o755);
    let bundle = tool(Bundle::busybox()).args(["./tool"]).set("/process/cwd", "/opt");
    bundle.run()?.says("own")?;
    let bundle =
        tool(Bundle::busybox()).args(["opt/tool"]).set("/process/env", ["PATH=/"].to_vec());
    bundle.set("/process/cwd", "/tmp").build()?.create().fails_with("no such file or directory")?;
    Ok(())
}

fn a_program_that_is_not_there_fails_create() -> Result {
    chapter!("cli#create");
    Bundle::busybox().args(["/nowhere"]).is_refused("no such file or directory")?;
    Bundle::busybox().args(["nowhere"]).is_refused("executable file not found in $PATH")
}

fn a_program_that_may_not_be_run_fails_create() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().args(["/text"]).file("text", "#!/bin/sh", 0o644);
    bundle.is_refused("permission denied")?;
    let container = Bundle::busybox().args(["/tmp"]).build()?;
    let text = container.create().fails()?.text().to_lowercase();
    // An engine makes 126 of either text.
    assert!(text.contains("permission denied") || text.contains("is a directory"), "{text}");
    container.left_no_trace()
}

fn a_script_without_its_interpreter_fails() -> Result {
    chapter!("cli#run");
    let bundle = Bundle::busybox().args(["/script"]).file("script", "#!/nowhere\n", 0o755);
    bundle.run()?.fails_with("no such file or directory")?;
    Ok(())
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n\
                      1001:x:0:0::/home/trap:/bin/sh\n";

fn home_comes_from_the_containers_passwd() -> Result {
    chapter!("cli#run");
    for (user, home) in [(0, "/root"), (1000, "/home/user"), (1001, "/")] {
        let bundle = Bundle::busybox().sh("echo $HOME; id -u").file("etc/passwd", PASSWD, 0o644);
        let output = bundle.set("/process/user/uid", user).run()?.ok()?;
        assert_eq!(output.stdout, format!("{home}\n{user}\n"));
    }
    Ok(())
}

fn home_is_the_root_when_passwd_does_not_know_the_user() -> Result {
    chapter!("cli#run");
    Bundle::busybox().sh("echo $HOME").set("/process/user/uid", 7).run()?.says("/")?;
    Ok(())
}

fn a_configured_home_is_kept() -> Result {
    chapter!("cli#run");
    let bundle = || Bundle::busybox().sh("echo $HOME").file("etc/passwd", PASSWD, 0o644);
    bundle().env("HOME=/mine").run()?.says("/mine")?;
    bundle().env("HOME=").run()?.says("/root")?;
    Ok(())
}

fn the_working_directory_is_the_configured_one() -> Result {
    chapter!("config.md#process");
    let bundle = Bundle::busybox().sh("/bin/pwd; echo $PWD").directory("a/b");
    let output = bundle.set("/process/cwd", "/a/b").run()?.ok()?;
    assert_eq!(output.lines()[0], "/a/b");
    Ok(())
}

fn a_missing_working_directory_is_made() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().args(["pwd"]).set("/process/cwd", "/new/deep").build()?;
    container.run().says("/new/deep")?;
    assert!(container.in_root("new/deep").is_dir());
    Ok(())
}

fn a_relative_working_directory_is_refused() -> Result {
    chapter!("config.md#process");
    Bundle::busybox().set("/process/cwd", "tmp").is_refused("absolute path")
}

fn a_working_directory_below_a_descriptor_is_refused() -> Result {
    chapter!("config.md#process");
    for descriptor in 3..16 {
        let path = format!("/proc/self/fd/{descriptor}");
        let container = Bundle::busybox().args(["pwd"]).set("/process/cwd", path).build()?;
        container.run().fails()?;
    }
    let container = Bundle::busybox().sleeping().start()?;
    for descriptor in 3..16 {
        let path = format!("/proc/self/fd/{descriptor}");
        container.exec_with(["--cwd", &path], ["pwd"]).fails()?;
    }
    Ok(())
}

fn a_working_directory_that_only_the_user_may_enter_is_fine() -> Result {
    chapter!("config.md#process");
    let container = Bundle::busybox().args(["pwd"]).directory("private").build()?;
    let path = container.in_root("private");
    std::os::unix::fs::chown(&path, Some(1000), Some(1000))?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    container.reconfigure("/process/cwd", "/private")?;
    container.reconfigure("/process/user", json!({"uid": 1000, "gid": 1000}))?;
    container.run().says("/private")?;
    Ok(())
}

fn limits_are_set() -> Result {
    chapter!("config.md#posix-process");
    let limits = json!([
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_CPU", "soft": 1000, "hard": 2000},
        {"type": "RLIMIT_FSIZE", "soft": 4096, "hard": 1_048_576},
        {"type": "RLIMIT_STACK", "soft": 1_048_576, "hard": 1_048_576},
    ]);
    let bundle = Bundle::busybox().args(["cat", "/proc/self/limits"]);
    let output = bundle.set("/process/rlimits", limits).run()?.ok()?;
    let row = |name| {
        let line = output.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("Max open files"), "100 200");
    assert_eq!(row("Max core file size"), "0 0");
    assert_eq!(row("Max cpu time"), "1000 2000");
    assert_eq!(row("Max file size"), "4096 1048576");
    assert_eq!(row("Max stack size"), "1048576 1048576");
    Ok(())
}

fn a_limit_named_twice_is_refused() -> Result {
    chapter!("config.md#posix-process");
    let limit = json!({"type": "RLIMIT_CORE", "soft": 0, "hard": 0});
    Bundle::busybox().set("/process/rlimits", json!([limit, limit])).is_refused("RLIMIT_CORE")
}

fn an_unknown_limit_is_refused() -> Result {
    chapter!("config.md#posix-process");
    let limit = json!({"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1});
    Bundle::busybox().set("/process/rlimits/-", limit).is_refused("RLIMIT_BOGUS")
}

fn a_limit_that_may_not_be_raised_is_named() -> Result {
    chapter!("config.md#posix-process");
    // More than fs.nr_open is nobody's.
    let beyond = 1_u64 << 40;
    let limit = json!([{"type": "RLIMIT_NOFILE", "soft": beyond, "hard": beyond}]);
    let output = Bundle::busybox().set("/process/rlimits", limit).run()?.fails()?;
    let names = ["setrlimit `RLIMIT_NOFILE`", "rlimit type 7"];
    assert!(names.iter().any(|name| output.stderr.contains(name)), "{output}");
    Ok(())
}

fn a_limit_may_equal_the_hosts() -> Result {
    chapter!("config.md#posix-process");
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let hard: u64 = line.split_whitespace().nth(4).unwrap_or_default().parse()?;
    let limit = json!([{"type": "RLIMIT_NOFILE", "soft": hard, "hard": hard}]);
    let bundle = Bundle::busybox().sh("ulimit -n").set("/process/rlimits", limit);
    bundle.run()?.says(&hard.to_string())?;
    Ok(())
}

fn no_new_privileges_is_set_or_not() -> Result {
    chapter!("config.md#linux-process");
    for (wanted, digit) in [(true, "1"), (false, "0")] {
        let bundle = Bundle::busybox().sleeping().set("/process/noNewPrivileges", wanted);
        assert_eq!(bundle.start()?.proc_status("NoNewPrivs")?, digit);
    }
    Ok(())
}

fn the_oom_score_is_set() -> Result {
    chapter!("config.md#linux-process");
    let bundle = Bundle::busybox().args(["cat", "/proc/self/oom_score_adj"]);
    bundle.set("/process/oomScoreAdj", 321).run()?.says("321")?;
    Ok(())
}

fn the_oom_score_is_inherited_when_not_configured() -> Result {
    chapter!("config.md#linux-process");
    let container = Bundle::busybox().args(["cat", "/proc/self/oom_score_adj"]).build()?;
    let call = container.run_call().arg(container.id());
    call.after_shell("echo 123 > /proc/self/oom_score_adj;").run().says("123")?;
    Ok(())
}

/// Field `number` (as proc(5) counts) of `/proc/PID/stat`.
fn stat_field(stat: &str, number: usize) -> String {
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(number - 3).unwrap_or_default().into()
}

fn the_scheduler_is_set() -> Result {
    chapter!("config.md#linux-process");
    // The kernel changes nothing of the nice value for SCHED_IDLE: it is the caller's.
    let own = stat_field(&std::fs::read_to_string("/proc/self/stat")?, 19).parse()?;
    let policies = [("SCHED_BATCH", 5, "3"), ("SCHED_OTHER", 7, "0"), ("SCHED_IDLE", own, "5")];
    for (policy, nice, number) in policies {
        let scheduler = json!({"policy": policy, "nice": nice});
        let bundle = Bundle::busybox().sleeping().set("/process/scheduler", scheduler);
        let container = bundle.start()?;
        let stat = container.proc_file("stat")?;
        assert_eq!(stat_field(&stat, 41), number, "{policy}");
        assert_eq!(stat_field(&stat, 19), nice.to_string(), "{policy}");
    }
    Ok(())
}

fn a_deadline_is_not_for_some_cpus_only() -> Result {
    chapter!("cli#create");
    host::processors(2)?;
    let nanoseconds = json!({"policy": "SCHED_DEADLINE", "nice": 19, "runtime": 42_000,
        "deadline": 1_000_000, "period": 1_000_000});
    let bundle = Bundle::busybox().set("/process/scheduler", nanoseconds);
    let container = bundle.set("/linux/resources/cpu/cpus", "0").build()?;
    let words = "process scheduler can't be used together with AllowedCPUs";
    container.create().fails_with(words)?;
    container.left_no_trace()
}

fn a_scheduler_that_contradicts_itself_is_refused() -> Result {
    chapter!("config.md#linux-process");
    let wrong = [
        json!({"policy": "SCHED_BOGUS"}),
        json!({"policy": "SCHED_OTHER", "priority": 5}),
        json!({"policy": "SCHED_OTHER", "nice": 20}),
        json!({"policy": "SCHED_FIFO", "priority": 5, "runtime": 1}),
    ];
    for scheduler in wrong {
        let container = Bundle::busybox().set("/process/scheduler", scheduler).build()?;
        container.create().fails()?;
        container.left_no_trace()?;
    }
    Ok(())
}

fn the_io_priority_is_set() -> Result {
    chapter!("config.md#linux-process");
    let bundle = || Bundle::busybox().args(["ionice"]);
    let best_effort = json!({"class": "IOPRIO_CLASS_BE", "priority": 6});
    let output = bundle().set("/process/ioPriority", best_effort).run()?.ok()?;
    assert_eq!(output.stdout.trim(), "best-effort: prio 6");
    let idle = json!({"class": "IOPRIO_CLASS_IDLE", "priority": 0});
    let output = bundle().set("/process/ioPriority", idle).run()?.ok()?;
    assert!(output.stdout.starts_with("idle"), "{output}");
    let wrong = json!({"class": "IOPRIO_CLASS_BE", "priority": 8});
    bundle().set("/process/ioPriority", wrong).build()?.create().fails()?;
    Ok(())
}

fn the_personality_is_set() -> Result {
    chapter!("config-linux.md#personality");
    let bundle = || Bundle::busybox().args(["uname", "-m"]);
    let plain = bundle().run()?.ok()?;
    let domain = |name| bundle().set("/linux/personality", json!({"domain": name}));
    domain("LINUX").run()?.says(plain.stdout.trim())?;
    host::needs(plain.stdout.trim() == "x86_64", "knows the 32-bit name of x86_64 only")?;
    host::success("setarch", &["linux32", "sh", "-c", "[ $(uname -m) = i686 ]"])?;
    domain("LINUX32").run()?.says("i686")?;
    Ok(())
}

fn an_unknown_personality_is_refused() -> Result {
    chapter!("config-linux.md#personality");
    let personality = json!({"domain": "BSD"});
    let container = Bundle::busybox().set("/linux/personality", personality).build()?;
    container.create().fails()?;
    container.left_no_trace()
}

fn affinity_is_every_processor() -> Result {
    chapter!("cli#create");
    host::processors(2)?;
    host::program("taskset")?;
    let container = Bundle::busybox().args(["nproc"]).build()?;
    let call = container.run_call().arg(container.id()).under(["taskset", "--cpu-list", "0"]);
    let output = call.run().ok()?;
    assert!(output.stdout.trim().parse::<usize>()? > 1, "{output}");
    Ok(())
}

fn the_streams_are_not_the_hosts_null_device() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sh("stat -L -c %d /proc/self/fd/0 /dev/null").start()?;
    let log = container.log_at_end()?;
    let devices: Vec<_> = log.lines().collect();
    assert_eq!(devices[0], devices[1]);
    Ok(())
}

fn signals_are_neither_blocked_nor_ignored() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().args(["sleep", "1000"]).start()?;
    let at_start: Vec<_> =
        ["SigBlk", "SigCgt"].into_iter().map(|name| container.proc_status(name)).collect();
    for mask in at_start {
        assert_eq!(u64::from_str_radix(&mask?, 16)?, 0);
    }
    // What the caller ignores is the caller's choice; a runtime adds nothing to it.
    let own = fs::read_to_string("/proc/self/status")?;
    let own = u64::from_str_radix(host::field(&own, "SigIgn").unwrap_or("0"), 16)?;
    let ignored = u64::from_str_radix(&container.proc_status("SigIgn")?, 16)?;
    assert_eq!(ignored & !own, 0);
    Ok(())
}
