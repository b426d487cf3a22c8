//! mounts.options: every word, checked in the container's own mountinfo.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use serde_json::json;
use spec_tests::mountinfo::{self, Mount};
use spec_tests::output::Output;
use spec_tests::runtime::Runtime;
use spec_tests::{Bundle, Container, Result, chapter, host, shim, tests};

tests![
    each_flag_is_set_on_a_file_system,
    each_flag_is_cleared_by_its_opposite,
    each_flag_is_set_on_a_bind_mount,
    a_bind_mount_with_flags_has_no_others,
    a_bind_mount_keeps_its_sources_flags_in_a_user_namespace,
    a_flag_of_the_source_is_taken_back_by_its_word_in_a_user_namespace,
    words_for_access_times_are_one_setting,
    words_for_access_times_take_back,
    nosymfollow_is_set,
    nosymfollow_of_the_source_ends_with_the_first_word,
    a_bind_mount_without_flags_keeps_the_sources,
    ro_does_not_reach_the_mounts_below,
    each_recursive_flag_reaches_the_mounts_below,
    each_recursive_flag_is_cleared_below,
    recursive_access_times_reach_the_mounts_below,
    other_words_are_the_file_systems_data,
    an_escaped_comma_belongs_to_a_path_of_overlayfs,
    data_that_the_file_system_does_not_know_is_refused,
    data_of_a_bind_mount_is_refused,
    a_tmpfs_has_the_mode_of_its_directory,
    a_tmpfs_with_a_mode_has_that_mode,
    a_read_only_tmpfs_is_read_only,
    a_read_only_dev_has_its_devices,
    tmpcopyup_copies_the_directory,
    tmpcopyup_of_a_missing_directory_is_empty,
    tmpcopyup_and_read_only_go_together,
    each_propagation_is_set,
    mounts_of_the_host_reach_a_shared_mount,
    mounts_of_the_host_reach_a_slave_mount,
    mounts_of_the_host_do_not_reach_a_private_mount,
    mounts_of_a_shared_mount_reach_the_host,
    an_idmapped_mount_shifts_the_owners,
    mappings_alone_make_an_idmapped_mount,
    idmap_without_mappings_takes_the_containers,
    idmap_does_not_reach_the_mounts_below,
    ridmap_reaches_the_mounts_below,
    idmap_of_one_kind_alone_is_refused,
];

const TABLE: &str = "cat /proc/self/mountinfo";

fn at(output: &Output, point: &str) -> Result<Mount> {
    mountinfo::at(&output.stdout, point)
}

/// Runs one container with a tmpfs `/mN` per row, and gives the mounts in that order.
fn tmpfs_rows(rows: &[&[&str]]) -> Result<Vec<Mount>> {
    let add = |bundle: Bundle, (number, options): (usize, &&[&str])| {
        bundle.mount(&format!("/m{number}"), ("tmpfs", "tmpfs"), options)
    };
    let bundle = rows.iter().enumerate().fold(Bundle::busybox().sh(TABLE), add);
    let output = bundle.run()?.ok()?;
    (0..rows.len()).map(|number| at(&output, &format!("/m{number}"))).collect()
}

fn each_flag_is_set_on_a_file_system() -> Result {
    chapter!("config.md#linux-mount-options");
    const WORDS: [&str; 10] = [
        "ro",
        "nosuid",
        "nodev",
        "noexec",
        "noatime",
        "nodiratime",
        "relatime",
        "sync",
        "dirsync",
        "lazytime",
    ];
    let rows: Vec<[&str; 1]> = WORDS.map(|word| [word]).to_vec();
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 1]>::as_slice).collect();
    for (mount, word) in tmpfs_rows(&rows)?.iter().zip(WORDS) {
        assert!(mount.has(word) || mount.has_data(word), "{word}: {mount:?}");
    }
    let strict = &tmpfs_rows(&[&["strictatime"]])?[0];
    assert!(!strict.has("relatime") && !strict.has("noatime"), "{strict:?}");
    Ok(())
}

