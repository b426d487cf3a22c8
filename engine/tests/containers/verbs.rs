//! What is told of containers and volumes, and the smaller things that are done with them.

use serde_json::Value;

use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn ps_lists_what_runs_and_with_a_all() {
    let Some(dok) = Dok::new() else { return };
    let up = dok.ok(&["run", "-d", NONE, "--name", "up", "-l", "a=b", "busybox", "sleep", "86400"]);
    dok.dok(&["run", NONE, "--name", "down", "busybox", "sh", "-c", "echo one two three; exit 3"]);
    dok.ok(&["create", NONE, "--name", "new", "-v", "data:/data", "busybox", "true"]);
    let table = dok.ok(&["ps"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>().join(" "),
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES"
    );
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[1].starts_with(&up[..12]) && lines[1].contains("\"sleep 86400\""), "{table}");
    assert!(lines[1].contains("Up ") && lines[1].ends_with("up"), "{table}");
    let names = |words: &[&str]| {
        let words = [&["ps", "--format", "{{.Names}}"], words].concat();
        dok.ok(&words).lines().collect::<Vec<_>>().join(" ")
    };
    for (words, expected) in [
        (&["-a"][..], "new down up"),
        (&["-l"], "new"),
        (&["-n", "2"], "new down"),
        (&["-f", "status=exited"], "down"),
        (&["-a", "-f", "exited=3"], "down"),
        (&["-a", "-f", "exited=0"], ""),
        (&["-f", "label=a"], "up"),
        (&["-f", "label=a=c"], ""),
        (&["-a", "-f", "name=^/?n"], "new"),
        (&["-a", "-f", "name=w"], "new down"),
        (&["-a", "-f", "volume=data"], "new"),
        (&["-a", "-f", "before=down"], "up"),
        (&["-a", "-f", "since=down"], "new"),
        (&["-f", "ancestor=busybox"], "up"),
        (&["-f", "ancestor=ghost"], ""),
        (&["-f", "network=none"], "up"),
        (&["-f", "health=none"], "up"),
        (&["-a", "-f", &format!("id={}", &up[..12])], "up"),
    ] {
        assert_eq!(names(words), expected, "{words:?}");
    }
    assert_eq!(dok.ok(&["ps", "-q"]).trim(), &up[..12]);
    assert_eq!(dok.ok(&["container", "ls", "-q", "--no-trunc"]), up);
    let row = json(&dok.ok(&["ps", "-a", "-f", "name=down", "--format", "json"]));
    assert_eq!(row["Command"], "\"sh -c 'echo one two…\"");
    assert_eq!(row["State"], "exited");
    assert!(row["Status"].as_str().unwrap().starts_with("Exited (3) "), "{row}");
    assert!(row["Size"].as_str().unwrap().starts_with("0B (virtual "), "{row}");
    let refused = dok.dok(&["ps", "-f", "nosuch=1"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("invalid filter 'nosuch'"), "{refused:?}");
}

#[test]
fn inspect_tells_of_whatever_has_the_name() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&[
        "run",
        "-d",
        NONE,
        "--name",
        "box",
        "-m",
        "64m",
        "-v",
        "data:/data",
        "busybox",
        "sleep",
        "86400",
    ]);
    let told = json(&dok.ok(&["inspect", "box"]));
    let told = &told[0];
    assert_eq!((&told["Name"], &told["Path"]), (&"/box".into(), &"sleep".into()));
    assert_eq!(told["Args"], serde_json::json!(["86400"]));
    assert_eq!(told["State"]["Running"], true);
    assert!(told["State"]["Pid"].as_u64().unwrap() > 1);
    assert_eq!(told["HostConfig"]["Memory"], 64 << 20);
    assert_eq!(told["Mounts"][0]["Destination"], "/data");
    assert!(told["NetworkSettings"]["Networks"]["none"].is_object(), "{told}");
    assert!(told.get("SizeRw").is_none());
    assert!(json(&dok.ok(&["inspect", "-s", "box"]))[0]["SizeRw"].is_u64());
    for (words, expected) in [
        (&["inspect", "-f", "{{.State.Status}}", "box"][..], "running\n"),
        (&["container", "inspect", "-f", "{{.Name}}", "box"], "/box\n"),
        (&["inspect", "-f", "{{.Name}}", "data"], "data\n"),
        (&["volume", "inspect", "-f", "{{.Driver}}", "data"], "local\n"),
        (&["inspect", "-f", "{{index .RepoTags 0}}", "busybox"], "busybox:latest\n"),
        (&["inspect", "--type", "network", "-f", "{{.Driver}}", "none"], "null\n"),
    ] {
        assert_eq!(dok.ok(words), expected, "{words:?}");
    }
    for (words, words_told) in [
        (&["inspect", "nope"][..], "Error: No such object: nope\n"),
        (
            &["container", "inspect", "nope"],
            "Error response from daemon: No such container: nope\n",
        ),
        (&["volume", "inspect", "nope"], "Error response from daemon: get nope: no such volume\n"),
    ] {
        let said = dok.dok(words);
        assert_eq!((said.code, &*said.out, &*said.err), (Some(1), "[]\n", words_told));
    }
}

