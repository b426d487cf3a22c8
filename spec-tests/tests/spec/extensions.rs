//! What is in no chapter of the specification: words that crun has, and some of onggi's own.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use spec_tests::output::Output;
use spec_tests::terminal::DescriptorSocket;
use spec_tests::{Bundle, Container, Result, chapter, host, shim, tests};

tests![
    copy_symlink_makes_the_same_link,
    copy_symlink_of_a_file_binds_it,
    copy_symlink_leaves_what_is_there,
    src_nofollow_binds_the_link_itself,
    dest_nofollow_covers_the_link_itself,
    words_about_links_are_for_binds,
    recursive_words_for_superblocks_are_taken,
    hooks_print_to_files,
    a_file_for_hooks_that_cannot_be_opened_fails_create,
    a_raw_filter_takes_the_profiles_place,
    a_raw_filter_that_is_none_is_refused,
    the_seccomp_receiver_is_an_annotation,
    the_seccomp_receiver_is_in_the_environment,
    an_unknown_call_is_refused_on_request,
    the_pidfd_receiver_is_an_annotation,
    the_context_types_are_four,
    without_a_cgroup_manager_there_is_no_cgroup,
    landlock_leaves_the_paths_that_are_listed,
    landlock_is_for_exec_too,
    landlock_leaves_the_ports_that_are_listed,
    landlock_words_are_strict,
    cores_are_the_containers_own_or_it_is_refused,
    a_device_is_let_through_and_refused_later,
    stats_tell_the_interfaces_of_an_own_network,
];

fn annotated(bundle: Bundle, key: &str, value: &str) -> Bundle {
    bundle.set(&format!("/annotations/{}", key.replace('/', "~1")), value)
}

/// A container with `host/link`, a link to `file` beside it, bound to `/m`.
fn linked(script: &str, options: &[&str]) -> Result<Container> {
    let bundle = Bundle::busybox().sh(script).directory("../host");
    let options = [&["bind"], options].concat();
    let container = bundle.mount("/m", ("bind", "host/link"), &options).build()?;
    fs::write(container.bundle().join("host/file"), "of the file\n")?;
    symlink("file", container.bundle().join("host/link"))?;
    Ok(container)
}

fn copy_symlink_makes_the_same_link() -> Result {
    chapter!("cli#create");
    linked("readlink /m", &["copy-symlink"])?.run().says("file")?;
    Ok(())
}

fn copy_symlink_of_a_file_binds_it() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh("cat /m").directory("../host");
    let container = bundle.mount("/m", ("bind", "host/file"), &["bind", "copy-symlink"]).build()?;
    fs::write(container.bundle().join("host/file"), "of the file\n")?;
    container.run().says("of the file")?;
    Ok(())
}

fn copy_symlink_leaves_what_is_there() -> Result {
    chapter!("cli#create");
    let container = linked("readlink /m", &["copy-symlink"])?;
    symlink("file", container.in_root("m"))?;
    container.run().says("file")?;
    fs::remove_file(container.in_root("m"))?;
    symlink("another", container.in_root("m"))?;
    container.run().fails_with("/m")?;
    assert_eq!(fs::read_link(container.in_root("m"))?.to_str(), Some("another"));
    Ok(())
}

fn src_nofollow_binds_the_link_itself() -> Result {
    chapter!("cli#create");
    linked("readlink /m", &["src-nofollow"])?.run().says("file")?;
    linked("cat /m", &[])?.run().says("of the file")?;
    Ok(())
}

fn dest_nofollow_covers_the_link_itself() -> Result {
    chapter!("cli#create");
    for (options, words) in [
        (&["dest-nofollow"][..], ["of the file", "of the image"]),
        (&[], ["of the file", "of the file"]),
    ] {
        let container = linked("cat /m /image", options)?;
        fs::write(container.in_root("image"), "of the image\n")?;
        symlink("image", container.in_root("m"))?;
        assert_eq!(container.run().ok()?.lines(), words, "{options:?}");
    }
    Ok(())
}

fn words_about_links_are_for_binds() -> Result {
    chapter!("cli#create");
    for word in ["copy-symlink", "src-nofollow", "dest-nofollow"] {
        Bundle::busybox().mount("/m", ("tmpfs", "tmpfs"), &[word]).is_refused("bind mounts")?;
    }
    let both = ["bind", "copy-symlink", "dest-nofollow"];
    Bundle::busybox().mount("/m", ("bind", "/"), &both).is_refused("exclude each other")
}