fn each_flag_is_cleared_by_its_opposite() -> Result {
    chapter!("config.md#linux-mount-options");
    const PAIRS: [[&str; 2]; 9] = [
        ["ro", "rw"],
        ["nosuid", "suid"],
        ["nodev", "dev"],
        ["noexec", "exec"],
        ["noatime", "atime"],
        ["nodiratime", "diratime"],
        ["sync", "async"],
        ["lazytime", "nolazytime"],
        ["strictatime", "nostrictatime"],
    ];
    let rows: Vec<&[&str]> = PAIRS.iter().map(<[&str; 2]>::as_slice).collect();
    for (mount, [word, _]) in tmpfs_rows(&rows)?.iter().zip(PAIRS) {
        assert!(!mount.has(word) && !mount.has_data(word), "{word}: {mount:?}");
    }
    Ok(())
}

const FLAGS: [&str; 6] = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"];

fn each_flag_is_set_on_a_bind_mount() -> Result {
    chapter!("config.md#linux-mount-options");
    let add = |bundle: Bundle, word: &&str| bundle.bind("host", &format!("/m-{word}"), &[word]);
    let bundle = Bundle::busybox().sh(TABLE).directory("../host");
    let output = FLAGS.iter().fold(bundle, add).run()?.ok()?;
    for word in FLAGS {
        let mount = at(&output, &format!("/m-{word}"))?;
        assert!(mount.has(word), "{word}: {mount:?}");
    }
    Ok(())
}

/// A call of `run` where the script of the host's shell made mounts; it stands in the test's
/// directory, above `bundle`.
fn run_after(container: &Container, script: &str) -> Result<Output> {
    let script = format!("set -e; {script}; exec \"$@\"");
    let call = container.run_call().arg(container.id());
    call.under(["unshare", "-m", "sh", "-c", &script, "sh"]).run().ok()
}

const HARDENED: &str = "mount -t tmpfs -o nosuid,nodev,noexec,noatime none bundle/host";

/// `/mnt`, bound with these words from a tmpfs whose mount has these flags.
fn bound(bundle: Bundle, flags: &str, words: &[&str]) -> Result<Mount> {
    let container = bundle.sh(TABLE).directory("../host").bind("host", "/mnt", words).build()?;
    let script = format!(
        "mount -t tmpfs -o rw,strictatime none bundle/host; \
         mount --bind -o remount,{flags} bundle/host"
    );
    at(&run_after(&container, &script)?, "/mnt")
}

fn has_and_has_not(mount: &Mount, has: &[&str], has_not: &[&str]) {
    for word in has {
        assert!(mount.has(word), "lacks {word}: {mount:?}");
    }
    for word in has_not {
        assert!(!mount.has(word), "has {word}: {mount:?}");
    }
}

fn a_bind_mount_with_flags_has_no_others() -> Result {
    chapter!("cli#create");
    let flags = "nosuid,nodev,noexec,noatime";
    let read_only = bound(Bundle::busybox(), flags, &["ro"])?;
    has_and_has_not(&read_only, &["ro", "noatime"], &["nosuid", "nodev", "noexec"]);
    let writable = bound(Bundle::busybox(), "ro,nodev", &["nosuid", "rprivate"])?;
    has_and_has_not(&writable, &["rw", "nosuid"], &["ro", "nodev"]);
    let named = bound(Bundle::busybox(), "ro,nosuid,nodev", &["rw"])?;
    has_and_has_not(&named, &["rw"], &["nosuid", "nodev"]);
    Ok(())
}

