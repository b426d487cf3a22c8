//! `cp`: files into containers and out of them, whether they run or not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Instant;

use onggi_engine::model::{State, Status};
use onggi_engine::store::durable::Durability;

use crate::patience::PATIENCE;
use crate::setting::Dok;

const NONE: &str = "--network=none";

/// A folder of the host beside the store.
fn folder(dok: &Dok) -> std::path::PathBuf {
    let folder = dok.root().with_file_name("host");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_file_goes_in_and_comes_back() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    let file = host.join("file");
    fs::write(&file, "words\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
    std::os::unix::fs::chown(&file, Some(12), Some(13)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4751)).unwrap();
    let (file, back) = (file.to_str().unwrap(), host.join("back"));
    dok.ok(&["run", "-d", NONE, "--name", "up", "busybox", "sleep", "86400"]);
    dok.ok(&["create", NONE, "--name", "down", "-v", "/own", "-u", "web", "busybox"]);
    for (container, place) in [("up", "/tmp"), ("up", "/tmp/new"), ("down", "/own/new")] {
        let inside = format!("{container}:{place}");
        let said = dok.dok(&["cp", "-q=false", file, &inside]);
        assert!(said.err.starts_with("Successfully copied "), "{said:?}");
        assert!(said.err.ends_with(&format!("kB to {inside}\n")), "{said:?}");
        let inside = if place == "/tmp" { "up:tmp/file" } else { &inside };
        dok.ok(&["cp", "-a", inside, back.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(&back).unwrap(), "words\n");
        let about = back.metadata().unwrap();
        assert_eq!((about.mode() & 0o7777, about.uid(), about.gid()), (0o4751, 12, 13));
        fs::remove_file(&back).unwrap();
    }
    assert_eq!(dok.ok(&["exec", "up", "cat", "/tmp/file", "/tmp/new"]), "words\nwords\n");
    dok.ok(&["cp", "up:/tmp/file", back.to_str().unwrap()]);
    assert_eq!(back.metadata().unwrap().uid(), 0, "it is for who asked");
    dok.ok(&["cp", "-a", file, "down:/tmp/"]);
    dok.ok(&["cp", "-a", "down:/tmp/file", back.to_str().unwrap()]);
    assert_eq!(back.metadata().unwrap().uid(), 33, "it is for the container's user");
    assert_eq!(
        dok.ok(&["run", "--rm", NONE, "--volumes-from", "down", "busybox", "ls", "/own"]),
        "new\n"
    );
}

#[test]
fn folders_and_their_content_are_two_things() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    fs::create_dir_all(host.join("tree/sub")).unwrap();
    fs::write(host.join("tree/sub/.wh.name"), "a name\n").unwrap();
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let tree = host.join("tree");
    let tree = tree.to_str().unwrap();
    dok.ok(&["cp", tree, "box:/tmp"]);
    dok.ok(&["cp", tree, "box:/tmp/other"]);
    dok.ok(&["cp", &format!("{tree}/."), "box:/tmp"]);
    let out = host.join("out");
    fs::create_dir(&out).unwrap();
    dok.ok(&["cp", "box:/tmp/.", out.to_str().unwrap()]);
    for name in ["tree/sub", "other/sub", "sub"] {
        let path = out.join(name).join(".wh.name");
        assert_eq!(fs::read_to_string(path).unwrap(), "a name\n", "{name}");
    }
    let refused = |from: &str, to: &str, words| dok.refused(1, &["cp", from, to], words);
    refused("box:/nope", "-", "Could not find the file /nope in container box");
    refused(tree, "box:/nope/deep", "Could not find the file /nope in container box");
    refused(tree, "box:/etc/passwd", "cannot copy directory");
    refused("box:/etc/passwd/", tree, "not a directory");
    refused("box:/etc/passwd", "/nope/deep", "directory \"/nope\" does not exist");
    refused("box:/etc", "box:/tmp", "copying between containers is not supported");
    refused("/etc", "/tmp", "must specify at least one container source");
    refused("ghost:/etc", "-", "No such container: ghost");
    fs::write(host.join("sub"), "no folder\n").unwrap();
    let file = host.join("sub");
    refused(file.to_str().unwrap(), "box:/tmp", "cannot overwrite directory sub");
}

