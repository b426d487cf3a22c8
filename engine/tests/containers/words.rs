//! Words and exit codes that scripts of Docker's users look for.

use std::io::Read;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::setting::Dok;

const NONE: &str = "--network=none";

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
    dok.refused(1, &["rm", "ghost"], "No such container: ghost");
    dok.refused(1, &["rmi", "ghost"], "No such image: ghost:latest");
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
    dok.refused(1, &["create", "--name", "web/", "busybox"], "Invalid container name (web/)");
}

#[test]
fn behind_the_image_flags_are_the_programs() {
    let Some(dok) = Dok::new() else { return };
    let words = ["run", "--rm", NONE, "--entrypoint", "echo", "busybox"];
    for told in ["-c max=2", "-v", "--help", "-h --rm --name x", "-- --", "-it"] {
        let told: Vec<_> = told.split(' ').collect();
        let said = dok.ok(&[&words[..], &told].concat());
        assert_eq!(said, format!("{}\n", told.join(" ")));
    }
    dok.ok(&["run", "-d", NONE, "--name", "web", "busybox", "sleep", "86400"]);
    dok.refused(
        127,
        &["exec", "web", "-e", "A=1", "env"],
        "exec: \"-e\": executable file not found",
    );
}

/// As the empty variables of a shell make them.
#[test]
fn an_empty_name_or_signal_leaves_the_choice_open() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&["run", "-d", "--name", "", NONE, "busybox", "sleep", "86400"]);
    let id = id.trim();
    assert!(dok.store().container(id).unwrap().name.len() > 1);
    dok.ok(&["kill", "-s", "", id]);
    dok.ok(&["wait", id]);
    assert_eq!(dok.ok(&["inspect", "-f", "{{.State.ExitCode}}", id]), "137\n");
}

#[test]
fn a_name_alone_says_something_where_it_is_typed_and_not_in_a_file() {
    let Some(dok) = Dok::new() else { return };
    let file = dok.root().join("words").display().to_string();
    std::fs::write(&file, "\u{feff}a=b\nalone\nnone=\n").unwrap();
    let files = ["--label-file", &file, "--env-file", &file];
    let typed = ["-l", "typed", "-e", "NONE_OF_OURS"];
    let words = [&["create", NONE, "--name", "box"], &files[..], &typed, &["busybox"]].concat();
    dok.ok(&words);
    let config = dok.store().container("box").unwrap().config;
    let labels = [("a", "b"), ("none", ""), ("typed", "")].map(|(n, v)| (n.into(), v.into()));
    assert_eq!(config.labels, Some(labels.into()));
    let variables = config.env.unwrap();
    assert!(variables.contains(&"a=b".into()) && variables.contains(&"NONE_OF_OURS".into()));
    assert!(!variables.contains(&"alone".into()), "{variables:?}");
}

#[test]
fn a_variable_of_a_file_has_no_space_in_its_name() {
    let Some(dok) = Dok::new() else { return };
    let file = dok.root().join("variables");
    let words = ["run", "--rm", NONE, "--env-file", file.to_str().unwrap(), "busybox", "true"];
    std::fs::write(&file, " A=1 2\n# B C\n\nD\n").unwrap();
    dok.ok(&words);
    std::fs::write(&file, "Q = 3\n").unwrap();
    dok.refused(125, &words, "variable 'Q ' contains whitespaces");
    std::fs::write(&file, "=3\n").unwrap();
    dok.refused(125, &words, "no variable name on line '=3'");
}

#[test]
fn a_container_is_told_with_its_host_name() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", NONE, "--name", "web", "busybox", "cat", "/proc/sys/kernel/hostname"]);
    let name = dok.ok(&["inspect", "-f", "{{.Config.Hostname}}", "web"]);
    assert_eq!(name, dok.ok(&["logs", "web"]));
    assert_eq!(name, dok.ok(&["inspect", "-f", "{{printf \"%.12s\" .Id}}", "web"]));
    let uts = ["create", NONE, "--uts", "host", "--name", "other", "busybox"];
    dok.ok(&uts);
}

#[test]
fn a_device_keeps_its_owner() {
    let Some(dok) = Dok::new() else { return };
    let device = dok.root().join("device");
    let device = device.to_str().unwrap();
    let made = std::process::Command::new("mknod").args([device, "c", "1", "3"]).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this host makes no devices");
        return;
    }
    std::os::unix::fs::chown(device, Some(5), Some(44)).unwrap();
    let device = format!("{device}:/dev/mine");
    let said =
        dok.ok(&["run", "--rm", NONE, "--device", &device, "busybox", "ls", "-ln", "/dev/mine"]);
    let owner: Vec<_> = said.split_whitespace().skip(2).take(2).collect();
    assert_eq!(owner, ["5", "44"], "{said}");
}