#[test]
fn a_container_is_waited_for_renamed_looked_into_and_swept_away() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "one", "busybox", "sh", "-c", "sleep 1; exit 4"]);
    assert_eq!(dok.ok(&["wait", "one"]), "4\n");
    dok.ok(&["rename", "one", "two"]);
    assert_eq!(dok.ok(&["ps", "-a", "--format", "{{.Names}}"]), "two\n");
    let again = dok.dok(&["rename", "two", "two"]);
    assert!(again.err.contains("with the same name as its current name"), "{again:?}");
    dok.ok(&["run", "-d", NONE, "--name", "up", "busybox", "sleep", "86400"]);
    let taken = dok.dok(&["rename", "two", "up"]);
    let words = "Error response from daemon: Error when allocating new name: Conflict. ";
    assert!(taken.err.starts_with(words), "{taken:?}");
    // The runtime has started its program, and need not have become it yet.
    let top = until("the program is seen", || {
        Some(dok.ok(&["top", "up"])).filter(|top| top.contains("sleep 86400"))
    });
    let lines: Vec<&str> = top.lines().collect();
    assert!(lines[0].starts_with("UID                 PID                 PPID"), "{top}");
    assert!(lines.len() == 2 && lines[1].ends_with("sleep 86400"), "{top}");
    assert!(dok.dok(&["top", "two"]).err.contains("is not running"));
    assert_eq!(dok.ok(&["port", "up"]), "");
    let none = dok.dok(&["port", "up", "80"]);
    assert_eq!(none.err, "Error: No public port '80/tcp' published for up\n");
    let id = dok.ok(&["ps", "-aq", "--no-trunc", "-f", "name=two"]);
    assert_eq!(
        dok.ok(&["container", "prune", "-f"]),
        format!("Deleted Containers:\n{id}\nTotal reclaimed space: 0B\n")
    );
    assert_eq!(dok.ok(&["ps", "-a", "--format", "{{.Names}}"]), "up\n");
}

#[test]
fn a_volume_is_made_listed_and_removed_unless_somebody_has_it() {
    let Some(dok) = Dok::new() else { return };
    let short = dok.dok(&["volume", "create", "v"]);
    assert_eq!(
        short.err,
        "Error response from daemon: create v: volume name is too short, names should be at \
         least two alphanumeric characters\n"
    );
    assert_eq!(dok.ok(&["volume", "create", "--label", "a=b", "-d", "local", "v2"]), "v2\n");
    dok.ok(&["create", NONE, "--name", "box", "-v", "used:/data", "-v", "/own", "busybox"]);
    assert_eq!(dok.ok(&["volume", "ls", "-q", "-f", "dangling=true"]), "v2\n");
    assert_eq!(dok.ok(&["volume", "ls", "-q", "-f", "label=a=b"]), "v2\n");
    assert!(dok.ok(&["volume", "ls"]).starts_with("DRIVER    VOLUME NAME\nlocal     "));
    let id = dok.ok(&["ps", "-aq", "--no-trunc"]);
    let used = dok.dok(&["volume", "rm", "used"]);
    let words =
        format!("Error response from daemon: remove used: volume is in use - [{}]\n", id.trim());
    assert_eq!((used.code, used.err), (Some(1), words));
    assert_eq!(dok.ok(&["volume", "prune", "-f"]), "Total reclaimed space: 0B\n");
    dok.ok(&["rm", "box"]);
    let pruned = dok.ok(&["volume", "prune", "-f"]);
    assert!(pruned.starts_with("Deleted Volumes:\n"), "the one without a name: {pruned}");
    assert_eq!(dok.ok(&["volume", "ls", "-q"]), "used\nv2\n");
    assert_eq!(dok.ok(&["volume", "rm", "v2"]), "v2\n");
    assert_eq!(dok.ok(&["volume", "rm", "-f", "v2"]), "v2\n");
    let all = dok.ok(&["volume", "prune", "-a", "-f"]);
    assert!(all.starts_with("Deleted Volumes:\nused\n\n"), "{all}");
}

