//! How lists and templates show things, where Docker's client has its own ways.

use std::path::Path;

use super::networks::on_a_host;
use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn ps_tells_the_image_by_its_id_once_its_name_leads_elsewhere() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["tag", "busybox", "old:1"]);
    dok.ok(&["run", "-d", NONE, "--name", "box", "old:1", "sleep", "86400"]);
    let image = ["ps", "--format", "{{.Image}}", "-f", "name=box"];
    assert_eq!(dok.ok(&image), "old:1\n");
    let id = dok.ok(&["inspect", "-f", "{{.Image}}", "box"]);
    dok.ok(&["commit", "box", "old:1"]);
    assert_eq!(dok.ok(&image), format!("{}\n", &id["sha256:".len()..][..12]));
    dok.ok(&["run", "-d", NONE, "--name", "child", "old:1", "sleep", "86400"]);
    let of = |ancestor: &str| {
        let filter = format!("ancestor={ancestor}");
        dok.ok(&["ps", "--format", "{{.Names}}", "-f", &filter])
    };
    assert_eq!(of("busybox"), "child\nbox\n");
    assert_eq!(of("old:1"), "child\n");
}

#[test]
fn who_lists_images_called_ls_is_told_of_the_other_command() {
    let Some(dok) = Dok::new() else { return };
    assert!(dok.dok(&["images", "ls"]).err.contains("did you mean \"dok image ls\"?"));
}

#[test]
fn a_switch_may_be_said_again_and_be_taken_back() {
    let Some(dok) = Dok::new() else { return };
    let table = dok.ok(&["images"]);
    assert_eq!(dok.ok(&["images", "-q", "-q", "--quiet=false"]), table);
    assert_ne!(dok.ok(&["images", "-q", "-q"]), table);
    let exact = ["history", "--human=false", "--format", "{{.Size}}", "busybox"];
    assert!(dok.ok(&exact).lines().all(|size| size.parse::<u64>().is_ok_and(|size| size > 0)));
    dok.refused(1, &["network", "rm", "-f", "--force=false", "ghost"], "network ghost not found");
}

#[test]
fn ports_are_shown_of_what_runs() {
    on_a_host(|dok| {
        let run = ["run", "-d", "--name", "box", "--expose", "80", "busybox", "sleep", "86400"];
        dok.ok(&run);
        let ports = ["ps", "-a", "--format", "{{.Ports}}"];
        assert_eq!(dok.ok(&ports), "80/tcp\n");
        dok.ok(&["kill", "box"]);
        assert_eq!(dok.ok(&ports), "\n");
    });
}

