//! The command line as its callers meet it: everything that needs no container.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_onggi");

/// The program with these words, in a directory of its own that has nothing in it.
struct Call {
    dir: PathBuf,
    output: Output,
}

impl Drop for Call {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Call {
    fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    fn stdout(&self) -> &str {
        std::str::from_utf8(&self.output.stdout).unwrap()
    }

    fn stderr(&self) -> &str {
        std::str::from_utf8(&self.output.stderr).unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }
}

fn onggi(words: &[&str]) -> Call {
    call(|command| command.args(words))
}

fn call(with: impl FnOnce(&mut Command) -> &mut Command) -> Call {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("onggi-cli-{}-{number}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).unwrap();
    let mut command = Command::new(PROGRAM);
    command.current_dir(&dir).stdin(Stdio::null()).env("XDG_RUNTIME_DIR", dir.join("run"));
    let output = with(&mut command).output().unwrap();
    Call { dir, output }
}

/// A name that no container has, below a root that none is in.
const NOWHERE: &[&str] = &["--root", "root", "state", "nobody"];

#[test]
fn version_is_three_lines_of_which_one_has_the_word() {
    for words in [&["--version"][..], &["-v"], &["-V"], &["-version"], &["--version", "state"]] {
        let call = onggi(words);
        assert_eq!(call.code(), 0, "{words:?}");
        let lines: Vec<&str> = call.stdout().lines().collect();
        assert_eq!(lines[0], format!("onggi version {}", env!("CARGO_PKG_VERSION")));
        assert!(lines[1].starts_with("commit: "), "{lines:?}");
        assert_eq!(lines[2..], [format!("spec: {}", onggi::spec::OCI_VERSION)]);
        assert_eq!(call.stdout().matches("version").count(), 1);
        assert_eq!(call.stderr(), "");
    }
}

#[test]
fn a_binary_named_runc_says_so_where_go_runc_looks() {
    let call = call(|command| command.arg0("/usr/bin/runc").arg("--version"));
    assert!(call.stdout().starts_with("runc version "), "{}", call.stdout());
}

#[test]
fn help_is_of_the_name_that_was_called() {
    let runc = |words: &[&str]| call(|command| command.arg0("/usr/bin/runc").args(words));
    for words in [&["--help"][..], &["-h"], &["help"], &[]] {
        let call = runc(words);
        let begins = "NAME:\n   runc - Open Container Initiative runtime";
        assert!(call.stdout().starts_with(begins), "{words:?}: {}", call.stdout());
    }
    for words in [["run", "--help"], ["help", "run"]] {
        let call = runc(&words);
        assert!(call.stdout().starts_with("NAME:\n   runc run - "), "{words:?}: {}", call.stdout());
    }
}

#[test]
fn version_needs_no_root_directory() {
    let call = onggi(&["--root", "/", "--log", "/dev/null/x", "--version"]);
    assert_eq!((call.code(), call.stderr()), (0, ""));
}

#[test]
fn every_command_has_help_that_wins_over_what_is_missing() {
    for command in onggi::cli::COMMANDS {
        for words in [[command.name, "--help"], [command.name, "-h"], ["help", command.name]] {
            let call = onggi(&words);
            assert_eq!((call.code(), call.stderr()), (0, ""), "{words:?}");
            let lines: Vec<&str> = call.stdout().lines().collect();
            assert_eq!(lines[0], "NAME:", "{words:?}");
            let name = format!("   onggi {} - ", command.name);
            assert!(lines[1].starts_with(&name), "{words:?}: {}", lines[1]);
            let usage = format!("USAGE:\n   onggi {}", command.name);
            assert!(call.stdout().contains(&usage), "{words:?}: {}", call.stdout());
        }
    }
}

#[test]
fn the_overview_lists_every_command() {
    for words in [&[][..], &["--help"], &["-h"], &["help"], &["h"]] {
        let call = onggi(words);
        assert_eq!((call.code(), call.stderr()), (0, ""), "{words:?}");
        for command in onggi::cli::COMMANDS {
            assert!(call.stdout().contains(&format!("\n  {} ", command.name)), "{}", command.name);
        }
    }
}

/// Words, and what is told of them.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["nonsense"], "unknown command: No help topic for 'nonsense'"),
    (&["nonsense", "-h"], "No help topic for 'nonsense'"),
    (&["help", "nonsense"], "No help topic for 'nonsense'"),
    (&["checkpoint"], "\"checkpoint\" requires exactly 1 argument(s)"),
    (&["restore", "--lsm-mount-context"], "flag needs an argument: --lsm-mount-context"),
    (&["--nonsense"], "flag provided but not defined: -nonsense"),
    (&["state", "--nonsense", "a"], "flag provided but not defined: -nonsense"),
    (&["state", "a", "-x"], "flag provided but not defined: -x"),
    (&["create", "--debug", "a"], "flag provided but not defined: -debug"),
    (&["list", "--format"], "flag needs an argument: --format"),
    (&["exec", "-p"], "flag needs an argument: -p"),
    (&["--root"], "flag needs an argument: --root"),
    (&["create", "--no-pivot=maybe", "a"], "invalid boolean value \"maybe\" for --no-pivot"),
    (&["create", "--preserve-fds", "x", "a"], "invalid value \"x\" for flag --preserve-fds"),
    (&["create", "--preserve-fds", "-1", "a"], "invalid value \"-1\" for flag --preserve-fds"),
    (&["events", "--interval", "5", "a"], "invalid value \"5\" for flag --interval"),
    (&["update", "--memory", "x", "a"], "invalid value \"x\" for flag --memory"),
    (&["state"], "\"state\" requires exactly 1 argument(s)"),
    (&["state", "a", "b"], "\"state\" requires exactly 1 argument(s)"),
    (&["kill"], "\"kill\" requires a minimum of 1 argument(s)"),
    (&["kill", "a", "b", "c"], "\"kill\" requires a maximum of 2 argument(s)"),
    (&["wait"], "\"wait\" requires a minimum of 1 argument(s)"),
    (&["doctor", "a"], "\"doctor\" requires exactly 0 argument(s)"),
    (&["features", "a"], "\"features\" requires exactly 0 argument(s)"),
];

#[test]
fn a_wrong_command_line_is_explained_and_exits_1() {
    for (words, told) in MISTAKES {
        let call = onggi(words);
        assert_eq!((call.code(), call.stdout()), (1, ""), "{words:?}: {}", call.stderr());
        let told = told.replace('"', "\\\"");
        assert!(call.stderr().contains(&told), "{words:?}: {}", call.stderr());
        assert!(call.stderr().contains("\nusage: onggi"), "{words:?}: {}", call.stderr());
    }
}

#[test]
fn what_only_the_runtime_can_judge_is_refused_without_usage() {
    for (words, told) in [
        (&["--root", "/", "list"][..], "--root argument should not be set to /"),
        (&["--root", "/tmp/..", "list"], "--root argument should not be set to /"),
        (&["--log-format", "xml", "list"], "invalid log-format: xml"),
        (&["--log-level", "loud", "list"], "invalid log-level: loud"),
        (&["--cgroup-manager", "me", "list"], "invalid cgroup-manager: me"),
        (&["--rootless", "maybe", "list"], "invalid rootless: maybe"),
        (&["mounts", "change", "a", "-"], "is neither add nor remove"),
        (&["update", "--device-rule", "allow all", "a"], "does not exist"),
        (&["list", "--format", "xml"], "invalid format option"),
        (&["kill", "a", "NONSENSE"], "unknown signal"),
        (&["state", "a/b"], "invalid container ID format"),
        (&["state", ""], "container id cannot be empty"),
        (&["events", "--interval", "0s", "a"], "interval must be greater than 0"),
        (&["delete", "--regex", "("], "--regex ("),
        (&["completion", "tcsh"], "tcsh"),
    ] {
        let call = onggi(words);
        assert_eq!((call.code(), call.stdout()), (1, ""), "{words:?}");
        assert!(call.stderr().contains(told), "{words:?}: {}", call.stderr());
        assert!(!call.stderr().contains("usage:"), "{words:?}: {}", call.stderr());
    }
}

#[test]
fn exec_tells_its_own_failures_with_255() {
    for words in [&["exec", "nobody"][..], &["exec", "a/b", "true"]] {
        let call = onggi(words);
        assert_eq!(call.code(), 255, "{words:?}");
        assert!(call.stderr().contains("msg=\"exec failed: "), "{}", call.stderr());
    }
}

/// Trap 1: the forms that the callers of runc write, which must get as far as the container.
#[test]
fn one_dash_and_options_given_twice_are_read() {
    for words in [
        "-root root -log-format text state nobody",
        "--root a --systemd-cgroup --root=root --systemd-cgroup state nobody",
        "--root root --log-level debug --log-level=error state nobody",
        "--root root delete -force=false --force --force=0 nobody",
        "--root root kill -a nobody 9",
        "--root root kill --all --all nobody SIGRTMIN+1",
        "--root root kill nobody KILL --all",
        "--root root kill --signal term nobody",
        "--root root update --memory -1 --memory-swap=-1 --cpu-quota -1 nobody",
        "--root root ps nobody -ef --format bad",
        "--root root start -- nobody",
        "--root root --rootless=true --cgroup-manager disabled --debug=false pause nobody",
    ] {
        let call = call(|command| command.args(words.split(' ')));
        assert_eq!(call.code(), 1, "{words}: {}", call.stderr());
        let told = call.stderr();
        let known = ["usage:", "flag", "invalid", "unknown", "argument"];
        assert!(!known.iter().any(|word| told.contains(word)), "{words}: {told}");
    }
}

#[test]
fn options_after_the_command_of_exec_are_the_command_s() {
    let call = onggi(&["--root", "root", "exec", "-e", "A=1", "nobody", "ls", "--nonsense", "-h"]);
    assert_eq!(call.code(), 255);
    assert!(!call.stderr().contains("nonsense"), "{}", call.stderr());
}

/// Trap 4: containerd takes the last error object, podman the whole file.
#[test]
fn a_json_log_is_one_object_with_logrus_keys_and_a_code() {
    let words = [&["--log", "log.json", "--log-format", "json"], NOWHERE].concat();
    let call = onggi(&words);
    assert_eq!((call.code(), call.stdout()), (1, ""));
    let log = call.file("log.json");
    let record: Value = serde_json::from_str(&log).expect("one object");
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "level", "msg", "time"]);
    assert_eq!((&record["level"], &record["code"]), (&"error".into(), &"not-found".into()));
    let message = record["msg"].as_str().unwrap();
    assert!(!message.is_empty());
    assert_eq!(call.stderr(), format!("{message}\n"), "the same words on standard error");
    let time = record["time"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
}

