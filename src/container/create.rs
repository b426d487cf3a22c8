//! `create`: the pipeline from a bundle to an init that waits. Each thing that is made undoes
//! itself when a later one fails.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::host_root::HostRoot;
use super::namespaces::{is_within_reach, join_by_path, new_namespaces};
use super::notify::{self, Notify};
use super::options::CreateOptions;
use super::passed::{self, Passed};
use super::poststop::Poststop;
use super::saved::{Config, Own, Phase, Saved};
use super::serve::{self, Handles, Role, Served, Talk, awaits_runtime, died, serve};
use super::store::{Directory, Store};
use super::{Container, ContainerId, lost};
use crate::cgroup::{self, Cgroup, Entry};
use crate::error::{Code, Doing, Result};
use crate::failpoint;
use crate::hooks::Output;
use crate::host::{self, Host};
use crate::init::{Init, NEW_CONTAINER, Sources, Start};
use crate::launch::{self, Child, Request, RuntimeEnd};
use crate::log::{self, Laps};
use crate::plan::{self, Hooks, Kind, Plan, Terminal};
use crate::resctrl;
use crate::seccomp;
use crate::spec::{OCI_VERSION, Spec, State, Str};
use crate::sys::identity::effective_ids;
use crate::sys::{process, self_exe, socket};
use crate::validate::{self, Problem, Protected};
use crate::weakness;

/// Callers look for one of runc's two phrases in the debug log, by what the kernel offers.
const PROTECTED: &str = "the program's file cannot be written from the container; runc would say \
    \"runc exeseal: using overlayfs for sealed /proc/self/exe\", or \
    \"runc exeseal: using /proc/self/exe clone\"";

/// What the container waits for once it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `start`.
    Created,
    /// Nothing: it runs, without or with the runtime beside it.
    Running(super::Attach),
}

/// A container that was made, its init, and the terminal that came back.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) child: Child,
    pub(super) served: Served,
    /// What the program may tell the caller, if it runs already.
    pub(super) notify: Option<Notify>,
    pub(super) hooks: Hooks,
}

/// Makes a container up to where its program would be run.
pub fn create(store: &Store, id: &ContainerId, options: &CreateOptions) -> Result<()> {
    make(store, id, options, Mode::Created).map(drop)
}

/// Makes a container.
pub(super) fn make(
    store: &Store,
    id: &ContainerId,
    options: &CreateOptions,
    mode: Mode,
) -> Result<Made> {
    let mut laps = Laps::start("create");
    let text = enter_bundle(options)?;
    let (spec, host) = &read(&text, options)?;
    laps.end("read the configuration, ask the host");
    let mut plan = plan(spec, host, id, options)?;
    laps.end("plan");
    check_terminal(&plan, options, mode)?;
    let passed = Passed::take(options.preserve_fds)?;
    plan.process.env.extend(passed.env());

    notify::plan(&store.root.join(id.as_str()), &mut plan);
    let mut poststop = Poststop::after(&plan.hooks);
    let reserved = store.reserve(id)?;
    reach("reserve the directory", &mut laps)?;
    let directory = reserved.directory()?;
    let mut saved = saved(id, spec, &plan, host, options);
    let notify = announce(directory, (&text, &saved), mode, &mut laps)?;
    let mut cgroup = Cgroup::begin(&plan.cgroup).doing(|| "make the cgroup".into())?;
    let rdt = saved.onggi.make_rdt(&plan)?;
    let program = self_exe::read_only_view().doing(|| "protect the runtime's program".into())?;
    log::debug(|| PROTECTED.into());
    laps.end("begin the cgroup, protect the program");
    let bundle = options.bundle_name();
    let clone = Clone { spec, bundle: &bundle, passed, mode, program: program.as_ref(), host };
    let host_root = HostRoot::before_init(&plan)?;
    let (child, channel) = spawn(&plan, &cgroup, directory, &clone)?;
    poststop.owe(&saved);
    reach("spawn init", &mut laps)?;
    // Meanwhile the child makes its namespaces.
    let finished = cgroup.finish(&plan.cgroup, child.pid).doing(|| "make the cgroup".into());
    finished.map_err(|error| serve::failure(&channel).unwrap_or(error))?;
    // Of an optional one nothing may be there.
    saved.onggi.cgroup = cgroup.saved();
    reach("make the cgroup", &mut laps)?;
    saved.set_init(child.pid)?;
    lost::save(directory, &saved)?;
    reach("save the pid", &mut laps)?;
    tell_of_cgroup(&cgroup, &plan);
    let mut talk = Talk {
        plan: &plan,
        process: &plan.process,
        child: &child,
        handles: handles(options),
        role: Role::Create { saved: &saved, cgroup: &cgroup },
        program,
    };
    let served = answer(&channel, &mut talk, mode, &mut laps)?;
    directory.is_made()?;

    let container = Container { directory: store.find(id)?, saved };
    let child = child.keep();
    host_root.keep();
    cgroup.keep();
    rdt.keep();
    reserved.keep();
    poststop.keep();
    Ok(Made { container, child, served, notify, hooks: plan.hooks })
}

