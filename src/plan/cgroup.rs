//! `linux.cgroupsPath` and `linux.resources`: where the container's group is and what it may use.

mod devices;
mod legacy;
mod unified;
mod unit;

pub use devices::{DeviceUpdate, device_rule, device_update};

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

pub use unit::{
    Manager, Need, PROPERTIES_OF_LIMITS, Property, Unit, UnitId, cgroup_of_systemd, properties,
};

use super::types::{Cgroup, CgroupDir, CgroupUpdate, CgroupWrite, Manner};
use crate::error::{Error, Result};
use crate::host::{Cgroups, Host};
use crate::spec::{Cpu, IdMapping, Memory, Resources, Spec, Str};

/// Plans the group of container `id` and its limits.
///
/// # Errors
/// The field of config.json that has no meaning, or that no controller of this host can serve.
pub fn cgroup(spec: &Spec, host: &Host, id: &str) -> Result<Cgroup> {
    let path = place(&spec.linux.cgroups_path, id)?;
    let resources = spec.linux.resources.as_ref();
    let mut plan = Cgroup {
        groups: groups(&host.cgroups, &path),
        devices: devices::rules(resources, host)?,
        optional: host.rootless && spec.linux.cgroups_path.is_empty(),
        owner: owner(spec, host),
        ..Cgroup::default()
    };
    if let Some(resources) = resources {
        (plan.writes, plan.warnings) = writes(resources, &host.cgroups)?;
    }
    served(&plan.writes, &plan.groups, &host.cgroups)?;
    Ok(plan)
}

/// Plans what `update` writes; devices are not touched. `current` is what the container has: values
/// that are given in pairs (quota and period, memory and swap) are completed from it.
///
/// # Errors
/// The field that has no meaning, or that no controller of this host can serve.
pub fn update(new: &Resources, current: &Resources, cgroups: &Cgroups) -> Result<CgroupUpdate> {
    let mut asked = new.clone();
    if let Some(memory) = &mut asked.memory {
        complete_memory(memory, current.memory.as_ref());
    }
    if let Some(cpu) = &mut asked.cpu {
        complete_cpu(cpu, current.cpu.as_ref());
    }
    let (writes, warnings) = writes(&asked, cgroups)?;
    served(&writes, &groups(cgroups, &Place::Absolute(PathBuf::new())), cgroups)?;
    Ok(CgroupUpdate { writes, properties: Vec::new(), warnings })
}

fn complete_memory(memory: &mut Memory, current: Option<&Memory>) {
    let Some(current) = current else { return };
    if set(memory.limit).is_some_and(|limit| limit != -1) {
        memory.swap = set(memory.swap).or(current.swap);
    }
    if set(memory.swap).is_some() {
        memory.limit = set(memory.limit).or(current.limit);
    }
}

fn complete_cpu(cpu: &mut Cpu, current: Option<&Cpu>) {
    let Some(current) = current else { return };
    if set(cpu.period).is_some() {
        cpu.quota = set(cpu.quota).or(current.quota);
    }
    if set(cpu.quota).is_some() {
        cpu.period = set(cpu.period).or(current.period);
    }
}

/// What a container has after an update: the new values, and the old ones where there is no new.
pub fn merge<'a>(current: &Resources<'a>, new: &Resources<'a>) -> Resources<'a> {
    macro_rules! newer {
        ($old:expr, $new:expr, $($field:ident)*) => { $(
            replace(&mut $old.$field, &$new.$field);
        )* };
    }
    let mut merged = current.clone();
    if let Some(new) = &new.memory {
        let old = merged.memory.get_or_insert_default();
        newer!(old, new, limit reservation swap kernel kernel_tcp swappiness disable_oom_killer);
        newer!(old, new, use_hierarchy check_before_update);
    }
    if let Some(new) = &new.cpu {
        let old = merged.cpu.get_or_insert_default();
        newer!(old, new, shares quota burst period realtime_runtime realtime_period);
        newer!(old, new, cpus mems idle);
    }
    if let Some(new) = &new.block_io {
        let old = merged.block_io.get_or_insert_default();
        newer!(old, new, weight leaf_weight weight_device throttle_read_bps throttle_write_bps);
        newer!(old, new, throttle_read_iops throttle_write_iops);
    }
    newer!(merged, new, pids hugepage_limits network rdma);
    for (key, value) in new.unified.iter() {
        merged.unified.0.retain(|(known, _)| known != key);
        merged.unified.0.push((key.clone(), value.clone()));
    }
    merged
}