#[test]
fn what_a_container_changed_is_told_exported_and_committed() {
    let Some(dok) = Dok::new() else { return };
    let script = "echo new > /tmp/new; rm /data/below/file; echo two >> /etc/group";
    dok.ok(&["run", NONE, "--name", "box", "busybox", "sh", "-c", script]);
    let changes = dok.ok(&["diff", "box"]);
    // What is mounted into every container has its places below the image, which lacks them.
    let expected = "C /data\nC /data/below\nD /data/below/file\nC /etc\nC /etc/group\nC /tmp\n\
                    A /tmp/new\n";
    assert_eq!(changes, expected);
    let tar = std::env::temp_dir().join(format!("dok-export-{}.tar", std::process::id()));
    dok.ok(&["export", "-o", tar.to_str().unwrap(), "box"]);
    let list = std::process::Command::new("tar").arg("-tf").arg(&tar).output().unwrap();
    std::fs::remove_file(&tar).unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("tmp/new\n") && !list.contains("below/file"), "{list}");
    let id = dok.ok(&[
        "commit",
        "-a",
        "me",
        "-m",
        "a note",
        "-c",
        "CMD [\"cat\", \"/tmp/new\"]",
        "box",
        "made:1",
    ]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(dok.ok(&["run", "--rm", NONE, "made:1"]), "new\n");
    let gone = dok.dok(&["run", "--rm", NONE, "made:1", "cat", "/data/below/file"]);
    assert_ne!(gone.code, Some(0), "{gone:?}");
    let told =
        dok.ok(&["inspect", "-f", "{{.Author}} {{.Comment}} {{len .RootFS.Layers}}", "made:1"]);
    assert_eq!(told, "me a note 2\n");
    dok.ok(&["create", NONE, "--name", "new", "busybox"]);
    assert_eq!(dok.ok(&["diff", "new"]), "");
    dok.ok(&["run", "-d", NONE, "--name", "up", "busybox", "sleep", "86400"]);
    dok.ok(&["commit", "up", "running:1"]);
    assert_eq!(dok.ok(&["inspect", "-f", "{{.State.Status}}", "up"]), "running\n");
    assert_eq!(dok.dok(&["export", "ghost"]).code, Some(1));
}

#[test]
fn limits_and_names_change_while_it_runs() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "box", "-m", "64m", "busybox", "sleep", "86400"]);
    assert_eq!(dok.ok(&["update", "-m", "128m", "--memory-swap", "256m", "box"]), "box\n");
    let memory = || dok.ok(&["inspect", "-f", "{{.HostConfig.Memory}}", "box"]);
    assert_eq!(memory(), "134217728\n");
    let limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max";
    let seen = dok.dok(&["exec", "box", "sh", "-c", limit]).out;
    assert_eq!(seen.trim(), "134217728");
    let refused = dok.dok(&["update", "-m", "1m", "box"]);
    assert!(refused.err.contains("Minimum memory limit allowed is 6MB"), "{refused:?}");
    assert_eq!(memory(), "134217728\n");

    dok.ok(&["run", "-d", "--rm", NONE, "--name", "old", "busybox", "sleep", "86400"]);
    dok.ok(&["rename", "old", "young"]);
    dok.ok(&["stop", "-t", "0", "young"]);
    dok.ok(&["create", NONE, "--name", "young", "busybox"]);
}

#[test]
fn the_engine_and_the_machine_are_told_of() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let words = dok.ok(&["info"]);
    for line in [" Containers: 1", "  Stopped: 1", " Images: 1", " OSType: linux"] {
        assert!(words.lines().any(|own| own == line), "{line}: {words}");
    }
    let info = json(&dok.ok(&["system", "info", "--format", "json"]));
    assert_eq!((&info["Containers"], &info["ContainersRunning"]), (&1.into(), &0.into()));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(info["KernelVersion"], kernel.trim());
    let fields = "{{.Swarm.LocalNodeState}} {{.ServerErrors}} {{.Debug}} {{.Isolation}}.";
    assert_eq!(dok.ok(&["info", "-f", fields]), "inactive [] false .\n");
    assert_eq!((&info["Swarm"]["NodeID"], &info["GenericResources"]), (&"".into(), &Value::Null));
    let id = ["info", "-f", "{{.ID}}"];
    assert_eq!((dok.ok(&id).len(), dok.ok(&id)), (37, dok.ok(&id)));
    assert_ne!(info["RuncCommit"]["ID"], "");
    let mut command = dok.command(&["info", "-f", "{{.HttpsProxy}}"]);
    let told = command.env("HTTPS_PROXY", "http://me:secret@proxy:1").output().unwrap().stdout;
    assert_eq!(told, b"http://xxxxx:xxxxx@proxy:1\n");
    let version = env!("CARGO_PKG_VERSION");
    for field in ["{{.Server.Version}}", "{{.Client.Version}}"] {
        assert_eq!(dok.ok(&["version", "-f", field]), format!("{version}\n"));
    }
    let runtime = dok.ok(&["version", "-f", "{{(index .Server.Components 1).Version}}"]);
    assert!(!runtime.trim().is_empty() && dok.ok(&["version"]).contains("\n Engine:\n"));
}