fn recursive_words_for_superblocks_are_taken() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh("grep ' /m ' /proc/self/mountinfo");
    let output = bundle.mount("/m", ("tmpfs", "tmpfs"), &["rsync", "rdirsync"]).run()?.ok()?;
    assert!(output.stdout.contains("sync") && output.stdout.contains("dirsync"), "{output}");
    let bundle = Bundle::busybox().sh("grep ' /m ' /proc/self/mountinfo");
    let output = bundle.mount("/m", ("tmpfs", "tmpfs"), &["sync", "rasync"]).run()?.ok()?;
    assert!(!output.stdout.contains("sync"), "{output}");
    Ok(())
}

fn hooks_print_to_files() -> Result {
    chapter!("cli#create");
    let mut bundle = Bundle::busybox().sleeping();
    let kinds = ["createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    for kind in kinds {
        let script = format!("echo {kind}; echo {kind} >&2");
        let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", script]});
        bundle = bundle.set(&format!("/hooks/{kind}/-"), hook);
    }
    bundle = annotated(bundle, "run.oci.hooks.stdout", "@BUNDLE@/out");
    let container = annotated(bundle, "run.oci.hooks.stderr", "@BUNDLE@/err").start()?;
    container.delete_by_force().ok()?;
    for file in ["out", "err"] {
        let text = fs::read_to_string(container.bundle().join(file))?;
        assert_eq!(text.lines().collect::<Vec<_>>(), kinds, "{file}");
    }
    Ok(())
}

fn a_file_for_hooks_that_cannot_be_opened_fails_create() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().hook("createRuntime", "true");
    annotated(bundle, "run.oci.hooks.stdout", "/no/such/file").is_refused("/no/such/file")
}

/// mkdir and mkdirat fail with EXDEV (18), all else is allowed: no architecture is looked at, and
/// the numbers are this machine's.
fn no_mkdir() -> String {
    let [mkdir, mkdirat] = if cfg!(target_arch = "x86_64") { [83, 258] } else { [34, 34] };
    let rows: [(u16, u8, u8, u32); 5] = [
        (0x20, 0, 0, 0),
        (0x15, 1, 0, mkdir),
        (0x15, 0, 1, mkdirat),
        (0x06, 0, 0, 0x0005_0012),
        (0x06, 0, 0, 0x7fff_0000),
    ];
    let bytes = rows.iter().flat_map(|(code, jt, jf, k)| {
        [&code.to_ne_bytes()[..], &[*jt, *jf], &k.to_ne_bytes()].concat()
    });
    base64(&bytes.collect::<Vec<u8>>())
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for sign in 0..4 {
            let value = bits >> (18 - 6 * sign) & 63;
            let there = sign <= three.len();
            text.push(if there { char::from(SIGNS[value as usize]) } else { '=' });
        }
    }
    text
}

fn a_raw_filter_takes_the_profiles_place() -> Result {
    chapter!("config-linux.md#seccomp");
    let kills = json!({"defaultAction": "SCMP_ACT_KILL"});
    let bundle = Bundle::busybox().sleeping().set("/linux/seccomp", kills);
    let container = annotated(bundle, "run.oci.seccomp_bpf_data", &no_mkdir()).start()?;
    let output = container.exec_sh("mkdir /made 2>&1; echo $?");
    assert!(output.stdout.contains("Invalid cross-device link"), "{output}");
    assert!(!container.in_root("made").exists());
    Ok(())
}

fn a_raw_filter_that_is_none_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    for data in ["", "?", "BgAA"] {
        annotated(Bundle::busybox(), "run.oci.seccomp_bpf_data", data)
            .is_refused("run.oci.seccomp_bpf_data")?;
    }
    Ok(())
}

/// A container whose mkdir is asked of a listener that the profile does not name.
fn asking() -> Bundle {
    let rule = json!({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"});
    let filter = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]});
    Bundle::busybox().sleeping().set("/linux/seccomp", filter)
}

fn names_the_container(socket: &DescriptorSocket, container: &Container) -> Result {
    let told: Value = serde_json::from_str(&socket.receive()?.0)?;
    assert_eq!(told["state"]["id"], container.id());
    Ok(())
}

