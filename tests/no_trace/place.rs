//! A bundle and a command on it, what is left of both, and a command that waits to be killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use onggi::failpoint::VARIABLE;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_onggi");
/// Longer than anything may take on a busy machine, and shorter than a failpoint waits.
const PATIENCE: Duration = Duration::from_secs(180);

/// A bundle, a `--root` and a cgroup of one container, all of one name that nothing else has.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) config: Value,
}

impl Place {
    pub(crate) fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("no-trace-{}-{number:03}", std::process::id());
        let directory = std::env::temp_dir().join(&name);
        for below in ["rootfs/proc", "rootfs/dev", "rootfs/sys", "files"] {
            fs::create_dir_all(directory.join(below)).unwrap();
        }
        // The program is a static one, and as good as any.
        install(PROGRAM, &directory.join("rootfs/program"));
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let place = Place { config: config(&name), directory, name };
        place.write_config();
        place
    }

    fn in_a_user_namespace() -> Place {
        let mut place = Place::new();
        let map = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
        let linux = &mut place.config["linux"];
        linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
        (linux["uidMappings"], linux["gidMappings"]) = (map.clone(), map);
        place.write_config();
        place
    }

    /// One that an ordinary user can make; without busybox its program ends at once.
    pub(crate) fn of_user(id: u32) -> Place {
        let mut place = Place::new();
        let map = json!([{"containerID": 0, "hostID": id, "size": 1}]);
        let linux = &mut place.config["linux"];
        linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
        (linux["uidMappings"], linux["gidMappings"]) = (map.clone(), map);
        linux["resources"] = json!({});
        linux.as_object_mut().unwrap().remove("cgroupsPath");
        place.write_config();
        let owner = format!("{id}:{id}");
        let given = Command::new("chown").arg("-R").arg(owner).arg(&place.directory).status();
        assert!(given.unwrap().success());
        place
    }

    pub(crate) fn with(pointer: &str, value: Value) -> Place {
        let mut place = Place::new();
        place.set(pointer, value);
        place
    }

    pub(crate) fn set(&mut self, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match self.config.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            object => object[key] = value,
        }
        self.write_config();
    }

    pub(crate) fn write_config(&self) {
        fs::write(self.directory.join("config.json"), self.config.to_string()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--root").arg(self.path("state")).args(words).env(VARIABLE, "");
        // A file, not a pipe: init keeps it open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn create(&self, options: &[&str]) -> Command {
        let bundle = self.directory.to_string_lossy();
        self.command(&[&["create", "--bundle", &bundle], options, &[&self.name]].concat())
    }

    pub(crate) fn run(&self, options: &[&str]) -> Command {
        let bundle = self.directory.to_string_lossy();
        self.command(&[&["run", "--bundle", &bundle], options, &[&self.name]].concat())
    }

    pub(crate) fn exec(&self) -> Command {
        self.command(&["exec", &self.name, "/program", "--version"])
    }

    pub(crate) fn delete(&self, options: &[&str]) -> Command {
        self.command(&[&["delete"], options, &[&self.name]].concat())
    }

    /// The statuses that `list` tells.
    pub(crate) fn list(&self) -> Vec<String> {
        let mut command = self.command(&["list", "--format", "json"]);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let views = list.as_array().into_iter().flatten();
        views.map(|view| view["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The files that are there before and after.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        collect(&self.directory, &mut found);
        // The directory of all containers is nobody's trace.
        found.remove(&self.directory.join("state"));
        found
    }

    /// What is left of the container: its directory, cgroups, mounts and processes.
    pub(crate) fn traces(&self) -> Vec<String> {
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
    pub(crate) fn processes(&self) -> Vec<i32> {
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

    pub(crate) fn left_no_trace(&self, case: &str) {
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

/// Copies a program by another process: a child of another thread would keep our copy of it open
/// for writing, and so from being run.
pub(crate) fn install(program: &str, path: &Path) {
    assert!(Command::new("cp").arg(program).arg(path).status().unwrap().success());
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

pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > PATIENCE {
            return answer;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Whether it succeeded, and what it said.
pub(crate) fn run(mut command: Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The same for a command whose init lives on and would keep a pipe open.
pub(crate) fn run_to_file(mut command: Command) -> (bool, String) {
    let mut file = fs::File::from(memfd_create("words", MFdFlags::MFD_CLOEXEC).unwrap());
    let done = command.stderr(file.try_clone().unwrap()).status().unwrap().success();
    let mut words = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut words).unwrap();
    (done, words)
}

pub(crate) fn succeeds(command: Command, case: &str) {
    let (ok, words) = run(command);
    assert!(ok, "{case}: {words}");
}

/// Demands a failure whose words name what failed.
pub(crate) fn fails(command: Command, case: &str, named: &str) {
    let (ok, words) = run(command);
    assert!(!ok, "{case}: succeeded");
    assert!(words.contains(named), "{case}: {words:?} does not name {named:?}");
}

/// A command that waits at a failpoint.
pub(crate) struct Waiting {
    runtime: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Waiting {
    /// Starts a command, and waits until it, or an init of it, is at the failpoint.
    pub(crate) fn start(mut command: Command, place: &str) -> Waiting {
        let mut runtime = command.spawn().unwrap();
        let stderr = runtime.stderr.take().unwrap();
        Waiting { runtime, stderr: BufReader::new(stderr) }.reach(place)
    }

    pub(crate) fn reach(mut self, place: &str) -> Waiting {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), format!("waiting at {place}"));
        self
    }

    pub(crate) fn pid(&self) -> i32 {
        self.runtime.id().cast_signed()
    }

    /// Ends the runtime's child.
    pub(crate) fn kill_init(&self) {
        let init = self.init().unwrap().0;
        kill(Pid::from_raw(init), Signal::SIGKILL).unwrap();
    }

    /// Whether the runtime's child waits for something.
    pub(crate) fn init_sleeps(&self) -> bool {
        self.init().is_some_and(|(_, status)| status.contains("\nState:\tS"))
    }

    /// The runtime's child, and what the kernel says of it.
    fn init(&self) -> Option<(i32, String)> {
        let is_of_us = format!("\nPPid:\t{}\n", self.pid());
        let status = |pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mut all = all_processes().map(|pid| (pid, status(pid)));
        all.find(|(_, status)| status.contains(&is_of_us))
    }

    pub(crate) fn kill_runtime(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGKILL).unwrap();
    }

    pub(crate) fn end(mut self) -> (bool, String) {
        let status = self.runtime.wait().unwrap();
        let mut words = String::new();
        self.stderr.read_to_string(&mut words).unwrap();
        (status.success(), words)
    }
}

pub(crate) fn at(mut command: Command, what: &str, place: &str) -> Command {
    command.env(VARIABLE, format!("{what}:{place}"));
    command
}

/// Runs the cases two at a time: they mostly wait.
pub(crate) fn each<T: Copy + Send + Sync>(cases: &[T], test: impl Fn(&Place, T) + Sync) {
    if !fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        return eprintln!("skipped: needs root");
    }
    let left = Mutex::new(cases.iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let places = [Place::new(), Place::in_a_user_namespace()];
                loop {
                    let Some(case) = left.lock().unwrap().next() else { break };
                    places.iter().for_each(|place| test(place, *case));
                }
            });
        }
    });
}

pub(crate) trait Quiet {
    fn stderr_null(self) -> Self;
}

impl Quiet for Command {
    /// For a container that lives on: it would keep a pipe open.
    fn stderr_null(mut self) -> Command {
        self.stderr(Stdio::null());
        self
    }
}
