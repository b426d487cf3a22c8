//! process.user and process.capabilities: who the program is, and what it may do.

use serde_json::json;
use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    the_ids_are_the_configured_ones,
    cve_2022_36109_the_groups_are_exactly_the_configured_ones,
    the_callers_groups_are_dropped,
    cve_2016_3697_a_passwd_entry_named_like_the_id_changes_nothing,
    the_streams_belong_to_the_user,
    umask_is_the_configured_one,
    umask_is_0022_when_not_configured,
    cve_2016_8867_each_capability_set_is_the_configured_one,
    no_capabilities_means_none,
    cve_2018_10856_another_user_keeps_only_ambient_capabilities,
    an_unknown_capability_is_warned_of,
    an_ambient_capability_that_cannot_be_is_warned_of,
];

fn ids(uid: u32, gid: u32) -> serde_json::Value {
    json!({"uid": uid, "gid": gid})
}

fn the_ids_are_the_configured_ones() -> Result {
    chapter!("config.md#posix-platform-user");
    let container = Bundle::busybox().sleeping().set("/process/user", ids(1000, 2000)).start()?;
    let four = |id: &str| [id; 4].join("\t");
    assert_eq!(container.proc_status("Uid")?, four("1000"));
    assert_eq!(container.proc_status("Gid")?, four("2000"));
    Ok(())
}

fn cve_2022_36109_the_groups_are_exactly_the_configured_ones() -> Result {
    chapter!("config.md#posix-platform-user");
    let user = json!({"uid": 1000, "gid": 2000, "additionalGids": [5, 70, 3]});
    let container = Bundle::busybox().sleeping().set("/process/user", user).start()?;
    assert_eq!(container.proc_status("Groups")?, "3 5 70");
    Ok(())
}

fn the_callers_groups_are_dropped() -> Result {
    chapter!("config.md#posix-platform-user");
    host::program("setpriv")?;
    let container = Bundle::busybox().sleeping().build()?;
    let call = container.create_call().arg(container.id());
    call.under(["setpriv", "--groups", "4,24"]).run().ok()?;
    container.start().ok()?;
    assert_eq!(container.proc_status("Groups")?, "");
    Ok(())
}

fn cve_2016_3697_a_passwd_entry_named_like_the_id_changes_nothing() -> Result {
    chapter!("config.md#posix-platform-user");
    let bundle = Bundle::busybox().sh("id -u; id -g").set("/process/user", ids(1000, 1000));
    let bundle = bundle.file("etc/passwd", "1000:x:0:0::/:/bin/sh\n", 0o644);
    let output = bundle.file("etc/group", "1000:x:0:\n", 0o644).run()?.ok()?;
    assert_eq!(output.stdout, "1000\n1000\n");
    Ok(())
}

fn the_streams_belong_to_the_user() -> Result {
    chapter!("cli#run");
    let script = "echo out > /proc/self/fd/1; echo err > /proc/self/fd/2";
    let bundle = Bundle::busybox().sh(script).set("/process/user", ids(1000, 1000));
    let output = bundle.run()?.ok()?;
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    Ok(())
}

fn umask_is_the_configured_one() -> Result {
    chapter!("config.md#posix-platform-user");
    let bundle = Bundle::busybox().sh("umask").set("/process/user/umask", 0o027);
    bundle.run()?.says("0027")?;
    Ok(())
}

fn umask_is_0022_when_not_configured() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sh("umask; stat -c %a /dev/null /dev/pts").build()?;
    let call = container.run_call().arg(container.id()).after_shell("umask 077;");
    assert_eq!(call.run().ok()?.stdout, "0022\n666\n755\n");
    Ok(())
}

const CHOWN: u64 = 1 << 0;
const KILL: u64 = 1 << 5;
const NET_RAW: u64 = 1 << 13;
const SYS_CHROOT: u64 = 1 << 18;

fn set_of(container: &Container, name: &str) -> Result<u64> {
    Ok(u64::from_str_radix(&container.proc_status(name)?, 16)?)
}

fn cve_2016_8867_each_capability_set_is_the_configured_one() -> Result {
    chapter!("config.md#linux-process");
    let bundle = Bundle::busybox()
        .sleeping()
        .capabilities(&["bounding"], &["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_CHROOT"])
        .capabilities(&["permitted", "effective"], &["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"])
        .capabilities(&["inheritable"], &["CAP_KILL", "CAP_NET_RAW"])
        .capabilities(&["ambient"], &["CAP_KILL"]);
    let container = bundle.set("/process/user/uid", 1000).start()?;
    for (set, expected) in [
        ("CapBnd", CHOWN | KILL | NET_RAW | SYS_CHROOT),
        ("CapInh", KILL | NET_RAW),
        ("CapAmb", KILL),
        // The kernel's rule of execve(2) for a program of another user.
        ("CapPrm", KILL),
        ("CapEff", KILL),
    ] {
        assert_eq!(set_of(&container, set)?, expected, "{set}");
    }
    Ok(())
}

fn no_capabilities_means_none() -> Result {
    chapter!("config.md#linux-process");
    let container = Bundle::busybox().sleeping().remove("/process/capabilities").start()?;
    for set in ["CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"] {
        assert_eq!(set_of(&container, set)?, 0, "{set}");
    }
    Ok(())
}

fn cve_2018_10856_another_user_keeps_only_ambient_capabilities() -> Result {
    chapter!("config.md#linux-process");
    let bundle = Bundle::busybox().sleeping().set("/process/user", ids(1000, 1000));
    let container = bundle.start()?;
    for set in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
        assert_eq!(set_of(&container, set)?, 0, "{set}");
    }
    assert_ne!(set_of(&container, "CapBnd")?, 0);
    Ok(())
}

fn an_unknown_capability_is_warned_of() -> Result {
    chapter!("config.md#linux-process");
    let sets = ["bounding", "effective", "permitted"];
    let bundle = Bundle::busybox().sh("echo ran").capabilities(&sets, &["CAP_KILL", "CAP_BOGUS"]);
    let output = bundle.run()?.says("ran")?;
    assert!(output.stderr.contains("CAP_BOGUS"), "{output}");
    Ok(())
}

fn an_ambient_capability_that_cannot_be_is_warned_of() -> Result {
    chapter!("config.md#linux-process");
    let container =
        Bundle::busybox().sleeping().capabilities(&["ambient"], &["CAP_KILL"]).build()?;
    container.run_detached().ok()?;
    assert_eq!(set_of(&container, "CapAmb")?, 0);
    assert_eq!(set_of(&container, "CapInh")?, 0);
    Ok(())
}
