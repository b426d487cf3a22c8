//! Volumes, binds, and the files that dok writes.

use super::setting::Dok;

const NONE: &str = "--network=none";

#[test]
fn a_new_volume_gets_the_images_files_and_keeps_what_is_written() {
    let Some(dok) = Dok::new() else { return };
    let write = "cat /data/below/file; echo mine > /data/mine";
    let first = dok.ok(&["run", "--rm", NONE, "-v", "kept:/data", "busybox", "sh", "-c", write]);
    assert_eq!(first, "of the image\n");
    let volume = dok.store().volume("kept").unwrap().unwrap();
    let link = std::fs::read_link(volume.mountpoint.join("link")).unwrap();
    assert_eq!(link.to_str(), Some("/etc/shadow"), "a link is copied and not followed");
    let second =
        dok.ok(&["run", "--rm", NONE, "-v", "kept:/data:ro", "busybox", "cat", "/data/mine"]);
    assert_eq!(second, "mine\n");
    let refused = dok.dok(&[
        "run",
        "--rm",
        NONE,
        "-v",
        "kept:/data:ro",
        "busybox",
        "sh",
        "-c",
        "echo x > /data/x",
    ]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
}

#[test]
fn a_volume_without_a_name_goes_with_its_container() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "--rm", NONE, "-v", "/own", "busybox", "true"]);
    assert!(dok.store().volume_names().unwrap().is_empty());
    dok.ok(&["create", "--name", "box", NONE, "-v", "/own", "busybox", "true"]);
    assert_eq!(dok.store().volume_names().unwrap().len(), 1);
    dok.ok(&["rm", "-v", "box"]);
    assert!(dok.store().volume_names().unwrap().is_empty());
}

#[test]
fn names_hosts_limits_and_rights_are_as_asked_for() {
    let Some(dok) = Dok::new() else { return };
    let run = |flags: &[&str], script: &str| {
        let words = [&["run", "--rm", NONE], flags, &["busybox", "sh", "-c", script]].concat();
        dok.ok(&words)
    };
    assert_eq!(run(&["-h", "box"], "cat /etc/hostname"), "box\n");
    assert!(run(&["--add-host", "db:10.0.0.7"], "cat /etc/hosts").contains("10.0.0.7\tdb\n"));
    assert_eq!(
        run(&["--dns", "9.9.9.9"], "cat /etc/resolv.conf").lines().next(),
        Some("nameserver 9.9.9.9")
    );
    assert_eq!(run(&["--ulimit", "nofile=64:128"], "ulimit -n"), "64\n");
    let status = "cat /proc/self/status";
    assert!(run(&["--cap-drop", "ALL"], status).contains("CapEff:\t0000000000000000"));
    assert!(run(&[], status).contains("Seccomp:\t2"));
    assert!(run(&["--security-opt", "seccomp=unconfined"], status).contains("Seccomp:\t0"));
    assert!(run(&["--security-opt", "no-new-privileges"], status).contains("NoNewPrivs:\t1"));
    assert_eq!(run(&["--tmpfs", "/t:size=1m"], "echo x > /t/x && cat /t/x"), "x\n");
    assert_eq!(run(&["--read-only"], "echo x > /x || echo no").trim(), "no");
    assert_eq!(run(&["--entrypoint", "echo"], ""), "sh -c \n");
}