#[test]
fn fields_are_found_and_printed_as_gos_are() {
    let Some(dok) = Dok::new() else { return };
    let words = ["create", NONE, "--name", "box", "--expose", "80", "--health-cmd", "true"];
    dok.ok(&[&words[..], &["--health-timeout", "90s", "busybox"]].concat());
    for (template, expected) in [
        ("{{.SizeRw}} {{.ExecIDs}}", "<nil> []\n"),
        ("{{json .Config.StopTimeout}} {{json .Config.Volumes}}", "null null\n"),
        ("{{.Config.ExposedPorts}}", "map[80/tcp:{}]\n"),
        ("{{.HostConfig.CPUShares}} {{.Config.Healthcheck.Timeout}}", "0 1m30s\n"),
        ("{{.Config.Healthcheck.Retries}}", "0\n"),
    ] {
        assert_eq!(dok.ok(&["inspect", "-f", template, "box"]), expected, "{template}");
    }
    let ids = dok.ok(&["network", "inspect", "-f", "{{.ID}}", "host"]);
    assert_eq!(ids, dok.ok(&["network", "inspect", "-f", "{{.Id}}", "host"]));
    for template in ["{{.odd}}", "{{.State.Odd}}"] {
        let said = dok.dok(&["inspect", "-f", template, "box"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("template parsing error: template"), "{said:?}");
    }
}

#[test]
fn a_template_that_makes_no_sense_ends_with_dockers_exit_code() {
    let Some(dok) = Dok::new() else { return };
    for words in [
        &["inspect", "-f", "{{.Name", "ghost"][..],
        &["image", "inspect", "-f", "{{nothing .Id}}", "busybox"],
        &["network", "inspect", "-f", "{{end}}", "host"],
        &["events", "--until", "0s", "--format", "{{.Bad"],
        &["events", "--until", "0s", "--format", "{{.Bad}}"],
        &["version", "-f", "{{"],
        &["info", "-f", "{{"],
    ] {
        dok.refused(64, words, "template parsing error: template: :1:");
    }
    for words in [
        &["ps", "--format", "{{"][..],
        &["images", "--format", "table {{"],
        &["system", "df", "--format", "{{"],
        &["image", "inspect", "-f", "{{.Odd}}", "busybox"],
    ] {
        dok.refused(1, words, "template parsing error: template: :1:");
    }
}

#[test]
fn a_list_that_nobody_filled_is_empty_or_null_as_dockers_is() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let of = |field: &str| {
        let template = format!("{{{{json .HostConfig.{field}}}}}");
        dok.ok(&["inspect", "-f", &template, "box"])
    };
    let bytes = ["BlkioDeviceReadBps", "BlkioDeviceWriteBps"];
    let operations = ["BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"];
    let others = ["BlkioWeightDevice", "Devices", "Dns", "DnsOptions", "DnsSearch", "Ulimits"];
    for field in bytes.iter().chain(&operations).chain(&others) {
        assert_eq!(of(field), "[]\n", "{field}");
    }
    let of_capabilities = ["CapAdd", "CapDrop", "SecurityOpt", "DeviceCgroupRules"];
    let others = ["Binds", "ExtraHosts", "GroupAdd", "Links", "VolumesFrom", "PidsLimit"];
    for field in of_capabilities.iter().chain(&others) {
        assert_eq!(of(field), "null\n", "{field}");
    }
}

#[test]
fn lists_are_unescaped_around_actions_and_objects_are_not() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", NONE, "--name", "box", "-e", "A=1", "-e", "B=2", "busybox"]);
    for (words, text) in [
        (&["inspect", "-f", "{{.Name}}\\n{{\"\\n\"}}", "box"][..], "/box\\n\n\n"),
        (&["inspect", "-f", "{{join (slice .Config.Env 0 2) \"\\t\"}}", "box"], "A=1\tB=2\n"),
        (
            &["ps", "-a", "--format", "{{.Names}}\\t{{\"\\n\"}}{{printf \"%s\\t\" .Image}}"],
            "box\t\nbusybox\t\n",
        ),
        (
            &["ps", "-a", "--format", "table {{.Names}}{{\"\\t\"}}{{.Image}}"],
            "NAMES     IMAGE\nbox       busybox\n",
        ),
    ] {
        assert_eq!(dok.ok(words), text, "{words:?}");
    }
    dok.refused(
        1,
        &["inspect", "-f", "{{.State.Health.Status}}", "box"],
        "no entry for key \"Health\"",
    );
}

#[test]
fn inspect_tells_what_is_in_force_also_where_nothing_was_said() {
    let Some(dok) = Dok::new() else { return };
    let open = ["--security-opt", "systempaths=unconfined", "--security-opt", "no-new-privileges"];
    let private = ["--cgroupns", "private", "--cap-drop", "mknod", "--cap-drop", "CAP_KILL"];
    for (name, words) in [("plain", &[][..]), ("open", &open), ("private", &private)] {
        dok.ok(&[&["create", NONE, "--name", name], words, &["busybox"]].concat());
    }
    let of = |name: &str, field: &str| {
        let template = format!("{{{{json .HostConfig.{field}}}}}");
        dok.ok(&["inspect", "-f", &template, name])
    };
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let expected = if unified { "\"private\"\n" } else { "\"host\"\n" };
    assert_eq!(of("plain", "CgroupnsMode"), expected);
    assert_eq!(of("private", "CgroupnsMode"), "\"private\"\n");
    assert_eq!(of("private", "CapDrop"), "[\"CAP_KILL\",\"CAP_MKNOD\"]\n");
    assert!(of("plain", "MaskedPaths").contains("\"/proc/kcore\""));
    assert!(of("plain", "ReadonlyPaths").contains("\"/proc/sys\""));
    assert_eq!((&*of("open", "MaskedPaths"), &*of("open", "ReadonlyPaths")), ("[]\n", "[]\n"));
    assert_eq!(of("open", "SecurityOpt"), "[\"no-new-privileges\"]\n");
    let below = ["sh", "-c", "grep -c ' /proc/' /proc/self/mountinfo"];
    let run =
        |more: &[&str]| dok.dok(&[&["run", "--rm", NONE], more, &["busybox"], &below].concat()).out;
    assert_eq!(run(&open), "0\n");
    assert_ne!(run(&[]), "0\n");
    dok.ok(&[
        "create",
        NONE,
        "--name",
        "loose",
        "--security-opt",
        "apparmor=unconfined",
        "busybox",
    ]);
    let profile = ["inspect", "-f", "{{.AppArmorProfile}}"];
    assert_eq!(dok.ok(&[&profile[..], &["loose", "plain"]].concat()), "unconfined\n\n");
}

