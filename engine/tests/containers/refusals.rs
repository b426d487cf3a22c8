//! What a request says against itself, or cannot have: it is refused in the words that programs
//! look for, and nothing is left of it.

use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn what_contradicts_itself_is_refused_and_leaves_no_container() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "other", "busybox", "sleep", "86400"]);
    let joined = "--network=container:other";
    for (words, expected) in [
        (&[joined, "--dns", "192.0.2.1"][..], "conflicting options: dns and the network mode"),
        (&[joined, "--add-host", "a:192.0.2.1"], "custom host-to-IP mapping and the network mode"),
        (&[joined, "--mac-address", "02:00:00:00:00:01"], "mac-address and the network mode"),
        (&[joined, "-p", "80:80"], "port publishing and the container type network mode"),
        (&[joined, "--expose", "80"], "port exposing and the container type network mode"),
        (&[joined, "-h", "web"], "hostname and the network mode"),
        (&["--uts=host", NONE, "-h", "web"], "hostname and the UTS mode"),
        (&[NONE, "--link", "other"], "network mode none can't be used with links"),
        (&["--network=host", "--link", "other"], "host type networking can't be used with links"),
        (&["--name", "me", "--network=container:me"], "cannot join own network"),
        (&["--network=host", "--ip", "192.0.2.1"], "IP address is supported on user defined"),
        (&[NONE, "-d", "-a", "stdout"], "cannot specify both --attach and --detach"),
        (&[NONE, "--rm", "--restart", "always"], "cannot specify both --restart and --rm"),
        (&[NONE, "-v", "/tmp:/x", "-v", "/:/x"], "Duplicate mount point: /x"),
        (&[NONE, "-v", "data:/x", "--mount", "target=/x"], "Duplicate mount point: /x"),
        (&[NONE, "-v", "/tmp:/x", "--tmpfs", "/x"], "Duplicate mount point: /x"),
        (&[NONE, "--volumes-from", "other:bar"], "invalid mode: bar"),
        (&[NONE, "-v", "/tmp:/x:nocopy"], "invalid mode: nocopy"),
        (&[NONE, "-v", "data:/x:shared"], "invalid mount config for type \"volume\""),
        (&[NONE, "--tmpfs", "x"], "mount path must be absolute"),
        (&[NONE, "--cpus", "0.5", "--cpu-period", "50000"], "Nano CPUs and CPU Period"),
        (&[NONE, "--cpus", "100000"], "Range of CPUs is from 0.01 to "),
        (&[NONE, "--cpuset-cpus", "8000"], "Requested CPUs are not available - requested 8000"),
        (&[NONE, "--memory-swap", "32m"], "You should always set the Memory limit"),
    ] {
        let line = [&["run"], words, &["busybox", "true"]].concat();
        dok.refused(125, &line, expected);
    }
    assert_eq!(dok.ok(&["ps", "-a", "--format", "{{.Names}}"]), "other\n");
}