/// Writes down what is known before there is a process.
fn announce(
    directory: &Directory,
    (config, saved): (&[u8], &Saved),
    mode: Mode,
    laps: &mut Laps,
) -> Result<Option<Notify>> {
    directory.save_config(config)?;
    let notify = notify::open(directory, mode != Mode::Created)?;
    reach("keep the configuration", laps)?;
    directory.announce(saved)?;
    reach("save the state", laps)?;
    Ok(notify)
}

/// Answers init until it is ready, or waits to be started.
fn answer(
    channel: &RuntimeEnd,
    talk: &mut Talk<'_>,
    mode: Mode,
    laps: &mut Laps,
) -> Result<Served> {
    let served = serve(channel, talk)?;
    laps.end("answer init");
    match mode == Mode::Created && !served.waits {
        true => Err(died(talk)),
        false => Ok(served),
    }
}

fn handles(options: &CreateOptions) -> Handles<'_> {
    Handles {
        console_socket: options.console_socket.as_deref(),
        pidfd_socket: options.pidfd_socket.as_deref(),
        pid_file: options.pid_file.as_deref(),
    }
}

/// A part of the pipeline is over: here a test may want it to fail.
fn reach(part: &str, laps: &mut Laps) -> Result<()> {
    laps.end(part);
    failpoint::reach(part)
}

/// What the plan must know of the machine, and whether it is to be taken for a rootless one. Where
/// the spec leaves ids to it, they are the caller's.
pub(super) fn ask_host(spec: &mut Spec<'_>, options: &CreateOptions) -> Result<Host> {
    let mut host = host::probe(spec)?;
    host.rootless = options.rootless.or(host.rootless);
    spec.map_own_ids(host.euid, host.egid);
    Ok(host)
}

/// Without a cgroup a pid namespace of its own is what keeps a container's processes together: who
/// has one misses nothing.
pub(super) fn tell_of_cgroup(cgroup: &cgroup::Created, plan: &Plan) {
    const LOOSE: &str = "without a pid namespace either, kill cannot reach all its processes. \
        Such configuration is strongly discouraged";
    let has_pid_namespace = plan.namespaces.has(Kind::Pid);
    cgroup.warnings().iter().for_each(|words| match (cgroup.is_none(), has_pid_namespace) {
        (false, _) => log::warning(words),
        (true, false) => log::warning(&format!("{words}; {LOOSE}")),
        (true, true) => {}
    });
}

/// Makes the bundle the working directory, and reads its configuration.
pub(super) fn enter_bundle(options: &CreateOptions) -> Result<Vec<u8>> {
    std::env::set_current_dir(&options.bundle)
        .doing(|| format!("enter the bundle {}", options.bundle.display()))?;
    let path = options.config.as_deref().unwrap_or(Path::new("config.json"));
    std::fs::read(path).doing(|| format!("read {}", path.display()))
}

/// What is wanted, and where.
pub(super) fn read<'a>(text: &'a [u8], options: &CreateOptions) -> Result<(Spec<'a>, Host)> {
    let mut spec =
        Spec::read(text).or_code(Code::InvalidConfig).doing(|| "read config.json".into())?;
    if weakness::leaves_out("the configured cgroup") {
        spec.linux.cgroups_path = Str::default();
    }
    let host = ask_host(&mut spec, options)?;
    Ok((spec, host))
}

/// A sound spec, decided.
pub(super) fn plan(
    spec: &Spec<'_>,
    host: &Host,
    id: &ContainerId,
    options: &CreateOptions,
) -> Result<Plan> {
    let mut problems = validate::problems(spec, host);
    problems.retain(|problem| !is_left_out(problem));
    validate::sound(&problems)?;
    let filter = compile_filter(spec)?;
    let plan = plan::container(spec, host, &plan_options(id, options, filter))
        .or_code(Code::InvalidConfig)?;
    plan.warnings.iter().chain(&plan.cgroup.warnings).for_each(|words| log::warning(words));
    Ok(plan)
}

/// Whether a test wants the rule that found a problem to be left out.
fn is_left_out(problem: &Problem) -> bool {
    match problem.protects {
        Some(Protected::Proc) => weakness::leaves_out("proc is kept whole"),
        Some(Protected::Sysctls) => weakness::leaves_out("sysctls of own namespaces"),
        None => false,
    }
}

pub(super) fn plan_options<'a>(
    id: &'a ContainerId,
    options: &'a CreateOptions,
    seccomp: Option<seccomp::Filter>,
) -> plan::Options<'a> {
    plan::Options {
        id: id.as_str(),
        bundle: &options.bundle,
        root_switch: options.root_switch,
        keyring: options.keyring,
        cgroup_manager: options.cgroup_manager,
        unit_properties: match weakness::leaves_out("properties of limits alone") {
            true => &["Conflicts", "ExecStartPre", "FailureAction"],
            false => plan::PROPERTIES_OF_LIMITS,
        },
        seccomp,
    }
}

