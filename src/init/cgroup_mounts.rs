//! The container's view of its own cgroup.

use std::os::fd::AsFd;
use std::path::PathBuf;

use super::Init;
use super::mounts::attach;
use crate::error::{Doing, Error, Result};
use crate::host::cgroups::{UNIFIED_MOUNT, is_unified};
use crate::plan::{Kind, Mount};
use crate::sys::fd::here;
use crate::sys::mount::{self, Attributes, Detached, READ_ONLY, Reach};
use crate::sys::path::{Root, make_directory, make_link};

/// cgroup v2: a new instance shows the cgroup namespace; where the kernel refuses one, a bind shows
/// the same: of the container's own directory, or, in the host's namespace, of the whole hierarchy.
pub(super) fn unified(init: &Init<'_>, mount: &Mount) -> Result<()> {
    let made = mount::Filesystem::open("cgroup2").and_then(|mut context| context.mount(0));
    let refused =
        match made.map_err(Error::from).and_then(|made| attach(init, mount, made).map(drop)) {
            Err(error) if error.is(libc::EPERM) || error.is(libc::EBUSY) => error,
            done => return done,
        };
    let own = init.cgroups.iter().find(|(controllers, _)| controllers.is_empty());
    let path = match init.plan.namespaces.has(Kind::Cgroup) {
        true => own.map(|(_, path)| path.to_string_lossy()),
        // Where there is v1 too, something else is there.
        false => is_unified(UNIFIED_MOUNT).then(|| UNIFIED_MOUNT.into()),
    };
    let Some(path) = path else {
        return Err(refused).doing(|| format!("mount cgroup2 for {}", mount.target.as_str()));
    };
    let copy = mount::copy_tree(here(), &path, Reach::All);
    attach(init, mount, copy.doing(|| format!("bind {path}"))?).map(drop)
}

/// cgroup v1: a tmpfs with the container's own directory of each hierarchy, and a link for each
/// controller of a hierarchy that has several. A hierarchy in which it has none, since the runtime
/// had no right to make one, is left out.
pub(super) fn legacy(init: &Init<'_>, mount: &Mount) -> Result<()> {
    let root = init.root()?;
    let target = root.make_directories(mount.target.as_str(), 0o755).doing(|| "target".into())?;
    let base = base(mount)?.attach(root, target.as_fd()).doing(|| "attach".into())?;
    let base = Root::from(base);
    let exists = |path: &&(String, PathBuf)| !init.plan.cgroup.optional || path.1.exists();
    for (controllers, path) in init.cgroups.iter().filter(exists) {
        let name = if controllers.is_empty() { "unified" } else { controllers };
        let name = name.trim_start_matches("name=");
        mount::either_way(|| hierarchy((root, &base), name, &path.to_string_lossy(), mount))
            .doing(|| format!("hierarchy {name}"))?;
    }
    match mount.attributes.set & READ_ONLY {
        0 => Ok(()),
        set => {
            let attributes = Attributes { set, ..Attributes::default() };
            Ok(mount::set_attributes(base.as_fd(), attributes, Reach::One)?)
        }
    }
}

fn base(mount: &Mount) -> Result<Detached> {
    let mut context = mount::Filesystem::open("tmpfs")?;
    context.set("mode", "755")?;
    Ok(context.mount(mount.attributes.set & !READ_ONLY)?)
}

fn hierarchy((root, base): (&Root, &Root), name: &str, path: &str, mount: &Mount) -> Result<()> {
    let mut copy = mount::copy_tree(here(), path, Reach::One).doing(|| format!("bind {path}"))?;
    let plan = mount.attributes;
    if plan.set | plan.clear != 0 {
        let attributes = Attributes { set: plan.set, clear: plan.clear, ..Attributes::default() };
        copy.set(attributes, Reach::One)?;
    }
    make_directory(base.as_fd(), name, 0o755)?;
    let target = base.open_file(name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW)?;
    copy.attach(root, target.as_fd())?;
    for controller in name.split(',').filter(|controller| *controller != name) {
        make_link(name, base.as_fd(), controller)?;
    }
    Ok(())
}
