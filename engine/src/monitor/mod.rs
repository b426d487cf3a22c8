//! A process beside each container: it starts its program, hears of its end, and starts it again
//! where that is its policy. It is `dok monitor`, and ends with its container. The container's
//! bytes it leaves to another process, which may do nothing but move them ([`streams`]).
//!
//! While it lives it alone writes the container's state. Commands speak to it over the socket `io`
//! in the bundle, in frames ([`wire`]); that it is alive is seen from a lock that it holds.

pub mod carry;
pub mod cleanup;
mod clients;
mod companion;
mod gift;
mod health;
mod inherited;
pub mod init;
mod log;
mod log_attributes;
pub mod log_files;
pub mod log_options;
pub mod names;
mod order;
mod relay;
pub mod restart;
mod run;
mod sandbox;
mod starter;
pub mod streams;
pub mod wire;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::{Context, IfThere, Result, told};
use crate::model::{Container, Event, State, Status};
use crate::runtime::{Deletion, NotRun, Runtime};
use crate::store::durable::Durability;
use crate::store::{Lock, Store};
use crate::time::Time;
use cleanup::{InRuntime, Volumes};
use companion::Companion;
use log_files::Files;
use log_options::Limits;
pub use starter::{Waiting, spawn};
use streams::{KeptLog, Streams};
use wire::Kind;

/// The word that makes dok a monitor.
pub const WORD: &str = "monitor";

/// The monitor of a container, from its words on the command line to its end.
///
/// # Errors
/// What kept it from watching; its first client has heard it too.
pub fn main(words: &[PathBuf]) -> Result<()> {
    let [root, run, program, id] = words else {
        anyhow::bail!("monitor is started by dok itself");
    };
    inherited::close().context("let go of what the caller had open")?;
    // Whoever starts us with another working directory has to fork, which takes longer.
    std::env::set_current_dir("/").context("leave the caller's working directory")?;
    let store = Store::open(root.clone(), run.clone())?;
    let runtime = Runtime { program: program.clone(), state: store.runtime_state() };
    let id = id.to_string_lossy();
    let mut starter = starter::socket()?;
    let outcome = Monitor::new(store, runtime, &id)
        .and_then(|monitor| monitor.wait_to_begin(&starter))
        .and_then(Monitor::watch);
    if let Err(error) = &outcome {
        let words = [&125_i32.to_be_bytes()[..], told(error).as_bytes()].concat();
        // Whoever started us may have gone; then nobody hears it.
        let _ = wire::write(&mut starter, Kind::Failed, &words);
    }
    outcome
}

struct Monitor {
    store: Store,
    runtime: Runtime,
    container: Container,
    bundle: PathBuf,
    state: State,
    streams: Streams,
    names: Option<Companion>,
    /// Carries what comes to ports that no rule can lead.
    carrier: Option<Companion>,
    /// What the runtime has of the last run, while it goes.
    deletion: Option<Result<Deletion>>,
    /// Of the present run.
    health: Option<health::Checks>,
    /// The sockets that keep other programs from the published ports.
    kept: Vec<OwnedFd>,
    _alive: Lock,
}

