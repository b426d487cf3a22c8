//! The container of one bundle: a verb per command of the runtime. Dropped, it is gone.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cgroup;
use crate::host::{self, field};
use crate::runtime::{Call, Output, wait_until};
use crate::scratch::{Scratch, mounts_below};

/// How long a container may take to reach a state, or to do what a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A bundle on disk, a `--root` of its own, and the container that may come of them.
#[derive(Debug)]
pub struct Container {
    scratch: Scratch,
}

impl Container {
    pub(crate) fn new(scratch: Scratch) -> Self {
        Self { scratch }
    }

    /// The container's id.
    pub fn id(&self) -> &str {
        self.scratch.name()
    }

    /// The test's directory: `bundle`, `state`, the output of calls, and what a test puts there.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// The bundle.
    pub fn bundle(&self) -> PathBuf {
        self.directory().join("bundle")
    }

    /// A path of the container, as the host sees it (symlinks are not resolved).
    pub fn in_root(&self, path: &str) -> PathBuf {
        self.bundle().join("rootfs").join(path.trim_start_matches('/'))
    }

    /// The runtime's `--root`.
    pub fn state_root(&self) -> PathBuf {
        self.directory().join("state")
    }

    /// Rewrites a property of config.json.
    pub fn reconfigure(&self, pointer: &str, value: impl Into<Value>) -> Result<()> {
        let path = self.bundle().join("config.json");
        let mut config = serde_json::from_slice(&fs::read(&path)?)?;
        crate::config::set(&mut config, pointer, value.into());
        Ok(fs::write(path, config.to_string())?)
    }

    /// A call without any argument yet.
    pub fn bare_call(&self) -> Call {
        Call::new(self.directory())
    }

    /// `--root ROOT`, to be completed with more options and a command.
    pub fn rooted_call(&self) -> Call {
        self.bare_call().arg("--root").arg(self.state_root())
    }

    /// `--root ROOT COMMAND`, to be completed.
    pub fn call(&self, command: &str) -> Call {
        self.rooted_call().arg(command)
    }

    /// `create --bundle BUNDLE`, to be completed with options; end it with [`Call::arg`]`(id)`.
    pub fn create_call(&self) -> Call {
        self.call("create").arg("--bundle").arg(self.bundle()).streams("container")
    }

    /// `run --bundle BUNDLE`, to be completed with options and the id.
    pub fn run_call(&self) -> Call {
        self.call("run").arg("--bundle").arg(self.bundle())
    }

    /// `create`.
    pub fn create(&self) -> Output {
        self.create_call().arg(self.id()).run()
    }

    /// `create` with options before the id.
    pub fn create_with<S: AsRef<OsStr>>(&self, options: impl IntoIterator<Item = S>) -> Output {
        self.create_call().args(options).arg(self.id()).run()
    }

    /// `start`.
    pub fn start(&self) -> Output {
        self.call("start").arg(self.id()).run()
    }

    /// `run` in the foreground.
    pub fn run(&self) -> Output {
        self.run_call().arg(self.id()).run()
    }

    /// `run` with options before the id.
    pub fn run_with<S: AsRef<OsStr>>(&self, options: impl IntoIterator<Item = S>) -> Output {
        self.run_call().args(options).arg(self.id()).run()
    }

    /// `run --detach`.
    pub fn run_detached(&self) -> Output {
        self.run_call().args(["--detach", self.id()]).streams("container").run()
    }

    /// `kill ID SIGNAL`.
    pub fn kill(&self, signal: &str) -> Output {
        self.call("kill").args([self.id(), signal]).run()
    }

    /// `delete`.
    pub fn delete(&self) -> Output {
        self.call("delete").arg(self.id()).run()
    }

    /// `delete --force`.
    pub fn delete_by_force(&self) -> Output {
        self.call("delete").args(["--force", self.id()]).run()
    }

    /// `pause`.
    pub fn pause(&self) -> Output {
        self.call("pause").arg(self.id()).run()
    }

    /// `resume`.
    pub fn resume(&self) -> Output {
        self.call("resume").arg(self.id()).run()
    }

    /// `exec ID ARGS…`.
    pub fn exec<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Output {
        self.call("exec").arg(self.id()).args(words).run()
    }

    /// `exec OPTIONS… ID ARGS…`.
    pub fn exec_with<S: AsRef<OsStr>, T: AsRef<OsStr>>(
        &self,
        options: impl IntoIterator<Item = S>,
        words: impl IntoIterator<Item = T>,
    ) -> Output {
        self.call("exec").args(options).arg(self.id()).args(words).run()
    }

    /// `exec ID sh -c SCRIPT`.
    pub fn exec_sh(&self, script: &str) -> Output {
        self.exec(["/bin/sh", "-c", script])
    }

    /// `exec --process FILE ID`, the file being written for it.
    pub fn exec_process(&self, process: &Value) -> Result<Output> {
        let path = self.directory().join("process.json");
        fs::write(&path, process.to_string())?;
        Ok(self.call("exec").arg("--process").arg(path).arg(self.id()).run())
    }

