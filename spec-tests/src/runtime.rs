//! The binary under test, and one call of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host;
pub use crate::output::Output;
use crate::shim;

/// Longer than any call may take, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// The runtime named by `RUNTIME`.
#[derive(Debug)]
pub struct Runtime {
    /// The binary.
    pub program: PathBuf,
    /// Its file name: the key of `known-failures/`.
    pub name: String,
    hide_unified: bool,
}

impl Runtime {
    /// `RUNTIME` (a path, or a name in `PATH`), else the workspace's `onggi`.
    pub fn get() -> Result<&'static Self> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        let found = RUNTIME.get_or_init(|| Self::find().map_err(|error| format!("{error:#}")));
        found.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn find() -> Result<Self> {
        let wanted = std::env::var("RUNTIME").unwrap_or_else(|_| "onggi".into());
        let program = match wanted.as_str() {
            "onggi" => own_binary()?,
            path if path.contains('/') => PathBuf::from(path).canonicalize()?,
            name => in_path(name).with_context(|| format!("{name} is not in PATH"))?,
        };
        let name = Path::new(&wanted).file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let hide_unified = match std::env::var("SPEC_TESTS_HIDE_UNIFIED") {
            Ok(value) => value == "1",
            Err(_) => name.starts_with("crun"),
        };
        let hide_unified = hide_unified && host::cgroups() == host::Cgroups::Hybrid;
        Ok(Self { program, name, hide_unified })
    }

    /// Whether it is ours: others are not held to all of it.
    pub fn is_onggi(&self) -> bool {
        self.name.starts_with("onggi")
    }

    /// Needs mounts that the container makes in a shared mount to reach the host's namespace.
    pub fn shares_mounts(&self) -> Result<()> {
        let reason = "the runtime is run in a mount namespace of its own, to hide cgroup v2";
        host::needs(!self.hide_unified, reason)
    }

    /// The words in front of the runtime's arguments. A user that the runtime is run as has no
    /// systemd of its own. crun refuses a hybrid cgroup layout, so it
    /// is shown one without the v2 part; what it writes in that place goes with the tmpfs.
    fn words(&self, inner: &[OsString]) -> Result<Vec<OsString>> {
        let program = self.program.clone().into_os_string();
        let driver = host::systemd_makes_cgroups() && inner.is_empty();
        let driver = driver.then(|| OsString::from("--systemd-cgroup"));
        let shim = shim::wanted().map(|calls| shim::words(&calls)).transpose()?;
        let shim = shim.into_iter().flatten();
        let program = shim.chain(inner.iter().cloned()).chain([program]).chain(driver);
        if !self.hide_unified {
            return Ok(program.collect());
        }
        let script = "umount /sys/fs/cgroup/unified && \
                      mount -t tmpfs none /sys/fs/cgroup/unified && exec \"$0\" \"$@\"";
        let unshare = ["unshare", "-m", "--propagation", "slave", "sh", "-c", script];
        Ok(unshare.map(OsString::from).into_iter().chain(program).collect())
    }
}

fn own_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ONGGI") {
        return Ok(PathBuf::from(path).canonicalize()?);
    }
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(Path::parent).context("the target directory")?;
    let path = profile.join("onggi");
    if !path.exists() {
        bail!("{} is not built; build it, or set ONGGI or RUNTIME", path.display());
    }
    Ok(path)
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin:/sbin";
    path.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// One call of the runtime, to be completed and run.
#[derive(Debug)]
pub struct Call {
    program: Vec<OsString>,
    patience: Duration,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    inherits: bool,
    directory: PathBuf,
    logs: PathBuf,
    streams: String,
    stdin: Vec<u8>,
    pty: Option<File>,
    shell: Option<String>,
    wrapper: Vec<OsString>,
    inner: Vec<OsString>,
}

impl Call {
    /// A call that keeps its output in `directory`, which is also its working directory.
    pub fn new(directory: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            program: Vec::new(),
            patience: PATIENCE,
            arguments: Vec::new(),
            environment: Vec::new(),
            inherits: true,
            directory: directory.into(),
            logs: directory.into(),
            streams: format!("call-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            stdin: Vec::new(),
            pty: None,
            shell: None,
            wrapper: Vec::new(),
            inner: Vec::new(),
        }
    }