#[test]
fn a_log_is_appended_to_and_usage_errors_are_in_it() {
    let call = call(|command| {
        fs::write(command.get_current_dir().unwrap().join("log"), "before\n").unwrap();
        command.args(["--log", "file:log", "state", "--nonsense"])
    });
    let log = call.file("log");
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("before"));
    let line = lines.next().unwrap();
    assert!(line.starts_with("time=\"20"), "{line}");
    assert!(line.ends_with(" level=error msg=\"flag provided but not defined: -nonsense\""));
    assert_eq!(lines.next(), None);
}

#[test]
fn without_a_log_file_an_error_is_told_once() {
    let call = onggi(NOWHERE);
    assert_eq!(call.stderr().lines().count(), 1, "{}", call.stderr());
    assert!(call.stderr().starts_with("time=\""), "{}", call.stderr());
    let words = [&["--log-format=json"], NOWHERE].concat();
    let call = onggi(&words);
    assert!(serde_json::from_str::<Value>(call.stderr()).is_ok(), "{}", call.stderr());
}

#[test]
fn debug_says_what_is_done() {
    for words in [&["--debug", "features"][..], &["--log-level", "trace", "features"]] {
        let call = onggi(words);
        assert_eq!(call.code(), 0);
        assert!(call.stderr().contains("level=debug msg=\"onggi "), "{}", call.stderr());
    }
    assert_eq!(onggi(&["--debug", "--debug=false", "features"]).stderr(), "");
}

