//! Standard streams, logs, terminals, attaching, exec.

use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn standard_input_goes_in_and_ends() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.dok_reading("data\n", &["run", "-i", "--rm", NONE, "busybox", "cat"]);
    assert_eq!((said.code, &*said.out), (Some(0), "data\n"));
    let id = dok.ok(&["create", "-i", NONE, "busybox", "cat"]);
    let said = dok.dok_reading("again\n", &["start", "-i", id.trim()]);
    assert_eq!((said.code, &*said.out), (Some(0), "again\n"));
}

#[test]
fn much_output_arrives_whole_and_in_order() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.dok(&["run", "--name", "much", NONE, "busybox", "seq", "200000"]);
    let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(said.out == expected, "{} of {} bytes", said.out.len(), expected.len());
    assert!(dok.ok(&["logs", "much"]) == expected);
    assert_eq!(dok.ok(&["logs", "--tail", "2", "much"]), "199999\n200000\n");
}

#[test]
fn nobody_has_to_read_for_a_program_to_go_on() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&[
        "run",
        "-d",
        "--log-opt",
        "max-size=100k",
        "--log-opt",
        "max-file=2",
        NONE,
        "busybox",
        "seq",
        "200000",
    ]);
    let container = dok.store().container(id.trim()).unwrap();
    dok.store().wait_for_monitor(&container.id).unwrap();
    let log = dok.store().log_file(&container.id);
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&log) <= 100 << 10);
    assert!(size(&log.with_extension("log.1")) <= 100 << 10);
    assert!(dok.ok(&["logs", id.trim()]).ends_with("199999\n200000\n"));
}

#[test]
fn files_of_a_log_that_are_full_are_packed_and_read() {
    let Some(dok) = Dok::new() else { return };
    let expected: String = (1..=20_000).map(|number| format!("{number}\n")).collect();
    for options in [&["--log-driver=local"][..], &["--log-opt=compress=true"]] {
        let limits = ["--log-opt=max-size=100k", "--log-opt=max-file=99"];
        let program = ["busybox", "sh", "-c", "seq 20000; exec sleep 86400"];
        let id = dok.ok(&[&["run", "-d", NONE][..], options, &limits, &program].concat());
        let id = id.trim();
        let folder = dok.store().log_file(id).with_file_name("");
        let full = || -> Vec<String> {
            let names = std::fs::read_dir(&folder).unwrap().flatten();
            let names = names.map(|entry| entry.file_name().into_string().unwrap());
            names.filter(|name| name.contains("json.log.")).collect()
        };
        until("what is full is packed", || {
            let full = full();
            (full.len() > 9 && full.iter().all(|name| name.ends_with(".gz"))).then_some(())
        });
        assert!(dok.ok(&["logs", id]) == expected);
        assert_eq!(dok.ok(&["logs", "--tail", "2", id]), "19999\n20000\n");
        dok.ok(&["kill", id]);
        assert!(dok.ok(&["logs", id]) == expected);
        dok.ok(&["rm", id]);
    }
}

#[test]
fn logs_follow_to_the_end() {
    let Some(dok) = Dok::new() else { return };
    let script = "echo one; sleep 0.3; echo two; sleep 0.3; echo three";
    dok.ok(&["run", "-d", "--name", "slow", NONE, "busybox", "sh", "-c", script]);
    assert_eq!(dok.ok(&["logs", "-f", "slow"]), "one\ntwo\nthree\n");
    let stamped = dok.ok(&["logs", "-t", "slow"]);
    assert!(stamped.lines().all(|line| line.as_bytes()[29] == b'Z'), "{stamped}");
    assert_eq!(dok.ok(&["logs", "--until", "1h", "slow"]), "");
}

#[test]
fn exec_gives_streams_user_folder_and_exit_code() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "web", "-e", "A=1", NONE, "busybox", "sleep", "86400"]);
    let said =
        dok.dok(&["exec", "-e", "B=2", "-w", "/tmp", "web", "sh", "-c", "echo $A$B $PWD; exit 5"]);
    assert_eq!((said.code, &*said.out), (Some(5), "12 /tmp\n"));
    let said = dok.dok(&["exec", "-u", "web", "web", "id"]);
    assert!(said.out.starts_with("uid=33(web) gid=34(www) groups="), "{said:?}");
    assert!(said.out.contains("99(log)"), "{said:?}");
    assert_eq!(dok.dok_reading("in\n", &["exec", "-i", "web", "cat"]).out, "in\n");
    assert_eq!(dok.dok(&["exec", "web", "nosuch"]).code, Some(127));
    assert_eq!(dok.dok(&["exec", "web", "/etc/passwd"]).code, Some(126));
    dok.ok(&["exec", "-d", "web", "true"]);
    dok.ok(&["stop", "-t", "0", "web"]);
    assert!(dok.dok(&["exec", "web", "true"]).err.contains("is not running"));
}

