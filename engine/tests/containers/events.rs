//! What is told of what happened.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

/// What happened since the beginning, by a template.
fn told(dok: &Dok, format: &str, filters: &[&str]) -> Vec<String> {
    let words = ["events", "--since", "1", "--until", "0s", "--format", format];
    let filters = filters.iter().flat_map(|filter| ["--filter", *filter]);
    let words: Vec<&str> = words.into_iter().chain(filters).collect();
    dok.ok(&words).lines().map(str::to_owned).collect()
}

#[test]
fn a_containers_life_is_told_from_its_creation_to_its_end() {
    let Some(dok) = Dok::new() else { return };
    let words = ["run", "--rm", NONE, "--name", "box", "-l", "a=b", "-v", "data:/d", "-v", "/own"];
    dok.ok(&[&words[..], &["busybox", "true"]].concat());
    let format = "{{.Type}} {{.Action}}";
    assert_eq!(
        told(&dok, format, &["type=container"]),
        ["create", "attach", "start", "die", "destroy"].map(|what| format!("container {what}"))
    );
    assert_eq!(
        told(&dok, "{{.Action}}", &["volume=data"]),
        ["create", "mount", "unmount"],
        "the volume stays"
    );
    let gone = told(&dok, "{{.Actor.ID}}", &["type=volume", "event=destroy"]);
    assert!(gone.len() == 1 && gone[0] != "data", "{gone:?}");
    let die = &told(&dok, "json", &["container=box", "event=die", "label=a=b"])[0];
    let die: Value = serde_json::from_str(die).unwrap();
    assert_eq!((&die["status"], &die["from"]), (&"die".into(), &"busybox".into()));
    let known = &die["Actor"]["Attributes"];
    assert_eq!((&known["exitCode"], &known["name"]), (&"0".into(), &"box".into()));
    assert_eq!(known["a"], "b");
    let nosuch = dok.dok(&["events", "--filter", "nosuch=1"]);
    assert!(nosuch.err.contains("invalid filter 'nosuch'"), "{nosuch:?}");
}

#[test]
fn what_is_done_with_a_container_is_told() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "one", "-m", "32m", "busybox", "sleep", "86400"]);
    dok.ok(&["exec", "one", "true"]);
    dok.ok(&["pause", "one"]);
    dok.ok(&["unpause", "one"]);
    dok.ok(&["rename", "one", "box"]);
    dok.ok(&["update", "--cpu-shares", "512", "box"]);
    // The ps of a machine with an odd /proc gives up.
    let ps = Command::new("ps").arg("-ef").output().is_ok_and(|ps| ps.status.success());
    if ps {
        dok.ok(&["top", "box"]);
    }
    dok.ok(&["cp", "box:/etc/group", "-"]);
    dok.ok(&["commit", "-p=false", "-m", "note", "box", "made:1"]);
    dok.ok(&["export", "-o", "/dev/null", "box"]);
    dok.ok(&["restart", "-t", "0", "box"]);
    dok.ok(&["kill", "box"]);
    dok.ok(&["rm", "box"]);
    let expected = [
        "create",
        "start",
        "exec_create: true ",
        "exec_start: true ",
        "exec_die",
        "pause",
        "unpause",
        "rename",
        "update",
        "top",
        "archive-path",
        "commit",
        "export",
        "kill",
        "kill",
        "die",
        "stop",
        "start",
        "restart",
        "kill",
        "die",
        "destroy",
    ];
    // Who kills and who sees the end tell of it in the same moment.
    let mut seen = told(&dok, "{{.Action}}", &["type=container"]);
    for at in 1..seen.len() {
        if seen[at - 1] == "die" && seen[at] == "kill" {
            seen.swap(at - 1, at);
        }
    }
    let expected: Vec<&str> = expected.into_iter().filter(|what| ps || *what != "top").collect();
    assert_eq!(seen, expected);
    let name = "{{.Actor.Attributes.name}}";
    assert_eq!(told(&dok, name, &["event=die"]), ["box", "box"], "one was its name before");
    let signal = told(&dok, "{{.Actor.Attributes.signal}}", &["event=kill"]);
    assert_eq!(signal, ["15", "9", "9"]);
    assert_eq!(told(&dok, "{{.Actor.Attributes.oldName}}", &["event=rename"]), ["/one"]);
    assert_eq!(told(&dok, "{{.Actor.Attributes.exitCode}}", &["event=exec_die"]), ["0"]);
}

#[test]
fn images_and_networks_and_prunes_are_told_of() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["tag", "busybox", "other:2"]);
    dok.ok(&["rmi", "other:2"]);
    let tar = std::env::temp_dir().join(format!("dok-events-{}.tar", std::process::id()));
    dok.ok(&["save", "-o", tar.to_str().unwrap(), "busybox"]);
    dok.ok(&["rmi", "busybox"]);
    dok.ok(&["load", "-i", tar.to_str().unwrap()]);
    std::fs::remove_file(tar).unwrap();
    dok.ok(&["image", "prune", "-af"]);
    let told_of_images = told(&dok, "{{.Action}} {{.Actor.Attributes.name}}", &["type=image"]);
    let seen: Vec<&str> =
        told_of_images.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "tag", "import", "tag", "untag", "save", "untag", "delete", "load", "untag", "delete",
        "prune",
    ];
    assert_eq!(seen, expected, "{told_of_images:?}");
    assert!(told_of_images.contains(&"untag other:2".to_owned()), "{told_of_images:?}");
}

#[test]
fn events_are_followed_as_they_come_until_it_is_time() {
    let Some(dok) = Dok::new() else { return };
    let mut command = dok.command(&["events", "--until", "3s", "--format", "{{.Action}}"]);
    let in_the_past = command.output().unwrap();
    assert!(in_the_past.status.success(), "three seconds ago is over");
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let end = (seconds.as_secs() + 86400).to_string();
    let words = ["system", "events", "--until", &end, "--filter", "type=volume"];
    let mut follower = dok.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    let (say, hear) = mpsc::channel();
    let out = BufReader::new(follower.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().try_for_each(|line| say.send(line)));
    // What happened before it began to listen is not for it.
    let mut number = 0;
    let line = until("an event is heard", || {
        number += 1;
        dok.ok(&["volume", "create", &format!("data{number}")]);
        hear.recv_timeout(Duration::from_millis(100)).ok()
    });
    let line = line.unwrap();
    let name = line.split(' ').nth(3).unwrap_or_default();
    assert!(line.ends_with(&format!(" volume create {name} (driver=local)")), "{line}");
    assert!(name.starts_with("data"), "{line}");
    let pid = rustix::process::Pid::from_child(&follower);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    follower.wait().unwrap();
}
