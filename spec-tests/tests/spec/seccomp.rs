//! linux.seccomp: actions, arguments, architectures, and the listener.

use std::fs::File;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use spec_tests::machine_code::{self, Abi};
use spec_tests::runtime::Output;
use spec_tests::terminal::DescriptorSocket;
use spec_tests::{Bundle, Container, Result, chapter, host, shim, tests};

tests![
    a_filter_is_in_force,
    a_rules_errno_is_the_configured_one,
    a_rules_errno_is_eperm_when_not_configured,
    the_default_errno_is_the_configured_one,
    log_lets_the_call_happen,
    kill_process_ends_it_with_sigsys,
    kill_thread_ends_it_with_sigsys,
    trap_sends_sigsys,
    trace_without_a_tracer_is_enosys,
    allow_is_an_exception_from_the_default,
    each_operator_compares,
    several_arguments_must_all_match,
    an_argument_of_64_bits_is_compared_whole,
    unknown_names_are_ignored,
    an_unknown_action_is_refused,
    an_unknown_architecture_is_refused,
    an_unknown_operator_is_refused,
    an_architecture_that_is_not_listed_is_refused,
    a_listed_sub_architecture_is_filtered,
    calls_newer_than_the_profile_are_enosys,
    a_filter_works_without_no_new_privileges,
    a_filter_that_forbids_the_runtimes_own_calls_works,
    exec_is_under_the_filter,
    known_flags_are_accepted,
    the_flags_are_told_to_who_debugs,
    an_unknown_flag_is_refused,
    the_listener_gets_the_filters_descriptor,
    the_listener_is_told_the_state,
    exec_talks_to_the_listener_too,
    a_call_without_its_listener_is_enosys,
    a_listener_that_is_not_there_is_refused,
    notify_without_a_listener_is_refused,
    notify_of_write_is_refused,
];

const EPERM: i32 = 1;
const ENOSYS: i32 = 38;

/// chdir(0) fails with EFAULT when nothing forbids it: number 80 of x86-64, 12 of i386.
const EFAULT: i32 = 14;
const CHDIR_64: u32 = 80;
const CHDIR_32: u32 = 12;

/// Runs the call as the whole program, under this filter.
fn call_under(filter: Value, abi: Abi, number: u32, arguments: &[u64]) -> Result<Output> {
    host::needs(cfg!(target_arch = "x86_64"), "needs x86-64")?;
    let program = machine_code::program(abi, number, arguments);
    Bundle::busybox()
        .file("call", program, 0o755)
        .args(["/call"])
        .set("/linux/seccomp", filter)
        .run()
}

fn chdir_under(filter: Value) -> Result<Output> {
    call_under(filter, Abi::X86_64, CHDIR_64, &[0])
}

fn allow_but(rule: Value) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
}

fn rule(action: &str) -> Value {
    json!({"names": ["chdir"], "action": action})
}

fn a_filter_is_in_force() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(json!({"names": ["mknod"], "action": "SCMP_ACT_ERRNO"})))?
        .exits(EFAULT)?;
    let container = Bundle::busybox()
        .sleeping()
        .set("/linux/seccomp", allow_but(rule("SCMP_ACT_ERRNO")))
        .start()?;
    assert_eq!(container.proc_status("Seccomp")?, "2");
    Ok(())
}

fn a_rules_errno_is_the_configured_one() -> Result {
    chapter!("config-linux.md#seccomp");
    let mut rule = rule("SCMP_ACT_ERRNO");
    rule["errnoRet"] = 77.into();
    chdir_under(allow_but(rule))?.exits(77)?;
    Ok(())
}

fn a_rules_errno_is_eperm_when_not_configured() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(rule("SCMP_ACT_ERRNO")))?.exits(EPERM)?;
    Ok(())
}

