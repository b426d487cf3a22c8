//! The default filter of system calls, as data: what programs need, and what only a capability
//! opens. Everything else answers EPERM.

use serde_json::{Value, json};

use crate::error::{Kind, Result, refuse};

/// What every container may call.
const ALWAYS: &str = "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir \
chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime \
clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range \
creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 \
epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 \
fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 \
fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat \
fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue \
futex_time64 futex_wait futex_waitv futex_wake futimesat getcpu getcwd getdents getdents64 \
getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername \
getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 \
getrlimit get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid \
gettimeofday getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 \
inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents io_pgetevents_time64 \
ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule landlock_create_ruleset \
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listxattr \
listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise \
map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock \
mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive \
mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget \
msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect \
open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free \
pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease \
process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 \
read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg \
remap_file_pages removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe \
rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr \
sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler \
sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr \
sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop \
semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid \
setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid \
setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit \
set_robust_list setsid setsockopt set_thread_area set_tid_address setuid setuid32 setxattr \
setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask \
sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink \
symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete \
timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create \
timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate \
truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 \
utimes vfork vmsplice wait4 waitid waitpid write writev";

/// What each architecture has besides.
const OF_ARCHITECTURE: [(&str, &str); 2] = [
    ("x86_64", "arch_prctl modify_ldt"),
    (
        "aarch64",
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
    ),
];

/// What a capability opens.
const WITH_CAPABILITY: [(&str, &str); 11] = [
    ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    (
        "CAP_SYS_ADMIN",
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount \
mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname \
sethostname setns syslog umount umount2 unshare",
    ),
    ("CAP_SYS_BOOT", "reboot"),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "delete_module init_module finit_module"),
    ("CAP_SYS_PACCT", "acct"),
    ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    ("CAP_SYS_RAWIO", "iopl ioperm"),
    ("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    ("CAP_SYSLOG", "syslog"),
];

/// The flags of clone(2) that make a namespace.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// Persona that change no more than what uname(2) says, and the question for the present one.
const PERSONAE: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// A socket family that reaches the hypervisor, whatever the network namespace.
const AF_VSOCK: u64 = 40;

const ENOSYS: u32 = 38;

/// The profile that `--security-opt seccomp=` carries as text, in the specification's words.
///
/// # Errors
/// It is no such profile.
pub fn requested(options: &[String]) -> Result<Option<Value>> {
    let mut given = options.iter().filter_map(|option| option.strip_prefix("seccomp="));
    let Some(text) = given.next_back().filter(|text| *text != "unconfined") else {
        return Ok(None);
    };
    let profile: Value = serde_json::from_str(text)
        .map_err(|error| refuse(Kind::Invalid, format!("decode the seccomp profile: {error}")))?;
    let conditional = |rule: &Value| {
        ["includes", "excludes"]
            .iter()
            .any(|key| rule[*key].as_object().is_some_and(|conditions| !conditions.is_empty()))
    };
    let rules = profile["syscalls"].as_array();
    if !profile.is_object() || rules.is_some_and(|rules| rules.iter().any(conditional)) {
        let words = "the seccomp profile has conditions (includes, excludes), which are not \
                     supported: expected the words of the OCI specification";
        return Err(refuse(Kind::Invalid, words));
    }
    Ok(Some(profile))
}

/// The filter for a container with these capabilities, in the specification's words.
pub fn default_profile(capabilities: &[&str], architecture: &str) -> Value {
    let has = |name: &str| capabilities.contains(&name);
    let mut rules = vec![allow(ALWAYS)];
    let own = OF_ARCHITECTURE.iter().filter(|(name, _)| *name == architecture);
    rules.extend(own.map(|(_, calls)| allow(calls)));
    rules.extend(
        WITH_CAPABILITY.iter().filter(|(name, _)| has(name)).map(|(_, calls)| allow(calls)),
    );
    rules.extend(PERSONAE.map(|persona| when("personality", persona, 0, "SCMP_CMP_EQ")));
    rules.push(when("socket", AF_VSOCK, 0, "SCMP_CMP_NE"));
    if !has("CAP_SYS_ADMIN") {
        rules.push(when("clone", NEW_NAMESPACES, 0, "SCMP_CMP_MASKED_EQ"));
        // Its flags lie in memory, where a filter cannot look; a library then takes clone(2).
        rules.push(json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}));
    }
    let mut profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": architectures(architecture),
    });
    profile["syscalls"] = rules.into();
    profile
}

fn allow(calls: &str) -> Value {
    let mut rule = json!({"action": "SCMP_ACT_ALLOW"});
    rule["names"] = calls.split(' ').collect();
    rule
}

fn when(call: &str, value: u64, value_two: u64, op: &str) -> Value {
    let test = json!({"index": 0, "value": value, "valueTwo": value_two, "op": op});
    json!({"names": [call], "action": "SCMP_ACT_ALLOW", "args": [test]})
}

fn architectures(architecture: &str) -> Value {
    match architecture {
        "x86_64" => json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
        "aarch64" => json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]),
        "riscv64" => json!(["SCMP_ARCH_RISCV64"]),
        _ => json!([]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_capability_opens_mount() {
        let names = |capabilities: &[&str]| {
            let profile = default_profile(capabilities, "x86_64");
            let rules = profile["syscalls"].as_array().unwrap().clone();
            let allowed = rules.into_iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
            allowed.map(|rule| rule["names"].to_string()).collect::<String>()
        };
        assert!(!names(&[]).contains("\"mount\""));
        assert!(names(&["CAP_SYS_ADMIN"]).contains("\"mount\""));
        assert!(names(&[]).contains("\"arch_prctl\""));
    }
}
