//! The last steps: the talk with the runtime, the filter, the program.

use std::os::fd::AsFd;

use super::{Init, Start};
use crate::cgroup::Entry;
use crate::error::{Code, Doing, Error, Result};
use crate::hooks::{self, Setting};
use crate::launch::{FromInit, InitEnd, ToInit, reset_signals};
use crate::log;
use crate::spec::State;
use crate::sys::{fd, process, seccomp, self_exe, socket};

pub(super) fn close_what_is_the_runtimes(init: &mut Init<'_>) -> Result<()> {
    init.close_what_is_the_runtimes()?;
    init.end_with_the_runtime()
}

/// While the container's own paths are followed, no descriptor is open that leads out of it: with
/// `/proc/self/fd/N/../../bin/sh` as its program it would reach the host (CVE-2024-21626).
pub(super) fn let_go_of_the_host(init: &mut Init<'_>) -> Result<()> {
    (init.root, init.procfs) = (None, None);
    (init.entry, init.memory) = (Entry::default(), Entry::default());
    init.close_what_is_the_runtimes()
}

/// Nobody inside shall reach the file on the host through /proc/PID/exe (CVE-2019-5736).
pub(super) fn protect_program(init: &mut Init<'_>) -> Result<()> {
    match init.program_file.take() {
        Some(file) => self_exe::move_to(file).doing(|| "run from a read-only mount".into()),
        None => Ok(()),
    }
}

/// Away from the caller's terminal and process group.
pub(super) fn start_session(_: &mut Init<'_>) -> Result<()> {
    process::start_session().doing(|| "setsid".into())
}

/// prestart and createRuntime hooks are the runtime's, which waits with the rest until then.
pub(super) fn ask_for_runtime_hooks(init: &mut Init<'_>) -> Result<()> {
    let hooks = &init.plan.hooks;
    match hooks.prestart.is_empty() && hooks.create_runtime.is_empty() {
        true => Ok(()),
        false => init.ask(&FromInit::RunHooks).map(drop),
    }
}

/// In the container's namespaces, with the host's paths.
pub(super) fn run_create_hooks(init: &mut Init<'_>) -> Result<()> {
    if !init.plan.hooks.create_container.is_empty() {
        // A path that begins here stays in the container's tree, as with runc.
        process::change_directory_to(init.root()?.as_fd()).doing(|| "enter the root".into())?;
    }
    run_hooks(init, "createContainer", "creating")
}

/// In the container, as the program will be.
pub(super) fn run_start_hooks(init: &mut Init<'_>) -> Result<()> {
    run_hooks(init, "startContainer", "created")
}

fn run_hooks(init: &mut Init<'_>, kind: &'static str, status: &'static str) -> Result<()> {
    let (list, env) = match kind {
        "createContainer" => (&init.plan.hooks.create_container, None),
        _ => (&init.plan.hooks.start_container, Some(own_environment(init))),
    };
    if list.is_empty() {
        return Ok(());
    }
    let output = &init.hook_output;
    let state = State { status, pid: std::process::id() as i32, ..init.state.clone() }.to_json();
    hooks::run(list, Setting { kind, state: &state, directory: None, env: env.as_deref(), output })
}

fn own_environment(init: &Init<'_>) -> Vec<String> {
    init.environment().into_iter().map(str::to_owned).collect()
}

/// From here on nothing is needed of the runtime but that it saves the state.
pub(super) fn report_ready(init: &mut Init<'_>) -> Result<()> {
    init.channel.send(&FromInit::Ready)
}

/// For a process that ends instead of becoming a program.
pub(super) fn report_done(init: &mut Init<'_>) -> Result<()> {
    init.channel.send(&FromInit::Done)
}

/// Without no_new_privs a filter takes a capability to load, so it comes before the user.
pub(super) fn load_seccomp_with_privileges(init: &mut Init<'_>) -> Result<()> {
    if init.process.no_new_privileges { Ok(()) } else { load(init) }
}

/// With no_new_privs it comes as late as can be, so that it need not allow what happens between.
pub(super) fn load_seccomp(init: &mut Init<'_>) -> Result<()> {
    if init.process.no_new_privileges { load(init) } else { Ok(()) }
}

fn load(init: &mut Init<'_>) -> Result<()> {
    let filter = init.process.seccomp.as_ref().filter(|filter| !filter.program.is_empty());
    let Some(filter) = filter else { return Ok(()) };
    let program: Vec<_> = filter.program.iter().map(|one| (*one).into()).collect();
    log::debug(|| format!("seccomp filter flags: {}", filter.flags));
    let listener = seccomp::load(&program, filter.flags).doing(|| "load the filter".into())?;
    match listener {
        Some(listener) => {
            let number = std::os::fd::AsRawFd::as_raw_fd(&listener);
            hand_over(init, number)
        }
        None => Ok(()),
    }
}

/// The runtime takes the listener out of this process, as the filter may hold back whatever could
/// send it. An ordinary user's runtime may only do so while this process is dumpable.
fn hand_over(init: &Init<'_>, number: i32) -> Result<()> {
    let message = FromInit::SeccompListener(number);
    if !matches!(init.channel.ask(&message)?, (ToInit::Show, _)) {
        return Ok(());
    }
    process::set_dumpable(true).doing(|| "become dumpable".into())?;
    let taken = init.ask(&message);
    process::set_dumpable(false).doing(|| "become undumpable".into())?;
    taken.map(drop)
}

