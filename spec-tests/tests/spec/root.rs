//! root and linux.rootfsPropagation, with pivot_root and without.

use std::fs;

use spec_tests::mountinfo::{self, Mount};
use spec_tests::runtime::{Output, Runtime};
use spec_tests::{Bundle, Result, chapter, config, host, shim, tests};

tests![
    a_bind_mount_over_the_root_is_the_root,
    a_tmpfs_over_the_root_starts_with_what_it_covers,
    a_read_only_root_cannot_be_written,
    a_read_only_root_leaves_other_mounts_writable,
    a_read_only_root_keeps_the_hosts_files_writable,
    a_read_only_root_still_gets_its_mount_points,
    a_writable_root_can_be_written,
    a_root_may_be_the_bundle_itself,
    a_root_that_is_a_file_is_refused,
    a_config_without_root_is_refused,
    a_root_keeps_the_flags_of_its_mount,
    the_root_brings_the_mounts_below,
    the_old_root_is_gone,
    the_root_is_private_when_nothing_else_is_configured,
    each_propagation_is_set,
    an_unknown_propagation_is_refused,
    no_pivot_runs_in_the_root,
    no_pivot_hides_the_hosts_proc,
    no_pivot_and_a_read_only_root_go_together,
    no_root_that_is_shared_changes_the_hosts_mounts,
    a_setgid_root_may_have_new_mount_points,
    without_a_mount_namespace_the_root_is_one_mount_of_the_hosts,
    without_a_mount_namespace_a_read_only_root_cannot_be_written,
    without_a_mount_namespace_a_failing_create_unmounts_all,
];

fn root(output: &Output) -> Result<Mount> {
    mountinfo::at(&output.stdout, "/")
}

const TABLE: &str = "cat /proc/self/mountinfo";

fn read_only(script: &str) -> Bundle {
    Bundle::busybox().sh(script).set("/root/readonly", true)
}

fn a_bind_mount_over_the_root_is_the_root() -> Result {
    chapter!("config.md#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let other = Bundle::busybox().file("mark", "other\n", 0o644).build()?;
    let source = other.in_root("").display().to_string();
    let bundle = Bundle::busybox().sh("cat /mark; pwd; ls -d /proc/self; echo > /new");
    let container = over_root(bundle, ("bind", &source), "bind").build()?;
    let output = container.run_call().arg(container.id()).run().ok()?;
    assert_eq!(output.stdout, "other\n/\n/proc/self\n");
    assert!(other.in_root("new").exists() && !container.in_root("new").exists());
    container.left_no_trace()
}

fn a_tmpfs_over_the_root_starts_with_what_it_covers() -> Result {
    chapter!("config.md#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let bundle = Bundle::busybox().sh("echo > /new && stat -f -c %T /; ls -d /proc/self");
    let container = over_root(bundle, ("tmpfs", "tmpfs"), "tmpcopyup").build()?;
    let output = container.run_call().arg(container.id()).run().ok()?;
    assert_eq!(output.stdout, "tmpfs\n/proc/self\n");
    assert!(!container.in_root("new").exists());
    container.left_no_trace()
}

/// The mount comes before the others.
fn over_root(bundle: Bundle, what: (&str, &str), option: &str) -> Bundle {
    let mounts = vec![
        config::mount("/", what, &[option]),
        config::mount("/proc", ("proc", "proc"), &[]),
        config::mount("/dev", ("tmpfs", "tmpfs"), &["mode=755"]),
    ];
    bundle.set("/mounts", mounts)
}

fn a_read_only_root_cannot_be_written() -> Result {
    chapter!("config.md#root");
    let script = "touch /x 2>&1; mkdir /etc/x 2>&1; mount -o remount,rw / 2>&1; true";
    let output = read_only(script).run()?.ok()?;
    let text = output.stdout.matches("Read-only file system").count();
    assert_eq!(text, 2, "{output}");
    assert!(root(&read_only(TABLE).run()?.ok()?)?.has("ro"));
    Ok(())
}

fn a_read_only_root_leaves_other_mounts_writable() -> Result {
    chapter!("config.md#root");
    let bundle = read_only("echo x > /dev/shm/x && echo x > /t/x && echo written");
    bundle.mount("/t", ("tmpfs", "tmpfs"), &[]).run()?.says("written")?;
    Ok(())
}

fn a_read_only_root_keeps_the_hosts_files_writable() -> Result {
    chapter!("config.md#root");
    let container = read_only("true").sleeping().start()?;
    fs::write(container.in_root("written"), "by the host")?;
    assert_eq!(container.exec(["cat", "/written"]).stdout, "by the host");
    Ok(())
}

fn a_read_only_root_still_gets_its_mount_points() -> Result {
    chapter!("config.md#root");
    let bundle = read_only("stat -f -c %T /new/point");
    bundle.mount("/new/point", ("tmpfs", "tmpfs"), &[]).run()?.says("tmpfs")?;
    Ok(())
}

fn a_writable_root_can_be_written() -> Result {
    chapter!("config.md#root");
    let container = Bundle::busybox().sh("echo mine > /x").build()?;
    container.run().ok()?;
    assert_eq!(fs::read_to_string(container.in_root("x"))?, "mine\n");
    Ok(())
}

fn a_root_may_be_the_bundle_itself() -> Result {
    chapter!("config.md#root");
    let container = Bundle::busybox().sh("ls /config.json").build()?;
    for entry in fs::read_dir(container.in_root(""))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        fs::rename(&path, container.bundle().join(name))?;
    }
    container.reconfigure("/root/path", ".")?;
    container.run().says("/config.json")?;
    Ok(())
}

fn a_root_that_is_a_file_is_refused() -> Result {
    chapter!("config.md#root");
    Bundle::busybox().file("../file", "", 0o644).set("/root/path", "file").is_refused("")
}

fn a_config_without_root_is_refused() -> Result {
    chapter!("config.md#root");
    Bundle::busybox().remove("/root").is_refused("")
}

/// Runs where the host has mounted a copy of the root with these options.
fn run_on_mount(bundle: Bundle, options: &str) -> Result<Output> {
    let container = bundle.build()?;
    let script = format!(
        "set -e; mkdir other; mount -t tmpfs none other; cp -a bundle/rootfs/. other; \
         mount -o remount,{options} other; mount --move other bundle/rootfs; exec \"$@\""
    );
    let call = container.run_call().arg(container.id());
    let wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c", &script, "sh"];
    call.under(wrapper).run().ok()
}

fn a_root_keeps_the_flags_of_its_mount() -> Result {
    chapter!("cli#create");
    for readonly in [false, true] {
        let bundle = Bundle::busybox().sh(TABLE).set("/root/readonly", readonly);
        let mount = root(&run_on_mount(bundle, "nosuid,nodev,noatime")?)?;
        assert!(mount.has("noatime"), "{readonly} {mount:?}");
        for word in ["nosuid", "nodev"].iter().filter(|_| !readonly) {
            assert!(mount.has(word), "{word} {mount:?}");
        }
        assert_eq!(mount.has("ro"), readonly, "{mount:?}");
    }
    Ok(())
}

fn the_root_brings_the_mounts_below() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sh("stat -f -c %T /below").directory("below").build()?;
    let script = "mount -t tmpfs none bundle/rootfs/below || exit 1; exec \"$@\"";
    let call = container.run_call().arg(container.id());
    call.under(["unshare", "-m", "sh", "-c", script, "sh"]).run().says("tmpfs")?;
    Ok(())
}

