//! CPU, I/O and memory policies of this process.

use std::io;

use super::check;

/// `SCHED_DEADLINE`
pub const DEADLINE: u32 = 6;

/// `struct sched_attr` up to its first version (sched_setattr(2)).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Attributes {
    /// Bytes of this struct; filled in by [`set`].
    pub size: u32,
    /// `SCHED_*`
    pub policy: u32,
    /// `SCHED_FLAG_*`
    pub flags: u64,
    /// -20 to 19.
    pub nice: i32,
    /// Real-time priority.
    pub priority: u32,
    /// Nanoseconds.
    pub runtime: u64,
    /// Nanoseconds.
    pub deadline: u64,
    /// Nanoseconds.
    pub period: u64,
}

/// `sched_setattr(2)`
pub fn set(mut attributes: Attributes) -> io::Result<()> {
    attributes.size = size_of::<Attributes>() as u32;
    // SAFETY: the attributes live over the call and say their own size.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) }).map(drop)
}

/// `ioprio_set(2)` for the process group.
pub fn set_io_priority(priority: u16) -> io::Result<()> {
    const WHO_PROCESS_GROUP: i32 = 2;
    // SAFETY: takes no pointers.
    check(unsafe {
        libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS_GROUP, 0, libc::c_int::from(priority))
    })
    .map(drop)
}

/// Numbers as the bits of words, as the kernel takes sets of CPUs and nodes.
fn bits(numbers: &[u32]) -> Vec<u64> {
    let words = numbers.iter().max().map_or(1, |last| *last as usize / 64 + 1);
    let mut set = vec![0u64; words];
    for number in numbers {
        set[*number as usize / 64] |= 1 << (number % 64);
    }
    set
}

/// `sched_setaffinity(2)` of a process (0: this one).
pub fn set_affinity(pid: i32, cpus: &[u32]) -> io::Result<()> {
    let set = bits(cpus);
    // SAFETY: pointer and length are those of one vector.
    check(unsafe {
        libc::syscall(libc::SYS_sched_setaffinity, pid, size_of_val(&set[..]), set.as_ptr())
    })
    .map(drop)
}

/// CPUs as a mask, as the kernel prints one, in a single number.
pub fn mask(cpus: &[u32]) -> String {
    let bits = |word: u32| {
        cpus.iter().filter(|cpu| **cpu / 64 == word).fold(0u64, |bits, cpu| bits | 1 << (cpu % 64))
    };
    let highest = cpus.iter().max().map_or(0, |cpu| cpu / 64);
    let rest = (0..highest).rev().map(|word| format!("{:016x}", bits(word)));
    format!("{:#x}{}", bits(highest), rest.collect::<String>())
}

/// `sched_setaffinity(2)` with every CPU: what the cgroup allows stays in force.
pub fn reset_affinity() -> io::Result<()> {
    let all = [u64::MAX; 128];
    // SAFETY: pointer and length are those of one array.
    check(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&all), all.as_ptr()) })
        .map(drop)
}

/// `set_mempolicy(2)`
pub fn set_memory_policy(mode: u32, nodes: &[u32]) -> io::Result<()> {
    let set = bits(nodes);
    let (pointer, length) = match nodes.is_empty() {
        true => (std::ptr::null(), 0),
        // The kernel takes one bit less than it is told of.
        false => (set.as_ptr(), set.len() * 64 + 1),
    };
    // SAFETY: the pointer is null with length 0, or a vector of that many bits.
    check(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, pointer, length) }).map(drop)
}

/// `PR_SCHED_CORE` (Documentation/admin-guide/hw-vuln/core-scheduling.rst)
const CORE: i32 = 62;
/// `PR_SCHED_CORE_SCOPE_THREAD_GROUP`
const THREAD_GROUP: libc::c_ulong = 1;

/// `PR_SCHED_CORE_CREATE`: a new cookie for this process, which its children inherit.
pub fn take_own_cores() -> io::Result<()> {
    const CREATE: libc::c_ulong = 1;
    // SAFETY: with CREATE there is no pointer.
    check(unsafe {
        libc::prctl(CORE, CREATE, 0 as libc::c_ulong, THREAD_GROUP, 0 as libc::c_ulong)
    })
    .map(drop)
}

/// `PR_SCHED_CORE_SHARE_FROM`: this process gets the cookie of another.
pub fn share_cores_of(pid: i32) -> io::Result<()> {
    const SHARE_FROM: libc::c_ulong = 3;
    let thread = 0 as libc::c_ulong;
    // SAFETY: with SHARE_FROM there is no pointer.
    check(unsafe {
        libc::prctl(CORE, SHARE_FROM, pid as libc::c_ulong, thread, 0 as libc::c_ulong)
    })
    .map(drop)
}