/// What a one-call program and the runtime's last steps need; chdir is not in it.
const FEW: &[&str] = &[
    "execve",
    "execveat",
    "exit_group",
    "exit",
    "brk",
    "mmap",
    "mprotect",
    "munmap",
    "read",
    "write",
    "close",
    "close_range",
    "fcntl",
    "futex",
    "fstat",
    "newfstatat",
    "openat",
    "openat2",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "getpid",
    "gettid",
    "getppid",
    "tgkill",
    "kill",
    "prctl",
    "capset",
    "capget",
    "setgroups",
    "setuid",
    "setgid",
    "setresuid",
    "setresgid",
    "nanosleep",
    "epoll_pwait",
    "getdents64",
    "lseek",
    "fstatfs",
    "statfs",
    "readlinkat",
    "readlink",
    "sched_yield",
    "madvise",
    "getrandom",
    "clone",
    "clone3",
    "epoll_ctl",
    "epoll_create1",
    "epoll_wait",
    "eventfd2",
    "pread64",
    "pwrite64",
    "dup3",
    "pipe2",
    "wait4",
    "waitid",
    "faccessat",
    "faccessat2",
    "statx",
    "uname",
    "getuid",
    "getcwd",
    "rseq",
    "set_robust_list",
    "set_tid_address",
    "prlimit64",
    "stat",
    "lstat",
    "open",
    "access",
    "poll",
    "ppoll",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "socket",
    "connect",
    "getsockopt",
    "unlinkat",
    "fchdir",
    "tkill",
    "restart_syscall",
    "gettimeofday",
    "clock_gettime",
    "sched_getaffinity",
    "setresuid",
    "ioctl",
    "fchmod",
    "fchown",
    "setsid",
    "umask",
    "arch_prctl",
];

fn the_default_errno_is_the_configured_one() -> Result {
    chapter!("config-linux.md#seccomp");
    let filter = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 66,
        "syscalls": [{"names": FEW, "action": "SCMP_ACT_ALLOW"}],
    });
    chdir_under(filter)?.exits(66)?;
    Ok(())
}

fn log_lets_the_call_happen() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(rule("SCMP_ACT_LOG")))?.exits(EFAULT)?;
    Ok(())
}

const SIGSYS: i32 = 128 + 31;

fn kill_process_ends_it_with_sigsys() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(rule("SCMP_ACT_KILL_PROCESS")))?.exits(SIGSYS)?;
    Ok(())
}

fn kill_thread_ends_it_with_sigsys() -> Result {
    chapter!("config-linux.md#seccomp");
    for action in ["SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL"] {
        chdir_under(allow_but(rule(action)))?.exits(SIGSYS)?;
    }
    Ok(())
}

fn trap_sends_sigsys() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(rule("SCMP_ACT_TRAP")))?.exits(SIGSYS)?;
    Ok(())
}

fn trace_without_a_tracer_is_enosys() -> Result {
    chapter!("config-linux.md#seccomp");
    chdir_under(allow_but(rule("SCMP_ACT_TRACE")))?.exits(ENOSYS)?;
    Ok(())
}

fn allow_is_an_exception_from_the_default() -> Result {
    chapter!("config-linux.md#seccomp");
    let names = [FEW, &["chdir"]].concat();
    let filter = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    });
    chdir_under(filter)?.exits(EFAULT)?;
    Ok(())
}

/// personality(2) with an argument that no program uses.
const PERSONALITY: u32 = 135;

