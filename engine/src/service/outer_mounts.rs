//! A container's mounts in the words of the runtime's specification.

use std::path::Path;

use super::mounts::{NOTHING_WRITABLE, WRITABLE_BELOW, clean};
use super::{driven, propagation};
use crate::bundle::OuterMount;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Container, Mount, MountPoint, items};
use crate::rootfs;

/// What is mounted from outside, in the order in which it is mounted.
pub(super) fn outer(container: &Container, bundle: &Path) -> Result<Vec<OuterMount>> {
    let host = &container.host_config;
    let short = host.tmpfs.iter().flatten().map(|(path, options)| tmpfs(clean(path), options));
    let long = items(&host.mounts).iter().filter(|mount| mount.kind == "tmpfs").map(long_tmpfs);
    let mut all: Vec<_> = short.chain(long).collect();
    for point in &container.mounts {
        let source = driven::source(point, bundle);
        let source = match point.subpath.is_empty() {
            true => source.display().to_string(),
            false => mount_part(point, &source, bundle)?,
        };
        propagation::check(point)?;
        all.push(outer_point(point, source)?);
    }
    all.sort_by_key(|mount| mount.destination.matches('/').count());
    Ok(all)
}

/// Mounts a part of a volume in the bundle, since the way to it may lead elsewhere when the runtime
/// goes it.
fn mount_part(point: &MountPoint, source: &Path, bundle: &Path) -> Result<String> {
    let name = point.destination.replace('%', "%25").replace('/', "%2F");
    let target = rootfs::parts(bundle).join(name);
    rootfs::mount_part(source, &point.subpath, &target)
        .with_context(|| format!("mount {} of the volume {}", point.subpath, point.name))?;
    Ok(target.display().to_string())
}

fn outer_point(point: &MountPoint, source: String) -> Result<OuterMount> {
    let says = |word: &str| point.mode.split(',').any(|said| said == word);
    let propagation = if point.propagation.is_empty() { "rprivate" } else { &point.propagation };
    let recursion = if says("non-recursive") { "bind" } else { "rbind" };
    let whole = super::host::has_recursive_read_only();
    if says(NOTHING_WRITABLE) && !whole {
        let words = "bind-recursive=readonly needs Linux 5.12";
        return Err(refuse(Kind::Invalid, words));
    }
    let access = match point.writable {
        true => "rw",
        false if whole && !says(WRITABLE_BELOW) && !says("non-recursive") => "rro",
        false => "ro",
    };
    Ok(OuterMount {
        kind: "bind",
        source,
        destination: point.destination.clone(),
        options: [recursion, access, propagation].map(str::to_owned).to_vec(),
    })
}

fn tmpfs(destination: String, more: &str) -> OuterMount {
    let own = ["nosuid", "nodev", "noexec"].map(str::to_owned);
    let more = more.split(',').filter(|option| !option.is_empty()).map(str::to_owned);
    let options = own.into_iter().chain(more).collect();
    OuterMount { kind: "tmpfs", source: "tmpfs".into(), destination, options }
}

fn long_tmpfs(mount: &Mount) -> OuterMount {
    let options = mount.tmpfs_options.clone().unwrap_or_default();
    let mut words = Vec::new();
    if options.size_bytes > 0 {
        words.push(format!("size={}", options.size_bytes));
    }
    if options.mode > 0 {
        words.push(format!("mode={:o}", options.mode));
    }
    if mount.read_only {
        words.push("ro".to_owned());
    }
    tmpfs(clean(&mount.target), &words.join(","))
}
