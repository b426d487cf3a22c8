//! `exec`: one more process in the namespaces and the cgroup that init is in.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::options::{Attach, ExecOptions, ExecProcess, Paused};
use super::passed::{self, Passed};
use super::serve::{Handles, Role, Served, Talk, awaits_runtime, serve};
use super::{Container, ContainerId, Store, configured, supervise};
use crate::cgroup::{Entry, SubGroup};
use crate::error::{Code, Doing, Error, Result};
use crate::failpoint;
use crate::hooks::Output;
use crate::host::Host;
use crate::init::{EXEC, Init, Sources, Start, Step};
use crate::launch::{self, Child, Join, Request, RuntimeEnd};
use crate::log;
use crate::plan::{self, Exec, ExecSource, Kind, Plan, Process, Terminal};
use crate::spec::{self, Pairs, Spec, State};
use crate::sys::fifo::Fifo;
use crate::sys::{self, scheduling, self_exe};

/// Adds a process to a container; gives its exit code, or 0 when detached.
pub fn exec(store: &Store, id: &ContainerId, options: &ExecOptions) -> Result<i32> {
    let container = Container::find(store, id)?;
    container.status()?.check_exec(options.paused == Paused::Enter)?;
    let init = container
        .init()?
        .ok_or_else(|| Error::of(Code::NotRunning, "cannot exec in a stopped container"))?;
    let text = container.directory.config()?;
    let (spec, host) = configured::read(&text, &container.saved)?;
    let plan = configured::plan(&spec, &host, &container)?;
    let mut wanted = process_plan(&spec, &host, &plan, options)?;
    wanted.warnings.iter().for_each(|words| log::warning(words));
    let detaches = options.attach == Attach::Detached;
    let wants_terminal = wanted.process.terminal != Terminal::None;
    passed::check_terminal(wants_terminal, detaches, options.console_socket.is_some())?;
    let passed = Passed::take(options.preserve_fds)?;
    wanted.process.env.extend(passed.env());

    failpoint::reach("plan the process")?;
    set_initial_affinity(&wanted.process)?;
    let signals = supervise::Signals::hold(options.attach)?;
    let joining = Joining { container: &container, init: &init, host: &host, plan: &plan, passed };
    let (child, served) = joining.launch(&wanted, options)?;
    match options.attach {
        Attach::Detached => {
            child.keep();
            Ok(0)
        }
        Attach::Foreground => {
            supervise::until_the_end(&child, served.terminal.as_ref(), &signals, None)
        }
    }
}

/// The runtime's CPUs are those of what it clones, until that is in the cgroup.
fn set_initial_affinity(process: &Process) -> Result<()> {
    let Some(cpus) = &process.affinity.initial else { return Ok(()) };
    scheduling::set_affinity(0, cpus)
        .doing(|| "set the CPU affinity (execCPUAffinity.initial)".into())?;
    log::debug(|| format!("nsexec: affinity: {}", scheduling::mask(cpus)));
    Ok(())
}

/// When the program is run: a reader of the fifo may have to let it.
fn start(fifo: Option<&Path>) -> Result<Start> {
    let Some(path) = fifo else { return Ok(Start::AtOnce) };
    // runc's words.
    let opening = || format!("failed to open exec wait fifo {}", path.display());
    let kind = std::fs::metadata(path).doing(opening)?.file_type();
    match kind.is_fifo() {
        true => Ok(Start::AwaitReader(Fifo::open(path).doing(opening)?)),
        false => Err(Error::new(format!("exec wait fifo {} is not a fifo", path.display()))),
    }
}

fn process_plan(spec: &Spec<'_>, host: &Host, plan: &Plan, options: &ExecOptions) -> Result<Exec> {
    let filter = plan.process.seccomp.clone();
    match &options.process {
        ExecProcess::Command(overrides) => {
            plan::exec(spec, ExecSource::Overrides(overrides), host, filter)
        }
        ExecProcess::File(path) => {
            let text = std::fs::read(path).doing(|| format!("read {}", path.display()))?;
            let file: spec::Process<'_> =
                serde_json::from_slice(&text).doing(|| format!("read {}", path.display()))?;
            plan::exec(spec, ExecSource::File(&file), host, filter)
        }
    }
}

/// The process, the talk with it, and what it may run from.
pub(super) type Spawned = (Child, RuntimeEnd, Option<OwnedFd>);

/// What the new process joins.
pub(super) struct Joining<'a> {
    pub(super) container: &'a Container,
    pub(super) init: &'a OwnedFd,
    pub(super) host: &'a Host,
    pub(super) plan: &'a Plan,
    pub(super) passed: Passed,
}

