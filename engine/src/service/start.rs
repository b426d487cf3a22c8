//! Starting a container: its files are mounted, its configuration is written, its monitor is
//! started, and its program with that.

use std::fs;
use std::os::fd::OwnedFd;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::attach::{Session, Wanted};
use super::exec::ExecRequest;
use super::inside::Inside;
use super::networking::Place;
use super::signal::Signal;
use super::{Engine, files, host, mounts, networking, outer_mounts, shared_memory};
use crate::bundle::{self, Facts, Joined, OuterMount};
use crate::cgroup;
use crate::error::{Context, IfThere, Kind, Result, refuse, told};
use crate::model::{Container, Event, Status, items};
use crate::monitor::cleanup::{self, Volumes};
use crate::monitor::{self, Waiting, restart, wire};
use crate::network::namespace;
use crate::rootfs::Overlay;
use crate::runtime::NotRun;
use crate::store::durable::Durability;

/// The exit code of a container that was not started, for no reason of its program.
const NOT_STARTED: i32 = 128;

/// Where the init of `--init` is inside.
pub(super) const INIT: &str = "/sbin/docker-init";

impl Engine {
    /// Starts a container; the session is attached to it before its program runs. `None` where it
    /// runs already.
    ///
    /// # Errors
    /// What kept it from running; [`NotRun`] where that was its program.
    pub fn start(&self, container: &Container, wanted: Wanted) -> Result<Option<Session>> {
        let id = &container.id;
        let lock = self.store.lock_container(id)?;
        // It may have been changed before the lock was ours.
        let container = &self.store.container(id)?;
        match self.store.state(id)?.status {
            Status::Paused => {
                let words = "cannot start a paused container, try unpause instead";
                return Err(refuse(Kind::Conflict, words));
            }
            // As in Docker, one that waits for its next run is not to be started.
            status if status.is_up() => return Ok(None),
            _ if !self.store.outwait_monitor(id)? => return Ok(None),
            _ => {}
        }
        if wanted != Wanted::NOTHING {
            self.store.tell(&Event::of_container(container, "attach"));
        }
        let started = self.start_monitor(container, wanted);
        // Whoever starts it next finds nothing of this start, and keeps what it makes.
        let started = started.map_err(|error| self.undo_start(container, error));
        drop(lock);
        started.map(Some)
    }

    /// Ends a container as [`Engine::stop`] does, and starts it again.
    ///
    /// # Errors
    /// As of a stop and of a start.
    pub fn restart(
        &self,
        container: &Container,
        signal: Option<Signal>,
        seconds: Option<i64>,
    ) -> Result<()> {
        self.stop(container, signal, seconds)?;
        self.start(container, Wanted::NOTHING)?;
        self.store.tell(&Event::of_container(container, "restart"));
        Ok(())
    }

    /// Starts what ran when the machine went down and is to run again: by `always` in any case, by
    /// `unless-stopped` unless its end was asked for, by `on-failure` unless it had ended well.
    ///
    /// # Errors
    /// The containers cannot be listed; how each start went is in the answer, with the container's
    /// name, or its id where it cannot be read.
    pub fn start_by_policy(&self) -> Result<Vec<(String, Result<()>)>> {
        let mut started = Vec::new();
        for id in self.store.container_ids()? {
            match self.due(&id) {
                Ok(None) => {}
                Ok(Some(container)) => {
                    let session = self.start(&container, Wanted::NOTHING);
                    started.push((container.name, session.map(drop)));
                }
                Err(error) => started.push((id, Err(error))),
            }
        }
        Ok(started)
    }

    fn due(&self, id: &str) -> Result<Option<Container>> {
        let Some(container) = self.store.read_container(id)? else { return Ok(None) };
        let state = self.store.state(id)?;
        let is_due = restart::is_due(&container.host_config.restart_policy, &state);
        Ok(is_due.then_some(container))
    }

    /// Nothing of a start that went wrong stays but why it did, and nothing of a container that
    /// removes itself.
    fn undo_start(&self, container: &Container, error: anyhow::Error) -> anyhow::Error {
        // Its monitor has cleaned up, if it came so far.
        let cleared = self.store.wait_for_monitor(&container.id).and_then(|()| {
            let in_runtime = self.in_runtime(&container.id);
            cleanup::clear(&self.store, &self.runtime(), container, in_runtime).map(drop)
        });
        let removes = container.host_config.auto_remove;
        let removed = match self.store.read_container(&container.id) {
            // What is still mounted in its folder is not to be removed with it.
            Ok(Some(left)) if removes && cleared.is_ok() => {
                cleanup::remove(&self.store, &left, Volumes::Remove)
            }
            Ok(Some(left)) if !error.is::<NotRun>() => self.write_failure(&left.id, &error),
            other => other.map(drop),
        };
        match cleared.and(removed) {
            Ok(()) => error,
            Err(second) => error.context(format!("clean up after it: {second:#}")),
        }
    }

