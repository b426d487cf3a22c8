//! Whatever fails, and wherever the runtime or init is killed: nothing is left. Needs root and a
//! build with debug assertions, which alone has failpoints.
#![cfg(debug_assertions)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use onggi::failpoint::{OF_CREATE, VARIABLE};
use onggi::init::{EXEC, NEW_CONTAINER};

const PROGRAM: &str = env!("CARGO_BIN_EXE_onggi");
/// Longer than a call may take on a busy machine, and shorter than a failpoint waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bundle, a `--root` and a cgroup of one container, all of one name that nothing else has.
struct Place {
    name: String,
    directory: PathBuf,
    config: Value,
}

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("no-trace-{}-{number:03}", std::process::id());
        let directory = std::env::temp_dir().join(&name);
        for below in ["rootfs/proc", "rootfs/dev", "rootfs/sys", "files"] {
            fs::create_dir_all(directory.join(below)).unwrap();
        }
        // The program is a static one, and as good as any.
        if fs::hard_link(PROGRAM, directory.join("rootfs/program")).is_err() {
            fs::copy(PROGRAM, directory.join("rootfs/program")).unwrap();
        }
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let place = Place { config: config(&name), directory, name };
        place.write_config();
        place
    }

    fn with(pointer: &str, value: Value) -> Place {
        let mut place = Place::new();
        place.set(pointer, value);
        place
    }

    fn set(&mut self, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.config.pointer_mut(parent).unwrap()[key] = value;
        self.write_config();
    }

    fn write_config(&self) {
        fs::write(self.directory.join("config.json"), self.config.to_string()).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_string_lossy().into_owned()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--root").arg(self.path("state")).args(words).env(VARIABLE, "");
        // A file, not a pipe: init keeps it open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn create(&self, options: &[&str]) -> Command {
        let bundle = self.directory.to_string_lossy();
        self.command(&[&["create", "--bundle", &bundle], options, &[&self.name]].concat())
    }

    fn exec(&self) -> Command {
        self.command(&["exec", &self.name, "/program", "--version"])
    }

    fn delete(&self, options: &[&str]) -> Command {
        self.command(&[&["delete"], options, &[&self.name]].concat())
    }

    /// The statuses that `list` tells.
    fn list(&self) -> Vec<String> {
        let mut command = self.command(&["list", "--format", "json"]);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let views = list.as_array().into_iter().flatten();
        views.map(|view| view["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The files that are there before and after.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        collect(&self.directory, &mut found);
        // The directory of all containers is nobody's trace.
        found.remove(&self.directory.join("state"));
        found
    }

    /// What is left of the container: its directory, cgroups, mounts and processes.
    fn traces(&self) -> Vec<String> {
        let state = self.directory.join("state").join(&self.name);
        let mut traces: Vec<String> = Vec::new();
        if state.exists() {
            traces.push(state.to_string_lossy().into_owned());
        }
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        traces.extend(table.lines().filter(|line| line.contains(&self.name)).map(String::from));
        for mount in cgroup_mounts(&table) {
            let cgroup = Path::new(mount).join(&self.name);
            traces.extend(cgroup.exists().then(|| cgroup.to_string_lossy().into_owned()));
        }
        traces.extend(self.processes().iter().map(|pid| format!("process {pid}")));
        traces
    }

    /// Processes that were started for this place: their words or environment name it.
    fn processes(&self) -> Vec<i32> {
        let names = |file: &str| {
            let bytes = fs::read(file).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(&self.name)
        };
        all_processes()
            .filter(|pid| {
                names(&format!("/proc/{pid}/cmdline")) || names(&format!("/proc/{pid}/environ"))
            })
            .collect()
    }

    fn left_no_trace(&self, case: &str) {
        let traces = until(|| Some(self.traces()).filter(Vec::is_empty));
        assert!(traces.is_some(), "{case} left {:?}", self.traces());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = run(self.delete(&["--force"]));
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn config(name: &str) -> Value {
    let mount = |target: &str, kind: &str| json!({"destination": target, "type": kind});
    json!({
        "ociVersion": "1.0.2",
        "process": {"args": ["/program", "--version"], "cwd": "/", "env": ["PATH=/"]},
        "root": {"path": "rootfs"},
        "hostname": "none",
        "hooks": {},
        "mounts": [
            mount("/proc", "proc"), mount("/dev", "tmpfs"), mount("/dev/pts", "devpts"),
            mount("/sys", "sysfs"),
        ],
        "linux": {
            "cgroupsPath": format!("/{name}"),
            "resources": {"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 50}},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                {"type": "mount"}, {"type": "cgroup"},
            ],
            "sysctl": {"net.ipv4.ip_forward": "0"},
            "maskedPaths": ["/proc/kcore", "/proc/acpi"],
            "readonlyPaths": ["/proc/sys"],
        },
    })
}

fn collect(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        found.insert(entry.path());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), found);
        }
    }
}

