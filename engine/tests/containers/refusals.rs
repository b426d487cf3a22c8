//! What a request says against itself, or cannot have: it is refused in the words that programs
//! look for, and nothing is left of it.

use super::setting::Dok;

const NONE: &str = "--network=none";

/// A command that is refused with this code and these words.
#[track_caller]
fn refused(dok: &Dok, code: i32, words: &[&str], expected: &str) {
    let said = dok.dok(words);
    assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
    assert!(said.err.contains(expected), "{words:?} does not say {expected:?}: {}", said.err);
}

#[test]
fn what_contradicts_itself_is_refused_and_leaves_no_container() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "other", "busybox", "sleep", "60"]);
    let joined = "--network=container:other";
    for (words, expected) in [
        (&[joined, "--dns", "192.0.2.1"][..], "conflicting options: dns and the network mode"),
        (&[joined, "--add-host", "a:192.0.2.1"], "custom host-to-IP mapping and the network mode"),
        (&[joined, "--mac-address", "02:00:00:00:00:01"], "mac-address and the network mode"),
        (&[joined, "-p", "80:80"], "port publishing and the container type network mode"),
        (&[joined, "--expose", "80"], "port exposing and the container type network mode"),
        (&[joined, "-h", "web"], "hostname and the network mode"),
        (&["--uts=host", NONE, "-h", "web"], "hostname and the UTS mode"),
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
        refused(&dok, 125, &line, expected);
    }
    assert_eq!(dok.ok(&["ps", "-a", "--format", "{{.Names}}"]), "other\n");
}

#[test]
fn what_makes_no_sense_is_told_in_the_words_of_its_flag() {
    let Some(dok) = Dok::new() else { return };
    for (words, expected) in [
        (&["-e", "=x"][..], "invalid environment variable: =x"),
        (&["-e", ""], "invalid environment variable: "),
        (&["--mac-address", "02:00:00"], "02:00:00 is not a valid mac address"),
        (&["--device", "/dev/zero:ro"], "ro is not an absolute path"),
        (&["--device", "/etc"], "\"/etc\": not a device node"),
        (&["-u", "2147483648"], "uids and gids must be in range"),
        (&["-w", "/etc/passwd"], "Cannot mkdir: /etc/passwd is not a directory"),
        (&["--stop-signal", "SIG42"], "invalid signal: SIG42"),
    ] {
        refused(&dok, 125, &[&["run", NONE], words, &["busybox", "true"]].concat(), expected);
    }
    dok.dok(&["run", NONE, "--name", "box", "-d", "busybox", "sleep", "60"]);
    for (words, expected) in [
        (&["kill", "-s", "0", "box"][..], "invalid signal: 0"),
        (&["update", "box"], "you must provide one or more flags"),
        (&["tag", "busybox", "sha256:x"], "refusing to create an ambiguous tag"),
        (&["rmi", " "], "image name cannot be blank"),
        (&["inspect", "--type=plugin", "box"], "unknown type: \"plugin\""),
        (&["network", "ls", "-f", "type=odd"], "invalid filter 'type=odd'"),
        (&["ps", "-f", "publish=odd"], "invalid filter 'publish=odd'"),
        (&["volume", "create", "-o", "size=1m"], "invalid option: \"size\""),
    ] {
        refused(&dok, 1, words, expected);
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
    ] {
        refused(&dok, 125, words, expected);
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
        refused(&dok, code, words, expected);
    }
}