    /// Writes why a container was not started, which is its monitor's to do where that was due to
    /// its program.
    fn write_failure(&self, id: &str, error: &anyhow::Error) -> Result<()> {
        let mut state = self.store.state(id)?;
        state.error = told(error);
        if state.exit_code == 0 {
            state.exit_code = NOT_STARTED;
        }
        self.store.write_state(id, &state, Durability::Passing)
    }

    /// The bundle's folder, without what a former run left in it.
    fn empty_bundle(&self, container: &Container) -> Result<PathBuf> {
        let bundle = self.store.bundle(&container.id);
        crate::store::durable::make_private_folder(&bundle)
            .with_context(|| format!("make {}", bundle.display()))?;
        for mark in [self.store.pause_mark(&container.id), bundle.join("pid")] {
            let removed = fs::remove_file(&mark).if_there();
            removed.with_context(|| format!("remove {}", mark.display()))?;
        }
        Ok(bundle)
    }

    /// Starts the monitor and makes what its program needs, side by side: each takes the kernel its
    /// time. The monitor, and the sockets that it is to hold.
    fn prepare(&self, container: &Container, bundle: &Path) -> Result<(Waiting, Vec<OwnedFd>)> {
        mounts::complete(&self.store, container, bundle)?;
        let layers = self.layers(&container.image)?;
        let rootfs = bundle.join("rootfs");
        crate::rootfs::unmount_all(&rootfs)?;
        let own = self.store.container_folder(&container.id);
        let passing = container.host_config.auto_remove;
        let overlay = Overlay { layers: &layers, own: &own, passing };
        let spawn = || monitor::spawn(&self.store, &self.runtime(), &container.id);
        let mount = || overlay.mount(&rootfs);
        let place = || self.find_place(container);
        // What takes longest has a thread for itself: networks, or else the mount.
        let (waiting, mounted, place) = if networking::has_place(container) {
            let ((waiting, mounted), place) = side_by_side(|| (spawn(), mount()), place);
            (waiting, mounted, place)
        } else {
            let ((waiting, place), mounted) = side_by_side(|| (spawn(), place()), mount);
            (waiting, mounted, place)
        };
        let (waiting, (place, files)) = (waiting?, place?);
        mounted?;
        let configuration = self.configure(container, &rootfs, &place, files)?;
        let text = serde_json::to_vec(&configuration).context("encode the configuration")?;
        let file = bundle.join("config.json");
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        if let Some(cmd) = container.config.check() {
            let check = self.process(container, &ExecRequest { cmd, ..ExecRequest::default() })?;
            let file = monitor::check_file(bundle);
            fs::write(&file, serde_json::to_vec(&check).context("encode the health check")?)
                .with_context(|| format!("write {}", file.display()))?;
        }
        self.tell_of_volumes(container);
        Ok((waiting, place.reserved))
    }

    /// Lays its networks, and writes the files that tell of them.
    fn find_place(&self, container: &Container) -> Result<(Place, Vec<OuterMount>)> {
        let place = match networking::has_place(container) {
            true => self.enter_networks(container)?,
            false => Place::default(),
        };
        let files = files::write(&self.store, container, &place)?;
        Ok((place, files))
    }

    fn tell_of_volumes(&self, container: &Container) {
        for mount in container.mounts.iter().filter(|mount| !mount.name.is_empty()) {
            let event = Event::of_volume(&mount.name, "mount")
                .with("container", &container.id)
                .with("destination", &mount.destination)
                .with("propagation", &mount.propagation)
                .with("read/write", &mount.writable.to_string());
            self.store.tell(&event);
        }
    }

    fn configure(
        &self,
        container: &Container,
        rootfs: &Path,
        place: &Place,
        files: Vec<OuterMount>,
    ) -> Result<serde_json::Value> {
        let inside = Inside::open(rootfs)?;
        check_working_folder(container, &inside)?;
        self.fill_the_rest(container, &inside)?;
        let outer = self.outer_mounts(container, files)?;
        let variables = place.links.iter().flat_map(|link| link.variables.clone()).collect();
        let facts = Facts { variables, ..self.facts(container, rootfs, &inside, outer)? };
        bundle::configuration(container, &facts)
    }