fn a_bind_mount_keeps_its_sources_flags_in_a_user_namespace() -> Result {
    chapter!("cli#create");
    let inside = || Bundle::busybox().in_user_namespace(100_000);
    let read_only = bound(inside(), "nosuid,nodev,noexec,noatime", &["ro"])?;
    has_and_has_not(&read_only, &["ro", "nosuid", "nodev", "noexec", "noatime"], &[]);
    let implied = bound(inside(), "ro", &["nosuid", "nodev"])?;
    has_and_has_not(&implied, &["ro", "nosuid", "nodev"], &[]);
    Ok(())
}

/// Where root of the namespace may not: the kernel locks the source's flags there.
fn a_flag_of_the_source_is_taken_back_by_its_word_in_a_user_namespace() -> Result {
    chapter!("cli#create");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    const FLAGS: [&str; 5] = ["ro", "nosuid", "nodev", "noexec", "noatime"];
    for (flag, word) in FLAGS.iter().zip(["rw", "suid", "dev", "exec", "strictatime"]) {
        let bundle = Bundle::busybox().in_user_namespace(100_000);
        let mount = bound(bundle, &FLAGS.join(","), &[word])?;
        let others: Vec<&str> = FLAGS.into_iter().filter(|other| other != flag).collect();
        has_and_has_not(&mount, &others, &[flag]);
    }
    Ok(())
}

fn words_for_access_times_are_one_setting() -> Result {
    chapter!("cli#create");
    let directories = bound(Bundle::busybox(), "noatime", &["nodiratime"])?;
    has_and_has_not(&directories, &["nodiratime", "relatime"], &["noatime"]);
    let strict = bound(Bundle::busybox(), "nodiratime", &["strictatime"])?;
    has_and_has_not(&strict, &[], &["nodiratime", "relatime", "noatime"]);
    let both = bound(Bundle::busybox(), "noatime", &["nodiratime", "strictatime"])?;
    has_and_has_not(&both, &["nodiratime"], &["noatime", "relatime"]);
    Ok(())
}

fn words_for_access_times_take_back() -> Result {
    chapter!("cli#create");
    let files = bound(Bundle::busybox(), "noatime", &["atime"])?;
    has_and_has_not(&files, &["relatime"], &["noatime"]);
    let directories = bound(Bundle::busybox(), "nodiratime", &["diratime"])?;
    has_and_has_not(&directories, &[], &["nodiratime"]);
    Ok(())
}

fn nosymfollow_is_set() -> Result {
    chapter!("config.md#linux-mount-options");
    let script = "ln -s /bin/busybox /m/link; cat /m/link > /dev/null 2>&1 || echo refused; \
                  ln -s /bin/busybox /n/link; cat /n/link > /dev/null && echo followed";
    let bundle = Bundle::busybox().sh(script).mount("/m", ("tmpfs", "tmpfs"), &["nosymfollow"]);
    let options = ["nosymfollow", "symfollow"];
    let output = bundle.mount("/n", ("tmpfs", "tmpfs"), &options).run()?;
    assert_eq!(output.ok()?.lines(), ["refused", "followed"]);
    Ok(())
}

fn nosymfollow_of_the_source_ends_with_the_first_word() -> Result {
    chapter!("cli#create");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let inside = || Bundle::busybox().in_user_namespace(100_000);
    for bundle in [Bundle::busybox(), inside()] {
        has_and_has_not(&bound(bundle, "nosymfollow", &["dev"])?, &[], &["nosymfollow"]);
    }
    for bundle in [Bundle::busybox(), inside()] {
        has_and_has_not(&bound(bundle, "nosymfollow", &[])?, &["nosymfollow"], &[]);
    }
    Ok(())
}

fn a_bind_mount_without_flags_keeps_the_sources() -> Result {
    chapter!("cli#create");
    let bundle = Bundle::busybox().sh(TABLE).directory("../host");
    let container = bundle.bind("host", "/mnt", &["rprivate"]).build()?;
    let mount = at(&run_after(&container, HARDENED)?, "/mnt")?;
    for word in ["nosuid", "nodev", "noexec", "noatime"] {
        assert!(mount.has(word), "{word}: {mount:?}");
    }
    Ok(())
}

