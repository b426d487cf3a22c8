//! AppArmor, SELinux and the session keyring.

use super::Init;
use crate::error::{Doing, Error, Result};
use crate::sys::keyring;

/// What lets the container's root look for keys in its session keyring (`KEY_USR_SEARCH`).
const SEARCH: u32 = 0x0008_0000;

/// A quota that is used up leaves the caller's; so does a kernel without keyrings, or a filter that
/// keeps them from the container as well.
pub(super) fn join_keyring(init: &mut Init<'_>) -> Result<()> {
    let Some(name) = init.plan.keyring.clone() else { return Ok(()) };
    if let Some(label) = init.process.selinux.clone() {
        init.procfs()?
            .write("self/attr/keycreate", &label)
            .doing(|| "label the session keyring".into())?;
    }
    let joined = keyring::join_session(&name);
    if init.process.selinux.is_some() {
        init.procfs()?.write("self/attr/keycreate", "").doing(|| "unlabel new keys".into())?;
    }
    match joined {
        Err(error) if error.raw_os_error() == Some(libc::EDQUOT) => init
            .warn("the quota of keys is used up: the container keeps the caller's keyring".into()),
        Err(_) if keyring::are_refused() => Ok(()),
        other => {
            let key = other.doing(|| format!("join session keyring {name}"))?;
            let permissions = keyring::permissions(key).doing(|| "read key permissions".into())?;
            keyring::set_permissions(key, permissions | SEARCH)
                .doing(|| "set key permissions".into())
        }
    }
}

/// Both take effect at execve(2).
pub(super) fn set_for_exec(init: &mut Init<'_>) -> Result<()> {
    let process = init.process;
    if let Some(profile) = &process.apparmor {
        let procfs = init.procfs()?;
        let command = format!("exec {profile}");
        procfs
            .write("self/attr/apparmor/exec", &command)
            .or_else(|_| procfs.write("self/attr/exec", &command))
            .map_err(|error| match error.raw_os_error() {
                Some(libc::ENOENT) => Error::told("profile not loaded".into(), Some(libc::ENOENT)),
                _ => error.into(),
            })
            .doing(|| format!("apply apparmor profile {profile}"))?;
    }
    if let Some(label) = &process.selinux {
        init.procfs()?
            .write("self/attr/exec", label)
            .doing(|| format!("apply SELinux label {label}"))?;
    }
    Ok(())
}