    /// What is mounted from outside, the files among it.
    fn outer_mounts(
        &self,
        container: &Container,
        files: Vec<OuterMount>,
    ) -> Result<Vec<OuterMount>> {
        let mut outer = files;
        outer.extend(shared_memory::mount(&self.store, container)?);
        let requested = outer_mounts::outer(container, &self.store.bundle(&container.id))?;
        outer.retain(|own| requested.iter().all(|mount| mount.destination != own.destination));
        outer.extend(requested);
        // A folder that holds others of them comes first.
        outer.sort_by_key(|mount| mount.destination.matches('/').count());
        if container.host_config.init == Some(true) {
            outer.push(own_program()?);
        }
        Ok(outer)
    }

    /// What the configuration needs to know besides the definition.
    fn facts(
        &self,
        container: &Container,
        rootfs: &Path,
        inside: &Inside,
        mounts: Vec<OuterMount>,
    ) -> Result<Facts> {
        let (config, host) = (&container.config, &container.host_config);
        let init = (host.init == Some(true)).then(|| INIT.to_owned());
        Ok(Facts {
            rootfs: rootfs.to_owned(),
            identity: inside.accounts().identity(&config.user, items(&host.group_add))?,
            mounts,
            joined: self.joined(container)?,
            devices: host::devices(host)?,
            init,
            capabilities: host::own_capabilities(),
            message_queues: Path::new("/dev/mqueue").exists(),
            unified: cgroup::is_unified(),
            swap: host.memory > 0 && cgroup::limits_swap(),
            seccomp: bundle::seccomp::requested(items(&host.security_opt))?,
            block_devices: host::block_devices(host)?,
            architecture: std::env::consts::ARCH.to_owned(),
            ..Facts::default()
        })
    }

    /// The namespaces of other containers that it shares.
    fn joined(&self, container: &Container) -> Result<Joined> {
        let host = &container.host_config;
        let of = |mode: &str, kind: &str| -> Result<Option<PathBuf>> {
            let Some(id) = mode.strip_prefix("container:") else { return Ok(None) };
            let state = self.store.state(id)?;
            if !state.status.is_alive() {
                let words = format!("cannot join {kind} of a non running container: {id}");
                return Err(refuse(Kind::Conflict, words));
            }
            Ok(Some(PathBuf::from(format!("/proc/{}/ns/{kind}", state.pid))))
        };
        let network = match networking::has_place(container) {
            true => Some(namespace::pin(&self.store, &container.id)),
            false => of(&host.network_mode, "net")?,
        };
        Ok(Joined { network, pid: of(&host.pid_mode, "pid")?, ipc: of(&host.ipc_mode, "ipc")? })
    }

    /// Starts the monitor, and hears how the program started.
    fn start_monitor(&self, container: &Container, wanted: Wanted) -> Result<Session> {
        let bundle = self.empty_bundle(container)?;
        let (waiting, kept) = self.prepare(container, &bundle)?;
        let mut ours = waiting.begin(&kept, wanted.bits())?;
        // They are the monitor's, which lets go of them before it tells of the program's end.
        drop(kept);
        loop {
            let frame = wire::read(&mut ours).context("hear of the monitor")?;
            let frame = frame.context("the monitor ended before the program ran")?;
            match frame.kind {
                wire::Kind::Started => return Ok(Session::new(ours)),
                wire::Kind::Failed => {
                    let (exit_code, words) = (frame.exit_code(), frame.words());
                    return Err(NotRun { exit_code, words }.into());
                }
                _ => {}
            }
        }
    }
}

/// Does both at once, the first in a thread of its own.
fn side_by_side<A: Send, B>(beside: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        (beside.join().unwrap_or_else(|panic| resume_unwind(panic)), here)
    })
}

/// A program cannot begin in a file; one that another mount hides is nobody's business.
fn check_working_folder(container: &Container, inside: &Inside) -> Result<()> {
    let folder = container.config.working_dir.as_str();
    let is_hidden =
        container.mounts.iter().any(|point| Path::new(folder).starts_with(&point.destination));
    if folder.is_empty() || is_hidden || !inside.is_other_than_folder(folder) {
        return Ok(());
    }
    Err(refuse(Kind::Invalid, format!("Cannot mkdir: {folder} is not a directory")))
}

/// Our own program, which is the init of `--init` where it is called so.
fn own_program() -> Result<OuterMount> {
    let own = fs::read_link("/proc/self/exe").context("find our own program")?;
    Ok(OuterMount {
        kind: "bind",
        source: own.display().to_string(),
        destination: INIT.to_owned(),
        options: ["bind", "ro", "rprivate"].map(str::to_owned).to_vec(),
    })
}