impl Monitor {
    fn new(store: Store, runtime: Runtime, id: &str) -> Result<Monitor> {
        // A process that leads a group already cannot lead a session; it has none to leave then.
        let _ = rustix::process::setsid();
        rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1))
            .context("become the parent of orphans")?;
        let signals = signals().context("watch signals")?;
        let alive = store.become_monitor(id)?;
        let container = store.read_container(id)?.with_context(|| format!("find {id}"))?;
        let bundle = store.bundle(id);
        let listener = listen(&bundle).context("listen for clients")?;
        let log = log(&store, &container)?;
        let streams = Streams::new(&bundle, signals, listener, log);
        let state = store.written_state(id)?;
        Ok(Monitor {
            store,
            runtime,
            container,
            bundle,
            state,
            streams,
            names: None,
            carrier: None,
            deletion: None,
            health: None,
            kept: Vec::new(),
            _alive: alive,
        })
    }

    /// Until all is there that the program needs; takes what is left to us.
    fn wait_to_begin(mut self, starter: &UnixStream) -> Result<Monitor> {
        self.kept = gift::take(starter)?;
        self.streams.welcome(starter.try_clone().context("keep the starter's socket")?);
        self.names = names::start(&self.store, &self.container)?;
        self.carrier = carry::start(&self.store, &self.container, &self.kept)?;
        Ok(self)
    }

    /// Runs the program as often as its policy says, and cleans up.
    fn watch(mut self) -> Result<()> {
        let former = self.store.written_state(&self.container.id)?;
        let State { started_at, finished_at, health, .. } = former;
        let boot = crate::store::boot();
        self.state = State { started_at, finished_at, health, boot, ..State::default() };
        let mut waited = Duration::ZERO;
        loop {
            let begun = Instant::now();
            let ended = match run::run(&mut self)? {
                Ok(exit_code) => exit_code,
                Err(not_run) if self.state.restart_count == 0 => return self.give_up(&not_run),
                Err(not_run) => {
                    self.state.oom_killed = false;
                    self.state.error.clone_from(&not_run.words);
                    not_run.exit_code
                }
            };
            self.state.exit_code = ended;
            self.read_again()?;
            self.tell_of_end(begun.elapsed());
            self.end_checks();
            let decided = restart::Ended {
                exit_code: ended,
                lasted: begun.elapsed(),
                by_request: self.streams.end_requested,
                restarts: self.state.restart_count,
                waited,
            };
            let policy = &self.container.host_config.restart_policy;
            match restart::wait(policy, decided) {
                Some(wait) if self.wait_to_restart(wait)? => waited = wait,
                _ => return self.finish(),
            }
        }
    }

    /// The container may have got another name or another policy while its program ran.
    fn read_again(&mut self) -> Result<()> {
        if let Some(container) = self.store.read_container(&self.container.id)? {
            self.container = container;
        }
        Ok(())
    }

    /// Starts the resolver, unless it runs.
    fn answer_names(&mut self) {
        if self.names.is_none() {
            // Who asked for it waits for our word, and tells that there was none.
            self.names = names::start(&self.store, &self.container).ok().flatten();
        }
        if self.names.is_some() {
            self.streams.tell(Kind::Names, &[]);
        }
    }

    fn tell_of_end(&self, lasted: Duration) {
        if self.state.oom_killed {
            self.store.tell(&Event::of_container(&self.container, "oom"));
        }
        let event = Event::of_container(&self.container, "die")
            .with("exitCode", &self.state.exit_code.to_string())
            .with("execDuration", &lasted.as_secs().to_string());
        self.store.tell(&event);
    }

    /// Whether the program is to run again: nobody asked for its end while it waited.
    fn wait_to_restart(&mut self, wait: Duration) -> Result<bool> {
        self.state.status = Status::Restarting;
        self.state.finished_at = Time::now();
        self.state.pid = 0;
        self.save(Durability::Passing)?;
        self.streams.tell(Kind::Ended, &self.state.exit_code.to_be_bytes());
        match self.deletion.take() {
            Some(deletion) => deletion?.finish()?,
            None => self.runtime.delete(&self.container.id)?,
        }
        let deadline = Instant::now() + wait;
        while Instant::now() < deadline && !self.streams.end_requested {
            self.streams.turn(Some(deadline))?;
        }
        self.state.restart_count += 1;
        Ok(!self.streams.end_requested)
    }

    /// The program could not be executed at all: the container is as it was before it was started.
    fn give_up(mut self, not_run: &NotRun) -> Result<()> {
        let has_run = !self.state.started_at.is_zero();
        self.state.status = if has_run { Status::Exited } else { Status::Created };
        self.state.exit_code = not_run.exit_code;
        self.state.error.clone_from(&not_run.words);
        let removed = self.container.host_config.auto_remove;
        self.names = None;
        self.end_carrier();
        drop(cleanup::clear(&self.store, &self.runtime, &self.container, InRuntime::No)?);
        self.kept.clear();
        if removed {
            cleanup::remove(&self.store, &self.container, Volumes::Remove)?;
        } else {
            self.save(Durability::Kept)?;
        }
        let code = not_run.exit_code.to_be_bytes();
        self.streams.tell(Kind::Failed, &[&code[..], not_run.words.as_bytes()].concat());
        self.streams.say_farewell();
        Ok(())
    }

    /// The program ended for good.
    fn finish(mut self) -> Result<()> {
        self.state.status = Status::Exited;
        self.state.finished_at = Time::now();
        self.state.pid = 0;
        self.state.stopped_by_request = self.streams.end_requested;
        let code = self.state.exit_code.to_be_bytes();
        let removed = self.container.host_config.auto_remove;
        if !removed {
            // The exit code is safe before anything else can fail; where it cannot be kept, those
            // who wait still hear it.
            let _ = self.save(Durability::Passing);
        }
        self.names = None;
        self.end_carrier();
        let in_runtime = self.deletion.take().map_or(InRuntime::Perhaps, InRuntime::Leaving);
        let cleared = cleanup::clear(&self.store, &self.runtime, &self.container, in_runtime);
        // No rule leads to it any more, and whoever hears of its end may want its ports.
        self.kept.clear();
        let lingering = if removed {
            let lingering = cleared?;
            let remains = cleanup::take_out(&self.store, &self.container, Volumes::Remove)?;
            self.streams.tell(Kind::Ended, &code);
            remains.remove()?;
            Some(lingering)
        } else {
            self.streams.tell(Kind::Ended, &code);
            let failed = cleared.as_ref().err().map(told);
            if let Some(words) = failed {
                self.state.status = Status::Dead;
                self.state.error = words;
            }
            self.save(Durability::Kept)?;
            cleared.ok()
        };
        self.streams.say_farewell();
        // Nobody waits for what the kernel still has to do.
        drop(self);
        drop(lingering);
        Ok(())
    }

    /// Nobody but us holds the published ports then.
    fn end_carrier(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            carrier.end();
        }
    }

    fn save(&self, durability: Durability) -> Result<()> {
        let passing = self.container.host_config.auto_remove;
        let durability = if passing { Durability::Passing } else { durability };
        self.store.write_state(&self.container.id, &self.state, durability)
    }
}