#[test]
fn archives_go_through_the_standard_streams() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let archive = dok.ok(&["cp", "box:/data", "-"]);
    let names = ["data/", "data/below/", "data/below/file", "data/link"];
    let mut read = tar::Archive::new(archive.as_bytes());
    let entries = read.entries().unwrap().map(|entry| entry.unwrap().path_bytes().into_owned());
    let entries: Vec<_> = entries.map(|name| String::from_utf8(name).unwrap()).collect();
    assert_eq!(entries, names);
    dok.dok_reading(&archive, &["cp", "-", "box:/tmp"]);
    let back = host.join("back");
    dok.ok(&["cp", "box:/tmp/data/below/file", back.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&back).unwrap(), "of the image\n");
    let said = dok.dok_reading(&archive, &["cp", "-", "box:/nope"]);
    assert!(said.err.contains("destination \"box:/nope\" must be a directory"), "{said:?}");
}

#[test]
fn no_link_leads_out() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    let secret = host.join("secret");
    fs::write(&secret, "of the host\n").unwrap();
    let (out, outside) = (host.join("out"), host.to_str().unwrap());
    symlink(&host, host.join("link")).unwrap();
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    dok.ok(&["cp", &format!("{outside}/link"), "box:/tmp/link"]);
    dok.ok(&["cp", "box:/tmp/link", out.to_str().unwrap()]);
    assert_eq!(fs::read_link(&out).unwrap(), host, "the link, not what it leads to");
    let stolen = dok.dok(&["cp", "box:/tmp/link/secret", "-"]);
    assert!(stolen.err.contains("Could not find the file /tmp/link/secret"), "{stolen:?}");
    assert_eq!(stolen.out, "");
    let followed = dok.dok(&["cp", "-L", "box:/tmp/link", "-"]);
    assert_eq!(followed.code, Some(1), "{followed:?}");
    let passwd = dok.root().join("passwd");
    fs::write(&passwd, "mine\n").unwrap();
    let planted = dok.dok(&["cp", passwd.to_str().unwrap(), "box:/tmp/link/planted"]);
    assert_eq!(planted.code, Some(1), "{planted:?}");
    assert!(!host.join("planted").exists());
}

/// CVE-2018-15664 and its kin: a program in the container exchanges a folder for a link to the
/// host's while files are copied. Wherever a path goes, it goes inside.
#[test]
fn a_folder_that_becomes_a_link_meanwhile_leads_nowhere_else() {
    let Some(dok) = Dok::new() else { return };
    exchange_a_folder_for_a_link(&dok, "private", "");
}

/// Where the container sees the host's processes, a link of /proc leads to what one of them sees.
#[test]
fn a_folder_that_becomes_a_link_of_proc_meanwhile_leads_nowhere_else() {
    let Some(dok) = Dok::new() else { return };
    exchange_a_folder_for_a_link(&dok, "host", &format!("/proc/{}/root", std::process::id()));
}

fn exchange_a_folder_for_a_link(dok: &Dok, pids: &str, root: &str) {
    let host = folder(dok);
    let outside = host.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "of the host\n").unwrap();
    let shown = outside.to_str().unwrap();
    let script = format!(
        "mv() {{ busybox mv \"$@\"; }}; busybox mkdir -p /tmp/real {shown}; \
         echo inside >/tmp/real/file; echo inside >{shown}/file; \
         busybox ln -s {root}{shown} /tmp/link; mv /tmp/real /tmp/swap; \
         while :; do mv /tmp/swap /tmp/away; mv /tmp/link /tmp/swap; \
         mv /tmp/swap /tmp/link; mv /tmp/away /tmp/swap; done"
    );
    let seen = if pids == "host" { &["--pid", "host"][..] } else { &[] };
    let words = [&["run", "-d", NONE, "--name", "box"], seen, &["busybox", "sh", "-c", &script]];
    dok.ok(&words.concat());
    let planted = host.join("planted");
    fs::write(&planted, "planted\n").unwrap();
    let (mut out, mut back) = (0, 0);
    let deadline = Instant::now() + PATIENCE;
    for number in 0.. {
        // What falls upon the link comes to nothing.
        let is_enough = number >= 40 && out > 3 && back > 3;
        if is_enough || Instant::now() > deadline {
            break;
        }
        let target = host.join(format!("out{number}"));
        if dok.dok(&["cp", "box:/tmp/swap/file", target.to_str().unwrap()]).code == Some(0) {
            assert_eq!(fs::read_to_string(&target).unwrap(), "inside\n");
            out += 1;
        }
        let said = dok.dok(&["cp", planted.to_str().unwrap(), "box:/tmp/swap/planted"]);
        back += u32::from(said.code == Some(0));
        let said = dok.dok(&["cp", "-L", "box:/tmp/swap", target.to_str().unwrap()]);
        if said.code == Some(0) && target.join("swap/file").exists() {
            assert_eq!(fs::read_to_string(target.join("swap/file")).unwrap(), "inside\n");
        }
    }
    assert!(out > 3 && back > 3, "{out} came out, {back} went in");
    let names: Vec<_> = fs::read_dir(&outside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["file"], "nothing is planted outside");
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "of the host\n");
}