fn personality_under(args: Value, arguments: &[u64]) -> Result<bool> {
    let mut rule = json!({"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77});
    rule["args"] = args;
    let output = call_under(allow_but(rule), Abi::X86_64, PERSONALITY, arguments)?;
    Ok(output.code() == Some(77))
}

fn each_operator_compares() -> Result {
    chapter!("config-linux.md#seccomp");
    // The call's argument is 8.
    let rows = [
        ("SCMP_CMP_NE", 8, 0, false),
        ("SCMP_CMP_NE", 9, 0, true),
        ("SCMP_CMP_LT", 8, 0, false),
        ("SCMP_CMP_LT", 9, 0, true),
        ("SCMP_CMP_LE", 7, 0, false),
        ("SCMP_CMP_LE", 8, 0, true),
        ("SCMP_CMP_EQ", 8, 0, true),
        ("SCMP_CMP_EQ", 9, 0, false),
        ("SCMP_CMP_GE", 8, 0, true),
        ("SCMP_CMP_GE", 9, 0, false),
        ("SCMP_CMP_GT", 8, 0, false),
        ("SCMP_CMP_GT", 7, 0, true),
        ("SCMP_CMP_MASKED_EQ", 0b1100, 0b1000, true),
        ("SCMP_CMP_MASKED_EQ", 0b1100, 0b0100, false),
    ];
    for (operator, value, second, expected) in rows {
        let args = json!([{"index": 0, "value": value, "valueTwo": second, "op": operator}]);
        let matched = personality_under(args, &[8])?;
        assert_eq!(matched, expected, "{operator} {value} {second}");
    }
    Ok(())
}

fn several_arguments_must_all_match() -> Result {
    chapter!("config-linux.md#seccomp");
    let args = json!([
        {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"},
        {"index": 5, "value": 9, "op": "SCMP_CMP_EQ"},
    ]);
    assert!(personality_under(args.clone(), &[8, 0, 0, 0, 0, 9])?);
    assert!(!personality_under(args.clone(), &[8, 0, 0, 0, 0, 8])?);
    assert!(!personality_under(args, &[9, 0, 0, 0, 0, 9])?);
    Ok(())
}

fn an_argument_of_64_bits_is_compared_whole() -> Result {
    chapter!("config-linux.md#seccomp");
    let args = json!([{"index": 1, "value": 0x1_0000_0008_u64, "op": "SCMP_CMP_EQ"}]);
    assert!(personality_under(args.clone(), &[0, 0x1_0000_0008])?);
    assert!(!personality_under(args.clone(), &[0, 8])?);
    assert!(!personality_under(args, &[0, 0x1_0000_0009])?);
    Ok(())
}

fn unknown_names_are_ignored() -> Result {
    chapter!("cli#create");
    let rule = json!({"names": ["no_such_call", "chdir"], "action": "SCMP_ACT_ERRNO"});
    chdir_under(allow_but(rule))?.exits(EPERM)?;
    Ok(())
}

fn refused(filter: Value) -> Result {
    Bundle::busybox().set("/linux/seccomp", filter).is_refused("")
}

fn an_unknown_action_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    refused(allow_but(rule("SCMP_ACT_SING")))?;
    refused(json!({"defaultAction": "SCMP_ACT_SING"}))
}

fn an_unknown_architecture_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    let mut filter = allow_but(rule("SCMP_ACT_ERRNO"));
    filter["architectures"] = json!(["SCMP_ARCH_ABACUS"]);
    refused(filter)
}

fn an_unknown_operator_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    let mut rule = rule("SCMP_ACT_ERRNO");
    rule["args"] = json!([{"index": 0, "value": 1, "op": "SCMP_CMP_LIKE"}]);
    refused(allow_but(rule))
}

fn needs_32_bit_programs() -> Result {
    let container = Bundle::busybox()
        .file("call", machine_code::program(Abi::I386, CHDIR_32, &[0]), 0o755)
        .args(["/call"]);
    let works = container.run()?.code() == Some(EFAULT);
    host::needs(works, "needs a kernel that runs i386 programs")
}

/// libseccomp's rule: an architecture of which the filter knows nothing ends the thread.
fn an_architecture_that_is_not_listed_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    needs_32_bit_programs()?;
    let filter = allow_but(json!({"names": ["mknod"], "action": "SCMP_ACT_ERRNO"}));
    let output = call_under(filter, Abi::I386, CHDIR_32, &[0])?;
    assert_ne!(output.code(), Some(EFAULT), "{output}");
    Ok(())
}

fn a_listed_sub_architecture_is_filtered() -> Result {
    chapter!("config-linux.md#seccomp");
    needs_32_bit_programs()?;
    let mut filter = allow_but(json!({
        "names": ["chdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77,
    }));
    filter["architectures"] = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    call_under(filter.clone(), Abi::I386, CHDIR_32, &[0])?.exits(77)?;
    call_under(filter.clone(), Abi::X86_64, CHDIR_64, &[0])?.exits(77)?;
    // Another call of the same number is not hit: 80 is getgroups on i386, 12 brk on x86-64.
    let output = call_under(filter.clone(), Abi::I386, CHDIR_64, &[0, 0])?;
    assert_ne!(output.code(), Some(77), "{output}");
    let output = call_under(filter, Abi::X32, CHDIR_64, &[0])?;
    assert_eq!(output.code(), Some(77), "{output}");
    Ok(())
}

fn calls_newer_than_the_profile_are_enosys() -> Result {
    chapter!("cli#create");
    let filter = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": FEW, "action": "SCMP_ACT_ALLOW"}],
    });
    // No kernel has this call, no profile names it.
    call_under(filter.clone(), Abi::X86_64, 1000, &[])?.exits(ENOSYS)?;
    chdir_under(filter)?.exits(EPERM)?;
    Ok(())
}