fn cgroup_mounts(table: &str) -> impl Iterator<Item = &str> {
    let is_cgroup = |line: &&str| line.contains(" - cgroup ") || line.contains(" - cgroup2 ");
    table.lines().filter(is_cgroup).filter_map(|line| line.split(' ').nth(4))
}

fn all_processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > PATIENCE / 4 {
            return answer;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Whether it succeeded, and what it said.
fn run(mut command: Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn succeeds(command: Command, case: &str) {
    let (ok, words) = run(command);
    assert!(ok, "{case}: {words}");
}

/// Demands a failure whose words name what failed.
fn fails(command: Command, case: &str, named: &str) {
    let (ok, words) = run(command);
    assert!(!ok, "{case}: succeeded");
    assert!(words.contains(named), "{case}: {words:?} does not name {named:?}");
}

/// A command that waits at a failpoint.
struct Waiting {
    runtime: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Waiting {
    /// Starts a command, and waits until it, or an init of it, is at the failpoint.
    fn start(mut command: Command, place: &str) -> Waiting {
        let mut runtime = command.spawn().unwrap();
        let stderr = runtime.stderr.take().unwrap();
        Waiting { runtime, stderr: BufReader::new(stderr) }.reach(place)
    }

    fn reach(mut self, place: &str) -> Waiting {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), format!("waiting at {place}"));
        self
    }

    fn pid(&self) -> i32 {
        self.runtime.id().cast_signed()
    }

    /// Ends the runtime's child.
    fn kill_init(&self) {
        let is_child = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.contains(&format!("\nPPid:\t{}\n", self.pid()))
        };
        let init = all_processes().find(is_child).unwrap();
        kill(Pid::from_raw(init), Signal::SIGKILL).unwrap();
    }

    fn kill_runtime(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGKILL).unwrap();
    }

    fn end(mut self) -> (bool, String) {
        let status = self.runtime.wait().unwrap();
        let mut words = String::new();
        self.stderr.read_to_string(&mut words).unwrap();
        (status.success(), words)
    }
}

fn at(mut command: Command, what: &str, place: &str) -> Command {
    command.env(VARIABLE, format!("{what}:{place}"));
    command
}

/// Runs the cases two at a time: they mostly wait.
fn each<T: Copy + Send + Sync>(cases: &[T], test: impl Fn(&Place, T) + Sync) {
    if !fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        return eprintln!("skipped: needs root");
    }
    let left = Mutex::new(cases.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let place = Place::new();
                loop {
                    let Some(case) = left.lock().unwrap().next() else { break };
                    test(&place, *case);
                }
            });
        }
    });
}

/// The steps before init waits for `start`, and those after.
fn steps() -> (Vec<&'static str>, Vec<&'static str>) {
    let names: Vec<&str> = NEW_CONTAINER.iter().map(|(name, _)| *name).collect();
    let waits = names.iter().position(|name| *name == "wait for start").unwrap();
    (names[..=waits].to_vec(), names[waits + 1..].to_vec())
}

fn exec_steps() -> Vec<&'static str> {
    EXEC.iter().map(|(name, _)| *name).collect()
}

