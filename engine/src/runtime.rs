//! The only file that knows the runtime's command line, which is runc's.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::error::{Context, IfThere, Kind, Result, refuse};

/// A runtime, and where it keeps its state.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// `onggi`, or another with runc's command line.
    pub program: PathBuf,
    /// The folder of its state.
    pub state: PathBuf,
}

/// What a container's program gets as its standard streams.
#[derive(Debug)]
pub enum Streams {
    /// Files, pipes, or nothing.
    Files {
        /// What it reads.
        stdin: Stdio,
        /// What it writes.
        stdout: OwnedFd,
        /// What it complains to.
        stderr: OwnedFd,
    },
    /// A terminal, whose other end is sent to this socket.
    Terminal {
        /// A path.
        socket: PathBuf,
    },
}

/// Why a program was not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun {
    /// 127 where it is not there, 126 where it cannot be executed, 125 otherwise.
    pub exit_code: i32,
    /// The runtime's words.
    pub words: String,
}

impl Runtime {
    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.state).arg(verb);
        command
    }

    /// One whose complaints go into a file, for [`NotRun::read`].
    fn logged(&self, complaints: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.state).arg("--log").arg(complaints);
        command.args(["--log-format", "json"]);
        command
    }

    /// Begins to run a bundle's program; its process will be a child of this one, if this one is a
    /// subreaper. The process id will be in `pid` of the bundle.
    ///
    /// # Errors
    /// Where the runtime's program cannot be executed.
    pub fn begin_run(&self, bundle: &Path, id: &str, streams: Streams) -> Result<Starting> {
        let (pid_file, complaints) = (bundle.join("pid"), bundle.join("runtime.log"));
        let mut command = self.logged(&complaints);
        command.args(["run", "--detach", "--bundle"]).arg(bundle);
        command.arg("--pid-file").arg(&pid_file).env_clear();
        match streams {
            Streams::Files { stdin, stdout, stderr } => {
                command.stdin(stdin).stdout(stdout).stderr(stderr);
            }
            Streams::Terminal { socket } => {
                command.arg("--console-socket").arg(socket);
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        command.arg(id);
        self.start(command, "run", pid_file, complaints)
    }

    /// Removes what the runtime keeps of a container, and its processes if there are any.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn delete(&self, id: &str) -> Result<()> {
        self.begin_delete(id)?.finish()
    }

    /// As [`Runtime::delete`], which goes on while something else is done.
    ///
    /// # Errors
    /// Where the runtime's program cannot be executed.
    pub fn begin_delete(&self, id: &str) -> Result<Deletion> {
        self.begin("delete", ["--force".into(), id.into()]).map(Deletion)
    }

    /// Sends a signal to the container's first process.
    ///
    /// # Errors
    /// A refusal as a conflict, where that has ended; the runtime's words.
    pub fn kill(&self, id: &str, signal: &str) -> Result<()> {
        self.call("kill", [id.into(), signal.into()]).map_err(|error| {
            match error.to_string().ends_with("not running") {
                true => refuse(Kind::Conflict, format!("container {id} is not running")),
                false => error,
            }
        })
    }

    /// Freezes every process.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn pause(&self, id: &str) -> Result<()> {
        self.call("pause", [id.into()])
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn resume(&self, id: &str) -> Result<()> {
        self.call("resume", [id.into()])
    }

    /// Changes limits: the file holds `linux.resources` of the specification.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn update(&self, id: &str, limits: &Path) -> Result<()> {
        self.call("update", ["--resources".into(), limits.into(), id.into()])
    }

    /// The processes of a container, as the host numbers them.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn processes(&self, id: &str) -> Result<Vec<u32>> {
        let text = self.ask("ps", ["--format".into(), "json".into(), id.into()])?;
        serde_json::from_slice(&text).with_context(|| self.doing("ps"))
    }

    /// The command that runs another program in a container, as a process of the specification
    /// describes it. Its standard streams are for the caller to choose.
    pub fn exec(&self, id: &str, process: &Path, complaints: &Path, detach: bool) -> Command {
        let mut command = self.logged(complaints);
        command.arg("exec");
        if detach {
            command.arg("--detach");
        }
        command.arg("--process").arg(process).arg(id);
        command
    }

    /// Runs another program in a container, described by a file, and comes back as soon as it
    /// runs: as for [`Runtime::begin_run`], its process is then a child of this one. What it writes
    /// goes to the pipe.
    ///
    /// # Errors
    /// Where the runtime's program cannot be executed. That the other cannot is an answer.
    pub fn probe(
        &self,
        bundle: &Path,
        id: &str,
        process: &Path,
        output: OwnedFd,
    ) -> Result<Result<u32, NotRun>> {
        let (pid_file, complaints) = (bundle.join("check.pid"), bundle.join("check.log"));
        let mut command = self.logged(&complaints);
        command.args(["exec", "--detach", "--process"]).arg(process);
        command.arg("--pid-file").arg(&pid_file).arg(id).env_clear();
        let second = output.try_clone().context("duplicate a pipe")?;
        command.stdin(Stdio::null()).stdout(output).stderr(second);
        self.start(command, "exec", pid_file, complaints)?.finish()
    }

    /// Begins a command that writes the number of a process, or into its log why there is none.
    fn start(
        &self,
        mut command: Command,
        verb: &str,
        pid_file: PathBuf,
        complaints: PathBuf,
    ) -> Result<Starting> {
        let removed = fs::remove_file(&complaints).if_there();
        removed.with_context(|| format!("remove {}", complaints.display()))?;
        let doing = self.doing(verb);
        let child = command.spawn().with_context(|| doing.clone())?;
        Ok(Starting { child, doing, pid_file, complaints })
    }

    /// What the program says of itself: the last word of its first line. One that says nothing has
    /// no version.
    pub fn version(&self) -> Version {
        let output = Command::new(&self.program).arg("--version").stdin(Stdio::null()).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        Version::read(&String::from_utf8_lossy(&text))
    }

    fn call<const N: usize>(&self, verb: &str, args: [OsString; N]) -> Result<()> {
        self.ask(verb, args).map(drop)
    }

    /// What the runtime prints.
    fn ask<const N: usize>(&self, verb: &str, args: [OsString; N]) -> Result<Vec<u8>> {
        self.begin(verb, args)?.finish()
    }

    fn begin<const N: usize>(&self, verb: &str, args: [OsString; N]) -> Result<Call> {
        let mut command = self.command(verb);
        command.args(args).env_clear().stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let doing = self.doing(verb);
        match child {
            Ok(child) => Ok(Call { child, doing }),
            Err(error) => Err(error).context(doing),
        }
    }

    fn doing(&self, verb: &str) -> String {
        format!("{} {verb}", self.program.display())
    }
}