fn a_filter_works_without_no_new_privileges() -> Result {
    chapter!("config-linux.md#seccomp");
    let mknod = json!({"names": ["mknod", "mknodat"], "action": "SCMP_ACT_ERRNO"});
    for no_new_privileges in [true, false] {
        let container = Bundle::busybox()
            .sleeping()
            .set("/process/noNewPrivileges", no_new_privileges)
            .set("/process/user/uid", 1000)
            .set("/linux/seccomp", allow_but(mknod.clone()))
            .start()?;
        assert_eq!(container.proc_status("Seccomp")?, "2");
        let flag = u8::from(no_new_privileges).to_string();
        assert_eq!(container.proc_status("NoNewPrivs")?, flag);
    }
    Ok(())
}

fn a_filter_that_forbids_the_runtimes_own_calls_works() -> Result {
    chapter!("cli#create");
    let names = [
        "mount",
        "umount2",
        "pivot_root",
        "setns",
        "unshare",
        "mknod",
        "mknodat",
        "sethostname",
        "keyctl",
        "mount_setattr",
        "open_tree",
        "move_mount",
        "fsopen",
        "chroot",
        "setdomainname",
    ];
    let rule = json!({"names": names, "action": "SCMP_ACT_KILL_PROCESS"});
    let bundle = Bundle::busybox().args(["echo", "ran"]);
    bundle.set("/linux/seccomp", allow_but(rule)).run()?.says("ran")?;
    Ok(())
}

