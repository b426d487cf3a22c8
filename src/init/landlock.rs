//! The Landlock domain that the program starts in.

use std::os::fd::AsFd;

use super::Init;
use crate::error::{Code, Doing, Error, Result};
use crate::plan::{Landlock, PathAccess};
use crate::sys::fd::{here, open_at, stat};
use crate::sys::landlock::{self, BIND_TCP, CONNECT_TCP, FILE, Handled, READ, Ruleset};

/// Once the container's own paths are all that there is.
pub(super) fn restrict(init: &mut Init<'_>) -> Result<()> {
    let Some(plan) = &init.process.landlock else { return Ok(()) };
    let version = landlock::version()
        .doing(|| "org.onggi.landlock: the kernel has no Landlock, or it is off".into())?;
    let all = landlock::all_of(version);
    let rules = Ruleset::new(handled(plan, version, all)?).doing(|| "make a ruleset".into())?;
    for (path, access) in plan.paths.iter().flatten() {
        let path = path.as_str();
        let words = || format!("org.onggi.landlock: allow {path}");
        let found = open_at(here(), path, libc::O_PATH, 0).doing(words)?;
        let is_directory = stat(found.as_fd())?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        let access = if *access == PathAccess::Read { READ } else { all };
        let access = if is_directory { access } else { access & FILE };
        rules.allow_below(found.as_fd(), access & all).doing(words)?;
    }
    for (ports, access) in [(&plan.bind, BIND_TCP), (&plan.connect, CONNECT_TCP)] {
        for port in ports.iter().flatten() {
            rules.allow_port(*port, access).doing(|| format!("allow TCP port {port}"))?;
        }
    }
    rules.restrict_self().doing(|| "landlock_restrict_self".into())
}

/// Files are restricted as far as this kernel can; what it cannot do at all is an error.
fn handled(plan: &Landlock, version: u32, all: u64) -> Result<Handled> {
    let bit = |ports: &Option<Vec<u16>>, bit| if ports.is_some() { bit } else { 0 };
    let network = bit(&plan.bind, BIND_TCP) | bit(&plan.connect, CONNECT_TCP);
    for (wanted, since, words) in
        [(network != 0, 4, "bindTcp and connectTcp"), (plan.scoped != 0, 6, "scoped")]
    {
        if wanted && version < since {
            return Err(Error::of(
                Code::KernelFeature,
                format!(
                    "org.onggi.landlock: {words}: version {since}, and the kernel has {version}"
                ),
            ));
        }
    }
    let files = if plan.paths.is_some() { all } else { 0 };
    Ok(Handled { files, network, scoped: plan.scoped })
}
