//! Words and exit codes that scripts of Docker's users look for.

use std::io::Read;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::setting::{Dok, Said};

const NONE: &str = "--network=none";

#[track_caller]
fn refused(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, Some(code), "{said:?}");
    assert!(said.err.contains(words), "{said:?}");
}

#[test]
fn a_line_that_makes_no_sense_is_told_with_its_exit_code_and_makes_nothing() {
    let Some(dok) = Dok::new() else { return };
    for (line, code, words) in [
        (&["--nosuch", "ps"][..], 125, "unknown flag: --nosuch"),
        (&["ps", "--nosuch"], 125, "unknown flag: --nosuch\n\nUsage:  dok ps [OPTIONS]\n"),
        (&["ps", "more"], 1, "dok: 'dok ps' accepts no arguments\n"),
        (&["rm"], 1, "'dok rm' requires at least 1 argument"),
        (&["create", "-v", ":/volume", "busybox"], 125, "empty section between colons"),
        (&["create", "-v", "", "busybox"], 125, "invalid empty volume spec"),
        (&["create", "-e", "=x", "busybox"], 125, "invalid environment variable: =x"),
        (
            &["create", "-l", "", "busybox"],
            125,
            "\"-l, --label\" flag: invalid label '': empty name",
        ),
        (&["volume", "create", "--label", "=x"], 125, "\"--label\" flag: invalid label '=x'"),
        (&["network", "create", "--label", "=x", "n"], 125, "\"--label\" flag: invalid label '=x'"),
        (&["network", "create", "--internal=x", "n"], 125, "\"--internal\" flag: "),
        (&["create", "--add-host", "x", "busybox"], 125, "bad format for add-host: \"x\""),
        (&["create", "--tmpfs", "x", "busybox"], 125, "'x' mount path must be absolute"),
        (&["create", "--sysctl", "x", "busybox"], 125, "sysctl 'x' is not allowed"),
        (&["create", "--device", "x", "busybox"], 125, "x is not an absolute path"),
        (&["create", "--ulimit", "x=1", "busybox"], 125, "invalid ulimit type: x"),
        (&["create", "-p", "99999:80", "busybox"], 125, "invalid hostPort: 99999"),
        (
            &["create", "-m", "x", "busybox"],
            125,
            "\"-m, --memory\" flag: invalid size: 'x'\n\nUsage:  dok create",
        ),
        (&["create", "--mount", "x", "busybox"], 125, "'x' must be a key=value pair"),
        (&["create", "--mount", "type=x,dst=/x", "busybox"], 125, "mount type unknown"),
        (&["create", "--pull", "x", "busybox"], 125, "invalid pull option: 'x'"),
        (&["create", "--rm", "--restart=always", "busybox"], 125, "both --restart and --rm"),
        (&["run", "-d", "-a", "stdout", "busybox"], 125, "both --attach and --detach"),
        (&["create", "--security-opt", "a=b", "busybox"], 1, "--security-opt 2: \"a=b\""),
        (&["create", "--stop-signal", "BAD", "busybox"], 1, "invalid signal: BAD"),
        (&["create", "--cpus", "9999", "busybox"], 1, "Range of CPUs is from 0.01 to "),
        (&["create", "--log-driver", "x", "busybox"], 1, "plugin \"x\" not found"),
        (&["kill", "-s", "BAD", "ghost"], 1, "invalid signal: BAD"),
        (&["inspect", "--type", "x", "ghost"], 1, "unknown type: \"x\""),
        (&["update", "ghost"], 1, "you must provide one or more flags"),
        (&["start", "ghost", "spirit"], 1, "failed to start containers: ghost, spirit"),
    ] {
        refused(&dok.dok(line), code, words);
    }
    assert_eq!(dok.ok(&["ps", "-aq"]), "");
    assert_eq!(dok.ok(&["volume", "ls", "-q"]), "");
}

#[test]
fn what_is_not_there_need_not_be_removed_by_force() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "here", NONE, "busybox"]);
    let said = dok.dok(&["rm", "-f", "ghost", "here"]);
    assert_eq!((said.code, &*said.out), (Some(0), "here\n"));
    assert!(said.err.contains("No such container: ghost"), "{said:?}");
    let said = dok.dok(&["rmi", "-f", "ghost"]);
    assert_eq!((said.code, &*said.out), (Some(0), ""));
    assert!(said.err.contains("No such image: ghost:latest"), "{said:?}");
    refused(&dok.dok(&["rm", "ghost"]), 1, "No such container: ghost");
    refused(&dok.dok(&["rmi", "ghost"]), 1, "No such image: ghost:latest");
}