fn exec_is_under_the_filter() -> Result {
    chapter!("cli#exec");
    let rule = json!({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"});
    let container = Bundle::busybox().sleeping().set("/linux/seccomp", allow_but(rule)).start()?;
    let script = "grep Seccomp: /proc/self/status; mkdir /x 2>/dev/null || echo refused";
    let output = container.exec_sh(script).ok()?;
    assert_eq!(output.lines(), ["Seccomp:\t2", "refused"]);
    Ok(())
}

fn known_flags_are_accepted() -> Result {
    chapter!("config-linux.md#seccomp");
    for flags in [
        &["SECCOMP_FILTER_FLAG_LOG"][..],
        &["SECCOMP_FILTER_FLAG_TSYNC"],
        &["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        &[],
    ] {
        let mut filter = allow_but(rule("SCMP_ACT_ERRNO"));
        filter["flags"] = json!(flags);
        chdir_under(filter)?.exits(EPERM)?;
    }
    Ok(())
}

fn the_flags_are_told_to_who_debugs() -> Result {
    chapter!("cli#run");
    let cases = [
        (json!(null), 4),
        (json!([]), 0),
        (json!(["SECCOMP_FILTER_FLAG_TSYNC"]), 0),
        (json!(["SECCOMP_FILTER_FLAG_LOG"]), 2),
        (json!(["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]), 6),
    ];
    for (flags, number) in cases {
        let mut filter = allow_but(rule("SCMP_ACT_ERRNO"));
        if flags.is_array() {
            filter["flags"] = flags;
        }
        let container = Bundle::busybox().args(["true"]).set("/linux/seccomp", filter).build()?;
        let call = container.bare_call().args(["--debug", "run", "--bundle"]);
        let output = call.arg(container.bundle()).arg(container.id()).run().ok()?;
        let words = format!("\"seccomp filter flags: {number}\"");
        assert!(output.text().contains(&words), "{words}: {output}");
    }
    Ok(())
}

fn an_unknown_flag_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    let mut filter = allow_but(rule("SCMP_ACT_ERRNO"));
    filter["flags"] = json!(["SECCOMP_FILTER_FLAG_PIRATE"]);
    refused(filter)
}

/// A container whose mkdir is asked of a listener.
fn notified(script: &str) -> Result<(Container, DescriptorSocket)> {
    let bundle = Bundle::busybox().sh(script).directory("state");
    let container = bundle.build()?;
    let socket = DescriptorSocket::new(container.directory(), "seccomp.sock")?;
    let rule = json!({"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"});
    let mut filter = allow_but(rule);
    filter["listenerPath"] = socket.path().to_string_lossy().into();
    filter["listenerMetadata"] = "what it is for".into();
    container.reconfigure("/linux/seccomp", filter)?;
    Ok((container, socket))
}

/// A filter may be set, and its listener told, as late as in start.
fn start(container: &Container) -> Result {
    container.create().ok()?;
    container.start().ok()?;
    Ok(())
}

fn is_listener(descriptor: &File) -> Result {
    use std::os::fd::AsRawFd;
    let link = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))?;
    assert_eq!(link.to_string_lossy(), "anon_inode:seccomp notify");
    Ok(())
}

/// Whether a call waits for the listener's answer.
fn call_waits(descriptor: &File) -> Result<bool> {
    let mut ready = [PollFd::new(descriptor, PollFlags::IN)];
    let patience = Timespec { tv_sec: 15, tv_nsec: 0 };
    Ok(poll(&mut ready, Some(&patience))? == 1)
}

const ASK: &str = "mkdir /made 2> /answer; echo $? > /code; while :; do sleep 1000; done";

fn the_listener_gets_the_filters_descriptor() -> Result {
    chapter!("config-linux.md#containerprocessstate");
    shim::needs(shim::LISTENER)?;
    let (container, socket) = notified(ASK)?;
    start(&container)?;
    let (_, descriptor) = socket.receive()?;
    is_listener(&descriptor)?;
    assert!(call_waits(&descriptor)?);
    assert!(!container.in_root("made").exists());
    // Without its listener, the call is one that the kernel does not have.
    drop(descriptor);
    container.wait_for_file("code")?;
    let answer = std::fs::read_to_string(container.in_root("answer"))?;
    assert!(answer.contains("not implemented"), "{answer}");
    Ok(())
}

fn the_listener_is_told_the_state() -> Result {
    chapter!("config-linux.md#containerprocessstate");
    shim::needs(shim::LISTENER)?;
    let (container, socket) = notified(ASK)?;
    start(&container)?;
    let (text, _descriptor) = socket.receive()?;
    let told: Value = serde_json::from_str(&text)?;
    assert_eq!(told["fds"], json!(["seccompFd"]));
    assert_eq!(told["pid"], container.pid()?);
    assert_eq!(told["metadata"], "what it is for");
    assert!(told["ociVersion"].is_string());
    let state = &told["state"];
    assert_eq!(state["id"], container.id());
    assert_eq!(state["pid"], container.pid()?);
    assert_eq!(state["status"], "creating");
    assert_eq!(state["bundle"], container.bundle().to_string_lossy().as_ref());
    Ok(())
}

fn exec_talks_to_the_listener_too() -> Result {
    chapter!("config-linux.md#containerprocessstate");
    shim::needs(shim::LISTENER)?;
    let (container, socket) = notified("while :; do sleep 1000; done")?;
    start(&container)?;
    let first = socket.receive()?;
    let path = container.directory().join("exec.pid");
    let call = container.call("exec").args(["--detach", "--pid-file"]);
    let call = call.arg(&path).arg(container.id());
    call.args(["sleep", "1000"]).streams("exec").run().ok()?;
    let (text, descriptor) = socket.receive()?;
    is_listener(&descriptor)?;
    let told: Value = serde_json::from_str(&text)?;
    let pid = std::fs::read_to_string(path)?;
    assert_eq!(told["pid"].to_string(), pid);
    assert_eq!(told["state"]["pid"], container.pid()?);
    assert_eq!(told["state"]["status"], "running");
    drop(first);
    Ok(())
}

fn a_call_without_its_listener_is_enosys() -> Result {
    chapter!("config-linux.md#seccomp");
    shim::needs(shim::LISTENER)?;
    let (container, socket) = notified(ASK)?;
    start(&container)?;
    drop(socket.receive()?);
    assert_eq!(container.wait_for_file("code")?, "1\n");
    assert!(!container.in_root("made").exists());
    Ok(())
}

fn a_listener_that_is_not_there_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    shim::needs(shim::LISTENER)?;
    let mut filter = allow_but(json!({"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}));
    filter["listenerPath"] = "@BUNDLE@/nobody.sock".into();
    let container = Bundle::busybox().set("/linux/seccomp", filter).build()?;
    container.run().fails_with("failed to connect with seccomp agent")?;
    container.left_no_trace()
}

fn notify_without_a_listener_is_refused() -> Result {
    chapter!("config-linux.md#seccomp");
    refused(allow_but(json!({"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"})))
}

fn notify_of_write_is_refused() -> Result {
    chapter!("cli#create");
    let (container, _socket) = notified("true")?;
    container.reconfigure("/linux/seccomp/syscalls/0/names", ["write"].to_vec())?;
    let words = "SCMP_ACT_NOTIFY cannot be used for the write syscall";
    container.create().fails_with(words)?;
    container.left_no_trace()
}
