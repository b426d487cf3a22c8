//! Compiled filters on the running kernel. Each case is a process of its own, for a filter stays:
//! this program, started once more with the case's name in its environment.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::process::{Command, ExitStatus};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use onggi::seccomp::{Arch, compile};
use onggi::spec;

const CASE: &str = "SECCOMP_KERNEL_CASE";
const DOCKER: &str = include_str!("../src/seccomp/testdata/docker.json");

/// Puts this process under a profile's filter.
fn enter(json: &str) -> Option<std::os::fd::OwnedFd> {
    let profile: spec::Seccomp<'_> = serde_json::from_str(json).unwrap();
    let filter = compile(&profile, Arch::NATIVE).unwrap();
    let program: Vec<libc::sock_filter> = filter.program.into_iter().map(Into::into).collect();
    nix::sys::prctl::set_no_new_privs().unwrap();
    onggi::sys::seccomp::load(&program, filter.flags).unwrap()
}

/// Runs the case in a process of its own, where it is not already.
fn apart(case: &str, body: impl FnOnce()) -> Option<ExitStatus> {
    if std::env::var_os(CASE).is_some() {
        body();
        return None;
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", case, "--nocapture", "--test-threads=1"];
    Some(Command::new(program).args(arguments).env(CASE, case).status().unwrap())
}

fn refused<T>(result: nix::Result<T>) -> i32 {
    result.err().map_or(0, |errno| errno as i32)
}

#[test]
fn dockers_profile_lets_a_program_work_and_no_more() {
    let status = apart("dockers_profile_lets_a_program_work_and_no_more", || {
        let scratch = std::env::temp_dir().join(format!("seccomp-{}", std::process::id()));
        enter(DOCKER);
        fs::create_dir(&scratch).unwrap();
        fs::remove_dir(&scratch).unwrap();
        std::thread::spawn(|| ()).join().unwrap();
        assert!(Command::new("/bin/sh").args(["-c", "exit 0"]).status().unwrap().success());
        let open = |family| socket(family, SockType::Stream, SockFlag::empty(), None).map(drop);
        assert_eq!(refused(open(AddressFamily::Unix)), 0);
        assert_eq!(refused(open(AddressFamily::Vsock)), libc::EPERM);
        let flags = nix::sched::CloneFlags::CLONE_NEWUTS;
        assert_eq!(refused(nix::sched::unshare(flags)), libc::EPERM);
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

#[test]
fn a_call_newer_than_the_profile_gets_enosys() {
    let status = apart("a_call_newer_than_the_profile_gets_enosys", || {
        // What a test needs to come to its end; all of it is older than openat2.
        enter(
            r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":99,"syscalls":[
                {"action":"SCMP_ACT_ALLOW","names":["read","write","writev","futex","mmap",
                "munmap","mprotect","brk","sigaltstack","exit","exit_group","close","madvise",
                "rt_sigprocmask","sched_yield","gettid","poll","ppoll","rt_sigreturn"]}]}"#,
        );
        let how = nix::fcntl::OpenHow::new();
        let opened = nix::fcntl::openat2(nix::fcntl::AT_FDCWD, "/", how).map(drop);
        assert_eq!(refused(opened), libc::ENOSYS);
        assert_eq!(refused(nix::unistd::setsid()), 99);
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

#[test]
fn a_kill_action_kills() {
    let status = apart("a_kill_action_kills", || {
        enter(
            r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
                {"names":["getcwd"],"action":"SCMP_ACT_KILL_PROCESS"}]}"#,
        );
        let alive = std::env::current_dir();
        panic!("the process lives on: {alive:?}");
    });
    let signal = status.map(|status| std::os::unix::process::ExitStatusExt::signal(&status));
    assert!(signal.is_none_or(|signal| signal == Some(libc::SIGSYS)), "{signal:?}");
}

#[test]
fn a_notifying_rule_gives_a_listener() {
    let status = apart("a_notifying_rule_gives_a_listener", || {
        let listener = enter(
            r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/l",
                "flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV","SECCOMP_FILTER_FLAG_TSYNC"],
                "syscalls":[{"names":["getcwd"],"action":"SCMP_ACT_NOTIFY"}]}"#,
        );
        let listener = listener.unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        assert_eq!(link.to_str(), Some("anon_inode:seccomp notify"));
        drop(listener);
        // Nobody listens any more: the kernel answers.
        assert_eq!(std::env::current_dir().unwrap_err().raw_os_error(), Some(libc::ENOSYS));
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

/// A program of 32 bits that makes calls by `int 0x80` and exits with what the last one gave.
#[cfg(target_arch = "x86_64")]
fn program_of_32_bits(calls: &[(u32, u32, u32)]) -> Vec<u8> {
    let mut code = Vec::new();
    for (number, first, second) in calls {
        for (operation, value) in [(0xb8u8, number), (0xbb, first), (0xb9, second)] {
            code.push(operation); // mov eax, ebx, ecx
            code.extend(value.to_le_bytes());
        }
        code.extend([0xcd, 0x80]); // int 0x80
    }
    code.extend([0x89, 0xc3, 0xf7, 0xdb]); // mov ebx, eax; neg ebx
    code.extend([0xb8, 1, 0, 0, 0, 0xcd, 0x80]); // exit
    const BASE: u32 = 0x0040_0000;
    let mut elf = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0\x01\0\0\0".to_vec();
    for word in [BASE + 84, 52, 0, 0] {
        elf.extend(word.to_le_bytes()); // entry, program headers, no sections, flags
    }
    for half in [52u16, 32, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    let size = 84 + code.len() as u32;
    for word in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        elf.extend(word.to_le_bytes()); // the one segment, readable and executable
    }
    elf.extend(code);
    elf
}

#[cfg(target_arch = "x86_64")]
#[test]
fn programs_of_32_bits_meet_the_rules_of_i386() {
    const CASE: &str = "programs_of_32_bits_meet_the_rules_of_i386";
    let status = apart(CASE, || {
        let folder = std::env::temp_dir().join(format!("seccomp-32-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let run = |name: &str, calls: &[(u32, u32, u32)]| -> io::Result<Option<i32>> {
            let path = folder.join(name);
            fs::write(&path, program_of_32_bits(calls))?;
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            Ok(Command::new(&path).status()?.code())
        };
        match run("probe", &[(20, 0, 0)]) {
            Err(error) => println!("SKIPPED: this kernel runs no 32-bit programs: {error}"),
            Ok(_) => {
                enter(DOCKER);
                // unshare(CLONE_NEWUTS), socket(AF_VSOCK, SOCK_STREAM), personality(0), and a
                // number that no kernel has.
                assert_eq!(run("unshare", &[(310, 0x0400_0000, 0)]).unwrap(), Some(libc::EPERM));
                assert_eq!(run("vsock", &[(359, 40, 1)]).unwrap(), Some(libc::EPERM));
                assert_eq!(run("persona", &[(136, 0, 0)]).unwrap(), Some(0));
                assert_eq!(run("newer", &[(5000, 0, 0)]).unwrap(), Some(libc::ENOSYS));
            }
        }
        fs::remove_dir_all(&folder).unwrap();
    });
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}