#[test]
fn mounts_and_limits_are_told_as_docker_tells_them() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", NONE, "--name", "base", "busybox", "true"]);
    dok.ok(&["commit", "-c", "VOLUME /image", "base", "volumes:1"]);
    let mounts = ["-v", "/own", "-v", "data:/data", "-v", "more:/more:ro", "--mount", "dst=/long"];
    let limits = ["--ulimit", "nofile=1024", "--ulimit", "core=0", "--ulimit", "nofile=2048"];
    let words = ["run", "-d", NONE, "--name", "box", "--pids-limit", "9", "--volume-driver=local"];
    let program = ["volumes:1", "sleep", "86400"];
    dok.ok(&[&words[..], &mounts, &limits, &program].concat());
    let of = |template: &str| dok.ok(&["inspect", "-f", template, "box"]);
    let modes = of("{{range .Mounts}}{{.Destination}}={{.Mode}} {{end}}");
    assert_eq!(modes, "/data=z /image= /long=z /more=ro /own= \n");
    let mounts = of("{{range .HostConfig.Mounts}}{{json .}}{{end}}");
    assert_eq!(mounts, "{\"Target\":\"/long\",\"Type\":\"volume\"}\n");
    assert_eq!(of("{{.HostConfig.VolumeDriver}}"), "local\n");
    let limits = of("{{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}} {{end}}");
    assert_eq!(limits, "core=0 nofile=2048 \n");
    assert_eq!(dok.ok(&["exec", "box", "sh", "-c", "ulimit -n"]), "2048\n");
    for unlimited in ["-1", "0"] {
        dok.ok(&["update", "--pids-limit", "7", "box"]);
        assert_eq!(of("{{.HostConfig.PidsLimit}}"), "7\n");
        dok.ok(&["update", "--pids-limit", unlimited, "box"]);
        assert_eq!(of("{{.HostConfig.PidsLimit}}"), "0\n");
        let many = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0 & done; wait";
        dok.ok(&["exec", "box", "sh", "-ec", many]);
    }
}

#[test]
fn logs_tell_the_details_that_were_asked_for() {
    let Some(dok) = Dok::new() else { return };
    let asked = ["--log-opt", "labels=of", "--log-opt", "env=A", "-l", "of=me", "-e", "A=b"];
    let words = [&["run", NONE, "--name", "box"], &asked[..], &["busybox", "echo", "x"]].concat();
    dok.ok(&words);
    assert_eq!(dok.ok(&["logs", "--details", "box"]), "A=b,of=me x\n");
    let entries = |name: &str| {
        let store = dok.store();
        let file = store.log_file(&store.container(name).unwrap().id);
        std::fs::read_to_string(file).unwrap()
    };
    let begin = r#"{"log":"x\n","stream":"stdout","attrs":{"A":"b","of":"me"},"time":""#;
    assert!(entries("box").starts_with(begin), "{}", entries("box"));
    assert_eq!(dok.ok(&["logs", "box"]), "x\n");
    let asked = ["labels-regex=^of", "env-regex=^(A|B)$", "tag={{.ImageName}}/{{.Name}}"];
    let asked = asked.iter().flat_map(|option| ["--log-opt", option]);
    let words = ["run", NONE, "--name", "bag", "-l", "of=you and me", "-e", "A=b", "-e", "C=d"];
    let words = words.into_iter().chain(asked).chain(["busybox", "echo", "x"]).collect::<Vec<_>>();
    dok.ok(&words);
    let told = "A=b,of=you+and+me,tag=busybox%2Fbag x\n";
    assert_eq!(dok.ok(&["logs", "--details", "bag"]), told);
    dok.ok(&["run", NONE, "--name", "none", "--log-opt", "labels=other", "busybox", "echo", "x"]);
    assert_eq!(dok.ok(&["logs", "--details", "none"]), " x\n");
    let begin = r#"{"log":"x\n","stream":"stdout","time":""#;
    assert!(entries("none").starts_with(begin), "{}", entries("none"));
    // More than the monitor can say at once.
    let long = format!("of={}", "x".repeat(20_000));
    let words = ["run", NONE, "--name", "long", "--log-opt", "labels=of", "-l", &long];
    dok.ok(&[&words[..], &["busybox", "echo", "x"]].concat());
    assert_eq!(dok.ok(&["logs", "--details", "long"]), format!("{long} x\n"));
}