fn replace<T: Default + PartialEq + Clone>(old: &mut T, new: &T) {
    if *new != T::default() {
        *old = new.clone();
    }
}

/// Where a group is to be.
enum Place {
    /// From the root of each hierarchy.
    Absolute(PathBuf),
    /// From where the runtime is.
    Relative(PathBuf),
}

/// The place that `cgroupsPath` names; `..` leads nowhere above the start.
fn place(text: &str, id: &str) -> Result<Place> {
    let text = super::text::text("linux.cgroupsPath", text)?;
    let given = Path::new(if text.is_empty() { id } else { &text });
    let mut path = PathBuf::new();
    for part in given.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if path.as_os_str().is_empty() {
        return Err(Error::new(format!("linux.cgroupsPath: {text:?} is no group of its own")));
    }
    Ok(if given.is_absolute() { Place::Absolute(path) } else { Place::Relative(path) })
}

/// The group in each hierarchy, the one that counts memory last, because a child may want to enter
/// that one later than the others.
fn groups(cgroups: &Cgroups, place: &Place) -> Vec<CgroupDir> {
    let at = |own: &Path| match place {
        Place::Absolute(path) => path.clone(),
        Place::Relative(path) => own.strip_prefix("/").unwrap_or(own).join(path),
    };
    let legacy = cgroups.legacy.iter().map(|hierarchy| CgroupDir {
        controllers: hierarchy.controllers.clone(),
        mount: hierarchy.mount.clone(),
        path: at(&hierarchy.own),
    });
    let unified = cgroups.unified.iter().map(|unified| {
        // On v2 the runtime's own group has a process in it, so that its children can have no
        // controllers; the group above it has none.
        let parent = unified.own.parent().filter(|_| cgroups.is_unified());
        let path = at(parent.unwrap_or(&unified.own));
        CgroupDir { controllers: Vec::new(), mount: unified.mount.clone(), path }
    });
    let mut groups: Vec<CgroupDir> = unified.chain(legacy).collect();
    groups.sort_by_key(|group| group.controllers.iter().any(|name| name == "memory"));
    groups
}

/// Every write has a hierarchy that it can go to.
fn served(writes: &[CgroupWrite], groups: &[CgroupDir], cgroups: &Cgroups) -> Result<()> {
    if cgroups.is_unified() {
        return Ok(());
    }
    let has = |name: &str| groups.iter().any(|g| g.controllers.iter().any(|known| known == name));
    match writes.iter().find(|write| !has(write.controller())) {
        None => Ok(()),
        Some(write) => Err(Error::new(format!(
            "{}: this host has no cgroup controller {}",
            write.field,
            write.controller()
        ))),
    }
}

/// What is written, and what cannot be.
fn writes(resources: &Resources, cgroups: &Cgroups) -> Result<(Vec<CgroupWrite>, Vec<String>)> {
    let mut writes = Writes::default();
    match cgroups.is_unified() {
        true => unified::writes(resources, &mut writes)?,
        false => legacy::writes(resources, &mut writes)?,
    }
    for write in &writes.list {
        super::text::text(write.field, &write.file)?;
        super::text::text(write.field, &write.value)?;
    }
    let memory = resources.memory.as_ref();
    if memory.is_some_and(|memory| memory.kernel.is_some() || memory.kernel_tcp.is_some()) {
        writes.warn("linux.resources.memory.kernel and kernelTCP are no longer limits of Linux");
    }
    Ok((writes.list, writes.warnings))
}

/// A list of writes under construction.
#[derive(Default)]
struct Writes {
    list: Vec<CgroupWrite>,
    warnings: Vec<String>,
}