fn the_old_root_is_gone() -> Result {
    chapter!("config.md#root");
    let container = Bundle::busybox().sh("cat /proc/self/mountinfo; ls -a / /..").build()?;
    let output = container.run().ok()?;
    let mounts = mountinfo::parse(&output.stdout);
    let roots = mounts.iter().filter(|mount| mount.point == "/").count();
    assert_eq!(roots, 1, "{output}");
    assert!(!output.stdout.contains("pivot"), "{output}");
    Ok(())
}

fn the_root_is_private_when_nothing_else_is_configured() -> Result {
    chapter!("config-linux.md#rootfs-mount-propagation");
    let mount = root(&Bundle::busybox().sh(TABLE).run()?.ok()?)?;
    assert!(!mount.propagation().contains("shared"), "{mount:?}");
    Ok(())
}

fn each_propagation_is_set() -> Result {
    chapter!("config-linux.md#rootfs-mount-propagation");
    for (word, expected) in [
        ("shared", "shared"),
        ("rshared", "shared"),
        ("private", "private"),
        ("rprivate", "private"),
        ("unbindable", "unbindable"),
        ("runbindable", "unbindable"),
    ] {
        // Nothing of an unbindable root can be bound on itself.
        let bundle = Bundle::busybox()
            .sh(TABLE)
            .remove("/linux/readonlyPaths")
            .remove("/linux/maskedPaths")
            .set("/linux/rootfsPropagation", word);
        let mount = root(&bundle.run()?.ok()?)?;
        assert_eq!(mount.propagation(), expected, "{word} {mount:?}");
    }
    for word in ["slave", "rslave"] {
        let bundle = Bundle::busybox().sh(TABLE).set("/linux/rootfsPropagation", word);
        let mount = root(&bundle.run()?.ok()?)?;
        // A slave of nobody, where the host's mount was private, is private.
        let fine = ["master", "private"].contains(&mount.propagation().as_str());
        assert!(fine, "{word} {mount:?}");
    }
    Ok(())
}

fn an_unknown_propagation_is_refused() -> Result {
    chapter!("config-linux.md#rootfs-mount-propagation");
    Bundle::busybox().set("/linux/rootfsPropagation", "sideways").is_refused("")
}

fn run_without_pivot(bundle: Bundle) -> Result<Output> {
    bundle.build()?.run_with(["--no-pivot"]).ok()
}

fn no_pivot_runs_in_the_root() -> Result {
    chapter!("cli#create");
    let script = "cat /mark; ls /; stat -f -c %t /proc; echo $$";
    let bundle = Bundle::busybox().sh(script).file("mark", "mine\n", 0o644);
    let output = run_without_pivot(bundle)?;
    assert_eq!(output.lines()[0], "mine");
    assert!(output.stdout.contains("9fa0\n1\n"), "{output}");
    Ok(())
}