#[test]
fn a_link_of_proc_leads_to_nothing_of_the_hosts() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    fs::write(host.join("canary"), "of the host\n").unwrap();
    let link = format!("ln -s /proc/{}/root{} /out", std::process::id(), host.display());
    let script = format!("/bin/busybox {link}; exec sleep 86400");
    let seen =
        &["run", "-d", NONE, "--name", "up", "--pid", "host", "busybox", "sh", "-c", &script];
    dok.ok(seen);
    dok.ok(&["exec", "up", "sh", "-c", "until test -L /out; do :; done"]);
    let said = dok.dok(&["cp", "up:/out/canary", "-"]);
    assert!(said.code != Some(0) && !said.out.contains("of the host"), "{said:?}");
    fs::write(host.join("more"), "").unwrap();
    let said = dok.dok(&["cp", host.join("more").to_str().unwrap(), "up:/out/below"]);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert_eq!(fs::read_dir(&host).unwrap().count(), 2);
}

/// The container has ended and its monitor is about to write it down.
#[test]
fn a_process_that_got_the_number_of_a_containers_is_not_taken_for_it() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    fs::write(host.join("canary"), "of the host\n").unwrap();
    dok.ok(&["create", NONE, "--name", "web", "busybox", "sleep", "86400"]);
    let store = dok.store();
    let id = store.container("web").unwrap().id;
    let monitor = store.become_monitor(&id).unwrap();
    let (pid, boot) = (std::process::id(), onggi_engine::store::boot());
    let state = State { status: Status::Running, pid, pid_begun: 1, boot, ..State::default() };
    store.write_state(&id, &state, Durability::Passing).unwrap();
    let said = dok.dok(&["cp", &format!("web:{}/canary", host.display()), "-"]);
    assert!(said.code != Some(0) && !said.out.contains("of the host"), "{said:?}");
    assert!(said.err.contains("has just ended"), "{said:?}");
    store.write_state(&id, &State::default(), Durability::Passing).unwrap();
    drop(monitor);
}

#[test]
fn a_device_of_the_host_is_not_written_over() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let fifo = folder(&dok).join("special");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let said = dok.dok(&["cp", "box:/etc/passwd", fifo.to_str().unwrap()]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("must be a directory or a regular file"), "{said:?}");
    assert!(!fifo.metadata().unwrap().is_file());
}

#[test]
fn a_file_goes_where_a_link_leads_though_nothing_is_there() {
    let Some(dok) = Dok::new() else { return };
    let file = folder(&dok).join("file");
    fs::write(&file, "words\n").unwrap();
    let links = "ln -s /tmp/new /tmp/link; ln -s other /tmp/near";
    dok.ok(&["run", "--name", "box", NONE, "busybox", "busybox", "sh", "-c", links]);
    for (link, target) in [("link", "new"), ("near", "other")] {
        dok.ok(&["cp", file.to_str().unwrap(), &format!("box:/tmp/{link}")]);
        let back = folder(&dok).join(target);
        dok.ok(&["cp", &format!("box:/tmp/{target}"), back.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(&back).unwrap(), "words\n", "{link}");
    }
}

#[test]
fn an_archive_may_be_compressed_and_a_path_may_not_be_empty() {
    let Some(dok) = Dok::new() else { return };
    let host = folder(&dok);
    fs::write(host.join("file"), "words\n").unwrap();
    dok.ok(&["create", NONE, "--name", "box", "busybox"]);
    let place = host.to_str().unwrap();
    let script = format!("tar -C {place} -czf - file | \"$0\" \"$@\"");
    let inner = dok.command(&["cp", "-", "box:/tmp"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).arg(inner.get_program()).args(inner.get_args());
    assert!(shell.status().unwrap().success());
    let back = host.join("back");
    dok.ok(&["cp", "box:/tmp/file", back.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&back).unwrap(), "words\n");
    for (from, to) in [("box:", place), (place, "box:")] {
        let said = dok.dok(&["cp", from, to]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("box:: the path is empty"), "{said:?}");
    }
}

#[test]
fn all_files_of_a_container_that_runs_can_be_had() {
    let Some(dok) = Dok::new() else { return };
    dok.ok(&["run", "-d", NONE, "--name", "box", "busybox", "sleep", "86400"]);
    let out = folder(&dok).join("all");
    dok.ok(&["cp", "box:/", out.to_str().unwrap()]);
    assert!(out.join("bin/busybox").exists());
    assert!(fs::read_dir(out.join("proc")).unwrap().next().is_none(), "the kernel's own");
}
