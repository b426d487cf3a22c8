//! A disk that is full, or has no inode left, where a command writes.

use std::process::{Command, Stdio};

use crate::place::{Place, Quiet, each, run_to_file, succeeds, until};

/// The options of a tmpfs, and what fills it once one is in it.
type Disk = (&'static str, &'static str);

const NO_INODE: Disk = ("nr_inodes=1", ":");
const NO_PAGE: Disk = ("size=4k", "echo > full");

const FULL: &str = "No space left on device";

/// `command` where a full disk is at `files`; the names of what lies there in the end are told.
fn with_full(place: &Place, (options, fill): Disk, command: &Command) -> Command {
    let script = format!(
        "mount -t tmpfs -o {options} none \"$0\" && (cd \"$0\" && {fill}) || exit 99
         \"$@\"; status=$?; ls -A \"$0\" >&2; exit $status"
    );
    let mut shell = Command::new("unshare");
    shell.args(["-m", "sh", "-c", &script, &place.path("files")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.stdin(Stdio::null()).stdout(Stdio::null());
    shell
}

#[test]
fn a_pid_file_without_room() {
    each(&[NO_INODE, NO_PAGE], |place, disk| {
        let (before, pid) = (place.files(), place.path("files/pid"));
        let is_told = |command: &Command| {
            let (done, words) = run_to_file(with_full(place, disk, command));
            assert!(!done && words.contains(FULL) && words.contains(&pid), "{disk:?}: {words}");
            assert!(!words.lines().any(|name| matches!(name, "pid" | ".pid")), "{words}");
        };
        is_told(&place.create(&["--pid-file", &pid]));
        place.left_no_trace("a pid file without room");
        is_told(&place.run(&["--pid-file", &pid]));
        place.left_no_trace("a pid file without room");
        assert_eq!(place.files(), before, "{disk:?}");
        succeeds(place.create(&[]).stderr_null(), "create");
        let (init, files) = (place.processes(), place.files());
        is_told(&place.command(&[
            "exec",
            "--pid-file",
            &pid,
            &place.name,
            "/program",
            "--version",
        ]));
        let alone = until(|| (place.processes() == init).then_some(()));
        assert!(alone.is_some(), "{disk:?}: {init:?} became {:?}", place.processes());
        assert_eq!((place.files(), place.list()), (files, vec!["created".to_owned()]));
        succeeds(place.delete(&["--force"]), "delete");
        place.left_no_trace("a pid file without room");
    });
}

#[test]
fn a_log_that_cannot_be_made() {
    each(&["create", "exec"], |place, command| {
        let log = place.path("files/log");
        if command == "exec" {
            succeeds(place.create(&[]).stderr_null(), command);
        }
        let (processes, before) = (place.processes(), place.files());
        let bundle = place.directory.to_string_lossy();
        let words = match command {
            "create" => ["create", "--bundle", &bundle, &place.name],
            _ => ["exec", &place.name, "/program", "--version"],
        };
        let logged = place.command(&[&["--log", &log], &words[..]].concat());
        let (done, words) = run_to_file(with_full(place, NO_INODE, &logged));
        assert!(!done && words.contains(FULL) && words.contains(&log), "{command}: {words}");
        assert_eq!((place.processes(), place.files()), (processes, before), "{command}");
        if command == "exec" {
            succeeds(place.delete(&["--force"]), command);
        }
        place.left_no_trace(command);
    });
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    each(&[()], |place, ()| {
        let (log, bundle) = (place.path("files/log"), place.directory.to_string_lossy());
        let words = ["--debug", "--log", &log, "create", "--bundle", &bundle, &place.name];
        let (done, words) = run_to_file(with_full(place, NO_PAGE, &place.command(&words)));
        assert!(done, "{words}");
        let words = ["--debug", "--log", &log, "exec", &place.name, "/program", "--version"];
        let (done, words) = run_to_file(with_full(place, NO_PAGE, &place.command(&words)));
        assert!(done, "{words}");
        succeeds(place.delete(&["--force"]), "delete");
        place.left_no_trace("a log that cannot be written");
    });
}

/// A container is made, then its state's disk fills up. What each command complains of is told, and
/// what is left at the end.
const FILLED_LATER: &str = "
    mount -t tmpfs -o size=64k,nr_inodes=40 none \"$0\" || exit 99
    state=$0 program=$1
    onggi() { \"$program\" --root \"$state\" \"$@\" 2>&1 >/dev/null </dev/null; }
    \"$program\" --root \"$0\" create --bundle \"$2\" \"$3\" >/dev/null 2>&1 || exit 98
    (cd \"$0\" && n=0 && while echo > full$n; do n=$((n + 1)); done; cat /dev/zero > full0) 2>/dev/null
    (echo > \"$0/full\") 2>/dev/null && exit 97
    onggi state \"$3\"
    onggi update --pids-limit 40 \"$3\"
    find /sys/fs/cgroup -path \"*$3/pids.max\" -exec grep -H '^40$' {} +
    onggi exec \"$3\" /program --version
    onggi start \"$3\"
    onggi delete --force \"$3\" && rm \"$0\"/full* && find \"$0\" -mindepth 1";

#[test]
fn a_state_directory_that_fills_up() {
    each(&[()], |place, ()| {
        std::fs::create_dir(place.directory.join("state")).unwrap();
        let bundle = place.directory.to_string_lossy();
        let mut shell = Command::new("unshare");
        shell.args(["-m", "sh", "-c", FILLED_LATER, &place.path("state")]);
        shell.args([env!("CARGO_BIN_EXE_onggi"), &bundle, &place.name]);
        let output = shell.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{:?}: {told}", output.status);
        assert!(told.lines().all(|line| line.contains(FULL)), "{told}");
        place.left_no_trace("a disk that filled up");
        std::fs::remove_dir(place.directory.join("state")).unwrap();
    });
}
