//! What this host can, as far as a container's configuration depends on it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, capability_is_in_bounding_set};

use super::limits::Machine;
use crate::bundle::DeviceNode;
use crate::bundle::resources::Numbers;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Device, HostConfig, items};

/// The machine's processors and memory nodes.
pub(super) fn machine() -> Machine {
    let online = |kind: &str| {
        let text = fs::read_to_string(format!("/sys/devices/system/{kind}/online"));
        // A kernel that cannot tell has one of them.
        text.map_or_else(|_| "0".to_owned(), |text| text.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Machine { processors, cpus: online("cpu"), mems: online("node") }
}

/// Whether a mount and all below it can be made read-only together: mount_setattr(2), Linux 5.12.
/// It goes by the version: the crates that we use do not have the call, and we have no unsafe code.
pub(super) fn has_recursive_read_only() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(5), Some(12))
}

/// Whether the kernel confines programs by AppArmor's profiles.
pub(super) fn has_apparmor() -> bool {
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    enabled.is_ok_and(|text| text.starts_with('Y'))
}

/// Our own capabilities, as bits: nobody can give more.
pub(super) fn own_capabilities() -> u64 {
    let own = |bit| capability_is_in_bounding_set(CapabilitySet::from_bits_retain(bit)).ok();
    let known =
        (0..u64::BITS).map_while(|number| own(1 << number).map(|own| u64::from(own) << number));
    known.sum()
}

/// The devices that a container gets.
pub(super) fn devices(host: &HostConfig) -> Result<Vec<DeviceNode>> {
    let mut nodes = Vec::new();
    if host.privileged {
        every_device(Path::new("/dev"), &mut nodes);
    }
    for device in items(&host.devices) {
        requested(device, &mut nodes)?;
    }
    Ok(nodes)
}

fn requested(device: &Device, nodes: &mut Vec<DeviceNode>) -> Result<()> {
    let from = Path::new(&device.path_on_host);
    let to = match device.path_in_container.as_str() {
        "" => from,
        path => Path::new(path),
    };
    let access = match device.cgroup_permissions.as_str() {
        "" => "rwm",
        access => access,
    };
    let wrong = |what: &str| {
        let path = from.display();
        let words = format!(
            "error gathering device information while adding custom device \"{path}\": {what}"
        );
        refuse(Kind::Invalid, words)
    };
    if from.is_dir() {
        let mut below = Vec::new();
        every_device(from, &mut below);
        if below.is_empty() {
            return Err(wrong("not a device node"));
        }
        nodes.extend(below.into_iter().map(|mut node| {
            let rest = Path::new(&node.path).strip_prefix(from).map(PathBuf::from);
            node.path = to.join(rest.unwrap_or_default()).display().to_string();
            access.clone_into(&mut node.access);
            node
        }));
        return Ok(());
    }
    let found = node(from, &to.display().to_string(), access);
    nodes.push(found.ok_or_else(|| match from.exists() {
        true => wrong("not a device node"),
        false => wrong("no such file or directory"),
    })?);
    Ok(())
}

/// A device's file, as a container gets it.
fn node(from: &Path, to: &str, access: &str) -> Option<DeviceNode> {
    let about = fs::metadata(from).ok()?;
    let kind = match about.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return None,
    };
    let mode = about.mode() & 0o777;
    let owner = (about.uid(), about.gid());
    let numbers = numbers_of(about.rdev());
    Some(DeviceNode { path: to.to_owned(), kind, numbers, mode, owner, access: access.to_owned() })
}

fn numbers_of(device: u64) -> Numbers {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Numbers { major: major.into(), minor: minor.into() }
}

/// Every device below a folder, apart from what each container has of its own.
fn every_device(folder: &Path, nodes: &mut Vec<DeviceNode>) {
    const OWN: [&str; 7] = ["pts", "shm", "fd", "mqueue", "console", "ptmx", ".udev"];
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if OWN.iter().any(|own| entry.file_name() == *own) {
            continue;
        }
        if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            every_device(&path, nodes);
        } else if kind.is_ok_and(|kind| !kind.is_symlink()) {
            nodes.extend(node(&path, &path.display().to_string(), "rwm"));
        }
    }
}

/// The numbers of the devices that block limits name.
pub(super) fn block_devices(host: &HostConfig) -> Result<Vec<(String, Numbers)>> {
    let weights = items(&host.blkio_weight_device).iter().map(|device| &device.path);
    let rates = [
        &host.blkio_device_read_bps,
        &host.blkio_device_write_bps,
        &host.blkio_device_read_iops,
        &host.blkio_device_write_iops,
    ];
    let rates = rates.into_iter().flat_map(items).map(|device| &device.path);
    weights
        .chain(rates)
        .map(|path| {
            let about = fs::metadata(path).with_context(|| format!("look at {path}"))?;
            Ok((path.clone(), numbers_of(about.rdev())))
        })
        .collect()
}