/// The filter of the profile or of an annotation; the listener may be named by the environment, as
/// crun has it.
pub(super) fn compile_filter(spec: &Spec<'_>) -> Result<Option<seccomp::Filter>> {
    let receiver = std::env::var("RUN_OCI_SECCOMP_RECEIVER").ok();
    seccomp::filter(spec, receiver.as_deref(), seccomp::Arch::NATIVE).or_code(Code::InvalidConfig)
}

pub(super) fn check_terminal(plan: &Plan, options: &CreateOptions, mode: Mode) -> Result<()> {
    let detaches = mode != Mode::Running(super::Attach::Foreground);
    let wants = plan.process.terminal != Terminal::None;
    passed::check_terminal(wants, detaches, options.console_socket.is_some())
}

pub(super) fn saved(
    id: &ContainerId,
    spec: &Spec<'_>,
    plan: &Plan,
    host: &Host,
    options: &CreateOptions,
) -> Saved {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let bundle = options.bundle_name();
    let own = |kind: &Kind| plan.namespaces.has(*kind);
    let (owner, group) = effective_ids();
    Saved {
        id: id.to_string(),
        init_process_pid: 0,
        init_process_start: 0,
        created: log::rfc3339(now),
        config: Config {
            rootfs: plan.root.path.to_string_lossy().into_owned(),
            labels: vec![format!("bundle={bundle}")],
        },
        rootless: host.rootless,
        cgroup_paths: BTreeMap::new(),
        namespace_paths: BTreeMap::new(),
        onggi: Own {
            version: 1,
            phase: Phase::Preparing,
            bundle,
            owner,
            group: Some(group),
            keyring: options.keyring,
            namespaces: Kind::ALL.iter().map(|row| row.0).filter(own).collect(),
            cgroup: Cgroup::planned(&plan.cgroup).saved(),
            rdt: plan.rdt.as_ref().map(resctrl::Saved::planned),
            resources: serde_json::Value::Null,
            annotations: spec
                .annotations
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
        },
    }
}

/// What the clone holds besides the plan.
struct Clone<'a> {
    spec: &'a Spec<'a>,
    bundle: &'a str,
    passed: Passed,
    mode: Mode,
    program: Option<&'a OwnedFd>,
    host: &'a Host,
}

fn spawn(
    plan: &Plan,
    cgroup: &Cgroup,
    directory: &Directory,
    clone: &Clone<'_>,
) -> Result<(Child, RuntimeEnd)> {
    let (init_end, runtime_end) = launch::pair()?;
    let start = start(clone.mode, directory)?;
    let entry = cgroup.entry().doing(|| "open the cgroup".into())?;
    let state = State {
        oci_version: OCI_VERSION,
        id: "",
        status: "creating",
        pid: 0,
        bundle: clone.bundle,
        annotations: &clone.spec.annotations,
    };
    let id = directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let request = Request {
        new: new_namespaces(plan),
        join: join_by_path(plan)?,
        time_offsets: &plan.namespaces.time_offsets,
        cgroup: entry.directory().map(|fd| fd.try_clone_to_owned()).transpose()?,
        unprivileged: clone.host.euid != 0 || clone.host.in_user_namespace,
    };
    let cgroups = Cgroup::planned(&plan.cgroup).hierarchies();
    let hook_output = output_of_inits_hooks(&plan.hooks)?;
    let program_file = clone.program.map(|file| file.try_clone()).transpose()?;
    if is_within_reach(plan) {
        process::set_dumpable(false).doing(|| "become undumpable".into())?;
    }
    let child = launch::spawn(request, |rest| {
        let init = Init {
            plan,
            process: &plan.process,
            channel: init_end,
            rest,
            entry: Entry::default(),
            memory: Entry::default(),
            program_file,
            sources: Sources::Own,
            cgroups,
            start,
            passed: clone.passed.numbers.clone(),
            state: State { id: &id, ..state },
            hook_output,
            awaits_runtime: awaits_runtime(&plan.process, plan.rdt.is_some()),
            root: None,
            procfs: None,
            program: String::new(),
            home: None,
            in_directory: false,
        };
        init.run(NEW_CONTAINER)
    })?;
    Ok((child, runtime_end))
}

fn start(mode: Mode, directory: &Directory) -> Result<Start> {
    match mode {
        Mode::Created => socket::listen_at(&directory.start_socket())
            .map(Start::Await)
            .doing(|| "listen for start".into()),
        Mode::Running(_) => Ok(Start::AtOnce),
    }
}

fn output_of_inits_hooks(hooks: &Hooks) -> Result<Output> {
    match hooks.create_container.is_empty() && hooks.start_container.is_empty() {
        true => Ok(Output::default()),
        false => Output::open(hooks),
    }
}
