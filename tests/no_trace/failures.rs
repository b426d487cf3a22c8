//! What fails for a reason: the configuration, the program, hooks, files, limits.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::place::{Place, Quiet, at, each, fails, install, run, succeeds, until};

/// A place of the configuration, what is put there, and words of the error.
type Wrong = (&'static str, &'static str, &'static str);

const CONFIGURATIONS: &[Wrong] = &[
    ("/ociVersion", r#""2.0.0""#, "ociVersion"),
    ("/process", "null", "process property must not be empty"),
    ("/process/args", "[]", "args must not be empty"),
    ("/process/args", r#"["/no/program"]"#, "/no/program"),
    ("/process/args", r#"["nowhere"]"#, "executable file not found in $PATH"),
    ("/process/args", r#"["/proc"]"#, "is a directory"),
    ("/process/args", r#"["/program\u0000"]"#, "NUL"),
    ("/process/cwd", r#""relative""#, "Cwd must be an absolute path"),
    ("/process/cwd", r#""/program""#, "make cwd /program"),
    ("/process/env", r#"["NO"]"#, "process.env[0]"),
    ("/process/apparmorProfile", r#""no-such-profile""#, "apparmor"),
    ("/process/rlimits", r#"[{"type": "RLIMIT_NO", "soft": 1, "hard": 1}]"#, "RLIMIT_NO"),
    ("/root/path", r#""nowhere""#, "nowhere"),
    ("/mounts/0/type", r#""no-such-type""#, "/proc"),
    (
        "/mounts/3",
        r#"{"destination": "/sys", "source": "/no/source", "type": "bind"}"#,
        "/no/source",
    ),
    ("/mounts/3", r#"{"destination": "/program/x", "type": "tmpfs"}"#, "/program/x"),
    ("/mounts/3", r#"{"destination": "/proc/self", "type": "tmpfs"}"#, "inside /proc"),
    ("/linux/cgroupsPath", r#""/no-trace\u0000""#, "linux.cgroupsPath"),
    ("/linux/resources/pids", r#"{"limit": "many"}"#, "config.json"),
    ("/linux/resources/memory", r#"{"limit": 1}"#, ""),
    ("/linux/namespaces/0", r#"{"type": "pid", "path": "/no/namespace"}"#, "/no/namespace"),
    ("/linux/namespaces/0", r#"{"type": "mount"}"#, "duplicated ns"),
    ("/linux/sysctl", r#"{"kernel.core_pattern": "x"}"#, "kernel.core_pattern"),
    ("/linux/sysctl", r#"{"net.no.such.thing": "1"}"#, "net/no/such/thing"),
    ("/linux/maskedPaths", r#"["/program/x", "/proc/self/exe/x", "/proc/self/exe"]"#, "hide"),
    ("/linux/rootfsPropagation", r#""upwards""#, "rootfsPropagation"),
    ("/linux/seccomp", r#"{"defaultAction": "SCMP_ACT_NO"}"#, "SCMP_ACT_NO"),
];

#[test]
fn a_wrong_configuration() {
    each(CONFIGURATIONS, |_, (pointer, value, words)| {
        let value: Value = serde_json::from_str(value).unwrap();
        let place = Place::with(pointer, value.clone());
        let case = format!("{pointer} = {value}");
        let before = place.files();
        fails(place.create(&["--pid-file", &place.path("pid")]), &case, words);
        place.left_no_trace(&case);
        assert_eq!(place.files(), before, "{case}");
    });
}

#[test]
fn a_file_that_is_no_configuration() {
    each(&["", "{", "[]", "\0", "{\"ociVersion\": 1}"], |place, text| {
        fs::write(place.directory.join("config.json"), text).unwrap();
        fails(place.create(&[]), text, "config.json");
        place.left_no_trace(text);
    });
}

#[test]
fn a_handle_that_cannot_be_given() {
    // A directory is in the place of the file that is renamed, or of the socket.
    let cases = [("--pid-file", "rootfs"), ("--pid-file", "no/pid"), ("--pidfd-socket", "no.sock")];
    each(&cases, |place, (flag, name)| {
        let before = place.files();
        fails(place.create(&[flag, &place.path(name)]), flag, name);
        place.left_no_trace(flag);
        assert_eq!(place.files(), before, "{flag} {name}");
    });
}

#[test]
fn a_console_socket_that_nobody_listens_on() {
    each(&[()], |_, ()| {
        let place = Place::with("/process/terminal", json!(true));
        let before = place.files();
        fails(place.create(&["--console-socket", &place.path("no.sock")]), "", "no.sock");
        place.left_no_trace("console socket");
        assert_eq!(place.files(), before);
    });
}

#[test]
fn a_link_in_the_place_of_the_pid_files_temporary_one() {
    each(&[()], |place, ()| {
        let (victim, link) = (place.path("victim"), place.path("files/.pid"));
        fs::write(&victim, "victim").unwrap();
        std::os::unix::fs::symlink(&victim, link).unwrap();
        let mut create = place.create(&["--pid-file", &place.path("files/pid")]);
        create.stderr(Stdio::null());
        succeeds(create, "create");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
    });
}

/// A hook that leaves a process behind, which is found by its last word.
fn hook(place: &Place, script: &str) -> Value {
    let stays = format!("sh -c 'sleep 60; :' {} >/dev/null 2>&1 & {script}", place.name);
    json!([{"path": "/bin/sh", "args": ["sh", "-c", stays], "env": ["PATH=/usr/bin:/bin"]}])
}

#[test]
fn a_hook_that_fails() {
    each(&["prestart", "createRuntime", "createContainer"], |_, kind| {
        let mut place = Place::new();
        let stopped = place.path("stopped");
        let note = format!("echo $(cat | tr , '\\n' | grep status) >> {stopped}");
        place.set(
            "/hooks",
            json!({
                kind: hook(&place, "echo words-of-the-hook >&2; exit 3"),
                "poststop": [{"path": "/bin/sh", "args": ["sh", "-c", note]}],
            }),
        );
        // The hooks' processes must not end with a namespace of theirs.
        let namespaces = place.config["linux"]["namespaces"].as_array().unwrap().clone();
        place.set("/linux/namespaces", namespaces[1..].into());
        fails(place.create(&[]), kind, "words-of-the-hook");
        // What the hooks of the runtime do is their own business.
        if kind != "createContainer" {
            place.processes().iter().for_each(|pid| {
                let pid = nix::unistd::Pid::from_raw(*pid);
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
            });
        }
        place.left_no_trace(kind);
        assert_eq!(fs::read_to_string(stopped).unwrap(), "\"status\":\"stopped\"\n", "{kind}");
    });
}

#[test]
fn a_hook_of_start_that_fails() {
    each(&["startContainer", "poststart"], |_, kind| {
        let mut place = Place::new();
        let fails_here = match kind {
            "startContainer" => json!([{"path": "/program", "args": ["program", "no-such"]}]),
            _ => json!([{"path": "/bin/false"}]),
        };
        place.set("/hooks", json!({kind: fails_here}));
        let mut create = place.create(&[]);
        create.stderr(Stdio::null());
        succeeds(create, kind);
        fails(place.command(&["start", &place.name]), kind, kind);
        // One that ran already is destroyed, as the lifecycle of the specification has it.
        if kind == "startContainer" {
            let stopped = until(|| (place.list() == ["stopped"]).then_some(()));
            assert!(stopped.is_some(), "{kind}");
            succeeds(place.delete(&[]), kind);
        }
        place.left_no_trace(kind);
    });
}

#[test]
fn a_hook_of_start_that_fails_is_told_when_the_clean_up_fails_too() {
    each(&["start", "run"], |_, command| {
        let place = Place::with("/hooks", json!({"poststart": [{"path": "/bin/false"}]}));
        let failing = match command {
            "start" => {
                succeeds(place.create(&[]).stderr_null(), command);
                place.command(&["start", &place.name])
            }
            _ => place.run(&[]),
        };
        let (ok, words) = run(at(failing, "fail", "remove the cgroup"));
        let told = |level: &str, name: &str| {
            let level = format!("level={level} ");
            words.lines().any(|line| line.contains(&level) && line.contains(name))
        };
        assert!(!ok && told("error", "poststart"), "{command}: {words}");
        assert!(told("warning", "failpoint"), "{command}: {words}");
    });
}

#[test]
fn a_state_directory_without_room() {
    let sizes = ["nr_inodes=1", "nr_inodes=2", "nr_inodes=3", "nr_inodes=4", "size=4k", "size=8k"];
    each(&sizes, |_, size| {
        let annotations: String = "a".repeat(5000);
        let place = Place::with("/annotations", json!({"long": annotations}));
        fs::create_dir(place.directory.join("state")).unwrap();
        let script = "mount -t tmpfs -o $1 none $2 && shift && \
                      { \"$@\" && exit 9; find $0 -mindepth 1; umount -l $0; } 2>&1";
        let create = place.create(&[]);
        let mut shell = Command::new("unshare");
        let state = place.path("state");
        shell.args(["-m", "sh", "-c", &script.replace("$0", "\"$0\"").replace("$2", "\"$0\"")]);
        shell.args([&state, size]).arg(create.get_program()).args(create.get_args());
        let output = shell.output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{size}: {words}");
        assert!(words.contains("No space left on device"), "{size}: {words}");
        assert!(!words.contains(&format!("\n{state}")), "{size}: {words}");
        place.left_no_trace(size);
    });
}

#[test]
fn a_terminal_that_is_not_there() {
    let busybox = "/bin/busybox";
    if !fs::exists(busybox).unwrap() {
        return eprintln!("skipped: needs a static busybox");
    }
    each(&["run", "exec"], |_, command| {
        let mut place = Place::with("/process/args", json!(["/busybox", "sleep", "60"]));
        install(busybox, &place.directory.join("rootfs/busybox"));
        let bundle = place.directory.to_string_lossy().into_owned();
        if command == "exec" {
            let mut create = place.create(&[]);
            create.stderr(Stdio::null());
            succeeds(create, command);
        } else {
            place.set("/process/terminal", json!(true));
        }
        let before = place.processes();
        let words: &[&str] = match command {
            "run" => &["run", "--bundle", &bundle, &place.name],
            _ => &["exec", "--tty", &place.name, "/busybox", "sleep", "60"],
        };
        let inner = place.command(words);
        let mut outer = Command::new("setsid");
        outer.arg("--wait").arg(inner.get_program()).args(inner.get_args());
        outer.stdin(Stdio::null());
        let (ok, words) = run(outer);
        assert!(!ok && words.contains("terminal"), "{command}: {words}");
        assert!(until(|| (place.processes() == before).then_some(())).is_some(), "{command}");
        if command == "run" {
            place.left_no_trace(command);
        }
    });
}