/// Runs with `/mnt` and `/mnt/sub` bound from a tmpfs tree of the host with these flags.
fn run_with_tree(host_flags: &str, options: &[&str]) -> Result<(Mount, Mount)> {
    let bundle = Bundle::busybox().sh(TABLE).directory("../host");
    let options = [&["rbind"], options].concat();
    let container = bundle.mount("/mnt", ("none", "host"), &options).build()?;
    let script = format!(
        "mount -t tmpfs -o {host_flags} none bundle/host; \
         mount -o remount,rw bundle/host; mkdir bundle/host/sub; \
         mount -o remount,{host_flags} bundle/host; \
         mount -t tmpfs -o {host_flags} none bundle/host/sub"
    );
    let output = run_after(&container, &script)?;
    Ok((at(&output, "/mnt")?, at(&output, "/mnt/sub")?))
}

fn ro_does_not_reach_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    let (mount, below) = run_with_tree("rw", &["ro"])?;
    assert!(mount.has("ro") && below.has("rw"), "{mount:?} {below:?}");
    Ok(())
}

fn each_recursive_flag_reaches_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    for word in ["ro", "nosuid", "nodev", "noexec"] {
        let recursive = format!("r{word}");
        let (mount, below) = run_with_tree("rw", &[&recursive])?;
        assert!(mount.has(word), "{recursive}: {mount:?}");
        assert!(below.has(word), "{recursive}: {below:?}");
    }
    Ok(())
}

fn each_recursive_flag_is_cleared_below() -> Result {
    chapter!("config.md#linux-mount-options");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let flags = "ro,nosuid,nodev,noexec";
    let options = ["rrw", "rsuid", "rdev", "rexec"];
    let (mount, below) = run_with_tree(flags, &options)?;
    for word in flags.split(',') {
        assert!(!mount.has(word), "{word}: {mount:?}");
        assert!(!below.has(word), "{word}: {below:?}");
    }
    Ok(())
}

fn recursive_access_times_reach_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let (_, below) = run_with_tree("rw", &["rnodiratime"])?;
    assert!(below.has("nodiratime"), "{below:?}");
    let (_, below) = run_with_tree("nodiratime", &["rdiratime"])?;
    assert!(!below.has("nodiratime"), "{below:?}");
    let (_, below) = run_with_tree("rw", &["rnoatime"])?;
    assert!(below.has("noatime"), "{below:?}");
    let (_, below) = run_with_tree("noatime", &["rrelatime"])?;
    assert!(below.has("relatime"), "{below:?}");
    let (_, below) = run_with_tree("noatime", &["rstrictatime"])?;
    assert!(!below.has("noatime") && !below.has("relatime"), "{below:?}");
    Ok(())
}

fn other_words_are_the_file_systems_data() -> Result {
    chapter!("config.md#posix-platform-mounts");
    let rows = tmpfs_rows(&[&["size=4096k", "nr_inodes=100", "mode=711", "uid=7", "gid=8"]])?;
    for datum in ["size=4096k", "nr_inodes=100", "mode=711", "uid=7", "gid=8"] {
        assert!(rows[0].has_data(datum), "{datum} {:?}", rows[0]);
    }
    Ok(())
}

fn an_escaped_comma_belongs_to_a_path_of_overlayfs() -> Result {
    chapter!("config.md#posix-platform-mounts");
    let known = fs::read_to_string("/proc/filesystems")?.contains("overlay");
    host::needs(known, "no overlay in /proc/filesystems")?;
    let bundle = Bundle::busybox().sh("cat /mnt/file").directory("../b");
    let bundle = bundle.file("../a,b/file", "below a comma\n", 0o644);
    let lower = [r"lowerdir=@BUNDLE@/a\,b:@BUNDLE@/b"];
    let output = bundle.mount("/mnt", ("overlay", "overlay"), &lower).run()?.ok()?;
    assert_eq!(output.stdout, "below a comma\n");
    Ok(())
}