impl Writes {
    fn add(
        &mut self,
        field: &'static str,
        file: impl Into<Cow<'static, str>>,
        value: impl ToString,
    ) -> &mut CgroupWrite {
        self.list.push(CgroupWrite {
            file: file.into(),
            value: value.to_string(),
            field,
            manner: Manner::Must,
            beyond_usage: None,
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    fn warn(&mut self, words: &str) {
        self.warnings.push(words.to_owned());
    }
}

/// A value that is there; the callers of runc write 0 for "not set".
fn set<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

/// A size in bytes, or -1 for no limit.
fn size(field: &'static str, value: Option<i64>) -> Result<Option<i64>> {
    match set(value) {
        Some(value) if value < -1 => Err(refuse(field, &value, "neither a size nor -1")),
        value => Ok(value),
    }
}

fn refuse(field: &str, value: &dyn std::fmt::Display, is: &str) -> Error {
    Error::new(format!("{field}: {value} is {is}"))
}

/// `pids.max`: a container without any process makes no sense, so that 0 means 1.
fn pids(resources: &Resources, writes: &mut Writes) {
    let limit = resources.pids.as_ref().and_then(|pids| pids.limit);
    let value = match limit {
        None => return,
        Some(..0) => "max".to_owned(),
        Some(limit) => limit.max(1).to_string(),
    };
    writes.add("linux.resources.pids.limit", "pids.max", value);
}

/// The CPUs and memory nodes, which both versions call by the same names.
fn cpuset(cpu: &Cpu, writes: &mut Writes) {
    for (field, file, value) in [
        ("linux.resources.cpu.cpus", "cpuset.cpus", &cpu.cpus),
        ("linux.resources.cpu.mems", "cpuset.mems", &cpu.mems),
    ] {
        if !value.is_empty() {
            writes.add(field, file, value.as_str());
        }
    }
}

/// Both versions write RDMA limits in the same words.
fn rdma(resources: &Resources, writes: &mut Writes) {
    for (device, limits) in resources.rdma.iter() {
        let mut line = device.to_string();
        for (key, value) in [("hca_handle", limits.hca_handles), ("hca_object", limits.hca_objects)]
        {
            if let Some(value) = value {
                line.push_str(&format!(" {key}={value}"));
            }
        }
        writes.add("linux.resources.rdma", "rdma.max", line);
    }
}

/// Huge pages, used and reserved, by files that end in `suffix`.
fn hugepages(resources: &Resources, suffix: &str, writes: &mut Writes) -> Result<()> {
    const FIELD: &str = "linux.resources.hugepageLimits";
    for limit in &resources.hugepage_limits {
        let page = page_size(&limit.page_size)
            .ok_or_else(|| refuse(FIELD, &limit.page_size, "no page size like 2MB"))?;
        let files = [format!("hugetlb.{page}.rsvd.{suffix}"), format!("hugetlb.{page}.{suffix}")];
        let [reserved, used] = files;
        writes.add(FIELD, reserved, limit.limit).manner = Manner::IfThere;
        writes.add(FIELD, used, limit.limit);
    }
    Ok(())
}

fn page_size<'a>(text: &'a Str) -> Option<&'a str> {
    let number = text.strip_suffix('B')?.strip_suffix(['K', 'M', 'G'])?;
    let sound = number.bytes().all(|digit| digit.is_ascii_digit()) && !number.is_empty();
    sound.then_some(text.as_str())
}

/// A weight for block devices.
fn weight(field: &'static str, weight: Option<u16>) -> Result<Option<u16>> {
    match set(weight) {
        Some(weight) if !(10..=1000).contains(&weight) => {
            Err(refuse(field, &weight, "not from 10 to 1000"))
        }
        weight => Ok(weight),
    }
}

/// The host's uid of the container's process, when the container has a cgroup2 tree of its own that
/// it may write to.
fn owner(spec: &Spec, host: &Host) -> Option<u32> {
    let linux = &spec.linux;
    let namespace = |kind: &str| linux.namespaces.iter().find(|n| n.kind.as_str() == kind);
    let own_tree = namespace("cgroup").is_some_and(|namespace| namespace.path.is_empty());
    let writable = spec.mounts.iter().any(|mount| {
        let kind = mount.kind.as_str();
        let there = Path::new("/sys/fs/cgroup").components();
        let there = Path::new(mount.destination.as_str()).components().eq(there);
        let readonly = mount.options.iter().rev().find(|o| ["ro", "rw"].contains(&o.as_str()));
        (kind == "cgroup" || kind == "cgroup2") && there && readonly.is_none_or(|o| &**o == "rw")
    });
    if !(host.cgroups.is_unified() && own_tree && writable) {
        return None;
    }
    let uid = spec.process.as_ref().map_or(0, |process| process.user.uid);
    let uid = match namespace("user") {
        Some(_) => outside(uid, &linux.uid_mappings)?,
        None => uid,
    };
    Some(uid).filter(|uid| *uid != host.euid)
}

fn outside(uid: u32, maps: &[IdMapping]) -> Option<u32> {
    let map = maps
        .iter()
        .find(|map| uid.checked_sub(map.container_id).is_some_and(|offset| offset < map.size))?;
    map.host_id.checked_add(uid - map.container_id)
}

#[cfg(test)]
mod tests;