fn the_seccomp_receiver_is_an_annotation() -> Result {
    chapter!("config-linux.md#containerprocessstate");
    shim::needs(shim::LISTENER)?;
    let container = asking().build()?;
    let socket = DescriptorSocket::new(container.directory(), "seccomp.sock")?;
    let path = socket.path().to_string_lossy().into_owned();
    container.reconfigure("/annotations", json!({"run.oci.seccomp.receiver": path}))?;
    container.create().ok()?;
    container.start().ok()?;
    names_the_container(&socket, &container)
}

fn the_seccomp_receiver_is_in_the_environment() -> Result {
    chapter!("config-linux.md#containerprocessstate");
    shim::needs(shim::LISTENER)?;
    let container = asking().build()?;
    let socket = DescriptorSocket::new(container.directory(), "seccomp.sock")?;
    let call = container.create_call().env("RUN_OCI_SECCOMP_RECEIVER", socket.path());
    call.arg(container.id()).run().ok()?;
    container.start().ok()?;
    names_the_container(&socket, &container)
}

fn an_unknown_call_is_refused_on_request() -> Result {
    chapter!("config-linux.md#seccomp");
    let rule = json!({"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"});
    let filter = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]});
    let bundle = || Bundle::busybox().sh("true").set("/linux/seccomp", filter.clone());
    bundle().run()?.ok()?;
    annotated(bundle(), "run.oci.seccomp_fail_unknown_syscall", "1").is_refused("no_such_call")
}

fn the_pidfd_receiver_is_an_annotation() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let socket = DescriptorSocket::new(container.directory(), "pidfd.sock")?;
    let path = socket.path().to_string_lossy().into_owned();
    container.reconfigure("/annotations", json!({"run.oci.pidfd_receiver": path}))?;
    container.create().ok()?;
    let (_, pidfd) = socket.receive()?;
    use std::os::fd::AsRawFd;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let pid = container.pid()?.to_string();
    assert_eq!(host::field(&info, "Pid"), Some(pid.as_str()));
    Ok(())
}

fn the_context_types_are_four() -> Result {
    chapter!("config-linux.md#mount-label");
    let key = "run.oci.mount_context_type";
    annotated(Bundle::busybox().sh("true"), key, "rootcontext").run()?.ok()?;
    annotated(Bundle::busybox(), key, "subcontext").is_refused(key)
}

fn without_a_cgroup_manager_there_is_no_cgroup() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let call = container.rooted_call();
    let call = call.args(["--cgroup-manager", "disabled", "create", "--bundle"]);
    let call = call.arg(container.bundle()).arg(container.id());
    call.streams("container").run().ok()?;
    container.start().ok()?;
    assert_eq!(container.proc_file("cgroup")?, own);
    assert_eq!(container.cgroups(), Vec::<std::path::PathBuf>::new());
    // That there is none is in the state: nobody says so again.
    container.exec_sh("echo inside").says("inside")?;
    container.pause().fails()?;
    assert_eq!(container.status()?, "running");
    container.kill("KILL").ok()?;
    container.wait_for("stopped")?;
    container.delete().ok()?;
    container.left_no_trace()
}

/// Whether the kernel has Landlock, by the runtime's own words.
fn landlocked(bundle: Bundle, domain: &Value) -> Result<Output> {
    let output = annotated(bundle, "org.onggi.landlock", &domain.to_string()).run()?;
    let words = ["the kernel has no Landlock", "and the kernel has"];
    let lacks = words.iter().any(|words| output.text().contains(words));
    host::needs(!lacks, "needs Landlock with all that is asked of it")?;
    Ok(output)
}

const PLACES: &str = "cat /there/file; touch /there/new 2>&1; touch /tmp/new && echo made; \
                      ls /hidden 2>&1; echo > /dev/null && echo null";

fn landlock_leaves_the_paths_that_are_listed() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh(PLACES).directory("hidden").file("there/file", "1\n", 0o644);
    let domain = json!({"readOnly": ["/bin", "/there"], "readWrite": ["/tmp", "/dev/null"]});
    let output = landlocked(bundle, &domain)?;
    let lines = output.lines();
    assert_eq!((lines[0], lines[2], lines[4]), ("1", "made", "null"), "{output}");
    assert!(lines[1].contains("ermission denied") && lines[3].contains("ermission denied"));
    let bundle = Bundle::busybox().sh("true");
    let output = landlocked(bundle, &json!({"readOnly": ["/no/such/path"]}))?;
    output.fails_with("org.onggi.landlock: allow /no/such/path")?;
    Ok(())
}

