//! What fails for want of descriptors, processes or memory: from none up to enough.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::place::{Place, Quiet, each, install, run, run_to_file, succeeds, until};

#[test]
fn too_few_descriptors() {
    let numbers: Vec<u64> = (3..=40).collect();
    each(&numbers, |place, number| {
        let before = place.files();
        let (created, words) = run(with_descriptors(&place.create(&[]).stderr_null(), number));
        match created {
            true => succeeds(place.delete(&["--force"]), "delete"),
            false => assert!(is_told(&words), "{number}: {words:?}"),
        }
        assert!(number > 10 || !created, "{number} descriptors were enough");
        assert!(number < 40 || created, "{number} descriptors were too few: {words}");
        place.left_no_trace(&format!("{number} descriptors"));
        assert_eq!(place.files(), before, "{number}");
    });
}

#[test]
fn too_few_descriptors_for_exec() {
    let numbers: Vec<u64> = (3..=30).collect();
    each(&numbers, |place, number| {
        if !place.directory.join("state").join(&place.name).exists() {
            succeeds(place.create(&[]).stderr_null(), "create");
        }
        let (init, files) = (place.processes(), place.files());
        let (done, words) = run(with_descriptors(&place.exec(), number));
        assert!(done || is_told(&words), "{number}: {words:?}");
        assert!(number > 6 || !done, "{number} descriptors were enough");
        assert!(number < 30 || done, "{number} descriptors were too few: {words}");
        let alone = until(|| (place.processes() == init).then_some(()));
        assert!(alone.is_some(), "{number}: {init:?} became {:?}", place.processes());
        assert_eq!(place.files(), files, "{number}");
        assert_eq!(place.list(), ["created"], "{number}");
    });
}

/// The kernel's words, as either C library has them.
fn is_told(words: &str) -> bool {
    ["Too many open files", "No file descriptors available"].iter().any(|told| words.contains(told))
}

/// `command` below a shell that lowers a limit; its words go to a file, which init may keep open.
fn with_descriptors(command: &Command, number: u64) -> Command {
    let mut shell = Command::new("sh");
    let script = format!(
        "words=$(mktemp); (ulimit -n {number} && exec \"$0\" \"$@\") 2>$words; status=$?; \
         cat $words >&2; rm $words; exit $status"
    );
    shell.arg("-c").arg(script);
    shell.arg(command.get_program()).args(command.get_args());
    shell.stdin(Stdio::null()).stdout(Stdio::null());
    shell
}

/// A group of the pids controller around the caller.
struct Caller(PathBuf);

impl Caller {
    fn with(place: &Place, limit: u32) -> Option<Caller> {
        let above = PathBuf::from("/sys/fs/cgroup/pids");
        let above = if above.exists() { above } else { PathBuf::from("/sys/fs/cgroup") };
        let group = above.join(format!("{}-caller", place.name));
        fs::create_dir(&group).ok()?;
        let caller = Caller(group);
        fs::write(caller.0.join("pids.max"), limit.to_string()).ok()?;
        Some(caller)
    }

    fn run(&self, command: &Command) -> (bool, String) {
        let mut shell = Command::new("sh");
        let enter = "echo $$ >\"$0\"/cgroup.procs && exec \"$@\"";
        shell.args(["-c", enter]).arg(&self.0);
        shell.arg(command.get_program()).args(command.get_args());
        shell.stdin(Stdio::null()).stdout(Stdio::null());
        run(shell)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = until(|| fs::remove_dir(&self.0).ok());
    }
}

#[test]
fn a_caller_that_may_have_no_more_processes() {
    each(&[()], |place, ()| {
        let before = place.files();
        let Some(caller) = Caller::with(place, 1) else {
            return eprintln!("skipped: needs the pids controller");
        };
        for command in [place.create(&[]), place.run(&[])] {
            // A new process that is born in the container's own group is none of the caller's.
            let (done, words) = caller.run(&command);
            assert!(done || words.contains("Resource temporarily unavailable"), "{words}");
            assert!(done || words.contains("clone"), "{words}");
            succeeds(place.delete(&["--force"]), "delete");
            place.left_no_trace("one process");
            assert_eq!(place.files(), before);
        }
    });
}

#[test]
fn a_container_that_may_have_no_more_processes() {
    each(&[()], |_, ()| {
        let place = Place::with("/linux/resources/pids", json!({"limit": 1}));
        let before = place.files();
        succeeds(place.create(&[]).stderr_null(), "create");
        let (done, words) = run(place.exec());
        // Who is moved into a group, and not born there, is let in.
        assert!(done || words.contains("Resource temporarily unavailable"), "{words}");
        assert_eq!(place.list(), ["created"]);
        succeeds(place.delete(&["--force"]), "delete");
        place.left_no_trace("a limit of one process");
        assert_eq!(place.files(), before);
    });
}

/// `command` as a user who may have so many processes.
fn as_user(id: u32, processes: u32, command: &Command) -> Command {
    let mut outer = Command::new("setpriv");
    outer.args(["--clear-groups", &format!("--reuid={id}"), &format!("--regid={id}")]);
    outer.args(["prlimit", &format!("--nproc={processes}")]);
    outer.arg(command.get_program()).args(command.get_args());
    outer.stdin(Stdio::null()).stdout(Stdio::null());
    outer
}