    /// `spec OPTIONS…` in the place of the bundle's config.json; gives what it wrote.
    pub fn spec(&self, options: &[&str]) -> Result<Value> {
        let path = self.bundle().join("config.json");
        fs::remove_file(&path)?;
        let call = self.bare_call().arg("spec").args(options).arg("--bundle");
        call.arg(self.bundle()).run().ok()?;
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// `state`, as JSON.
    pub fn state(&self) -> Result<Value> {
        let output = self.call("state").arg(self.id()).run().ok()?;
        serde_json::from_str(&output.stdout).with_context(|| format!("read {output}"))
    }

    /// `state`'s status.
    pub fn status(&self) -> Result<String> {
        let state = self.state()?;
        Ok(state["status"].as_str().context("a status")?.to_owned())
    }

    /// `state`'s pid.
    pub fn pid(&self) -> Result<i32> {
        let pid = self.state()?["pid"].as_i64().context("a pid")?;
        Ok(i32::try_from(pid)?)
    }

    /// Waits until `state` says so.
    pub fn wait_for(&self, status: &str) -> Result<()> {
        let mut last = String::new();
        let reached = wait_until(PATIENCE, || {
            last = self.status().unwrap_or_else(|error| format!("{error:#}"));
            (last == status).then_some(())
        });
        reached.with_context(|| format!("not {status} but {last}"))
    }

    /// Waits until the program handles SIGTERM, as [`Bundle::sleeping`](crate::Bundle::sleeping)
    /// does a moment after its start: until then the signal is lost on the first process of a pid
    /// namespace.
    pub fn wait_for_handler(&self) -> Result<()> {
        let bit = 1_u64 << (Signal::TERM.as_raw() - 1);
        let handles = || {
            let caught = u64::from_str_radix(&self.proc_status("SigCgt").ok()?, 16).ok()?;
            (caught & bit != 0).then_some(())
        };
        wait_until(PATIENCE, handles).context("the program never handled SIGTERM")
    }

    /// Waits for a file that the container writes, and reads it once it is not empty.
    pub fn wait_for_file(&self, path: &str) -> Result<String> {
        let path = self.in_root(path);
        let read = || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        wait_until(PATIENCE, read).with_context(|| format!("nobody wrote {}", path.display()))
    }

    /// What the container that was made by `create` or `run --detach` wrote to stdout so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory().join("container.out")).unwrap_or_default()
    }

    /// Waits until the container's processes are gone, and gives what the first one wrote.
    pub fn log_at_end(&self) -> Result<String> {
        self.wait_for("stopped")?;
        Ok(self.log())
    }

    /// `/proc/PID/NAME` of a started container's program. `start` returns a moment before the
    /// program is there: this waits for it.
    pub fn proc_file(&self, name: &str) -> Result<String> {
        let config: Value = serde_json::from_slice(&fs::read(self.bundle().join("config.json"))?)?;
        let program = format!("{}\0", config["process"]["args"][0].as_str().unwrap_or_default());
        let pid = self.pid()?;
        let command = || fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
        let there = wait_until(PATIENCE, || command().filter(|line| line.starts_with(&program)));
        there.with_context(|| format!("{program:?} never ran"))?;
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }

    /// One field of `/proc/PID/status` of the container's first process.
    pub fn proc_status(&self, name: &str) -> Result<String> {
        let text = self.proc_file("status")?;
        Ok(field(&text, name).with_context(|| format!("{name} in {text}"))?.to_owned())
    }

    /// The namespace of the container's first process: `net:[4026531840]`.
    pub fn namespace(&self, name: &str) -> Result<String> {
        namespace_of(self.pid()?, name)
    }

    /// Demands that no state, cgroup, mount or process of the container is left.
    pub fn left_no_trace(&self) -> Result<()> {
        let state = self.state_root().join(self.id());
        if state.exists() {
            bail!("{} is left", state.display());
        }
        if let Some(cgroup) = self.cgroups().first() {
            bail!("{} is left", cgroup.display());
        }
        if let Some(mount) = mounts_below(self.directory()).first() {
            bail!("{} is still mounted", mount.display());
        }
        if let Some(pid) = self.processes().first() {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            bail!("process {pid} is left: {}", line.replace('\0', " "));
        }
        Ok(())
    }

    /// The container's cgroup, from the root of each hierarchy.
    pub fn cgroup(&self) -> String {
        match host::systemd_makes_cgroups() {
            true => self.scope(),
            false => self.id().to_owned(),
        }
    }

    /// The same where systemd made it.
    fn scope(&self) -> String {
        format!("system.slice/spec-{}.scope", self.id())
    }

    /// The container's cgroup directories, one per hierarchy that has it.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let [own, scope] = [self.id(), &self.scope()].map(cgroup::directories);
        [own, scope].concat()
    }

    /// Processes (of the host's numbering) in the container's cgroups, or that name it.
    pub fn processes(&self) -> Vec<i32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found: Vec<i32> = pids.filter(|pid| self.is_named_by(*pid)).collect();
        for cgroup in self.cgroups() {
            cgroup::collect_processes(&cgroup, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn is_named_by(&self, pid: i32) -> bool {
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.contains(self.id())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.state_root().join(self.id()).exists() {
            let _ = self.delete_by_force();
        }
        for cgroup in self.cgroups() {
            cgroup::thaw(&cgroup);
        }
        let kill_all = || {
            let pids = self.processes();
            for pid in pids.iter().copied().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
            pids.is_empty().then_some(())
        };
        wait_until(Duration::from_secs(10), kill_all);
        for cgroup in self.cgroups() {
            cgroup::remove(&cgroup);
        }
    }
}

/// The namespace of a process, as its link under /proc names it; `pid` 0 is the test itself.
pub fn namespace_of(pid: i32, name: &str) -> Result<String> {
    let process = if pid == 0 { "self".into() } else { pid.to_string() };
    let path = format!("/proc/{process}/ns/{name}");
    let link = fs::read_link(&path).with_context(|| format!("read {path}"))?;
    Ok(link.to_string_lossy().into_owned())
}