#[test]
fn what_makes_no_sense_is_told_in_the_words_of_its_flag() {
    let Some(dok) = Dok::new() else { return };
    for (words, expected) in [
        (&["-e", "=x"][..], "invalid environment variable: =x"),
        (&["-e", ""], "invalid argument \"\" for \"-e, --env\" flag: "),
        (&["--mac-address", "02:00:00"], "02:00:00 is not a valid mac address"),
        (&["--device", "/dev/zero:ro"], "ro is not an absolute path"),
        (&["--device", "/etc"], "\"/etc\": not a device node"),
        (&["-u", "2147483648"], "uids and gids must be in range"),
        (&["-w", "/etc/passwd"], "Cannot mkdir: /etc/passwd is not a directory"),
        (&["--stop-signal", "SIG42"], "invalid signal: SIG42"),
    ] {
        dok.refused(125, &[&["run", NONE], words, &["busybox", "true"]].concat(), expected);
    }
    dok.ok(&["run", NONE, "--name", "box", "-d", "busybox", "sleep", "86400"]);
    for (words, expected) in [
        (&["update", "box"][..], "you must provide one or more flags"),
        (&["tag", "busybox", "sha256:x"], "refusing to create an ambiguous tag"),
        (&["rmi", " "], "image name cannot be blank"),
        (&["inspect", "--type=plugin", "box"], "unknown type: \"plugin\""),
        (&["network", "ls", "-f", "type=odd"], "invalid filter 'type=odd'"),
        (&["ps", "-f", "publish=odd"], "invalid filter 'publish=odd'"),
        (&["volume", "create", "-o", "size=1m", "v6"], "create v6: invalid option: \"size\""),
        (
            &["volume", "create", "-o", "type=none", "v6"],
            "create v6: missing required option: \"device\"",
        ),
        (
            &["volume", "create", "-d", "odd", "v6"],
            "create v6: error looking up volume plugin odd: plugin \"odd\" not found",
        ),
        (&["volume", "create", "a b"], "create a b: \"a b\" includes invalid characters"),
    ] {
        dok.refused(1, words, expected);
    }
}

#[test]
fn flags_that_cannot_be_served_are_refused_with_the_reason() {
    let Some(dok) = Dok::new() else { return };
    for (words, expected) in [
        (&["exec", "--detach-keys", "a", "box", "true"][..], "--detach-keys a: nobody would hold"),
        (&["start", "--checkpoint", "a", "box"], "--checkpoint a: there are no checkpoints"),
        (&["network", "create", "--ingress", "a"], "--ingress: there is no swarm"),
        (&["volume", "ls", "--cluster"], "--cluster: volumes of a cluster need a swarm"),
        (&["pull", "--disable-content-trust=false", "a"], "signatures of images are not verified"),
        (&["images", "--tree"], "--tree: an image is of one platform here"),
        (&["--host", "unix:///x", "ps"], "--host unix:///x: there is no daemon to reach"),
        (&["-H", "unix:///x", "ps"], "--host unix:///x: there is no daemon to reach"),
        (&["-c", "far", "ps"], "--context far: there is no daemon to reach"),
    ] {
        dok.refused(125, words, expected);
    }
}

#[test]
fn a_wrong_command_line_ends_as_dockers_does() {
    let Some(dok) = Dok::new() else { return };
    let unknown = "unknown flag: --odd\n\nUsage:  dok volume create";
    for (code, words, expected) in [
        (125, &["volume", "create", "--odd"][..], unknown),
        (125, &["ps", "-y"], "unknown shorthand flag: 'y' in -y"),
        (125, &["volume", "--odd"], "unknown flag: --odd\n\nUsage:  dok volume COMMAND"),
        (1, &["volume", "odd"], "unknown command: dok volume odd\n\nUsage:  dok volume COMMAND"),
        (1, &["exec", "box"], "dok: 'dok exec' requires at least 2 arguments"),
        (1, &["tag", "a"], "dok: 'dok tag' requires 2 arguments"),
    ] {
        dok.refused(code, words, expected);
    }
}

