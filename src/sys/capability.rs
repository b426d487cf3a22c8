//! Capabilities as masks: bit n is capability number n (linux/capability.h).

use std::io;

use super::check;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `_LINUX_CAPABILITY_VERSION_3`, for this thread.
static HEADER: Header = Header { version: 0x2008_0522, pid: 0 };

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The three sets that capset(2) takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sets {
    /// In force.
    pub effective: u64,
    /// May be put in force.
    pub permitted: u64,
    /// Kept over execve(2) by files with inheritable bits.
    pub inheritable: u64,
}

/// `capget(2)`
pub fn get() -> io::Result<Sets> {
    let mut halves = [Half::default(); 2];
    // SAFETY: version 3 writes two halves, which live over the call.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw const HEADER, halves.as_mut_ptr()) })?;
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let [low, high] = halves;
    Ok(Sets {
        effective: join(low.effective, high.effective),
        permitted: join(low.permitted, high.permitted),
        inheritable: join(low.inheritable, high.inheritable),
    })
}

/// `capset(2)`
pub fn set(sets: Sets) -> io::Result<()> {
    let half = |shift: u32| Half {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: (sets.inheritable >> shift) as u32,
    };
    let halves = [half(0), half(32)];
    // SAFETY: version 3 reads two halves, which live over the call.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const HEADER, halves.as_ptr()) }).map(drop)
}

fn prctl(option: i32, first: u64, second: u64) -> io::Result<i32> {
    // SAFETY: the options used here take numbers, not pointers.
    check(unsafe { libc::prctl(option, first, second, 0, 0) })
}

/// `PR_CAPBSET_READ` for every number up to the kernel's last one.
pub fn bounding() -> u64 {
    (0..64)
        .map_while(|number| Some((number, prctl(libc::PR_CAPBSET_READ, number, 0).ok()?)))
        .fold(0, |mask, (number, held)| mask | (held as u64) << number)
}

/// `PR_CAPBSET_DROP` for every capability that is not in the mask; an unknown number ends it.
pub fn limit_bounding(keep: u64) -> io::Result<()> {
    for number in (0..64).filter(|number| keep & 1 << number == 0) {
        match prctl(libc::PR_CAPBSET_DROP, number, 0) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            other => other?,
        };
    }
    Ok(())
}

/// `PR_CAP_AMBIENT_CLEAR_ALL`
pub fn clear_ambient() -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0).map(drop)
}

/// `PR_CAP_AMBIENT_RAISE`
///
/// # Errors
/// EPERM when the capability is not both permitted and inheritable.
pub fn raise_ambient(number: u64) -> io::Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as u64, number).map(drop)
}

/// `PR_SET_KEEPCAPS`: whether permitted capabilities outlive the change from uid 0.
pub fn keep_over_user_change(keep: bool) -> io::Result<()> {
    prctl(libc::PR_SET_KEEPCAPS, keep.into(), 0).map(drop)
}

/// `PR_SET_NO_NEW_PRIVS`
pub fn set_no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}
