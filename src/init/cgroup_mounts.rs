//! The container's view of its own cgroup.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use super::Init;
use crate::error::{Doing, Result};
use crate::plan::{Kind, Mount};
use crate::sys::fd::here;
use crate::sys::mount::{self, Attributes, READ_ONLY, Reach};
use crate::sys::path::{Root, make_directory, make_link};

/// cgroup v2: a new instance shows the cgroup namespace; where the kernel refuses one, a bind of
/// the container's own directory shows the same.
pub(super) fn unified(init: &Init<'_>, mount: &Mount) -> Result<OwnedFd> {
    let made = mount::Filesystem::open("cgroup2").and_then(|context| context.mount(0));
    let refused = match made {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EBUSY)) => error,
        other => return Ok(other?),
    };
    let own = init.cgroups.iter().find(|(controllers, _)| controllers.is_empty());
    match own {
        Some((_, path)) if init.plan.namespaces.has(Kind::Cgroup) => {
            let path = path.to_string_lossy();
            mount::copy_tree(here(), &path, Reach::All).doing(|| format!("bind {path}"))
        }
        _ => Err(refused).doing(|| format!("mount cgroup2 for {}", mount.target.as_str())),
    }
}

/// cgroup v1: a tmpfs with the container's own directory of each hierarchy, and a link for each
/// controller of a hierarchy that has several. A hierarchy in which it has none, since the runtime
/// had no right to make one, is left out.
pub(super) fn legacy(init: &Init<'_>, mount: &Mount) -> Result<()> {
    let base = base(mount)?;
    let root = init.root()?;
    let target = root.make_directories(mount.target.as_str(), 0o755).doing(|| "target".into())?;
    mount::attach(base.as_fd(), target.as_fd()).doing(|| "attach".into())?;
    let base = Root::from(base);
    let exists = |path: &&(String, PathBuf)| !init.plan.cgroup.optional || path.1.exists();
    for (controllers, path) in init.cgroups.iter().filter(exists) {
        let name = if controllers.is_empty() { "unified" } else { controllers };
        hierarchy(&base, name.trim_start_matches("name="), &path.to_string_lossy(), mount)
            .doing(|| format!("hierarchy {name}"))?;
    }
    set(base.as_fd(), Attributes { set: mount.attributes.set & READ_ONLY, ..Default::default() })
}

fn base(mount: &Mount) -> Result<OwnedFd> {
    let context = mount::Filesystem::open("tmpfs")?;
    context.set("mode", "755")?;
    Ok(context.mount(mount.attributes.set & !READ_ONLY)?)
}

fn hierarchy(base: &Root, name: &str, path: &str, mount: &Mount) -> Result<()> {
    let copy = mount::copy_tree(here(), path, Reach::One).doing(|| format!("bind {path}"))?;
    let plan = mount.attributes;
    set(copy.as_fd(), Attributes { set: plan.set, clear: plan.clear, ..Default::default() })?;
    make_directory(base.as_fd(), name, 0o755)?;
    let target = base.open_file(name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW)?;
    mount::attach(copy.as_fd(), target.as_fd())?;
    for controller in name.split(',').filter(|controller| *controller != name) {
        make_link(name, base.as_fd(), controller)?;
    }
    Ok(())
}

fn set(mount: std::os::fd::BorrowedFd<'_>, attributes: Attributes) -> Result<()> {
    match attributes.set | attributes.clear {
        0 => Ok(()),
        _ => Ok(mount::set_attributes(mount, attributes, Reach::One)?),
    }
}