#[test]
fn who_attaches_to_no_output_is_told_the_id() {
    let Some(dok) = Dok::new() else { return };
    let words = ["run", NONE, "-i", "-a", "stdin", "--name", "box", "busybox", "cat"];
    let said = dok.dok_reading("x\n", &words);
    assert_eq!(said.out, format!("{}\n", dok.store().container("box").unwrap().id), "{said:?}");
    let unread = dok.dok(&["run", "--rm", NONE, "-i", "-a", "stdout", "busybox", "cat"]);
    assert_eq!((unread.code, &*unread.out), (Some(0), ""), "what nobody writes has its end");
    assert_eq!(dok.ok(&["logs", "box"]), "x\n");
}

#[test]
fn an_image_is_for_the_platform_that_is_named_or_is_not_found() {
    let Some(dok) = Dok::new() else { return };
    let own = dok.ok(&["inspect", "-f", "{{.Os}}/{{.Architecture}}", "busybox"]);
    let other = if own.contains("s390x") { "linux/amd64" } else { "linux/s390x" };
    let archive = dok.root().with_file_name("image.tar").display().to_string();
    dok.ok(&["save", "--platform", own.trim(), "-o", &archive, "busybox"]);
    dok.ok(&["load", "--platform", own.trim(), "-i", &archive]);
    for words in [
        &["history", "--platform", other, "busybox"][..],
        &["image", "inspect", "--platform", other, "busybox"],
        &["save", "--platform", other, "-o", &archive, "busybox"],
        &["rmi", "--platform", other, "busybox"],
        &["load", "--platform", other, "-i", &archive],
    ] {
        let said = dok.dok(words);
        assert_eq!(said.code, Some(1), "{words:?}: {said:?}");
        assert!(said.err.contains(&format!("platform ({other})")), "{words:?}: {said:?}");
    }
    dok.ok(&["rmi", "--platform", own.trim(), "busybox"]);
}

/// Its command is longer than Rust's own formatting can make a column.
#[test]
fn a_long_command_keeps_nobody_from_the_list() {
    let Some(dok) = Dok::new() else { return };
    let long = "x".repeat(70_000);
    dok.ok(&["create", NONE, "--name", "long", "-m", "7000000t", "busybox", "echo", &long]);
    let list = dok.ok(&["ps", "-a", "--no-trunc"]);
    assert!(list.contains(&long) && list.ends_with("long\n"), "{} bytes", list.len());
    let swap = dok.ok(&["inspect", "-f", "{{.HostConfig.MemorySwap}}", "long"]);
    assert!(["-1\n".to_owned(), format!("{}\n", i64::MAX)].contains(&swap), "{swap}");
}