#[test]
fn room_is_told_and_made() {
    let Some(dok) = Dok::new() else { return };
    let write = "echo 0123456789 > /file";
    dok.ok(&["run", NONE, "--name", "box", "-v", "/own", "busybox", "sh", "-c", write]);
    let table = dok.ok(&["system", "df"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    assert_eq!(lines[1][..3], ["Images", "1", "1"], "{table}");
    assert_eq!(lines[2], ["Containers", "1", "0", "11B", "11B", "(100%)"], "{table}");
    assert_eq!(lines[3][..4], ["Local", "Volumes", "1", "1"], "{table}");
    let all = dok.ok(&["system", "df", "-v"]);
    for line in ["Images space usage:", "Containers space usage:", "Local Volumes space usage:"] {
        assert!(all.lines().any(|own| own == line), "{line}: {all}");
    }
    let all = json(&dok.ok(&["system", "df", "-v", "--format", "json"]));
    assert_eq!(
        (&all["Images"][0]["Containers"], &all["Images"][0]["SharedSize"]),
        (&"1".into(), &"0B".into())
    );
    assert_eq!(
        (&all["Containers"][0]["Size"], &all["Volumes"][0]["Links"]),
        (&"11B".into(), &"1".into())
    );
    let id = dok.ok(&["ps", "-aq", "--no-trunc"]);
    let asked = dok.dok_reading("n\n", &["system", "prune"]);
    assert!(asked.out.starts_with("WARNING! This will remove:\n  - all stopped containers\n"));
    assert_eq!(dok.ok(&["ps", "-aq", "--no-trunc"]), id, "nothing went without a yes");
    assert_eq!(
        dok.ok(&["system", "prune", "-f"]),
        format!("Deleted Containers:\n{id}\nTotal reclaimed space: 11B\n")
    );
    assert!(dok.ok(&["system", "prune", "-f", "--volumes"]).starts_with("Deleted Volumes:\n"));
    let all = dok.ok(&["system", "prune", "-af"]);
    assert!(all.starts_with("Deleted Images:\nuntagged: busybox:latest\ndeleted: "), "{all}");
}

#[test]
fn images_are_chosen_by_the_filters_of_all_lists() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", "--name", "box", NONE, "busybox"]);
    dok.ok(&["commit", "-c", "LABEL tier=web", "box", "other:1"]);
    let named = |filters: &[&str]| {
        let filters = filters.iter().flat_map(|filter| ["--filter", *filter]);
        let words = ["images", "--format", "{{.Repository}}"].into_iter().chain(filters);
        dok.ok(&words.collect::<Vec<_>>()).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for (filters, names) in [
        (&["dangling=false"][..], &["other", "busybox"][..]),
        (&["dangling=true"], &[]),
        (&["label=tier"], &["other"]),
        (&["Label = tier=web "], &["other"]),
        (&["label=tier=db"], &[]),
        (&["label!=tier"], &["busybox"]),
        (&["reference=busy*", "reference=none"], &["busybox"]),
        (&["before=other:1"], &["busybox"]),
        (&["since=busybox"], &["other"]),
        (&["until=1h"], &[]),
        (&["until=2100-01-01", "label=tier"], &["other"]),
    ] {
        assert_eq!(named(filters), names, "{filters:?}");
    }
    for (filter, code, words) in [
        ("nosuch=1", 1, "invalid filter 'nosuch': expected before, dangling"),
        ("dangling=maybe", 1, "invalid filter 'dangling=[maybe]'"),
        ("before=ghost", 1, "No such image: ghost"),
        ("label", 125, "bad format of filter"),
    ] {
        let said = dok.dok(&["images", "--filter", filter]);
        assert!(said.code == Some(code) && said.err.contains(words), "{filter}: {said:?}");
    }
    let pruned = dok.ok(&["image", "prune", "-af", "--filter", "label!=tier"]);
    assert!(!pruned.contains("other"), "{pruned}");
    assert_eq!(named(&["reference=other"]), ["other"]);
}
