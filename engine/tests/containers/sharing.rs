//! What containers have in common, and what each has alone.

use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn containers_in_one_network_share_its_files_and_its_host_name() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "first", "-h", "web", "busybox", "sleep", "86400"]);
    dok.ok(&["exec", "first", "sh", "-c", "echo 192.0.2.7 db >> /etc/hosts"]);
    let script = "cat /etc/hostname /etc/hosts";
    let joined = ["run", "--network=container:first", "busybox", "sh", "-c", script];
    let said = dok.ok(&joined);
    assert!(said.starts_with("web\n") && said.contains("192.0.2.7 db\n"), "{said}");
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(dok.ok(&["run", "--network=host", "busybox", "cat", "/etc/hostname"]), own);
}

#[test]
fn shared_memory_is_anothers_where_that_one_offers_it() {
    let Some(dok) = Dok::new() else { return };
    for (name, mode) in [("open", "shareable"), ("shut", "private")] {
        let ipc = format!("--ipc={mode}");
        dok.ok(&["run", "-d", NONE, &ipc, "--name", name, "busybox", "sleep", "86400"]);
        dok.ok(&["exec", name, "sh", "-c", "echo mine > /dev/shm/file"]);
    }
    let read = |other: &str| {
        let ipc = format!("--ipc=container:{other}");
        dok.dok(&["run", "--rm", NONE, &ipc, "busybox", "cat", "/dev/shm/file"])
    };
    assert_eq!(read("open").out, "mine\n");
    let refused = read("shut");
    assert_eq!(refused.code, Some(125), "{refused:?}");
    assert!(refused.err.contains("non-shareable IPC"), "{refused:?}");
    dok.ok(&["rm", "-f", "open"]);
}

#[test]
fn the_files_of_the_network_are_there_whatever_is_mounted_above_them() {
    let Some(dok) = Dok::new() else { return };
    let above =
        dok.ok(&["run", NONE, "-h", "web", "-v", "/etc", "busybox", "cat", "/etc/hostname"]);
    assert_eq!(above, "web\n");
    let script = "echo x >> /etc/hosts";
    let locked = dok.dok(&["run", NONE, "--read-only", "busybox", "sh", "-c", script]);
    assert!(locked.err.contains("Read-only file system"), "{locked:?}");
}

#[test]
fn a_variable_without_a_value_here_is_taken_away_inside() {
    let Some(dok) = Dok::new() else { return };
    let words =
        ["run", NONE, "-e", "HOSTNAME", "-e", "A=b", "busybox", "cat", "/proc/self/environ"];
    let mut command = dok.command(&words);
    command.env_remove("HOSTNAME");
    let said = command.output().unwrap();
    let told = String::from_utf8_lossy(&said.stdout);
    assert!(told.contains("\0A=b\0") && !told.contains("HOSTNAME"), "{told}");
}

#[test]
fn a_volume_with_options_is_what_they_name() {
    let Some(dok) = Dok::new() else { return };
    let folder = dok.root().with_file_name("served");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("file"), "there\n").unwrap();
    let device = format!("device={}", folder.display());
    dok.ok(&["volume", "create", "-o", "type=none", "-o", &device, "-o", "o=bind", "served"]);
    let read = ["run", "-d", NONE, "--name", "box", "-v", "served:/x", "busybox", "sleep", "86400"];
    dok.ok(&read);
    assert_eq!(dok.ok(&["exec", "box", "cat", "/x/file"]), "there\n");
    dok.ok(&["restart", "-t", "0", "box"]);
    assert_eq!(dok.ok(&["exec", "box", "cat", "/x/file"]), "there\n");
    dok.ok(&["stop", "-t", "0", "box"]);
    assert!(
        dok.ok(&["cp", "box:/x/file", "-"]).contains("there\n"),
        "it is seen without a run too"
    );
    let mine = folder.with_file_name("mine");
    std::fs::write(&mine, "mine\n").unwrap();
    dok.ok(&["cp", mine.to_str().unwrap(), "box:/x/mine"]);
    assert_eq!(std::fs::read_to_string(folder.join("mine")).unwrap(), "mine\n");
    dok.ok(&["rm", "-f", "-v", "box"]);
    let options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=33"];
    dok.ok(&[&["volume", "create"], &options[..], &["small"]].concat());
    let mounts = dok.ok(&["run", "--rm", NONE, "-v", "small:/x", "busybox", "cat", "/proc/mounts"]);
    let line = mounts.lines().find(|line| line.contains(" /x ")).unwrap_or_default();
    assert!(
        line.starts_with("tmpfs /x tmpfs rw") && line.contains("size=1024k,uid=33"),
        "{mounts}"
    );
    let shown = dok.ok(&["volume", "inspect", "-f", "{{.Options}}", "small"]);
    assert_eq!(shown, "map[device:tmpfs o:size=1m,uid=33 type:tmpfs]\n");
    for source in ["", "src=fresh,"] {
        let options = "volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs";
        let mount =
            format!("type=volume,{source}dst=/data,{options},\"volume-opt=o=size=2m,uid=33\"");
        let words = ["run", "--rm", NONE, "--mount", &mount, "busybox", "sh", "-c"];
        let said =
            dok.ok(&[&words[..], &["grep /data /proc/mounts; cat /data/below/file"]].concat());
        assert!(said.contains("size=2048k,uid=33"), "{said}");
        assert!(said.ends_with("of the image\n"), "{said}");
    }
    let shown = dok.ok(&["volume", "inspect", "-f", "{{.Options}}", "fresh"]);
    assert_eq!(shown, "map[device:tmpfs o:size=2m,uid=33 type:tmpfs]\n");
    let other = ["create", "--mount", "type=volume,src=far,dst=/x,volume-driver=far", "busybox"];
    dok.refused(1, &other, "plugin \"far\" not found");
    let left = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let own = dok.run_folder().display().to_string();
    assert!(!left.lines().any(|line| line.contains(&own) && line.contains("/parts/")), "{left}");
    assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "there\n");
}

#[test]
fn what_is_made_for_mounts_is_no_change_of_the_container() {
    let Some(dok) = Dok::new() else { return };
    let script = "test -f /.dockerenv && readlink /etc/mtab";
    let words = ["run", NONE, "--name", "box", "-t", "--init", "busybox", "sh", "-c", script];
    assert_eq!(dok.ok(&words), "/proc/mounts\r\n");
    assert_eq!(dok.ok(&["diff", "box"]), "");
    dok.ok(&["run", NONE, "--name", "other", "busybox", "sh", "-c", "echo x > /etc/mine"]);
    assert_eq!(dok.ok(&["diff", "other"]), "C /etc\nA /etc/mine\n");
}