#[test]
fn a_frozen_container_is_not_started() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", "--name", "web", NONE, "busybox", "sleep", "86400"]);
    dok.ok(&["pause", "web"]);
    dok.refused(1, &["start", "web"], "cannot start a paused container, try unpause");
    dok.ok(&["unpause", "web"]);
}

#[test]
fn who_runs_what_cannot_start_hears_its_id() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.dok(&["run", "-d", NONE, "busybox", "/none"]);
    assert_eq!(said.code, Some(127), "{said:?}");
    assert!(said.err.contains("no such file or directory"), "{said:?}");
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
        "volumesFormat": "<{{.Name}}>", "networksFormat": "{{.Driver}}",
        "statsFormat": "{{.Name}} has {{.PIDs}}", "detachKeys": "nokey"}"#;
    std::fs::write(client.join("config.json"), config).unwrap();
    let place = client.to_str().unwrap();
    let with = |words: &[&str]| dok.ok(&[&["--config", place], words].concat());
    dok.ok(&["create", "--name", "web", NONE, "-v", "data:/d", "busybox"]);
    assert_eq!(with(&["ps", "-a"]), "web of busybox\n");
    assert_eq!(with(&["ps", "-a", "--format", "{{.ID}}"]), dok.ok(&["ps", "-aq"]));
    assert_eq!(with(&["ps", "-aq"]), dok.ok(&["ps", "-aq"]));
    assert_eq!(with(&["images"]), "latest\n");
    assert_eq!(with(&["volume", "ls"]), "<data>\n");
    assert_eq!(with(&["network", "ls"]), "bridge\nhost\nnull\n");
    assert_eq!(with(&["stats", "-a", "--no-stream"]), "web has 0\n");
    dok.refused(125, &["--config", place, "start", "-a", "web"], "invalid detach keys (nokey)");
    std::fs::write(client.join("config.json"), "no JSON").unwrap();
    let said = dok.dok(&["--config", place, "ps", "-a", "--format", "{{.Names}}"]);
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), "web\n", ""));
    let said = dok.dok(&["--config", place, "ps", "-a"]);
    let warning = format!("WARNING: Error parsing config file ({place}/config.json): ");
    assert!(said.code == Some(0) && said.err.starts_with(&warning), "{said:?}");
}

#[test]
fn what_cannot_be_run_has_dockers_exit_code() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "web", "busybox", "sleep", "86400"]);
    for (code, words, told) in [
        (126, &["exec", "-u", "ghost", "web", "true"][..], "unable to find user ghost"),
        (127, &["run", "--rm", "--init", NONE, "busybox", "ghost"], "exec ghost: No such file"),
        (125, &["run", "--name", "web", "busybox"], "dok: Error response from daemon: Conflict."),
        (1, &["create", "--name", "web", "busybox"], "Error response from daemon: Conflict."),
        (1, &["logs", "--since", "abc", "web"], "invalid value for \"since\": failed to parse"),
        (1, &["events", "--until", "abc"], "failed to parse value as time or duration: \"abc\""),
        (1, &["search", "--limit", "200", "x"], "Limit 200 is outside the range of [1, 100]"),
        (1, &["rename", "web", "-"], "Error: failed to rename container named web"),
    ] {
        dok.refused(code, words, told);
    }
}

#[test]
fn where_nobody_reads_any_more_nothing_is_said() {
    let Some(dok) = Dok::new() else { return };
    let script = "while echo y; do :; done";
    let talk = ["run", "--name", "talk", NONE, "busybox", "sh", "-c", script];
    for words in [&talk[..], &["logs", "--follow", "talk"], &["export", "talk"]] {
        let mut command = dok.direct(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = [0; 2];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let said = child.wait_with_output().unwrap();
        let complaints = String::from_utf8_lossy(&said.stderr);
        assert_eq!((said.status.code(), &*complaints), (Some(141), ""), "{words:?}");
    }
}

#[test]
fn a_container_gets_the_proxies_of_the_clients_configuration() {
    let Some(dok) = Dok::new() else { return };
    let client = dok.root().with_file_name("client");
    std::fs::create_dir_all(&client).unwrap();
    let proxies = r#"{"proxies":{"default":{"httpProxy":"http://p:3128","noProxy":"*.local"}}}"#;
    std::fs::write(client.join("config.json"), proxies).unwrap();
    let words = ["--config", client.to_str().unwrap(), "run", "--rm", NONE, "-e", "no_proxy=mine"];
    let said =
        dok.ok(&[&words[..], &["busybox", "sh", "-c", "env | grep -i proxy | sort"]].concat());
    let expected =
        "HTTP_PROXY=http://p:3128\nNO_PROXY=*.local\nhttp_proxy=http://p:3128\nno_proxy=mine\n";
    assert_eq!(said, expected);
}