fn landlock_is_for_exec_too() -> Result {
    chapter!("cli#exec");
    let domain = json!({"readOnly": ["/bin"], "readWrite": ["/tmp", "/dev"]});
    landlocked(Bundle::busybox().sh("true"), &domain)?.ok()?;
    let bundle = Bundle::busybox().sleeping().set("/process/noNewPrivileges", false);
    let container = annotated(bundle, "org.onggi.landlock", &domain.to_string()).start()?;
    let output = container.exec_sh("touch /new 2>&1; touch /tmp/new && echo made").ok()?;
    assert!(output.lines()[0].contains("ermission denied"), "{output}");
    assert_eq!(output.lines()[1], "made");
    Ok(())
}

fn landlock_leaves_the_ports_that_are_listed() -> Result {
    chapter!("cli#create");
    // Nobody listens any more, or somebody is reached.
    let script = "for port in 81 80; do timeout 20 nc -l -p $port < /dev/null 2>&1 & \
                  while sleep 0.05 && kill -0 $! 2> /dev/null; do \
                  nc 127.0.0.1 $port < /dev/null && echo reached $port && break; done; done; wait";
    let bundle = Bundle::busybox().sh(script);
    let output = landlocked(bundle, &json!({"bindTcp": [80]}))?;
    let reached = |port: &str| output.text().contains(&format!("reached {port}"));
    assert!(reached("80") && !reached("81"), "{output}");
    Ok(())
}

fn landlock_words_are_strict() -> Result {
    chapter!("cli#create");
    for words in ["", "{}", r#"{"read": ["/"]}"#, r#"{"scoped": ["everything"]}"#] {
        annotated(Bundle::busybox(), "org.onggi.landlock", words)
            .is_refused("annotations: org.onggi.landlock: ")?;
    }
    Ok(())
}

fn cores_are_the_containers_own_or_it_is_refused() -> Result {
    chapter!("cli#create");
    let key = "org.onggi.sched.core";
    annotated(Bundle::busybox(), key, "yes").is_refused("neither 0 nor 1")?;
    annotated(Bundle::busybox().sh("true"), key, "0").run()?.ok()?;
    let container = annotated(Bundle::busybox().sleeping(), key, "1").build()?;
    let created = container.create();
    if created.code() != Some(0) {
        created.fails_with(key)?;
        container.left_no_trace()?;
        return host::needs(false, "needs core scheduling");
    }
    container.start().ok()?;
    container.exec_sh("true").ok()?;
    Ok(())
}

fn a_device_is_let_through_and_refused_later() -> Result {
    chapter!("cli#update");
    let node = json!({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229});
    let container = Bundle::busybox().sleeping().set("/linux/devices/-", node).start()?;
    let is_refused = || -> Result<bool> {
        let output = container.exec_sh("(: < /dev/fuse) 2>&1; true").ok()?;
        Ok(output.stdout.contains("not permitted"))
    };
    let rule = |rule: &str| {
        let call = container.call("update").args(["--device-rule", rule, container.id()]);
        call.run()
    };
    assert!(is_refused()?);
    rule("allow c 10:229 rw").ok()?;
    assert!(!is_refused()?);
    rule("deny c 10:229 rw").ok()?;
    assert!(is_refused()?);
    // What every container has cannot be taken away.
    rule("deny c 1:3 rwm").ok()?;
    container.exec_sh(": < /dev/null").ok()?;
    rule("allow everything").fails_with("--device-rule")?;
    Ok(())
}

fn stats_tell_the_interfaces_of_an_own_network() -> Result {
    chapter!("cli#events");
    let stats = |container: &Container| -> Result<Value> {
        let output = container.call("events").args(["--stats", container.id()]).run().ok()?;
        let event: Value = serde_json::from_str(&output.stdout)?;
        Ok(event["data"]["network_interfaces"].clone())
    };
    let own = Bundle::busybox().sleeping().start()?;
    assert_eq!(stats(&own)?, json!([]));
    own.exec_sh("true").ok()?;
    let hosts = Bundle::busybox().sleeping().without_namespace("network").start()?;
    assert_eq!(stats(&hosts)?, Value::Null);
    Ok(())
}
