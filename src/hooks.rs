//! Runs hooks: the state on stdin, the environment as given, killed when the time is up.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::error::{Code, Doing, Error, Result};
use crate::plan::{Hook, Hooks};
use crate::sys::pidfd::{self, wait_for_any, wait_readable};
use crate::sys::signal;

/// Where and with what a list of hooks is run.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The list's name in config.json.
    pub kind: &'static str,
    /// The container's state (runtime.md#state) as JSON.
    pub state: &'a [u8],
    /// Their working directory, if not the present one.
    pub directory: Option<&'a Path>,
    /// The environment of hooks that bring none, if not the present one.
    pub env: Option<&'a [String]>,
    /// Where what they print goes.
    pub output: &'a Output,
}

/// Files of the host that get what hooks print, instead of an error's words.
#[derive(Debug, Default)]
pub struct Output {
    stdout: Option<File>,
    stderr: Option<File>,
}

impl Output {
    /// Opens the files that a plan names, to add to them.
    ///
    /// # Errors
    /// The file that cannot be opened.
    pub fn open(hooks: &Hooks) -> Result<Output> {
        let open = |path: &Option<PathBuf>| -> Result<Option<File>> {
            let Some(path) = path else { return Ok(None) };
            let file = File::options().append(true).create(true).mode(0o600).open(path);
            file.map(Some).doing(|| format!("open {} for what hooks print", path.display()))
        };
        Ok(Output { stdout: open(&hooks.stdout)?, stderr: open(&hooks.stderr)? })
    }

    /// The files' descriptors.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        [&self.stdout, &self.stderr].into_iter().flatten().map(AsRawFd::as_raw_fd)
    }
}

/// Where one stream goes.
fn stream(file: Option<&File>) -> Result<Stdio> {
    Ok(file.map_or(Ok(Stdio::piped()), |file| file.try_clone().map(Stdio::from))?)
}

/// Runs hooks one after the other, up to the first that fails.
///
/// # Errors
/// `error running KIND hook #N: exit status …, stdout: …, stderr: …`
pub fn run(hooks: &[Hook], setting: Setting<'_>) -> Result<()> {
    hooks.iter().enumerate().try_for_each(|(number, hook)| {
        run_one(hook, setting)
            .map_err(|failed| failed.error)
            .or_code(Code::HookFailed)
            .doing(|| format!("error running {} hook #{number}", setting.kind))
    })
}

/// Runs every hook whatever the others do; gives the failures, with an exit code in front where
/// there is one.
pub fn run_all(hooks: &[Hook], setting: Setting<'_>) -> Vec<Error> {
    let kind = setting.kind;
    let told = |(number, hook)| {
        let failed = run_one(hook, setting).err()?;
        let error = Err::<(), _>(failed.error);
        let error = error.doing(|| format!("error running {kind} hook #{number}"));
        match failed.exit_code {
            Some(code) => error.doing(|| format!("{kind} hook failed with exit code {code}")),
            None => error,
        }
        .err()
    };
    hooks.iter().enumerate().filter_map(told).collect()
}

/// Why a hook is not done.
struct Failed {
    /// Where it ran and ended by itself.
    exit_code: Option<i32>,
    error: Error,
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed { exit_code: None, error: error.into() }
    }
}

fn run_one(hook: &Hook, setting: Setting<'_>) -> std::result::Result<(), Failed> {
    let mut command = Command::new(&hook.path);
    if let Some((name, args)) = hook.args.split_first() {
        command.arg0(name).args(args);
    }
    if let Some(env) = hook.env.as_deref().or(setting.env) {
        command.env_clear().envs(env.iter().filter_map(|entry| entry.split_once('=')));
    }
    command
        .stdin(readable(setting.state).doing(|| "write the state for the hook".into())?)
        .stdout(stream(setting.output.stdout.as_ref())?)
        .stderr(stream(setting.output.stderr.as_ref())?);
    if let Some(directory) = setting.directory {
        command.current_dir(directory);
    }
    signal::hold_none_in(&mut command);
    let child = command.spawn().doing(|| format!("run {}", hook.path.display()))?;
    finish(child, hook.timeout.map(Duration::from_secs))
}

/// What any pipe holds before somebody reads (pipe(7), PIPE_BUF, in bytes).
const PIPE: usize = 4096;

/// The state, written whole before the hook begins: it need not read it, and nobody waits for it. A
/// pipe is what hooks find there under other runtimes, and is made 2 µs sooner than a memfd.
fn readable(state: &[u8]) -> io::Result<Stdio> {
    if state.len() > PIPE {
        let mut file = File::from(memfd_create("state", MFdFlags::MFD_CLOEXEC)?);
        file.write_all(state)?;
        file.rewind()?;
        return Ok(file.into());
    }
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(state)?;
    Ok(reader.into())
}

/// Waits for the end, reading what the hook prints so that it is never blocked by a full pipe.
fn finish(mut child: Child, limit: Option<Duration>) -> std::result::Result<(), Failed> {
    let pidfd = pidfd::open(child.id() as i32).doing(|| "watch the hook".into())?;
    let mut stdout = Printed::new(child.stdout.take().map(OwnedFd::from));
    let mut stderr = Printed::new(child.stderr.take().map(OwnedFd::from));
    let deadline = limit.map(|limit| Instant::now() + limit);
    let ended = loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let ended = pidfd::wait_end(pidfd.as_fd(), Some(Duration::ZERO))?;
        // What was printed before the end is still in the pipes.
        if !(stdout.read()? | stderr.read()?) && (ended || left == Some(Duration::ZERO)) {
            break ended;
        }
        if !ended {
            wait_for_any(&[Some(pidfd.as_fd()), stdout.as_fd(), stderr.as_fd()], left)?;
        }
    };
    if !ended {
        child.kill().doing(|| "kill the hook".into())?;
    }
    let status = child.wait().doing(|| "wait for the hook".into())?;
    match (ended, status.success()) {
        (true, true) => Ok(()),
        (false, _) => {
            let seconds = limit.unwrap_or_default().as_secs_f64();
            Err(Error::new(format!("hook ran past specified timeout of {seconds:.1}s")).into())
        }
        (true, false) => {
            let (stdout, stderr) = (stdout.text(), stderr.text());
            let told = format!("{}, stdout: {stdout}, stderr: {stderr}", words(status));
            Err(Failed { exit_code: status.code(), error: Error::new(told) })
        }
    }
}

/// What came out of a pipe; the rest beyond a bound is thrown away.
struct Printed {
    pipe: Option<File>,
    bytes: Vec<u8>,
}

impl Printed {
    const BOUND: usize = 64 * 1024;

    fn new(pipe: Option<OwnedFd>) -> Printed {
        Printed { pipe: pipe.map(File::from), bytes: Vec::new() }
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(|pipe| pipe.as_fd())
    }

    /// Reads what is there now; tells whether there was something.
    fn read(&mut self) -> Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        if !wait_readable(pipe.as_fd(), Some(Duration::ZERO))? {
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        let count = pipe.read(&mut buffer).doing(|| "read what the hook prints".into())?;
        let room = Printed::BOUND - self.bytes.len();
        self.bytes.extend(&buffer[..count.min(room)]);
        if count == 0 {
            self.pipe = None;
        }
        Ok(count > 0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_end().to_owned()
    }
}

fn words(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal: {}", signal::words(signal)),
        (None, None) => "unknown end".into(),
    }
}