#[test]
fn a_name_may_be_given_as_inspect_tells_it() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "/web", NONE, "busybox"]);
    let name = dok.ok(&["inspect", "-f", "{{.Name}}", "web"]);
    assert_eq!(name, "/web\n");
    let listed = ["ps", "-a", "--filter", "name=^/web$", "--format", "{{.Names}}"];
    assert_eq!(dok.ok(&listed), "web\n");
    assert_eq!(dok.ok(&["rm", name.trim()]), "/web\n");
    refused(&dok.dok(&["create", "--name", "web/", "busybox"]), 1, "Invalid container name (web/)");
}

#[test]
fn a_frozen_container_is_not_started() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "web", NONE, "busybox", "sleep", "60"]);
    dok.ok(&["pause", "web"]);
    refused(&dok.dok(&["start", "web"]), 1, "cannot start a paused container, try unpause");
    dok.ok(&["unpause", "web"]);
}

#[test]
fn who_runs_what_cannot_start_hears_its_id() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.dok(&["run", "-d", NONE, "busybox", "/none"]);
    refused(&said, 127, "no such file or directory");
    assert_eq!(dok.ok(&["ps", "-aq", "--no-trunc"]), said.out);
}

#[test]
fn a_template_asks_for_a_label_and_keeps_what_it_goes_over() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "web", "-l", "tier=a,b", "--expose", "80", NONE, "busybox"]);
    let labels = dok.ok(&["ps", "-a", "--format", "{{.Names}}: {{.Label \"tier\"}}."]);
    assert_eq!(labels, "web: a,b.\n");
    let table = dok.ok(&["ps", "-a", "--format", "table {{.Label \"tier\"}}"]);
    assert_eq!(table, "tier\na,b\n");
    let ports = "{{range $port, $to := .Config.ExposedPorts}}{{$port}}{{end}}";
    assert_eq!(dok.ok(&["inspect", "-f", ports, "web"]), "80/tcp\n");
}

#[test]
fn an_interrupted_question_is_answered_with_no() {
    let Some(dok) = Dok::new() else { return };
    for what in ["container", "image", "volume", "network", "system"] {
        let mut command = dok.direct(&[what, "prune"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut told = Vec::new();
        let mut out = child.stdout.take().unwrap();
        while !told.ends_with(b"[y/N] ") {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{what}: it ended without a question");
            told.push(byte[0]);
        }
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "\n", "{what}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{what}");
    }
}

#[test]
fn the_clients_configuration_says_how_lists_look_and_how_one_leaves() {
    let Some(dok) = Dok::new() else { return };
    let client = dok.root().with_file_name("client");
    std::fs::create_dir_all(&client).unwrap();
    let config = r#"{"psFormat": "{{.Names}} of {{.Image}}", "imagesFormat": "{{.Tag}}",
        "volumesFormat": "<{{.Name}}>", "networksFormat": "{{.Driver}}", "detachKeys": "nokey"}"#;
    std::fs::write(client.join("config.json"), config).unwrap();
    let with = |words: &[&str]| {
        let line = [&["--config", client.to_str().unwrap()], words].concat();
        dok.dok(&line)
    };
    dok.ok(&["create", "--name", "web", NONE, "-v", "data:/d", "busybox"]);
    assert_eq!(with(&["ps", "-a"]).out, "web of busybox\n");
    assert_eq!(with(&["ps", "-a", "--format", "{{.ID}}"]).out, dok.ok(&["ps", "-aq"]));
    assert_eq!(with(&["ps", "-aq"]).out, dok.ok(&["ps", "-aq"]));
    assert_eq!(with(&["images"]).out, "latest\n");
    assert_eq!(with(&["volume", "ls"]).out, "<data>\n");
    assert!(with(&["network", "ls"]).out.lines().all(|line| !line.contains(' ')));
    refused(&with(&["start", "-a", "web"]), 125, "invalid detach keys (nokey)");
    std::fs::write(client.join("config.json"), "no JSON").unwrap();
    refused(&with(&["ps"]), 1, "config.json: expected JSON");
    assert!(dok.dok(&["images", "ls"]).err.contains("did you mean \"dok image ls\"?"));
}