#[test]
fn who_makes_a_container_of_another_machines_image_is_warned_unless_he_asked_for_it() {
    let Some(dok) = Dok::new() else { return };
    let own = dok.ok(&["inspect", "-f", "{{.Os}}/{{.Architecture}}", "busybox"]);
    let other = if own.contains("s390x") { "linux/ppc64le" } else { "linux/s390x" };
    dok.ok(&["import", "--platform", other, "-c", "CMD true", "/dev/null", "other"]);
    let said = dok.dok(&["create", NONE, "other"]);
    let warning = format!(
        "WARNING: The requested image's platform ({other}) does not match the detected host \
         platform ({}",
        own.trim()
    );
    let end = ") and no specific platform was requested\n";
    assert_eq!((said.code, said.out.len()), (Some(0), 65), "{said:?}");
    assert!(said.err.starts_with(&warning) && said.err.ends_with(end), "{said:?}");
    for words in [&["--platform", other, "other"][..], &["busybox"], &["--platform=", "busybox"]] {
        let said = dok.dok(&[&["create", NONE], words].concat());
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_platform_is_known_or_is_refused() {
    let Some(dok) = Dok::new() else { return };
    let wrong = "\"bogus\": unknown operating system or architecture: invalid argument\n";
    for (code, words, teller) in [
        (125, &["run", "--platform", "bogus", "x"][..], "dok: error parsing specified platform"),
        (1, &["create", "--platform", "bogus", "x"], "dok: error parsing specified platform"),
        (1, &["pull", "--platform", "bogus", "x"], "Error response from daemon"),
        (1, &["import", "--platform", "bogus", "/dev/null"], "Error response from daemon"),
    ] {
        dok.refused(code, words, &format!("{teller}: {wrong}"));
    }
    dok.ok(&["import", "--platform", "windows", "/dev/null", "windows"]);
    let own = dok.ok(&["inspect", "-f", "{{.Architecture}}", "busybox"]);
    let told = dok.ok(&["inspect", "-f", "{{.Os}}/{{.Architecture}}", "windows"]);
    assert_eq!(told, format!("windows/{own}"));
}

#[test]
fn a_raw_list_has_a_line_for_each_field() {
    let Some(dok) = Dok::new() else { return };
    let id = dok.ok(&["images", "-q"]);
    let id = id.trim();
    let created = dok.ok(&["images", "--format", "{{.CreatedAt}}\nvirtual_size: {{.Size}}"]);
    let image = format!("image_id: {id}\ncreated_at: {created}\n");
    let name = "repository: busybox\ntag: latest\n";
    dok.ok(&["volume", "create", "data"]);
    dok.ok(&["create", NONE, "--name", "box", "-l", "a=b", "busybox", "true"]);
    let none = dok.ok(&["network", "ls", "-q", "-f", "name=none"]);
    let none = format!("network_id: {none}name: none\ndriver: null\nscope: local\n\n");
    for (words, expected) in [
        (&["images"][..], format!("{name}{image}")),
        (&["images", "--digests"], format!("{name}digest: <none>\n{image}")),
        (&["images", "-q"], format!("image_id: {id}\n")),
        (&["network", "ls", "-f", "name=none"], none),
        (&["volume", "ls"], "name: data\ndriver: local\n\n".to_owned()),
        (&["volume", "ls", "-q"], "name: data\n".to_owned()),
    ] {
        assert_eq!(dok.ok(&[words, &["--format", "raw"]].concat()), expected, "{words:?}");
    }
    let told = dok.ok(&["ps", "-as", "--format", "raw"]);
    assert!(told.contains("\nstate: created\nstatus: Created\nnames: box\nlabels: a=b\nports:\n"));
    assert!(told.contains("\nsize: "), "{told}");
    let told = dok.ok(&["system", "df", "--format", "raw"]);
    assert!(told.starts_with("type: Images\ntotal: 1\nactive: 1\nsize: "), "{told}");
}

#[test]
fn a_table_that_is_asked_for_is_the_plain_one() {
    let Some(dok) = Dok::new() else { return };
    for words in [
        &["images"][..],
        &["images", "--digests"],
        &["images", "-q"],
        &["network", "ls", "-q"],
        &["system", "df", "-v"],
    ] {
        let table = dok.ok(&[words, &["--format", "table"]].concat());
        assert_eq!(table, dok.ok(words), "{words:?}");
    }
    let table = dok.ok(&["images", "--digests", "--format", "table"]);
    assert!(table.contains("DIGEST"), "{table}");
}
