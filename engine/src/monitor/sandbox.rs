//! What a monitor's companions may do: they read what containers and strangers wrote, so they can
//! open files to read them, speak by IP, and start threads; they cannot write a file, run a
//! program, or reach any other process.

use std::collections::BTreeMap;

use nix::libc::{self, c_long};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use crate::error::{Context, Result};

/// Whatever their arguments.
const ALLOWED: &[c_long] = &[
    // Sockets that are there.
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_shutdown,
    libc::SYS_setsockopt,
    libc::SYS_ppoll,
    // Files that are open, folders, and what changes in them.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_getdents64,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    // Memory; what could be executed is looked at below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads and time.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that the older architectures have besides.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// Lets go of all rights, and of all calls but those above: for this thread and those it starts.
///
/// # Errors
/// Of `capset(2)` and `seccomp(2)`.
pub(super) fn enter() -> Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).context("let go of capabilities")?;
    // Where the compiler does not know the machine, there is no filter for it.
    let Ok(machine) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    apply_filter(&filter(machine)?).context("filter system calls")
}

fn filter(machine: TargetArch) -> Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(OLD).map(|call| (*call, Vec::new())).collect();
    let has = |argument, mask: i32, value: i32| {
        let (mask, value) = (u64::from(mask.unsigned_abs()), u64::from(value.unsigned_abs()));
        let bits = SeccompCmpOp::MaskedEq(mask);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, bits, value)?;
        SeccompRule::new(vec![condition])
    };
    let families = [libc::AF_INET, libc::AF_INET6];
    let all = i32::MAX;
    let families = families.map(|family| has(0, all, family)).into_iter();
    let limited = [
        (libc::SYS_socket, families.collect::<Result<Vec<_>, _>>()),
        (libc::SYS_openat, has(2, WRITES, 0).map(|rule| vec![rule])),
        (libc::SYS_mmap, has(2, libc::PROT_EXEC, 0).map(|rule| vec![rule])),
        (libc::SYS_mprotect, has(2, libc::PROT_EXEC, 0).map(|rule| vec![rule])),
        // Waiting or not waiting for a socket.
        (libc::SYS_ioctl, has(1, all, FIONBIO).map(|rule| vec![rule])),
        (libc::SYS_prctl, has(0, all, libc::PR_SET_NAME).map(|rule| vec![rule])),
    ];
    for (call, with) in limited {
        rules.insert(call, with.context("write the filter")?);
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, machine);
    filter.and_then(BpfProgram::try_from).context("write the filter")
}

/// The flags of open(2) by which a file could be changed.
const WRITES: i32 =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);

/// The request of ioctl(2) that the standard library makes for a socket that does not wait.
const FIONBIO: i32 = 0x5421;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_threads_started_and_addresses_spoken_to_and_nothing_else() {
        let sandboxed = || {
            enter().unwrap();
            let read = std::fs::read_to_string("/proc/self/stat").is_ok();
            let asks = std::net::UdpSocket::bind("127.0.0.1:0")
                .is_ok_and(|socket| socket.set_nonblocking(true).is_ok());
            let thread = std::thread::spawn(|| std::process::Command::new("true").spawn().is_err());
            let no_program = thread.join().unwrap();
            let file = std::env::temp_dir().join(format!("dok-sandbox-{}", std::process::id()));
            let no_file = std::fs::write(file, "").is_err();
            let no_other = std::os::unix::net::UnixStream::pair().is_err();
            (read, asks, no_program, no_file, no_other)
        };
        let ended = std::thread::spawn(sandboxed).join().unwrap();
        assert_eq!(ended, (true, true, true, true, true));
    }
}
