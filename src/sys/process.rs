//! This process: its limits, its program, its end.

use std::ffi::CString;
use std::io;

use super::{c_string, check, errno};
use crate::weakness;

/// `setsid(2)`: leaves the caller's terminal and session.
pub fn start_session() -> io::Result<()> {
    // SAFETY: takes no pointers and touches no memory of ours.
    check(unsafe { libc::setsid() }).map(drop)
}

/// `umask(2)`; gives the old one.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: takes no pointers and cannot fail.
    unsafe { libc::umask(mask) }
}

/// Modes are given whole for as long as this value lives: what is made for the container must not
/// depend on its caller's umask(2).
#[derive(Debug)]
pub struct WholeModes(u32);

impl WholeModes {
    /// From now on.
    pub fn begin() -> WholeModes {
        WholeModes(set_umask(0))
    }
}

impl Drop for WholeModes {
    fn drop(&mut self) {
        set_umask(self.0);
    }
}

/// `PR_SET_DUMPABLE`: whether others of the same user may look into this process.
pub fn set_dumpable(dumpable: bool) -> io::Result<()> {
    let dumpable = dumpable || weakness::leaves_out("undumpable");
    // SAFETY: takes no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(dumpable), 0, 0, 0) })
        .map(drop)
}

/// `PR_SET_PDEATHSIG`: the signal that the parent's end brings; 0 for none.
pub fn set_parent_death_signal(signal: i32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0, 0, 0) })
        .map(drop)
}

/// `PR_SET_CHILD_SUBREAPER`: orphaned descendants become children of this process.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// `PR_SET_NAME`: the name in ps(1), at most 15 bytes.
pub fn set_name(name: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) }).map(drop)
}

/// `prlimit(2)` of a process (0: this one).
pub fn set_limit(pid: i32, resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the limit lives over the call, and nothing is read back.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, &raw const limit, 0usize) })
        .map(drop)
}

/// `personality(2)`
pub fn set_personality(persona: u64) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_personality, persona) }).map(drop)
}

/// `chdir(2)`
pub fn change_directory(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is a C string that lives over the call.
    check(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
}

/// `fchdir(2)`
pub fn change_directory_to(dir: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: takes no pointers.
    check(unsafe { libc::fchdir(dir.as_raw_fd()) }).map(drop)
}

/// `getcwd(2)`: tells whether the working directory lies below this process's root.
pub fn directory_is_inside() -> io::Result<bool> {
    let mut buffer = [0u8; libc::PATH_MAX as usize];
    // SAFETY: pointer and length are those of one array.
    let got = unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) };
    match check(got) {
        // The kernel puts "(unreachable)" in front of a directory outside.
        Ok(_) => Ok(buffer[0] == b'/'),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `getppid(2)`; 0 when the parent is in another pid namespace.
pub fn parent() -> i32 {
    // SAFETY: takes no pointers and cannot fail.
    unsafe { libc::getppid() }
}

/// `_exit(2)`: ends without running anything of the parent's that this copy holds.
pub fn end(code: i32) -> ! {
    // SAFETY: takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// `faccessat(2)` with AT_EACCESS: whether the program may be executed by the effective ids.
///
/// # Errors
/// ENOENT, EACCES (also for what is not a regular file) and the like.
pub fn check_executable(path: &str) -> io::Result<()> {
    let name = c_string(path)?;
    // SAFETY: all zero bytes are a valid struct stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the path is a C string, and `stat` lives over the call.
    check(unsafe { libc::stat(name.as_ptr(), &raw mut stat) })?;
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => return Err(errno(libc::EISDIR)),
        libc::S_IFREG => {}
        _ => return Err(errno(libc::EACCES)),
    }
    // SAFETY: the path is a C string that lives over the call.
    let answer = check(unsafe {
        libc::faccessat(libc::AT_FDCWD, name.as_ptr(), libc::X_OK, libc::AT_EACCESS)
    });
    match answer {
        // A filter's answer to faccessat2(2): the older call asks for the real ids, which are the
        // same by now.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            super::access(libc::AT_FDCWD, &name, libc::X_OK)
        }
        answer => answer.map(drop),
    }
}

/// `execve(2)`; returns only with an error.
pub fn execute(path: &str, args: &[String], env: &[&str]) -> io::Error {
    let args: io::Result<Vec<CString>> = args.iter().map(c_string).collect();
    let env: io::Result<Vec<CString>> = env.iter().map(c_string).collect();
    let (path, args, env) = match (c_string(path), args, env) {
        (Ok(path), Ok(args), Ok(env)) => (path, args, env),
        _ => return errno(libc::EINVAL),
    };
    let pointers = |list: &[CString]| {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>()
    };
    let (args, env) = (pointers(&args), pointers(&env));
    // SAFETY: both lists end with a null pointer, and all strings live over the call.
    unsafe { libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}
