//! `checkpoint`: CRIU writes down what a container's processes are, and ends them.

use std::fs::File;
use std::io::Write;

use super::images::{Images, Purpose};
use super::options::{AfterDump, CheckpointOptions, CriuOptions};
use super::start::hooks_of;
use super::{Container, ContainerId, Store, configured, delete, notify, outside};
use crate::criu::{self, Dump, Feature, Notice, Options, Place, Switch};
use crate::error::{Code, Doing, Error, Result};
use crate::log;
use crate::plan::Plan;
use crate::spec::{Pairs, Str};
use crate::sys::identity::effective_ids;
use crate::sys::{fd, pidfd};

/// Where options for CRIU are when config.json does not say it, the first one that there is.
const CONFIGS: [&str; 3] = ["/etc/criu/onggi.conf", "/etc/criu/runc.conf", "/etc/criu/crun.conf"];
/// The annotation that names another file, or none when it is empty.
const CONFIG: &str = "org.criu.config";

/// Writes down a container's processes; unless told otherwise they end, and the container with
/// them.
///
/// # Errors
/// `Container cannot be checkpointed in STATUS state`; CRIU's own, with the end of its log.
pub fn checkpoint(store: &Store, id: &ContainerId, options: &CheckpointOptions) -> Result<()> {
    check_rights("checkpoint")?;
    let container = Container::find_and_lock(store, id)?;
    container.status()?.check_checkpoint()?;
    let mut status = StatusFd::take(options)?;
    dump(&container, options, &mut status).doing(|| format!("checkpoint {id}"))?;
    if options.after == AfterDump::GoOn || options.dump == Dump::Memory {
        return Ok(());
    }
    let hooks = hooks_of(&container)?;
    delete::end(container, &hooks)
}

/// CRIU looks into other processes and sets their ids.
pub(super) fn check_rights(what: &str) -> Result<()> {
    match effective_ids().0 {
        0 => Ok(()),
        _ => Err(Error::of(
            Code::PermissionDenied,
            format!("{what} takes root's rights over the host: criu needs them"),
        )),
    }
}

fn dump(
    container: &Container,
    wanted: &CheckpointOptions,
    status: &mut Option<StatusFd>,
) -> Result<()> {
    let text = container.directory.config()?;
    let (spec, host) = configured::read(&text, &container.saved)?;
    let plan = configured::plan(&spec, &host, container)?;
    let images = Images::open(&wanted.criu.images, wanted.criu.work.as_deref(), Purpose::Dump)?;
    if let Some(parent) = &wanted.parent {
        images.check_parent(parent)?;
    }
    let options = options(container, wanted, &plan, &images)?;
    let options = Options { config: config_file(&spec.annotations), ..options };
    criu::check(&options, &features(wanted))?;
    if wanted.dump == Dump::Whole {
        images.save_descriptors(container.saved.init_process_pid)?;
    }
    let told = |notice: Notice| {
        log::debug(|| format!("criu: {}", notice.name));
        if notice.name == "status-ready"
            && let Some(status) = status.take()
        {
            status.tell();
        }
        Ok(())
    };
    let place = Place { directories: images.directories(), ..Place::default() };
    criu::dump(place, &options, wanted.dump, &mut { told }).map_err(|error| images.explain(&error))
}

fn options(
    container: &Container,
    wanted: &CheckpointOptions,
    plan: &Plan,
    images: &Images,
) -> Result<Options> {
    let mut switches = wanted.criu.switches.clone();
    if wanted.after == AfterDump::GoOn {
        switches.push(Switch::LeaveRunning);
    }
    if wanted.parent.is_some() || wanted.dump == Dump::Memory {
        switches.push(Switch::TrackMemory);
    }
    let mut options = Options {
        root: container.saved.config.rootfs.clone(),
        pid: Some(container.saved.init_process_pid),
        switches,
        freezer: container.cgroup().freezer_path().map(|path| path.display().to_string()),
        page_server: wanted.page_server.clone(),
        parent: wanted.parent.clone(),
        ..common(&wanted.criu, images)
    };
    let init = container.saved.init_process_pid;
    outside::for_dump(plan, &container.cgroup(), init, &mut options)?;
    notify::add_to_dump(&container.directory, &mut options);
    Ok(options)
}

/// What checkpoint and restore are told alike.
pub(super) fn common(wanted: &CriuOptions, images: &Images) -> Options {
    Options {
        switches: wanted.switches.clone(),
        cgroups: wanted.cgroups,
        empty_namespaces: wanted.empty_namespaces,
        network_lock: wanted.network_lock,
        ..images.options()
    }
}

/// What depends on the kernel, and would be told late.
fn features(wanted: &CheckpointOptions) -> Vec<Feature> {
    let tracks = wanted.dump == Dump::Memory || wanted.parent.is_some();
    let lazy = wanted.criu.switches.contains(&Switch::LazyPages);
    let rows = [(tracks, Feature::TrackMemory), (lazy, Feature::LazyPages)];
    rows.into_iter().filter(|(asked, _)| *asked).map(|(_, feature)| feature).collect()
}

/// The file of options that win over ours, if there is one.
pub(super) fn config_file(annotations: &Pairs<'_, Str<'_>>) -> Option<String> {
    match annotations.iter().find(|(key, _)| **key == *CONFIG) {
        Some((_, path)) if path.is_empty() => None,
        Some((_, path)) => Some(path.to_string()),
        None => CONFIGS.iter().find(|path| std::fs::exists(path).unwrap_or(false)).map(|path| {
            log::debug(|| format!("criu's options are those of {path}"));
            (*path).to_owned()
        }),
    }
}

/// The caller's descriptor that is told when pages can be fetched (`--status-fd`).
struct StatusFd(File);

impl StatusFd {
    /// # Errors
    /// A number that is not open, or not for writing.
    fn take(options: &CheckpointOptions) -> Result<Option<StatusFd>> {
        let Some(number) = options.status_fd else { return Ok(None) };
        let words = || format!("invalid --status-fd argument {number}");
        if !options.criu.switches.contains(&Switch::LazyPages) {
            return Err(Error::new(
                "--status-fd tells when pages are ready: it takes --lazy-pages",
            ));
        }
        let own = pidfd::open(std::process::id() as i32).doing(words)?;
        let taken = pidfd::take_fd(std::os::fd::AsFd::as_fd(&own), number).doing(words)?;
        if !fd::is_writable(std::os::fd::AsFd::as_fd(&taken)).doing(words)? {
            return Err(Error::new("not writable")).doing(words);
        }
        fd::end_at_exec_from(3).doing(|| "mark descriptors".into())?;
        Ok(Some(StatusFd(taken.into())))
    }

    fn tell(mut self) {
        if let Err(error) = self.0.write_all(&[0]) {
            log::warning(&format!("write to --status-fd: {error}"));
        }
    }
}