    /// A call of another program than the runtime, with the words in front of its arguments.
    pub fn of<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>, directory: &Path) -> Self {
        let program = words.into_iter().map(|word| word.as_ref().into()).collect();
        Self { program, ..Self::new(directory) }
    }

    /// How long the call may take, if not 30 seconds.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().into());
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// A variable of the runtime's own environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    /// The runtime's whole environment.
    pub fn env_only(mut self, variables: &[(&str, &str)]) -> Self {
        self.inherits = false;
        variables.iter().fold(self, |call, (name, value)| call.env(name, value))
    }

    /// What the runtime finds on its stdin (otherwise nothing).
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.into();
        self
    }

    /// The three standard streams are this side of a terminal; nothing is captured.
    pub fn on_terminal(mut self, pty: File) -> Self {
        self.pty = Some(pty);
        self
    }

    /// The runtime's working directory.
    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = directory.into();
        self
    }

    /// A line of shell in front of the runtime, in the same process: `exec 3<file;`.
    pub fn after_shell(mut self, script: &str) -> Self {
        self.shell = Some(script.into());
        self
    }

    /// A program of the host that runs the runtime: `["taskset", "1"]`.
    pub fn under<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = wrapper.into_iter().map(|word| word.as_ref().into()).collect();
        self
    }

    /// Words right in front of the runtime: what must come after everything that needs root.
    pub fn at_last_under<S: AsRef<OsStr>>(mut self, inner: impl IntoIterator<Item = S>) -> Self {
        self.inner = inner.into_iter().map(|word| word.as_ref().into()).collect();
        self
    }

    /// The names of the files that catch the output: `NAME.out`, `NAME.err`.
    pub fn streams(mut self, name: &str) -> Self {
        self.streams = name.into();
        self
    }

    fn stream(&self, end: &str) -> PathBuf {
        self.logs.join(format!("{}.{end}", self.streams))
    }

    /// Output goes to files, never to pipes: a container that outlives the call keeps them open.
    fn command(&self) -> Result<Command> {
        let mut words = self.program.clone();
        if words.is_empty() {
            words = Runtime::get()?.words(&self.inner)?;
        }
        words.extend(self.arguments.iter().cloned());
        if let Some(script) = &self.shell {
            let script = format!("{script} exec \"$@\"");
            let shell = ["sh", "-c", &script, "sh"].map(OsString::from);
            words.splice(0..0, shell);
        }
        words.splice(0..0, self.wrapper.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.directory);
        for name in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
            command.env_remove(name);
        }
        if !self.inherits {
            command.env_clear();
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        match &self.pty {
            Some(pty) => {
                command.stdin(pty.try_clone()?).stdout(pty.try_clone()?).stderr(pty.try_clone()?);
            }
            None => self.redirect(&mut command)?,
        }
        Ok(command)
    }

    fn redirect(&self, command: &mut Command) -> Result<()> {
        let append = |end| File::options().create(true).append(true).open(self.stream(end));
        command.stdout(append("out")?).stderr(append("err")?);
        if self.stdin.is_empty() {
            command.stdin(Stdio::null());
        } else {
            fs::write(self.stream("in"), &self.stdin)?;
            command.stdin(File::open(self.stream("in"))?);
        }
        Ok(())
    }

    /// Starts the runtime and does not wait.
    pub fn spawn(self) -> Result<Running> {
        let child = self.command()?.spawn().context("start the runtime")?;
        Ok(Running { child, call: self, reaped: false })
    }

    /// Runs the runtime to its end, as long as it may take.
    pub fn run(self) -> Output {
        let words = self.words();
        match self.spawn() {
            Ok(running) => running.wait(),
            Err(error) => Output { words, trouble: format!("{error:#}"), ..Output::default() },
        }
    }

    fn words(&self) -> String {
        let words = self.program.iter().chain(&self.arguments);
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }
}

/// A runtime that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    call: Call,
    reaped: bool,
}

impl Running {
    /// The runtime's process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether it runs no more.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|end| end.is_some())
    }

    /// What was written to stdout so far.
    pub fn stdout(&self) -> String {
        read_lossy(&self.call.stream("out"))
    }

    /// Waits for the end: a runtime that hangs is killed, and fails.
    pub fn wait(mut self) -> Output {
        let patience = self.call.patience;
        let ended = wait_until(patience, || self.child.try_wait().ok().flatten());
        self.reaped = ended.is_some();
        let trouble = match ended {
            Some(_) => String::new(),
            None => format!("still running after {} s", (patience * slowness()).as_secs()),
        };
        Output {
            words: self.call.words(),
            status: ended,
            stdout: self.stdout(),
            stderr: read_lossy(&self.call.stream("err")),
            trouble,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// How many times longer than on a common machine all may take: `SPEC_TESTS_PATIENCE`.
fn slowness() -> u32 {
    let wanted = std::env::var("SPEC_TESTS_PATIENCE").ok();
    wanted.and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// Asks again and again, for `patience` at most, or as many times as long as the machine is slow.
pub fn wait_until<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let patience = patience * slowness();
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > patience {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(20));
    }
}