#[test]
fn a_container_on_the_default_network_has_an_address_that_hosts_tells() {
    let Some(dok) = Dok::new() else { return };
    let said = dok.apart(&["run", "--rm", "-h", "box", "busybox", "cat", "/etc/hosts"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let own = said.out.lines().find(|line| line.ends_with("\tbox")).unwrap_or_default();
    assert!(own.starts_with("172."), "{said:?}");
    let said = dok.apart(&["run", "--rm", "busybox", "cat", "/proc/net/route"]);
    assert!(said.out.contains("eth0\t00000000"), "{said:?}");
    let alone = dok.apart(&["run", "--rm", NONE, "busybox", "cat", "/proc/net/route"]);
    assert!(alone.code == Some(0) && !alone.out.contains("eth0"), "{alone:?}");
}

#[test]
fn a_part_of_a_volume_is_mounted_and_no_link_leads_out_of_it() {
    let Some(dok) = Dok::new() else { return };
    let fill = "busybox mkdir -p /v/a/b; echo in > /v/a/b/file; busybox ln -s /etc /v/out; busybox ln -s a/b /v/in";
    let all = ["run", "--rm", NONE, "-v", "data:/v", "busybox", "sh", "-c", fill];
    dok.ok(&all);
    let part = |part: &str, script: &str| {
        let mount = format!("src=data,dst=/p,readonly,volume-subpath={part}");
        dok.dok(&["run", "--rm", NONE, "--mount", &mount, "busybox", "sh", "-c", script])
    };
    assert_eq!(part("a", "cat /p/b/file").out, "in\n");
    assert_eq!(part("a/b/file", "cat /p").out, "in\n");
    assert_eq!(part("in", "cat /p/file").out, "in\n");
    assert_ne!(part("a", "echo x > /p/b/file").code, Some(0), "it was to be read only");
    for (wrong, words) in [
        ("nosuch", "cannot access path nosuch"),
        ("out", "cannot access path out"),
        ("../data", "subpath must be a relative path"),
        ("/etc", "subpath must be a relative path"),
    ] {
        let said = part(wrong, "true");
        assert!(said.code == Some(125) && said.err.contains(words), "{wrong}: {said:?}");
    }
}

#[test]
fn of_a_part_of_a_volume_nobody_sees_more() {
    let Some(dok) = Dok::new() else { return };
    let fill = "busybox mkdir -p /v/a /v/empty; echo in > /v/a/file; echo out > /v/file";
    dok.ok(&["run", "--rm", NONE, "-v", "data:/v", "busybox", "sh", "-c", fill]);
    let volume = dok.store().volume("data").unwrap().unwrap().mountpoint;
    let host = dok.root().with_file_name("host");
    std::fs::write(&host, "of the host\n").unwrap();
    let part = "src=data,dst=/p,volume-subpath=a";
    dok.ok(&["create", NONE, "--name", "box", "--mount", part, "busybox"]);
    let archive = dok.ok(&["cp", "box:/p/file", "-"]);
    assert!(archive.contains("in\n") && !archive.contains("out\n"), "{archive}");
    dok.ok(&["cp", host.to_str().unwrap(), "box:/p/new"]);
    assert!(volume.join("a/new").exists() && !volume.join("new").exists());
    let seen = ["run", "--rm", NONE, "--volumes-from", "box", "busybox", "cat", "/p/file"];
    assert_eq!(dok.ok(&seen), "in\n");
    let empty = "src=data,dst=/data,volume-subpath=empty";
    let copied = ["run", "--rm", NONE, "--mount", empty, "busybox", "cat", "/data/below/file"];
    assert_eq!(dok.ok(&copied), "of the image\n");
    assert!(volume.join("empty/below").exists() && !volume.join("below").exists());
}

#[test]
fn what_is_mounted_below_a_source_is_as_read_only_as_it_unless_asked_for() {
    let Some(dok) = Dok::new() else { return };
    let folder = dok.root().join("outer");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    let below = folder.join("below");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "tmpfs"])
        .arg(&below)
        .status()
        .unwrap();
    assert!(mounted.success());
    let writes = |options: &str| {
        let mount = format!("type=bind,src={},dst=/o,readonly{options}", folder.display());
        let script = "echo x > /o/below/file";
        dok.dok(&["run", "--rm", NONE, "--mount", &mount, "busybox", "sh", "-c", script]).code
    };
    let seen = [
        writes(""),
        writes(",bind-recursive=readonly,bind-propagation=rprivate"),
        writes(",bind-recursive=writable"),
    ];
    let unmounted = std::process::Command::new("umount").arg(&below).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(seen.map(|code| code == Some(0)), [false, false, true], "{seen:?}");
}