fn data_that_the_file_system_does_not_know_is_refused() -> Result {
    chapter!("config.md#posix-platform-mounts");
    Bundle::busybox().mount("/mnt", ("tmpfs", "tmpfs"), &["flavour=sweet"]).is_refused("mnt")
}

fn data_of_a_bind_mount_is_refused() -> Result {
    chapter!("cli#create");
    Bundle::busybox().directory("../host").bind("host", "/mnt", &["size=1m"]).is_refused("")
}

fn tmpfs_over_directory(options: &[&str]) -> Result<Output> {
    let bundle = Bundle::busybox().sh("stat -c %a /there").directory("there").mount(
        "/there",
        ("tmpfs", "tmpfs"),
        options,
    );
    let container = bundle.build()?;
    fs::set_permissions(container.in_root("there"), PermissionsExt::from_mode(0o711))?;
    container.run().ok()
}

fn a_tmpfs_has_the_mode_of_its_directory() -> Result {
    chapter!("cli#create");
    assert_eq!(tmpfs_over_directory(&["nosuid"])?.stdout, "711\n");
    Ok(())
}

fn a_tmpfs_with_a_mode_has_that_mode() -> Result {
    chapter!("cli#create");
    assert_eq!(tmpfs_over_directory(&["mode=750"])?.stdout, "750\n");
    Ok(())
}

fn a_read_only_tmpfs_is_read_only() -> Result {
    chapter!("config.md#linux-mount-options");
    let bundle = Bundle::busybox().sh("touch /m/x 2>/dev/null || echo read-only").mount(
        "/m",
        ("tmpfs", "tmpfs"),
        &["ro"],
    );
    bundle.run()?.says("read-only")?;
    Ok(())
}

fn a_read_only_dev_has_its_devices() -> Result {
    chapter!("config-linux.md#default-devices");
    let script = "test -c /dev/null && test -c /dev/tty && test -L /dev/ptmx && echo there; \
                  touch /dev/x 2>/dev/null || echo read-only; \
                  test -d /dev/pts && test -d /dev/shm && echo both";
    let bundle = Bundle::busybox()
        .sh(script)
        .set("/mounts/1/options", ["nosuid", "ro", "mode=755"].to_vec())
        .set("/mounts/1/destination", "/dev");
    let output = bundle.run()?.ok()?;
    assert_eq!(output.lines(), ["there", "read-only", "both"]);
    Ok(())
}

fn tmpcopyup_copies_the_directory() -> Result {
    chapter!("config.md#linux-mount-options");
    let script = "cat /there/one /there/deep/two; stat -c %a /there/one; readlink /there/link; \
                  echo more > /there/three; stat -f -c %T /there";
    let bundle = Bundle::busybox()
        .sh(script)
        .file("there/one", "1\n", 0o640)
        .file("there/deep/two", "2\n", 0o644)
        .mount("/there", ("tmpfs", "tmpfs"), &["tmpcopyup"]);
    let container = bundle.build()?;
    std::os::unix::fs::symlink("one", container.in_root("there/link"))?;
    let output = container.run().ok()?;
    assert_eq!(output.lines(), ["1", "2", "640", "one", "tmpfs"]);
    assert!(!container.in_root("there/three").exists());
    Ok(())
}

fn tmpcopyup_of_a_missing_directory_is_empty() -> Result {
    chapter!("config.md#linux-mount-options");
    let bundle = Bundle::busybox().sh("ls -A /new | wc -l").mount(
        "/new",
        ("tmpfs", "tmpfs"),
        &["tmpcopyup"],
    );
    bundle.run()?.says("0")?;
    Ok(())
}