fn no_pivot_hides_the_hosts_proc() -> Result {
    chapter!("cli#create");
    let output = run_without_pivot(Bundle::busybox().sh(TABLE))?;
    let mounts = mountinfo::parse(&output.stdout);
    let procs = mounts.iter().filter(|mount| mount.kind == "proc");
    // The container's own, and its read-only and masked places.
    let foreign = procs.filter(|mount| !mount.point.starts_with("/proc")).count();
    assert_eq!(foreign, 0, "{output}");
    Ok(())
}

fn no_pivot_and_a_read_only_root_go_together() -> Result {
    chapter!("cli#create");
    let bundle = read_only("touch /x 2>/dev/null || echo read-only");
    assert_eq!(run_without_pivot(bundle)?.stdout, "read-only\n");
    Ok(())
}

/// A host's tree of its own, all shared, with a mount for a root: what is moved or unmounted on the
/// way would be so there too. Whose mount points others remove on the machine does not count.
fn no_root_that_is_shared_changes_the_hosts_mounts() -> Result {
    chapter!("config-linux.md#rootfs-mount-propagation");
    // Mounts on mounts, below /proc and at it: a path leads to the upper one only.
    let script = "set -e; mount --make-rprivate /; mount -t proc proc /proc; \
                  for kind in tmpfs ramfs; do mount -t $kind none /proc/sys/fs; done; \
                  mount --make-rshared /; \
                  mount --bind bundle/rootfs bundle/rootfs; \
                  points() { cut -d ' ' -f 5 /proc/self/mountinfo | \
                  grep -e '^/$' -e ^/proc -e ^/sys -e ^/dev -e \"^$PWD/\"; }; \
                  before=$(points); \"$@\"; after=$(points); \
                  echo \"$before\" | grep -qx \"$PWD/bundle/rootfs\"; \
                  [ \"$before\" != \"$after\" ] || exec echo same; echo \"$before / $after\"";
    for propagation in ["rshared", "shared", "slave", "rslave"] {
        for option in ["--no-pivot", "--no-new-keyring"] {
            let bundle = Bundle::busybox().args(["true"]);
            let container = bundle.set("/linux/rootfsPropagation", propagation).build()?;
            let call = container.run_call().args([option, container.id()]);
            let wrapped = call.under(["unshare", "-m", "sh", "-c", script, "sh"]);
            let told = format!("{propagation} {option}");
            assert_eq!(wrapped.run().ok()?.stdout, "same\n", "{told}");
        }
    }
    Ok(())
}

fn a_setgid_root_may_have_new_mount_points() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh("stat -f -c %T /new/point").mount(
        "/new/point",
        ("tmpfs", "tmpfs"),
        &[],
    );
    let container = bundle.build()?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o2755);
    fs::set_permissions(container.in_root(""), mode)?;
    container.run().says("tmpfs")?;
    Ok(())
}

/// With the host's mounts, as `unshare` has made them, for its own.
fn in_the_hosts_tree(bundle: Bundle, script: &str) -> Result<Output> {
    let bundle = ["maskedPaths", "readonlyPaths"]
        .into_iter()
        .fold(bundle, |bundle, name| bundle.remove(&format!("/linux/{name}")));
    let container = bundle.without_namespace("mount").build()?;
    let script = format!("mount --make-rshared /; {script}; grep -c $PWD/ /proc/self/mountinfo");
    let call = container.run_call().arg(container.id());
    Ok(call.under(["unshare", "-m", "sh", "-c", &script, "sh"]).run())
}

fn without_a_mount_namespace_the_root_is_one_mount_of_the_hosts() -> Result {
    chapter!("config-linux.md#namespaces");
    let bundle = Bundle::busybox().sh("stat -f -c %T /proc");
    let output = in_the_hosts_tree(bundle, "\"$@\"; umount -l bundle/rootfs")?;
    assert_eq!(output.stdout, "proc\n0\n", "{output}");
    Ok(())
}

fn without_a_mount_namespace_a_read_only_root_cannot_be_written() -> Result {
    chapter!("config.md#root");
    let bundle = read_only("touch /new 2>/dev/null || echo refused");
    let script = "\"$@\"; umount -l bundle/rootfs; touch bundle/rootfs/new && echo written";
    let output = in_the_hosts_tree(bundle, script)?;
    assert_eq!(output.stdout, "refused\nwritten\n0\n", "{output}");
    Ok(())
}

fn without_a_mount_namespace_a_failing_create_unmounts_all() -> Result {
    chapter!("runtime.md#errors");
    host::needs(Runtime::get()?.is_onggi(), "other runtimes leave their mounts")?;
    let no_mount = Bundle::busybox().mount("/data", ("nonsense", "none"), &[]);
    let no_program = Bundle::busybox().args(["/missing"]);
    for bundle in [no_mount, no_program] {
        let output = in_the_hosts_tree(bundle, "\"$@\" && echo made")?;
        assert_eq!(output.stdout, "0\n", "{output}");
    }
    Ok(())
}