/// A program that the runtime is starting.
#[must_use = "whether it could be executed is not known yet"]
#[derive(Debug)]
pub struct Starting {
    child: Child,
    doing: String,
    pid_file: PathBuf,
    complaints: PathBuf,
}

impl Starting {
    /// Waits until the program runs; its process id.
    ///
    /// # Errors
    /// Where its process id cannot be read. That it cannot be executed is an answer.
    pub fn finish(mut self) -> Result<Result<u32, NotRun>> {
        let status = self.child.wait().context(self.doing)?;
        if !status.success() {
            return Ok(Err(NotRun::read(&self.complaints)));
        }
        read_pid(&self.pid_file).map(Ok)
    }
}

/// A runtime's command that has begun.
#[derive(Debug)]
struct Call {
    child: Child,
    doing: String,
}

impl Call {
    /// What the runtime prints.
    fn finish(self) -> Result<Vec<u8>> {
        let Call { child, doing } = self;
        let output = child.wait_with_output().with_context(|| doing.clone())?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let words = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("{doing}: {}", last_message(&words))
    }
}

/// A container that the runtime is removing.
#[must_use = "whether it could be removed is not known yet"]
#[derive(Debug)]
pub struct Deletion(Call);

impl Deletion {
    /// Waits until the container is removed.
    ///
    /// # Errors
    /// The runtime's words.
    pub fn finish(self) -> Result<()> {
        self.0.finish().map(drop)
    }
}

/// Which runtime it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// `1.1.5`; empty where it is not known.
    pub version: String,
    /// The commit that it was built from.
    pub commit: Option<String>,
}

impl Version {
    fn read(text: &str) -> Version {
        let first = text.lines().next().unwrap_or_default();
        let commit = text.lines().find_map(|line| line.strip_prefix("commit:"));
        Version {
            version: first.rsplit(' ').next().unwrap_or_default().to_owned(),
            commit: commit.map(str::trim).filter(|text| *text != "unknown").map(str::to_owned),
        }
    }
}

impl NotRun {
    /// What the runtime wrote into its log last.
    pub fn read(complaints: &Path) -> NotRun {
        let text = fs::read_to_string(complaints).unwrap_or_default();
        let words = last_message(&text);
        let says = |text: &str| words.contains(text);
        let exit_code = if says("executable file not found") || says("no such file or directory") {
            127
        } else if says("permission denied") || says("is a directory") || says("exec format error") {
            126
        } else {
            125
        };
        NotRun { exit_code, words }
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for NotRun {}

/// The exit code of a program, or 128 and the signal that ended it.
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255)
}

/// The message in the last line of a log, in either of the runtime's formats; where it has none,
/// the line.
fn last_message(log: &str) -> String {
    let line = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if let Ok(serde_json::Value::Object(entry)) = serde_json::from_str(line) {
        return entry.get("msg").and_then(|msg| msg.as_str()).unwrap_or(line).to_owned();
    }
    match line.split_once("msg=\"") {
        Some((_, rest)) => rest.trim_end_matches('"').replace("\\\"", "\""),
        None => line.to_owned(),
    }
}

fn read_pid(file: &Path) -> Result<u32> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    text.trim().parse().with_context(|| format!("read the number in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_its_version_in_its_first_line() {
        let told = Version::read("runc version 1.1.5\ncommit: v1.1.5-0-gf19387a6\nspec: 1.0\n");
        assert_eq!(told.version, "1.1.5");
        assert_eq!(told.commit.as_deref(), Some("v1.1.5-0-gf19387a6"));
        assert_eq!(Version::read(""), Version::default());
    }

    #[test]
    fn the_message_is_found_in_both_formats() {
        let json = r#"{"level":"error","msg":"exec: \"x\": executable file not found in $PATH"}"#;
        let text = "time=\"now\" level=error msg=\"exec: \\\"x\\\": executable file not found\"\n";
        for (log, message) in [
            (json, "exec: \"x\": executable file not found in $PATH"),
            (text, "exec: \"x\": executable file not found"),
            ("first\nlast\n\n", "last"),
            ("", ""),
        ] {
            assert_eq!(last_message(log), message);
        }
    }
}