#[test]
fn the_place_of_criu_is_taken_with_a_warning() {
    const WORDS: &str = "--criu is ignored: criu is looked for in $PATH";
    for option in [&["--criu", "/no/criu"][..], &["--criu=criu"]] {
        let call = onggi(&[option, &["--root", "root", "features"]].concat());
        assert_eq!(call.code(), 0, "{option:?}");
        assert!(call.stderr().contains("level=warning"), "{}", call.stderr());
        assert_eq!(call.stderr().matches(WORDS).count(), 1, "{}", call.stderr());
        let call = onggi(&[option, &["--log", "log"], NOWHERE].concat());
        assert_eq!(call.file("log").matches(WORDS).count(), 1, "{option:?}");
    }
    assert_eq!(onggi(&["features"]).stderr(), "");
}

#[test]
fn a_log_that_cannot_be_written_is_an_error() {
    let call = onggi(&["--log", "missing/log", "features"]);
    assert_eq!((call.code(), call.stdout()), (1, ""));
    assert!(call.stderr().contains("open the log missing/log"), "{}", call.stderr());
}

#[test]
fn spec_writes_a_configuration_once() {
    for (words, name) in [
        (&["spec"][..], "config.json"),
        (&["spec", "--rootless"], "config.json"),
        (&["spec", "-f", "other.json"], "other.json"),
        (&["spec", "-b", ".", "--file=other.json"], "other.json"),
    ] {
        let call = onggi(words);
        assert_eq!((call.code(), call.stdout(), call.stderr()), (0, "", ""), "{words:?}");
        let text = call.file(name);
        let spec = onggi::spec::Spec::read(text.as_bytes()).unwrap();
        assert_eq!(spec.process.unwrap().args[0].as_str(), "sh");
        let again = Command::new(PROGRAM).args(words).current_dir(&call.dir).output().unwrap();
        assert_eq!(again.status.code(), Some(1), "{words:?}");
        let told = String::from_utf8(again.stderr).unwrap();
        assert!(told.contains("exists. Remove it first"), "{told}");
        assert_eq!(call.file(name), text, "the file was left as it was");
    }
}

