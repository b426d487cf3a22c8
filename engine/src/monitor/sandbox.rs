//! What those may do who read what a container wrote: hold no rights, and make no system call but
//! the few that their work is made of.

use std::collections::BTreeMap;

use nix::libc::{self, c_long};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use crate::error::{Context, Result};

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The resolver and the carrier of ports: they open files to read them, speak by IP, and start
    /// threads; they cannot write a file, run a program, or reach any other process.
    Companion,
    /// Whoever moves a program's bytes: it has what it was given (pipes, a terminal, sockets of
    /// clients, the log's file) and what comes over its sockets, and opens nothing at all.
    Streams,
}

/// For all: descriptors that are open, memory, time.
const COMMON: &[c_long] = &[
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_accept4,
    libc::SYS_getsockopt,
    libc::SYS_shutdown,
    libc::SYS_setsockopt,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// For the resolver and the carrier besides.
const COMPANION: &[c_long] = &[
    libc::SYS_recvfrom,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getsockname,
    // Files, folders, and what changes in them.
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_getdents64,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    // Threads.
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
];

/// For whoever moves bytes besides.
const STREAMS: &[c_long] = &[libc::SYS_recvfrom];

/// Calls that the older architectures have besides.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// For the resolver and the carrier besides: musl has its files by these.
#[cfg(target_arch = "x86_64")]
const OLD_COMPANION: &[c_long] = &[libc::SYS_stat, libc::SYS_lstat];
#[cfg(not(target_arch = "x86_64"))]
const OLD_COMPANION: &[c_long] = &[];

/// Lets go of all rights, and of all calls but those above: for this thread and those it starts.
///
/// # Errors
/// Of `capset(2)` and `seccomp(2)`.
pub(super) fn enter(task: Task) -> Result<()> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).context("let go of capabilities")?;
    // Where the compiler does not know the machine, there is no filter for it.
    let Ok(machine) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    apply_filter(&filter(task, machine)?).context("filter system calls")
}

fn filter(task: Task, machine: TargetArch) -> Result<BpfProgram> {
    let (more, old) = match task {
        Task::Companion => (COMPANION, OLD_COMPANION),
        Task::Streams => (STREAMS, &[][..]),
    };
    let allowed = COMMON.iter().chain(OLD).chain(more).chain(old);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        allowed.map(|call| (*call, Vec::new())).collect();
    for (call, condition) in limited(task) {
        let rule = condition.and_then(|condition| SeccompRule::new(vec![condition]));
        rules.entry(call).or_default().push(rule.context("write the filter")?);
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, machine);
    filter.and_then(BpfProgram::try_from).context("write the filter")
}

type Condition = std::result::Result<SeccompCondition, seccompiler::BackendError>;

/// Calls that are allowed with some arguments.
fn limited(task: Task) -> Vec<(c_long, Condition)> {
    let is = |argument, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let lacks = |argument, bits: i32| {
        let mask = SeccompCmpOp::MaskedEq(u64::from(bits.unsigned_abs()));
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, mask, 0)
    };
    let number = |value: i32| u64::from(value.unsigned_abs());
    // The type of ioctl(2)'s requests is not the same in every C library.
    let request = |value: libc::Ioctl| value as u32 as u64;
    let mut limited = vec![
        (libc::SYS_mmap, lacks(2, libc::PROT_EXEC)),
        (libc::SYS_mprotect, lacks(2, libc::PROT_EXEC)),
    ];
    // Others choose a process that hears of a descriptor by a signal, and which.
    let own = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC];
    limited.extend(own.map(|command| (libc::SYS_fcntl, is(1, number(command)))));
    #[cfg(target_arch = "x86_64")]
    if task == Task::Companion {
        limited.push((libc::SYS_open, lacks(1, WRITES)));
    }
    limited.extend(match task {
        Task::Companion => vec![
            (libc::SYS_socket, is(0, number(libc::AF_INET))),
            (libc::SYS_socket, is(0, number(libc::AF_INET6))),
            (libc::SYS_openat, lacks(2, WRITES)),
            (libc::SYS_ioctl, is(1, request(libc::FIONBIO))),
            (libc::SYS_prctl, is(0, number(libc::PR_SET_NAME))),
        ],
        Task::Streams => vec![
            (libc::SYS_ioctl, is(1, request(libc::TIOCSWINSZ))),
            (libc::SYS_ioctl, is(1, request(libc::FIONBIO))),
        ],
    });
    limited
}

/// The flags of open(2) by which a file could be changed.
const WRITES: i32 =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_threads_started_and_addresses_spoken_to_and_nothing_else() {
        let sandboxed = || {
            enter(Task::Companion).unwrap();
            let read = std::fs::read_to_string("/proc/self/stat").is_ok()
                && std::fs::read_dir("/proc/self").is_ok_and(|mut list| list.next().is_some())
                && std::fs::metadata("/proc").is_ok()
                && std::fs::symlink_metadata("/proc").is_ok();
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

    #[test]
    fn who_moves_bytes_opens_nothing_and_starts_nothing() {
        use std::os::fd::AsFd;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let other = rustix::process::getpid();
        let sandboxed = move || {
            enter(Task::Streams).unwrap();
            let speaks = rustix::io::write(&ours, b"x") == Ok(1);
            let opens = std::fs::File::open("/dev/null").is_ok();
            let runs = std::process::Command::new("true").spawn().is_ok();
            let connects = rustix::net::socket(
                rustix::net::AddressFamily::INET,
                rustix::net::SocketType::STREAM,
                None,
            );
            let kills = rustix::process::test_kill_process(other).is_ok();
            let types = rustix::termios::tcgetattr(ours.as_fd());
            // As F_SETOWN and F_SETSIG, by which a process can be killed.
            let other_commands = rustix::pipe::fcntl_getpipe_size(&ours);
            let own_command = rustix::fs::fcntl_getfl(&ours);
            let denied = |errno| errno == Some(rustix::io::Errno::PERM);
            let refused = denied(connects.err()) && denied(types.err());
            let refused = refused && denied(other_commands.err());
            (speaks && own_command.is_ok(), opens || runs || kills, refused)
        };
        let ended = std::thread::spawn(sandboxed).join().unwrap();
        assert_eq!(ended, (true, false, true));
        drop(theirs);
    }
}
