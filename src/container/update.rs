//! `update` and `events`

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::options::{Event, Update};
use super::status::Status;
use super::{Container, ContainerId, Store, lost, network, processes};
use crate::cgroup::{Oom, OomEvents};
use crate::error::{Code, Doing, Error, Result};
use crate::host::{self, cgroups};
use crate::log;
use crate::plan::{self, CgroupUpdate, DeviceUpdate, Kind};
use crate::resctrl;
use crate::spec::{IntelRdt, Resources, Spec, Str};
use crate::sys::pidfd;

/// Changes limits; what is absent stays.
///
/// # Errors
/// A limit that the kernel refuses, and those that were changed before are restored then; no room
/// for the new state, and none is changed.
pub fn update(store: &Store, id: &ContainerId, wanted: &Update) -> Result<()> {
    let mut container = Container::find_and_lock(store, id)?;
    container.status()?.check_alive()?;
    let new: Resources<'_> = serde_json::from_slice(&wanted.resources)
        .or_code(Code::InvalidConfig)
        .doing(|| "read the resources".into())?;
    let config = container.directory.config()?;
    let earlier = container.saved.onggi.resources.to_string();
    let current = match container.saved.onggi.resources.is_null() {
        true => {
            Spec::read(&config).doing(|| "read the saved configuration".into())?.linux.resources
        }
        false => Some(serde_json::from_str(&earlier).doing(|| "read the saved limits".into())?),
    }
    .unwrap_or_default();
    let mut changes = plan::update(&new, &current, &cgroups::probe()?)?;
    if container.cgroup().is_systemds() {
        changes.properties = plan::properties(&mut changes.writes);
    }
    changes.warnings.iter().for_each(|words| log::warning(words));
    let mut merged = plan::merge(&current, &new);
    let devices = added_rules(&container, &wanted.device_rules, &mut merged)?;
    container.saved.onggi.resources = serde_json::to_value(merged)?;
    // Nothing is changed that could not be written down.
    container.directory.set_aside(&container.saved)?;
    change(&mut container, &changes, devices.as_ref(), wanted)
        .inspect_err(|_| container.directory.forget_aside())?;
    container.saved.tell_others();
    lost::save(&container.directory, &container.saved)
}

fn change(
    container: &mut Container,
    changes: &CgroupUpdate,
    devices: Option<&DeviceUpdate>,
    wanted: &Update,
) -> Result<()> {
    let cgroup = container.cgroup();
    cgroup.update(changes)?;
    if let Some(rules) = devices {
        cgroup.add_device_rules(&rules.all, &rules.new)?;
    }
    update_class(container, wanted)
}

/// The device filter with more rules, which `merged` gets too.
fn added_rules<'a>(
    container: &Container,
    typed: &'a [String],
    merged: &mut Resources<'a>,
) -> Result<Option<DeviceUpdate>> {
    if typed.is_empty() {
        return Ok(None);
    }
    let rules = typed.iter().map(|rule| plan::device_rule(rule)).collect::<Result<Vec<_>>>()?;
    let update = plan::device_update(merged, &rules, container.saved.rootless)?;
    merged.devices.extend(rules);
    Ok(Some(update))
}

/// The class of service for caches and memory bandwidth. A container without one gets its own.
fn update_class(container: &mut Container, wanted: &Update) -> Result<()> {
    let lines = plan::rdt_update(&wanted.l3_cache_schema, &wanted.mem_bw_schema)?;
    if lines.is_empty() {
        return Ok(());
    }
    if let Some(saved) = &container.saved.onggi.rdt {
        return saved.write_schemata(&lines);
    }
    let own =
        IntelRdt { schemata: lines.into_iter().map(Str::from).collect(), ..IntelRdt::default() };
    let plan = plan::rdt(&own, host::resctrl::find()?.as_deref(), &container.saved.id)?;
    let saved = resctrl::Saved::planned(&plan);
    let made = saved.make(&plan)?;
    for pid in processes::of(container)? {
        saved.assign_all(pid)?;
    }
    made.keep();
    container.saved.onggi.rdt = Some(saved);
    Ok(())
}

/// The numbers of a container, as the `data` of a stats event.
pub fn stats(store: &Store, id: &ContainerId) -> Result<serde_json::Value> {
    let container = Container::find(store, id)?;
    running(&container)?;
    numbers(&container)
}

fn running(container: &Container) -> Result<()> {
    match container.status()? {
        Status::Stopped | Status::Creating => {
            let id = &container.saved.id;
            Err(Error::of(Code::NotRunning, format!("container with id {id} is not running")))
        }
        _ => Ok(()),
    }
}

fn numbers(container: &Container) -> Result<serde_json::Value> {
    let mut numbers = serde_json::to_value(container.cgroup().stats()?)?;
    let own = &container.saved.onggi;
    if let Some(saved) = &own.rdt
        && let Some(root) = host::resctrl::find()?
    {
        numbers["intel_rdt"] = serde_json::to_value(saved.stats(&root))?;
    }
    if own.namespaces.contains(&Kind::Network) {
        let interfaces = network::interfaces(container.saved.init_process_pid)?;
        numbers["network_interfaces"] = serde_json::to_value(interfaces)?;
    }
    Ok(numbers)
}

/// Tells what happens until the container stops: the numbers at each interval, and each time
/// that memory ran out. An error of `tell` ends it.
pub fn events(
    store: &Store,
    id: &ContainerId,
    interval: Duration,
    tell: &mut dyn FnMut(Event) -> Result<()>,
) -> Result<()> {
    let container = Container::find(store, id)?;
    running(&container)?;
    let init =
        container.init()?.ok_or_else(|| Error::of(Code::NotRunning, "container not running"))?;
    let mut memory = container.cgroup().oom_events()?;
    let mut next = Instant::now();
    loop {
        if next <= Instant::now() {
            tell(Event::Stats(numbers(&container)?))?;
            next += interval;
        }
        let left = next.saturating_duration_since(Instant::now());
        let (has_ended, something) = wait(init.as_fd(), &memory, left)?;
        if something && memory.take() == Oom::Happened {
            tell(Event::OutOfMemory)?;
        }
        if has_ended {
            return Ok(());
        }
    }
}

/// Tells whether init has ended, and whether there is news of the memory.
fn wait(init: BorrowedFd<'_>, memory: &OomEvents, limit: Duration) -> Result<(bool, bool)> {
    let (news, events) = memory.poll_fd();
    let watch =
        |fd: BorrowedFd<'_>, events| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let mut fds = [watch(init, libc::POLLIN), watch(news, events.bits())];
    // Rounded up: a wait of less than a millisecond must not become a busy loop.
    let limit = limit.as_millis().min(i32::MAX as u128 - 1) as i32 + 1;
    pidfd::poll(&mut fds, limit)?;
    Ok((fds[0].revents != 0, fds[1].revents != 0))
}