#[test]
fn create_that_fails_at_a_step() {
    let places: Vec<&str> = steps().0.into_iter().chain(OF_CREATE).collect();
    each(&places, |place, step| {
        let before = place.files();
        let named = if OF_CREATE.contains(&step) { "failpoint" } else { step };
        fails(at(place.create(&["--pid-file", &place.path("pid")]), "fail", step), step, named);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn create_whose_init_is_killed_at_a_step() {
    each(&steps().0, |place, step| {
        let before = place.files();
        let create = place.create(&["--pid-file", &place.path("pid")]);
        let waiting = Waiting::start(at(create, "wait", step), step);
        waiting.kill_init();
        let (ok, words) = waiting.end();
        assert!(!ok && words.contains("init died"), "{step}: {words}");
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn create_that_is_killed_while_init_is_at_a_step() {
    let places: Vec<&str> = steps().0.into_iter().chain(OF_CREATE).collect();
    each(&places, |place, step| {
        let before = place.files();
        let waiting = Waiting::start(at(place.create(&[]), "wait", step), step);
        waiting.kill_runtime();
        drop(waiting.end());
        let alone = until(|| place.processes().is_empty().then_some(()));
        assert!(alone.is_some(), "{step}: {:?} lives on", place.processes());
        let list = place.list();
        assert!(list.iter().all(|status| status == "stopped"), "{step}: {list:?}");
        succeeds(place.delete(&["--force"]), step);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn start_that_fails_at_a_step() {
    each(&steps().1, |place, step| {
        let before = place.files();
        succeeds(at(place.create(&[]), "fail", step).stderr_null(), step);
        fails(place.command(&["start", &place.name]), step, step);
        succeeds(place.delete(&[]), step);
        place.left_no_trace(step);
        assert_eq!(place.files(), before, "{step}");
    });
}

#[test]
fn start_that_is_killed_while_init_is_at_a_step() {
    each(&steps().1, |place, step| {
        let log = place.directory.join("files/log");
        let file = fs::File::create(&log).unwrap();
        let mut create = at(place.create(&[]), "wait", step);
        assert!(create.stderr(file).status().unwrap().success(), "{step}");
        let mut start = place.command(&["start", &place.name]).spawn().unwrap();
        let arrived = || fs::read_to_string(&log).unwrap().contains(step).then_some(());
        assert!(until(arrived).is_some(), "{step}");
        start.kill().unwrap();
        start.wait().unwrap();
        assert_eq!(place.list(), ["running"], "{step}");
        succeeds(place.delete(&["--force"]), step);
        place.left_no_trace(step);
    });
}

/// What an exec must leave as it was: the container with its first process alone.
fn with_a_container(place: &Place, step: &str, test: impl FnOnce()) {
    let state = place.directory.join("state").join(&place.name);
    if !state.exists() {
        succeeds(place.create(&[]).stderr_null(), step);
    }
    let (init, files) = (place.processes(), place.files());
    assert_eq!(init.len(), 1);
    test();
    let alone = until(|| (place.processes() == init).then_some(()));
    assert!(alone.is_some(), "{step}: {init:?} became {:?}", place.processes());
    assert_eq!(place.files(), files, "{step}");
    assert_eq!(place.list(), ["created"], "{step}");
}

#[test]
fn exec_that_fails_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || fails(at(place.exec(), "fail", step), step, step));
    });
}

#[test]
fn exec_whose_process_is_killed_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || {
            let waiting = Waiting::start(at(place.exec(), "wait", step), step);
            waiting.kill_init();
            let (ok, words) = waiting.end();
            assert!(!ok, "{step}: {words}");
        });
    });
}

#[test]
fn exec_that_is_killed_while_its_process_is_at_a_step() {
    each(&exec_steps(), |place, step| {
        with_a_container(place, step, || {
            let waiting = Waiting::start(at(place.exec(), "wait", step), step);
            waiting.kill_runtime();
            drop(waiting.end());
        });
    });
}

trait Quiet {
    fn stderr_null(self) -> Self;
}

impl Quiet for Command {
    /// For a container that lives on: it would keep a pipe open.
    fn stderr_null(mut self) -> Command {
        self.stderr(Stdio::null());
        self
    }
}