/// The directory is made where it is missing.
pub(super) fn make_directory(init: &mut Init<'_>) -> Result<()> {
    let _modes = process::WholeModes::begin();
    let path = init.process.cwd.as_str();
    init.root()?.make_directories(path, 0o755).map(drop).doing(|| format!("make cwd {path}"))
}

/// As root first, who may enter what the user may not.
pub(super) fn change_directory(init: &mut Init<'_>) -> Result<()> {
    match process::change_directory(init.process.cwd.as_str()) {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => Ok(()),
        other => {
            init.in_directory = true;
            other.doing(|| cwd_words(init))
        }
    }
}

/// As the user, who may enter what root may not; it must lie inside the root.
pub(super) fn verify_directory(init: &mut Init<'_>) -> Result<()> {
    process::set_umask(init.process.umask);
    if !init.in_directory {
        process::change_directory(init.process.cwd.as_str()).doing(|| cwd_words(init))?;
    }
    match process::directory_is_inside().doing(|| cwd_words(init))? {
        true => Ok(()),
        false => Err(Error::new(
            "current working directory is outside of container mount namespace root",
        )),
    }
}

fn cwd_words(init: &Init<'_>) -> String {
    format!("chdir to cwd ({:?}) set in config.json", init.process.cwd.as_str())
}

/// A missing program fails `create`, not `start`.
pub(super) fn find_program(init: &mut Init<'_>) -> Result<()> {
    let name = init.process.args.first().map_or("", String::as_str);
    if name.contains('/') {
        process::check_executable(name).map_err(|error| cannot_be_run(name, &error))?;
        init.program = name.to_owned();
        return Ok(());
    }
    let mut denied = false;
    for directory in path_of(&init.process.env).split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = format!("{directory}/{name}");
        match process::check_executable(&candidate) {
            Ok(()) => {
                init.program = candidate;
                return Ok(());
            }
            Err(error) => denied |= error.raw_os_error() == Some(libc::EACCES),
        }
    }
    let (code, words) = match denied {
        true => (Code::PermissionDenied, "permission denied"),
        false => (Code::ProgramNotFound, "executable file not found in $PATH"),
    };
    Err(Error::of(code, format!("exec: {name:?}: {words}")))
}

fn cannot_be_run(name: &str, error: &std::io::Error) -> Error {
    let words = words(error);
    match error.raw_os_error() {
        Some(libc::ENOENT) => {
            Error::of(Code::ProgramNotFound, format!("exec: {name:?}: stat {name}: {words}"))
        }
        Some(libc::EACCES) => Error::of(Code::PermissionDenied, format!("exec: {name:?}: {words}")),
        _ => Error::new(format!("exec: {name:?}: {words}")),
    }
}

fn path_of(env: &[String]) -> &str {
    env.iter()
        .rev()
        .find_map(|entry| entry.strip_prefix("PATH="))
        .unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// The words that engines look for: the kernel's, in lower case, without the number.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

/// `create` is over when the channel hangs up; `start` opens another one, over which it is told
/// what fails from here on.
pub(super) fn wait_for_start(init: &mut Init<'_>) -> Result<()> {
    let Start::Await(_) = &init.start else { return Ok(()) };
    let Start::Await(listener) = std::mem::replace(&mut init.start, Start::AtOnce) else {
        return Ok(());
    };
    leave_the_runtime(init)?;
    let start = socket::accept(listener.as_fd()).doing(|| "wait for start".into())?;
    init.channel = InitEnd::from(start);
    Ok(())
}

/// `exec` knows no more than that it waits, and who reads the fifo may need that `exec` is over.
pub(super) fn wait_for_reader(init: &mut Init<'_>) -> Result<()> {
    match std::mem::replace(&mut init.start, Start::AtOnce) {
        Start::AwaitReader(fifo) => {
            leave_the_runtime(init)?;
            fifo.wait_for_a_reader().doing(|| "wait for a reader of the fifo".into())
        }
        other => {
            init.start = other;
            Ok(())
        }
    }
}

/// The runtime may end, and hears no more of this process.
fn leave_the_runtime(init: &mut Init<'_>) -> Result<()> {
    outlive_the_runtime()?;
    init.channel.send(&FromInit::Done)?;
    let (own, _) = socket::pair()?;
    init.channel.send(&FromInit::Waits)?;
    drop(std::mem::replace(&mut init.channel, InitEnd::from(own)));
    Ok(())
}

/// What the caller passes goes along; nothing else does.
pub(super) fn close_others(init: &mut Init<'_>) -> Result<()> {
    fd::end_at_exec_from(3).doing(|| "close_range".into())?;
    for number in &init.passed {
        fd::set_end_at_exec(*number, false).doing(|| format!("pass descriptor {number}"))?;
    }
    Ok(())
}

/// Before the channel hangs up, which tells the runtime that it may end.
fn outlive_the_runtime() -> Result<()> {
    process::set_parent_death_signal(0).doing(|| "prctl".into())
}

pub(super) fn execute(init: &mut Init<'_>) -> Result<()> {
    reset_signals()?;
    outlive_the_runtime()?;
    // A filter may forbid it: then the runtime sees that we live on.
    let _ = init.channel.send(&FromInit::Done);
    let error = process::execute(&init.program, &init.process.args, &init.environment());
    let mut told = format!("exec {}: {}", init.program, words(&error));
    if error.raw_os_error() == Some(libc::EAGAIN) {
        told += ": the user has more processes than RLIMIT_NPROC";
    }
    let told = Error::told(told, error.raw_os_error());
    match error.raw_os_error() {
        Some(libc::ENOENT) => Err(told.or_code(Code::ProgramNotFound)),
        _ => Err(told),
    }
}