/// The words for the limit of a user.
fn names_the_limit(words: &str) -> bool {
    words.contains("esource temporarily unavailable") && words.contains("RLIMIT_NPROC")
}

#[test]
fn an_ordinary_user_who_may_have_no_more_processes() {
    /// Nobody else's; the kernel counts the processes of each user.
    const USER: u32 = 64_127;
    let users = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    if users.trim() == "0" || !fs::exists("/bin/busybox").unwrap() {
        return eprintln!("skipped: needs user namespaces for all, and a static busybox");
    }
    let mut place = Place::of_user(USER);
    install("/bin/busybox", &place.directory.join("rootfs/busybox"));
    place.set("/process/args", json!(["/busybox", "sleep", "60"]));
    let before = place.files();
    let run_detached = place.run(&["--detach"]);
    let few = (1..=16).find(|processes| {
        let (done, words) = run_to_file(as_user(USER, *processes, &run_detached));
        assert!(done || names_the_limit(&words), "{processes}: {words:?}");
        if !done {
            place.left_no_trace(&format!("{processes} processes"));
            assert_eq!(place.files(), before, "{processes}");
        }
        done
    });
    assert!(few.is_some_and(|few| few > 1), "{few:?} processes were enough");
    // A user namespace keeps the limit that its maker had.
    succeeds(place.delete(&["--force"]), "delete");
    succeeds(as_user(USER, 1000, &run_detached).stderr_null(), "run");
    let (init, files) = (place.processes(), place.files());
    let few = (1..=16).find(|processes| {
        let (done, words) = run_to_file(as_user(USER, *processes, &place.exec()));
        assert!(done || names_the_limit(&words), "exec, {processes}: {words:?}");
        let alone = until(|| (place.processes() == init).then_some(()));
        assert!(alone.is_some(), "{processes}: {init:?} became {:?}", place.processes());
        assert_eq!(place.files(), files, "{processes}");
        done
    });
    assert!(few.is_some_and(|few| few > 1), "{few:?} processes were enough for exec");
    succeeds(place.delete(&["--force"]), "delete");
    place.left_no_trace("an ordinary user");
}

#[test]
fn a_user_of_the_container_who_has_too_many_processes() {
    each(&[()], |_, ()| {
        let place = Place::with("/process/user", json!({"uid": 12, "gid": 12}));
        succeeds(place.create(&[]).stderr_null(), "create");
        let (init, files) = (place.processes(), place.files());
        let process = json!({
            "args": ["/program", "--version"], "cwd": "/", "user": {"uid": 12, "gid": 12},
            "rlimits": [{"type": "RLIMIT_NPROC", "soft": 0, "hard": 0}],
        });
        let file = place.path("files/process.json");
        fs::write(&file, process.to_string()).unwrap();
        let (done, words) = run(place.command(&["exec", "--process", &file, &place.name]));
        assert!(!done && names_the_limit(&words), "{words:?}");
        fs::remove_file(file).unwrap();
        let alone = until(|| (place.processes() == init).then_some(()));
        assert!(alone.is_some(), "{init:?} became {:?}", place.processes());
        assert_eq!((place.files(), &place.list()[..]), (files, &["created".to_owned()][..]));
        // The same for a whole container, of which the one beside it has a process of this user.
        let mut other = Place::with("/process/user", json!({"uid": 12, "gid": 12}));
        other.set("/process/rlimits", process["rlimits"].clone());
        succeeds(other.create(&[]).stderr_null(), "create");
        let (done, words) = run(other.command(&["start", &other.name]));
        assert!(!done && names_the_limit(&words), "{words:?}");
        assert_eq!(other.list(), ["stopped"]);
        for one in [&place, &other] {
            succeeds(one.delete(&["--force"]), "delete");
            one.left_no_trace("a limit of a user's processes");
        }
    });
}

#[test]
fn too_little_memory() {
    let kibibytes: Vec<u64> = (0..=9).map(|power| 32 << power).collect();
    each(&kibibytes, |_, size| {
        let memory = json!({"limit": size << 10, "swap": size << 10});
        let place = Place::with("/linux/resources/memory", memory);
        let before = place.files();
        let log = place.path("log");
        let mut create = place.create(&[]);
        create.stderr(fs::File::create(&log).unwrap());
        let done = create.status().unwrap().success();
        let words = fs::read_to_string(&log).unwrap();
        fs::remove_file(log).unwrap();
        let told = ["OOM-killed", "Cannot allocate memory", "Device or resource busy"];
        let told = told.iter().any(|told| words.contains(told));
        assert!(done || told, "{size} KiB: {words:?}");
        assert!(size < 16 << 10 || done, "{size} KiB were too little: {words}");
        succeeds(place.delete(&["--force"]), "delete");
        place.left_no_trace(&format!("{size} KiB"));
        assert_eq!(place.files(), before, "{size} KiB");
    });
}