#[test]
fn a_line_that_makes_no_sense_is_told_with_its_exit_code_and_makes_nothing() {
    let Some(dok) = Dok::new() else { return };
    for (line, code, words) in [
        (&["--nosuch", "ps"][..], 125, "unknown flag: --nosuch"),
        (&["ps", "more"], 1, "dok: 'dok ps' accepts no arguments\n"),
        (&["rm"], 1, "'dok rm' requires at least 1 argument"),
        (&["create", "-v", ":/volume", "busybox"], 125, "empty section between colons"),
        (&["create", "-v", "", "busybox"], 125, "invalid empty volume spec"),
        (
            &["create", "-l", "", "busybox"],
            125,
            "\"-l, --label\" flag: invalid label '': empty name",
        ),
        (&["volume", "create", "--label", "=x"], 125, "\"--label\" flag: invalid label '=x'"),
        (&["network", "create", "--label", "=x", "n"], 125, "\"--label\" flag: invalid label '=x'"),
        (&["network", "create", "--internal=x", "n"], 125, "\"--internal\" flag: "),
        (&["create", "--add-host", "x", "busybox"], 125, "bad format for add-host: \"x\""),
        (&["create", "--tmpfs", "x", "busybox"], 1, "'x' mount path must be absolute"),
        (&["create", "--sysctl", "x", "busybox"], 125, "sysctl 'x' is not allowed"),
        (&["create", "--ulimit", "x=1", "busybox"], 125, "invalid ulimit type: x"),
        (&["create", "-p", "99999:80", "busybox"], 125, "invalid hostPort: 99999"),
        (
            &["create", "-m", "x", "busybox"],
            125,
            "\"-m, --memory\" flag: invalid size: 'x'\n\nUsage:  dok create",
        ),
        (&["create", "--mount", "x", "busybox"], 125, "'x' must be a key=value pair"),
        (&["create", "--mount", "type=x,dst=/x", "busybox"], 125, "mount type unknown"),
        (&["load", "-i", "/etc"], 1, "open /etc: is a directory"),
        (&["import", "/etc"], 1, "open /etc: is a directory"),
        (&["create", "--pull", "x", "busybox"], 125, "invalid pull option: 'x'"),
        (&["create", "--security-opt", "a=b", "busybox"], 1, "--security-opt 2: \"a=b\""),
        (&["create", "--log-driver", "x", "busybox"], 1, "plugin \"x\" not found"),
        (&["kill", "-s", "BAD", "ghost"], 1, "invalid signal: BAD"),
        (&["start", "ghost", "spirit"], 1, "failed to start containers: ghost, spirit"),
    ] {
        dok.refused(code, line, words);
    }
    assert_eq!(dok.ok(&["ps", "-aq"]), "");
    assert_eq!(dok.ok(&["volume", "ls", "-q"]), "");
}

#[test]
fn what_is_said_of_the_log_is_heard_and_changes_nothing() {
    let Some(dok) = Dok::new() else { return };
    for words in [&["-D"][..], &["--debug"], &["-l", "debug"], &["--log-level=WARN"], &["-l", ""]] {
        let said = dok.dok(&[words, &["ps", "-q"]].concat());
        assert_eq!((said.code, &*said.out, &*said.err), (Some(0), "", ""), "{words:?}");
    }
    dok.refused(1, &["-l", "odd", "ps"], "Unable to parse logging level: odd");
}

#[test]
fn a_group_lists_its_commands_by_dockers_names() {
    let Some(dok) = Dok::new() else { return };
    for group in ["image", "network", "volume"] {
        let help = dok.ok(&[group, "--help"]);
        for name in ["ls", "rm"] {
            assert!(help.contains(&format!("\n  {name} ")), "{help}");
        }
        assert!(!help.contains("\n  list ") && !help.contains("\n  remove "), "{help}");
    }
    let help = dok.ok(&["volume", "ls", "--help"]);
    assert!(help.contains("Aliases:\n  dok volume ls, dok volume list"), "{help}");
}

#[test]
fn without_a_place_for_its_id_no_container_is_made_and_without_a_container_no_file() {
    let Some(dok) = Dok::new() else { return };
    let file = dok.root().join("id").display().to_string();
    let none = format!("{file}/none");
    dok.refused(125, &["run", "--rm", NONE, "--cidfile", &none, "busybox", "true"], &none);
    assert_eq!(dok.ok(&["ps", "-aq"]), "");
    let words = ["create", NONE, "--cidfile", &file, "-w", "x", "busybox"];
    dok.refused(1, &words, "the working directory 'x' is invalid");
    assert!(!std::path::Path::new(&file).exists());
    let id = dok.ok(&["create", NONE, "--cidfile", &file, "busybox"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), id.trim());
    dok.refused(1, &["create", NONE, "--cidfile", &file, "busybox"], "container ID file found");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), id.trim());
}
