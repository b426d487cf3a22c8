//! `mounts add` and `mounts remove`: what a container that runs sees more, and no longer.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use spec_tests::mountinfo;
use spec_tests::output::Output;
use spec_tests::{Bundle, Container, Result, chapter, shim, tests};

tests![
    mounts_of_each_kind_are_added,
    mounts_are_added_to_a_created_container,
    mounts_are_added_in_a_user_namespace,
    added_mounts_are_removed_by_their_destinations,
    a_mount_that_cannot_be_made_leaves_none,
    a_link_of_the_container_leads_no_mount_outside,
    nothing_is_added_over_proc,
    what_is_no_mount_cannot_be_removed,
    the_root_cannot_be_removed,
    a_stopped_container_gets_no_mounts,
];

fn change(container: &Container, action: &str, mounts: &Value) -> Output {
    let call = container.call("mounts").args([action, container.id(), "-"]);
    call.stdin(&mounts.to_string()).run()
}

fn bind(container: &Container, destination: &str, options: &[&str]) -> Value {
    let source = container.directory().join("shared");
    fs::create_dir_all(&source).unwrap_or_else(|error| panic!("{error}"));
    fs::write(source.join("file"), "of the host\n").unwrap_or_else(|error| panic!("{error}"));
    let options = [&["rbind"], options].concat();
    json!({"destination": destination, "type": "bind", "source": source, "options": options})
}

fn mounts_of_each_kind_are_added() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().start()?;
    let file = container.directory().join("shared/file");
    let mounts = json!([
        bind(&container, "/added", &["ro", "nosuid"]),
        {"destination": "/new/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]},
        {"destination": "/one", "type": "bind", "source": file, "options": ["bind"]},
        {"destination": "/processes", "type": "proc", "source": "proc"},
    ]);
    change(&container, "add", &mounts).ok()?;
    let script = "cat /added/file /one; test -d /processes/1 && echo 1; cat /proc/self/mountinfo";
    let output = container.exec_sh(script).ok()?;
    assert_eq!(output.lines()[..3], ["of the host", "of the host", "1"]);
    let added = mountinfo::at(&output.stdout, "/added")?;
    assert!(added.has("ro") && added.has("nosuid"), "{added:?}");
    assert!(mountinfo::at(&output.stdout, "/new/tmp")?.has_data("size=64k"));
    Ok(())
}

fn mounts_are_added_to_a_created_container() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sh("cat /added/file > /seen").create()?;
    change(&container, "add", &json!([bind(&container, "/added", &[])])).ok()?;
    container.start().ok()?;
    assert_eq!(container.wait_for_file("seen")?, "of the host\n");
    Ok(())
}

fn mounts_are_added_in_a_user_namespace() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().in_user_namespace(100_000).start()?;
    let tmpfs = json!({"destination": "/t", "type": "tmpfs", "source": "tmpfs"});
    change(&container, "add", &json!([bind(&container, "/added", &[]), tmpfs])).ok()?;
    let output = container.exec_sh("cat /added/file; stat -f -c %T /t").ok()?;
    assert_eq!(output.lines(), ["of the host", "tmpfs"]);
    Ok(())
}

fn added_mounts_are_removed_by_their_destinations() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().start()?;
    let file = container.directory().join("shared/file");
    let one = json!({"destination": "/one", "type": "bind", "source": file, "options": ["bind"]});
    let mounts = json!([bind(&container, "/added", &[]), one]);
    change(&container, "add", &mounts).ok()?;
    let places = json!([{"destination": "/added"}, {"destination": "one"}]);
    change(&container, "remove", &places).ok()?;
    let output = container.exec_sh("ls -A /added; cat /one; cat /proc/self/mountinfo").ok()?;
    assert!(mountinfo::at(&output.stdout, "/added").is_err(), "{output}");
    assert!(mountinfo::at(&output.stdout, "/one").is_err(), "{output}");
    assert_eq!(fs::read_to_string(file)?, "of the host\n");
    Ok(())
}

fn a_mount_that_cannot_be_made_leaves_none() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().start()?;
    let wrong = json!({"destination": "/t", "type": "tmpfs", "source": "t", "options": ["no=1"]});
    let mounts = json!([bind(&container, "/added", &[]), wrong]);
    change(&container, "add", &mounts).fails_with("/t")?;
    let output = container.exec_sh("cat /proc/self/mountinfo").ok()?;
    assert!(mountinfo::at(&output.stdout, "/added").is_err(), "{output}");
    for (mounts, words) in [
        (json!([{"destination": "/x", "options": ["remount"]}]), "remount adds no mount"),
        (json!([{"destination": "/x", "type": "bind"}]), "source"),
        (json!({"destination": "/x"}), "read the mounts"),
    ] {
        change(&container, "add", &mounts).fails_with(words)?;
    }
    Ok(())
}

fn a_link_of_the_container_leads_no_mount_outside() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().start()?;
    let canary = container.directory().join("canary");
    fs::create_dir(&canary)?;
    symlink(&canary, container.in_root("absolute"))?;
    symlink("../../../canary", container.in_root("relative"))?;
    for link in ["/absolute/x", "/relative/x"] {
        change(&container, "add", &json!([bind(&container, link, &[])])).ok()?;
    }
    assert_eq!(fs::read_dir(&canary)?.count(), 0);
    Ok(())
}

fn nothing_is_added_over_proc() -> Result {
    chapter!("cli#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = Bundle::busybox().sleeping().start()?;
    symlink("/proc/self", container.in_root("link"))?;
    change(&container, "add", &json!([bind(&container, "/elsewhere", &[])])).ok()?;
    for destination in ["/proc", "/proc/self", "/link"] {
        change(&container, "add", &json!([bind(&container, destination, &[])])).fails()?;
    }
    let output = container.exec_sh("cat /proc/self/mountinfo").ok()?;
    assert_eq!(output.stdout.matches("/shared ").count(), 1, "{output}");
    Ok(())
}

fn what_is_no_mount_cannot_be_removed() -> Result {
    chapter!("cli#mounts");
    let container = Bundle::busybox().directory("plain").sleeping().start()?;
    for (place, words) in [("/plain", "is not a mount point"), ("/nowhere", "/nowhere")] {
        change(&container, "remove", &json!([{"destination": place}])).fails_with(words)?;
    }
    Ok(())
}

fn the_root_cannot_be_removed() -> Result {
    chapter!("cli#mounts");
    let container = Bundle::busybox().sleeping().start()?;
    for place in ["/", "", "/../."] {
        change(&container, "remove", &json!([{"destination": place}])).fails_with("destination")?;
    }
    container.exec_sh("true").ok()?;
    Ok(())
}

fn a_stopped_container_gets_no_mounts() -> Result {
    chapter!("cli#mounts");
    let container = Bundle::busybox().sh("true").start()?;
    container.wait_for("stopped")?;
    let mounts = json!([bind(&container, "/added", &[])]);
    change(&container, "add", &mounts).fails_with("container not running")?;
    Ok(())
}