fn tmpcopyup_and_read_only_go_together() -> Result {
    chapter!("config.md#linux-mount-options");
    let bundle = Bundle::busybox()
        .sh("cat /there/one; touch /there/x 2>/dev/null || echo read-only")
        .file("there/one", "1\n", 0o640)
        .mount("/there", ("tmpfs", "tmpfs"), &["tmpcopyup", "ro"]);
    let output = bundle.run()?.ok()?;
    assert_eq!(output.lines(), ["1", "read-only"]);
    Ok(())
}

fn each_propagation_is_set() -> Result {
    chapter!("config.md#linux-mount-options");
    let rows: [(&str, &str); 6] = [
        ("private", "private"),
        ("rprivate", "private"),
        ("unbindable", "unbindable"),
        ("runbindable", "unbindable"),
        ("shared", "shared"),
        ("rshared", "shared"),
    ];
    let words: Vec<[&str; 1]> = rows.map(|(word, _)| [word]).to_vec();
    let words: Vec<&[&str]> = words.iter().map(<[&str; 1]>::as_slice).collect();
    for (mount, (word, expected)) in tmpfs_rows(&words)?.iter().zip(rows) {
        assert_eq!(mount.propagation(), expected, "{word}: {mount:?}");
    }
    Ok(())
}

/// A container whose `/mnt` is a bind mount of a shared tmpfs of the host, and what is left of the
/// path of that tmpfs.
fn with_shared(option: &str, script: &str) -> Result<Container> {
    let bundle = Bundle::busybox().sh(script).directory("../host");
    let sets = ["bounding", "effective", "permitted"];
    let bundle = bundle.capabilities(&sets, &["CAP_SYS_ADMIN", "CAP_KILL"]).mount(
        "/mnt",
        ("none", "host"),
        &["rbind", option],
    );
    let container = bundle.build()?;
    let host = container.bundle().join("host");
    let path = host.to_string_lossy();
    host_mount(&["-t", "tmpfs", "none", &path])?;
    host_mount(&["--make-shared", &path])?;
    fs::create_dir(host.join("later"))?;
    Ok(container)
}

fn host_mount(words: &[&str]) -> Result {
    let status = std::process::Command::new("mount").args(words).status()?;
    host::needs(status.success(), &format!("needs mount {words:?}"))
}

const SLEEP: &str = "while :; do sleep 1000 & wait $!; done";

/// Whether a mount that the host makes after the start is seen inside.
fn later_mount_is_seen(option: &str) -> Result<bool> {
    let container = with_shared(option, SLEEP)?;
    // As engines do: a root that is private may cut all below it off.
    let root = if option == "rshared" { "rshared" } else { "rslave" };
    container.reconfigure("/linux/rootfsPropagation", root)?;
    container.create().ok()?;
    container.start().ok()?;
    let later = container.bundle().join("host/later");
    host_mount(&["-t", "tmpfs", "none", &later.to_string_lossy()])?;
    fs::write(later.join("file"), "x")?;
    let seen = container.exec(["test", "-e", "/mnt/later/file"]).code();
    container.delete_by_force().ok()?;
    Ok(seen == Some(0))
}

fn mounts_of_the_host_reach_a_shared_mount() -> Result {
    chapter!("config.md#linux-mount-options");
    assert!(later_mount_is_seen("rshared")?);
    Ok(())
}

fn mounts_of_the_host_reach_a_slave_mount() -> Result {
    chapter!("config.md#linux-mount-options");
    assert!(later_mount_is_seen("rslave")?);
    Ok(())
}

fn mounts_of_the_host_do_not_reach_a_private_mount() -> Result {
    chapter!("config.md#linux-mount-options");
    assert!(!later_mount_is_seen("rprivate")?);
    Ok(())
}