/// How the container's log is kept, where there is one.
fn log(store: &Store, container: &Container) -> Result<Option<KeptLog>> {
    let config = &container.host_config.log_config;
    if config.driver == "none" {
        return Ok(None);
    }
    let files = Files::new(store.log_file(&container.id), Limits::read(config)?);
    let attributes = log_attributes::attributes(container, config)?;
    let field = match attributes.is_empty() {
        true => String::new(),
        false => format!(",\"attrs\":{}", serde_json::to_string(&attributes)?),
    };
    Ok(Some(KeptLog { files, field }))
}

/// The program that checks the health of a bundle's, in the specification's words.
pub fn check_file(bundle: &Path) -> PathBuf {
    bundle.join("check.json")
}

/// Children that end are told by descriptor; what would end us is not for us.
fn signals() -> Result<SignalFd> {
    hold_signals()?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    Ok(SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// What a terminal or a shutdown sends to all is not for those who stay beside a container.
fn hold_signals() -> Result<()> {
    let mut held = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT] {
        held.add(signal);
    }
    Ok(held.thread_block()?)
}

/// The socket for clients, for the owner alone.
fn listen(bundle: &Path) -> io::Result<UnixListener> {
    let folder = fs::File::open(bundle)?;
    let path = short_path(&folder, "io");
    fs::remove_file(&path).if_there()?;
    // The bundle's folder lets nobody but its owner through.
    let listener = UnixListener::bind(&path)?;
    rustix::fs::chmodat(
        &folder,
        "io",
        rustix::fs::Mode::from_bits_truncate(0o600),
        rustix::fs::AtFlags::empty(),
    )?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A path through a descriptor: a socket's address has no room for a deep folder.
fn short_path(folder: &fs::File, name: &str) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// Connects to a container's monitor; `None` where it has none.
///
/// # Errors
/// Of `connect(2)`.
pub fn connect(store: &Store, id: &str) -> Result<Option<UnixStream>> {
    let stream = fs::File::open(store.bundle(id))
        .and_then(|folder| UnixStream::connect(short_path(&folder, "io")));
    match stream {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).context("connect to the container's monitor"),
    }
}