#[test]
fn a_folder_of_the_host_that_went_is_made_again_where_it_would_have_been_made() {
    let Some(dok) = Dok::new() else { return };
    let [short, long] = ["short", "long"].map(|name| dok.root().with_file_name(name));
    let (volume, mount) =
        (format!("{}:/x", short.display()), format!("type=bind,src={},dst=/x", long.display()));
    std::fs::create_dir(&long).unwrap();
    dok.ok(&["create", NONE, "--name", "one", "-v", &volume, "busybox", "test", "-d", "/x"]);
    dok.ok(&["create", NONE, "--name", "two", "--mount", &mount, "busybox", "true"]);
    for folder in [&short, &long] {
        std::fs::remove_dir(folder).unwrap();
    }
    dok.ok(&["start", "-a", "one"]);
    assert!(short.is_dir());
    dok.refused(1, &["start", "two"], &long.display().to_string());
    assert!(!long.exists());
}

#[test]
fn a_volume_is_filled_once_and_when_its_container_is_created() {
    let Some(dok) = Dok::new() else { return };
    let words = ["create", "--rm", NONE, "-v", "vol:/data", "--name", "web", "busybox"];
    dok.ok(&[&words[..], &["sh", "-c", "ls /data; rm -r /data/*"]].concat());
    let look = ["run", "--rm", NONE, "-v", "vol:/v", "busybox", "cat", "/v/below/file"];
    assert_eq!(dok.ok(&look), "of the image\n");
    let file = dok.run_folder().with_file_name("file");
    std::fs::write(&file, "mine\n").unwrap();
    dok.ok(&["cp", file.to_str().unwrap(), "web:/data/mine"]);
    assert_eq!(dok.ok(&["start", "-a", "web"]), "below\nlink\nmine\n");
    let empties = ["busybox", "sh", "-c", "ls /data; rm -r /data/*"];
    dok.ok(&[&["create", NONE, "-v", "vol:/data", "--name", "again"], &empties[..]].concat());
    assert_eq!(dok.ok(&["start", "-a", "again"]), "below\nlink\n");
    assert_eq!(dok.dok(&["start", "-a", "again"]).out, "", "nothing comes back");
}

#[test]
fn a_folder_is_found_from_where_one_stands() {
    let Some(dok) = Dok::new() else { return };
    let here = dok.run_folder().with_file_name("here");
    std::fs::create_dir(&here).unwrap();
    std::fs::write(here.join("file"), "of here\n").unwrap();
    for asked in
        ["--mount=type=bind,src=.,dst=/w", "--mount=type=bind,src=../here,dst=/w", "-v.:/w"]
    {
        let mut command = dok.direct(&["run", "--rm", NONE, asked, "busybox", "cat", "/w/file"]);
        let said = command.current_dir(&here).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout), "of here\n", "{asked}: {said:?}");
    }
    let words = ["create", "--mount=type=bind,src=here,dst=/w", "busybox"];
    dok.refused(1, &words, "invalid mount path: 'here' mount path must be absolute");
}

#[test]
fn mounts_go_out_only_where_the_host_lets_them() {
    let Some(dok) = Dok::new() else { return };
    let private = dok.run_folder().with_file_name("private");
    std::fs::create_dir(&private).unwrap();
    let tmpfs = rustix::mount::MountFlags::empty();
    rustix::mount::mount("none", &private, "tmpfs", tmpfs, None).unwrap();
    let none = rustix::mount::MountPropagationFlags::PRIVATE;
    rustix::mount::mount_change(&private, none).unwrap();
    let place = private.display();
    for (kind, needed) in [("rshared", "shared"), ("slave", "shared or slave")] {
        let volume = format!("{place}:/x:{kind}");
        let words = ["run", "--rm", NONE, "-v", &volume, "busybox", "true"];
        let told = format!("path {place} is mounted on {place} but it is not a {needed} mount");
        dok.refused(125, &words, &told);
    }
    rustix::mount::unmount(&private, rustix::mount::UnmountFlags::empty()).unwrap();
}
