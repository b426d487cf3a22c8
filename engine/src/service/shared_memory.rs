//! `--ipc=shareable` and `--ipc=container:NAME`: a container's `/dev/shm` that others join. It is
//! mounted in the bundle of the first, since no mount leads from one mount namespace to another.

use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

use crate::bundle::OuterMount;
use crate::error::{Kind, Result, refuse};
use crate::model::Container;
use crate::rootfs;
use crate::store::Store;

/// Mounts it, where it is the container's own; where it is mounted inside.
pub(super) fn mount(store: &Store, container: &Container) -> Result<Option<OuterMount>> {
    let host = &container.host_config;
    let source = match host.ipc_mode.as_str() {
        "shareable" => {
            let target = place(store, &container.id);
            let data = format!("mode=1777,size={}", host.shm_size);
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            rootfs::mount_at("shm", "tmpfs", flags, &data, &target)?;
            target
        }
        mode => match mode.strip_prefix("container:") {
            Some(id) => of_another(store, id)?,
            None => return Ok(None),
        },
    };
    Ok(Some(OuterMount {
        kind: "bind",
        source: source.display().to_string(),
        destination: "/dev/shm".to_owned(),
        options: ["rbind", "rprivate"].map(str::to_owned).to_vec(),
    }))
}

/// Of the container that is named, or of the one that it has joined itself.
fn of_another(store: &Store, id: &str) -> Result<PathBuf> {
    let other = store.container(id)?;
    match other.host_config.ipc_mode.as_str() {
        "shareable" => Ok(place(store, &other.id)),
        "host" => Ok(PathBuf::from("/dev/shm")),
        mode => match mode.strip_prefix("container:") {
            Some(next) => of_another(store, next),
            None => {
                let words = format!(
                    "cannot join IPC of container {id}: non-shareable IPC (hint: use \
                     IpcMode:shareable for the donor container)"
                );
                Err(refuse(Kind::Conflict, words))
            }
        },
    }
}

fn place(store: &Store, id: &str) -> PathBuf {
    let bundle: PathBuf = store.bundle(id);
    rootfs::parts(Path::new(&bundle)).join("shm")
}