impl Joining<'_> {
    fn launch(&self, wanted: &Exec, options: &ExecOptions) -> Result<(Child, Served)> {
        let subs = SubGroup::parse_all(&options.cgroups)?;
        let cgroup = self.container.cgroup();
        let beside =
            || cgroup.entry_beside(self.container.saved.init_process_pid, &self.host.cgroups);
        let fifo = options.wait_fifo.as_deref();
        let spawn = |entry| self.spawn(&wanted.process, entry, EXEC, start(fifo)?);
        let spawned = match cgroup.entry_below(&subs) {
            // runc's words.
            entry if !subs.is_empty() => {
                entry.and_then(spawn).doing(|| "adding pid of the program to cgroups".into())
            }
            Err(error) if error.is(libc::ENOENT) => spawn(beside()?),
            entry => match spawn(entry?) {
                // The processes inside manage cgroups of their own (v2).
                Err(error) if error.is(libc::EBUSY) => spawn(beside()?),
                // An ordinary user may not leave the session's cgroup; systemd can.
                Err(error) if error.is(libc::EACCES) && cgroup.is_systemds() => {
                    spawn(Entry::default()).and_then(|spawned| {
                        cgroup.attach(spawned.0.pid)?;
                        Ok(spawned)
                    })
                }
                other => other,
            },
        };
        let (child, channel, program) = spawned?;
        failpoint::reach("spawn the process")?;
        let mut talk = Talk {
            plan: self.plan,
            process: &wanted.process,
            child: &child,
            handles: Handles {
                console_socket: options.console_socket.as_deref(),
                pidfd_socket: options.pidfd_socket.as_deref(),
                pid_file: options.pid_file.as_deref(),
            },
            role: Role::Exec { container: self.container },
            program,
        };
        let served = serve(&channel, &mut talk)?;
        failpoint::reach("answer the process")?;
        Ok((child, served))
    }

    /// Lets a process join the container and do these steps.
    pub(super) fn spawn(
        &self,
        process: &Process,
        entry: Entry,
        steps: &[Step],
        start: Start,
    ) -> Result<Spawned> {
        // From its first moment on it can be seen from inside.
        sys::process::set_dumpable(false).doing(|| "become undumpable".into())?;
        if self.plan.own_cores {
            // What it clones is beside the container's other threads too.
            sys::scheduling::share_cores_of(self.container.saved.init_process_pid)
                .doing(|| "share the container's cores".into())?;
        }
        let (init_end, runtime_end) = launch::pair()?;
        let program_file = self_exe::read_only_view()?;
        let program = program_file.as_ref().map(OwnedFd::try_clone).transpose()?;
        let request = Request {
            join: self.joins()?,
            cgroup: entry.directory().map(|fd| fd.try_clone_to_owned()).transpose()?,
            unprivileged: self.host.euid != 0 || self.host.in_user_namespace,
            ..Request::default()
        };
        let annotations = Pairs::default();
        let has_rdt = self.container.saved.onggi.rdt.is_some();
        let state = State {
            oci_version: spec::OCI_VERSION,
            id: &self.container.saved.id,
            status: "running",
            pid: 0,
            bundle: &self.container.saved.onggi.bundle,
            annotations: &annotations,
        };
        let child = launch::spawn(request, |rest| {
            let init = Init {
                plan: self.plan,
                process,
                channel: init_end,
                rest,
                entry,
                memory: Entry::default(),
                program_file,
                sources: Sources::Runtime,
                cgroups: self.container.cgroup().hierarchies(),
                start,
                passed: self.passed.numbers.clone(),
                state,
                hook_output: Output::default(),
                awaits_runtime: awaits_runtime(process, has_rdt),
                root: None,
                procfs: None,
                program: String::new(),
                home: None,
                in_directory: false,
            };
            init.run(steps)
        })?;
        Ok((child, runtime_end, program))
    }

    /// All through init itself, whatever the paths in config.json lead to by now. The pid
    /// namespace is for children only, so that the runtime must be the one to enter it, unless
    /// the rights for that come with the user namespace.
    fn joins(&self) -> Result<Vec<Join>> {
        let kinds = &self.container.saved.onggi.namespaces;
        let all = kinds.iter().fold(0, |flags, kind| flags | kind.flag());
        let around = if self.host.euid == 0 { all & Kind::Pid.flag() } else { 0 };
        [around, all & !around]
            .into_iter()
            .filter(|flags| *flags != 0)
            .map(|flags| Ok(Join { flags, through: self.init.as_fd().try_clone_to_owned()? }))
            .collect()
    }
}