#[test]
fn a_terminal_is_one_and_init_is_the_first_process() {
    let Some(dok) = Dok::new() else { return };
    let said =
        dok.dok(&["run", "--rm", "-t", NONE, "busybox", "sh", "-c", "test -t 0 && echo tty"]);
    assert_eq!((said.code, &*said.out), (Some(0), "tty\r\n"));
    let said = dok.dok(&["run", "--rm", "--init", NONE, "busybox", "sh", "-c", "echo $$; exit 4"]);
    assert_eq!((said.code, &*said.out), (Some(4), "2\n"));
}

#[test]
fn the_program_below_init_has_no_signal_blocked() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.ok(&["run", "--rm", "--init", NONE, "busybox", "cat", "/proc/self/status"]);
    assert!(said.contains("SigBlk:\t0000000000000000"), "{said}");
    let words = ["run", "-d", "--init", "--name", "web", NONE, "busybox", "sh", "-c"];
    dok.ok(&[&words[..], &["echo ready; exec sleep 86400"]].concat());
    // Before there is a program, nobody is there whom the init could tell of a signal.
    until("the program runs", || dok.ok(&["logs", "web"]).contains("ready").then_some(()));
    dok.ok(&["kill", "-s", "TERM", "web"]);
    assert_eq!(dok.ok(&["wait", "web"]), "143\n");
}

#[test]
fn what_the_caller_has_open_does_not_stay_open_with_the_container() {
    let Some(dok) = Dok::new() else { return };
    let file = dok.root().with_file_name("lock");
    let run = dok.command(&["run", "-d", "--name", "web", NONE, "busybox", "sleep", "86400"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"exec 9>"$0"; flock 9; "$@""#]).arg(&file);
    shell.arg(run.get_program()).args(run.get_args());
    assert!(shell.output().unwrap().status.success());
    let file = std::fs::File::open(file).unwrap();
    rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
}

#[test]
fn a_program_gets_a_terminal_where_we_have_none() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "web", NONE, "busybox", "sleep", "86400"]);
    // A session of its own has no terminal to fall back to.
    let apart = |words: &[&str]| {
        let inner = dok.command(&[&["exec", "-t", "web"], words].concat());
        let mut command = std::process::Command::new("setsid");
        command.arg("-w").arg(inner.get_program()).args(inner.get_args());
        command.stdin(std::process::Stdio::null()).output().unwrap()
    };
    let output = apart(&["sh", "-c", "echo $TERM; test -t 1; exit $?"]);
    // How many returns stand before the line feed is the runtime's.
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains('\r') && told.replace('\r', "") == "xterm\n", "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(apart(&["false"]).status.code(), Some(1));
}

#[test]
fn a_signal_goes_in_also_where_there_is_a_terminal() {
    let Some(dok) = Dok::new() else { return };
    let script = "trap 'exit 33' TERM; echo ready; while :; do sleep 0.1; done";
    let mut command = dok.direct(&["run", "-t", "--rm", NONE, "busybox", "sh", "-c", script]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "ready\r\n");
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(33));
    assert_eq!(dok.ok(&["ps", "-aq"]), "", "it ended, and went");
}

/// More than the kernel keeps for one who does not read yet, and less than keeps a program from
/// its end.
#[test]
fn who_reads_slowly_reads_all_and_hears_the_exit_code() {
    let Some(dok) = Dok::new() else { return };
    let script = "seq 60000; exit 3";
    let id = dok.root().with_file_name("id");
    let words = ["run", "--rm", "--cidfile", id.to_str().unwrap(), NONE];
    let mut run = dok.command(&[&words[..], &["busybox", "sh", "-c", script]].concat());
    run.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let run = run.spawn().unwrap();
    let store = dok.store();
    until("it is made", || id.exists().then_some(()));
    until("it is gone", || store.container_ids().unwrap().is_empty().then_some(()));
    // The monitor goes right after it.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let said = run.wait_with_output().unwrap();
    let expected: String = (1..=60_000).map(|number| format!("{number}\n")).collect();
    let out = String::from_utf8(said.stdout).unwrap();
    assert!(out == expected, "{} of {} bytes", out.len(), expected.len());
    assert_eq!(said.status.code(), Some(3), "{}", String::from_utf8_lossy(&said.stderr));
}
