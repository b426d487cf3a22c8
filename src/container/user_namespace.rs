//! Id maps: written for init, or put into a namespace of their own for a mount.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::Command;

use crate::error::{Doing, Error, Result};
use crate::launch::{self, Request};
use crate::plan::{IdMap, IdMaps, Kind, MapWriter, MountIdMap, Plan};
use crate::sys::fd::{self, here, open_at};
use crate::sys::mount::{Attributes, ID_MAP, Reach, set_attributes};
use crate::sys::procfs::Procfs;
use crate::sys::signal;

/// Writes the maps of init's new user namespace.
pub(super) fn write_maps(pid: i32, plan: &Plan) -> Result<()> {
    match &plan.namespaces.id_maps {
        Some(maps) => write(pid, maps),
        None => Ok(()),
    }
}

fn write(pid: i32, maps: &IdMaps) -> Result<()> {
    if maps.write == MapWriter::Helpers {
        return run_helper("newuidmap", pid, &maps.uids)
            .and_then(|()| run_helper("newgidmap", pid, &maps.gids));
    }
    let proc = Procfs::of_this_process()?;
    if maps.write == MapWriter::RuntimeWithoutGroups {
        proc.write(&format!("{pid}/setgroups"), "deny").doing(|| "deny setgroups".into())?;
    }
    for (file, map) in [("uid_map", &maps.uids), ("gid_map", &maps.gids)] {
        proc.write(&format!("{pid}/{file}"), &lines(map)).doing(|| format!("write {file}"))?;
    }
    Ok(())
}

fn lines(map: &[IdMap]) -> String {
    map.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.size)).collect()
}

/// newuidmap(1) and newgidmap(1) have the right to map what /etc/subuid and /etc/subgid grant.
fn run_helper(name: &str, pid: i32, map: &[IdMap]) -> Result<()> {
    let numbers = map.iter().flat_map(|line| [line.inside, line.outside, line.size]);
    let mut command = Command::new(name);
    command.arg(pid.to_string()).args(numbers.map(|number| number.to_string()));
    signal::hold_none_in(&mut command);
    let output = command.output().doing(|| format!("run {name}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::new(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
            .doing(|| name.to_owned()),
    }
}

/// Maps the ids of a detached mount.
pub(super) fn map_mount(mount: BorrowedFd<'_>, map: &MountIdMap, init: i32) -> Result<()> {
    let (namespace, recursive) = match map {
        MountIdMap::Maps { maps, recursive } => (namespace_with(maps)?, *recursive),
        MountIdMap::Container { recursive } => (namespace_of(init)?, *recursive),
    };
    let attributes = Attributes {
        set: ID_MAP,
        user_namespace: namespace.as_raw_fd() as u64,
        ..Attributes::default()
    };
    set_attributes(mount, attributes, Reach::recursive(recursive))
        .doing(|| "map the mount's ids".into())
}

fn namespace_of(pid: i32) -> Result<OwnedFd> {
    let path = format!("/proc/{pid}/ns/user");
    open_at(here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))
}

/// A user namespace needs a process for as long as nobody holds it open.
fn namespace_with(maps: &IdMaps) -> Result<OwnedFd> {
    let (theirs, ours) = launch::pair()?;
    let request = Request { new: Kind::User.flag(), ..Request::default() };
    let child = launch::spawn(request, |_| {
        // Its own copy of our end would keep it waiting after our death.
        fd::close_all_but(&[theirs.as_fd().as_raw_fd()])?;
        theirs.receive().map(drop)
    })?;
    write(child.pid, maps)?;
    let namespace = namespace_of(child.pid);
    drop((ours, child));
    namespace.map(|fd| fd.as_fd().try_clone_to_owned().map_err(Error::from))?
}