fn mounts_of_a_shared_mount_reach_the_host() -> Result {
    chapter!("config.md#linux-mount-options");
    Runtime::get()?.shares_mounts()?;
    let script = format!("mount -t tmpfs none /mnt/later && touch /mnt/later/inside; {SLEEP}");
    for (option, expected) in [("rshared", true), ("rslave", false)] {
        let container = with_shared(option, &script)?;
        container.reconfigure("/linux/rootfsPropagation", "rshared")?;
        container.create().ok()?;
        container.start().ok()?;
        container.exec_sh("until test -e /mnt/later/inside; do sleep 0.01; done").ok()?;
        let seen = container.bundle().join("host/later/inside").exists();
        assert_eq!(seen, expected, "{option}");
        container.delete_by_force().ok()?;
    }
    Ok(())
}

/// `TMPFS_MAGIC` of linux/magic.h: mounts of a tmpfs can have other ids since Linux 6.3.
const TMPFS_MAGIC: i64 = 0x0102_1994;

fn shifted(host: u32) -> serde_json::Value {
    json!([{"containerID": 0, "hostID": host, "size": 1000}])
}

/// A file `host/one` of user 5 and group 6, bound to `/mnt` with these properties.
fn idmapped(bundle: Bundle, options: &[&str], maps: &[&str]) -> Result<Container> {
    if rustix::fs::statfs(std::env::temp_dir())?.f_type == TMPFS_MAGIC {
        host::linux(6, 3)?;
    }
    let mut mount = json!({
        "destination": "/mnt", "type": "none", "source": "@BUNDLE@/host",
        "options": ([&["rbind"], options].concat()),
    });
    for map in maps {
        mount[map] = shifted(50_000);
    }
    let bundle = bundle.file("../host/one", "", 0o644);
    let container = bundle.set("/mounts/-", mount).build()?;
    chown(container.bundle().join("host/one"), Some(5), Some(6))?;
    Ok(container)
}

const BOTH: [&str; 2] = ["uidMappings", "gidMappings"];
const OWNER: &str = "stat -c %u:%g /mnt/one";

fn an_idmapped_mount_shifts_the_owners() -> Result {
    chapter!("config.md#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = idmapped(Bundle::busybox().sh(OWNER), &["idmap"], &BOTH)?;
    container.run().says("50005:50006")?;
    Ok(())
}

fn mappings_alone_make_an_idmapped_mount() -> Result {
    chapter!("config.md#mounts");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let container = idmapped(Bundle::busybox().sh(OWNER), &[], &BOTH)?;
    container.run().says("50005:50006")?;
    Ok(())
}

fn idmap_without_mappings_takes_the_containers() -> Result {
    chapter!("cli#create");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    let bundle = Bundle::busybox().sh(OWNER).in_user_namespace(100_000);
    // Owned by 5 on the disk, and by 5 inside of the namespace.
    let container = idmapped(bundle, &["idmap"], &[])?;
    container.run().says("5:6")?;
    Ok(())
}

/// The owner of a file below, on a tmpfs that the host mounted.
fn owner_below(option: &str) -> Result<String> {
    let bundle = Bundle::busybox().sh("stat -c %u:%g /mnt/sub/two");
    let bundle = bundle.directory("../host/sub");
    let container = idmapped(bundle, &[option], &BOTH)?;
    let script = "mount -t tmpfs none bundle/host/sub; touch bundle/host/sub/two; \
                  chown 5:6 bundle/host/sub/two";
    Ok(run_after(&container, script)?.stdout.trim().to_owned())
}

fn idmap_does_not_reach_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    assert_eq!(owner_below("idmap")?, "5:6");
    Ok(())
}

fn ridmap_reaches_the_mounts_below() -> Result {
    chapter!("config.md#linux-mount-options");
    shim::needs(shim::MOUNT_ATTRIBUTES)?;
    host::linux(6, 3)?;
    assert_eq!(owner_below("ridmap")?, "50005:50006");
    Ok(())
}

fn idmap_of_one_kind_alone_is_refused() -> Result {
    chapter!("config.md#mounts");
    for kind in BOTH {
        let container = idmapped(Bundle::busybox(), &["idmap"], &[kind])?;
        container.create().fails()?;
        container.left_no_trace()?;
    }
    Ok(())
}
