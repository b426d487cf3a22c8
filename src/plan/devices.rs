//! What /dev gets.

use super::paths::clean;
use super::text::{number, text};
use super::types::{ContainerPath, Dev, Mount, MountSource, Node};
use crate::error::{Doing, Error, Result};
use crate::host::Host;
use crate::spec::{Device, Spec};

/// `S_IFMT`, `S_IFCHR`, `S_IFBLK`, `S_IFIFO` (inode(7))
const KIND_MASK: u32 = 0o170_000;
const CHARACTER: u32 = 0o020_000;
const BLOCK: u32 = 0o060_000;
const FIFO: u32 = 0o010_000;

/// The nodes that every container has (config-linux.md#default-devices): path, major, minor.
const DEFAULT: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// The kernel's device numbers (linux/kdev_t.h): a larger number would name another device.
const LARGEST_MAJOR: i64 = (1 << 12) - 1;
const LARGEST_MINOR: i64 = (1 << 20) - 1;

/// The default nodes and the spec's, which win; nothing when the spec binds a /dev of its own.
pub(super) fn dev(
    spec: &Spec<'_>,
    host: &Host,
    mounts: &[Mount],
    warnings: &mut Vec<String>,
) -> Result<Option<Dev>> {
    let is_bound = |mount: &Mount| {
        mount.target.as_str() == "/dev" && matches!(mount.what, MountSource::Bind { .. })
    };
    if mounts.iter().any(is_bound) {
        return Ok(None);
    }
    let mut own: Vec<Node> = Vec::with_capacity(spec.linux.devices.len());
    // Without a path it is only a rule of the cgroup.
    for device in spec.linux.devices.iter().filter(|device| !device.path.is_empty()) {
        let node = node(device).doing(|| format!("linux.devices: {}", device.path))?;
        match own.iter().find(|known| known.path == node.path) {
            Some(known) if *known == node => {}
            Some(_) => warnings.push(format!("linux.devices: {} is there twice", device.path)),
            // The link to the one of /dev/pts takes its place.
            None if node.path.as_str() == "/dev/ptmx" => {}
            None => own.push(node),
        }
    }
    let mut nodes = defaults();
    nodes.retain(|default| own.iter().all(|node| node.path != default.path));
    nodes.append(&mut own);
    let user_namespace = spec.linux.namespaces.iter().any(|namespace| &*namespace.kind == "user");
    Ok(Some(Dev { nodes, bind: user_namespace || host.in_user_namespace }))
}

fn defaults() -> Vec<Node> {
    let node = |(path, major, minor): (&str, u32, u32)| {
        let path = ContainerPath::new(path);
        Node { path, kind: CHARACTER, major, minor, mode: 0o666, uid: 0, gid: 0 }
    };
    DEFAULT.into_iter().map(node).collect()
}

fn node(device: &Device<'_>) -> Result<Node> {
    let kinds = [("c", CHARACTER), ("u", CHARACTER), ("b", BLOCK), ("p", FIFO)];
    let kind = number("type", &kinds, &device.kind)?;
    let (major, minor) = match kind {
        FIFO => (0, 0),
        _ => (
            within("major", device.major, LARGEST_MAJOR)?,
            within("minor", device.minor, LARGEST_MINOR)?,
        ),
    };
    Ok(Node {
        path: ContainerPath::new(&clean(&text("path", &device.path)?)),
        kind,
        major,
        minor,
        // Engines copy st_mode whole; the type is said elsewhere.
        mode: device.file_mode.unwrap_or(0o666) & !KIND_MASK,
        uid: device.uid.unwrap_or(0),
        gid: device.gid.unwrap_or(0),
    })
}

fn within(field: &str, number: i64, largest: i64) -> Result<u32> {
    let fits = u32::try_from(number).ok().filter(|_| number <= largest);
    fits.ok_or_else(|| Error::new(format!("{field}: {number} is not in 0 to {largest}")))
}