/// Trap 7: CRI-O reads both streams as one.
#[test]
fn features_is_json_and_nothing_else() {
    let call = onggi(&["features"]);
    assert_eq!((call.code(), call.stderr()), (0, ""));
    let features: Value = serde_json::from_str(call.stdout()).unwrap();
    assert_eq!(features["ociVersionMin"], "1.0.0");
    assert_eq!(features["ociVersionMax"], onggi::spec::OCI_VERSION);
    let list = |pointer: &str| -> Vec<String> {
        serde_json::from_value(features.pointer(pointer).unwrap().clone()).unwrap()
    };
    assert_eq!(list("/hooks").len(), 6);
    assert_eq!(list("/linux/namespaces").len(), 8);
    assert_eq!(list("/linux/capabilities").len(), 41);
    assert_eq!(list("/linux/seccomp/actions").len(), 9);
    assert_eq!(list("/linux/seccomp/operators").len(), 7);
    for pointer in ["/mountOptions", "/linux/namespaces", "/linux/seccomp/archs"] {
        assert!(list(pointer).is_sorted(), "{pointer}");
    }
    for option in ["rro", "idmap", "rbind", "tmpcopyup"] {
        assert!(list("/mountOptions").iter().any(|one| one == option), "{option}");
    }
    for feature in ["apparmor", "selinux", "intelRdt", "netDevices", "mountExtensions/idmap"] {
        let enabled = features.pointer(&format!("/linux/{feature}/enabled"));
        assert!(enabled.is_some_and(Value::is_boolean), "{feature}");
    }
    for key in ["v1", "v2", "systemd", "systemdUser", "rdma"] {
        assert_eq!(features["linux"]["cgroup"][key], true, "{key}");
    }
    let annotations = features["annotations"].as_object().unwrap();
    assert!(annotations.values().all(Value::is_string));
}

#[test]
fn completion_prints_a_script_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let call = onggi(&["completion", shell]);
        assert_eq!((call.code(), call.stderr()), (0, ""), "{shell}");
        assert!(call.stdout().contains("--root") || call.stdout().contains("-l root"), "{shell}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(PROGRAM);
    let child = command.arg("features").stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("write to standard output"));
}
