//! The runtime's own program file, protected from the container that its processes enter.
//!
//! A process of ours that is about to become the container's still has `/proc/PID/exe`, through
//! which a container could reach, and later overwrite, the file on the host (CVE-2019-5736). So
//! the commands that enter a container run the same file once more from a detached read-only
//! mount, or from a sealed copy in memory where mounts are not allowed.

use std::ffi::OsString;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::fd::{mount_is_read_only, open_at};
use super::mount::{Attributes, READ_ONLY, Reach, copy_tree, set_attributes};
use super::procfs::Procfs;
use super::{c_string, check};

const SEALS: libc::c_int =
    libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;

/// Runs this program again from where it cannot be written, with the same arguments; returns when
/// that is where it runs already.
pub fn protect(args: &[OsString]) -> io::Result<()> {
    let own = open_own(libc::O_PATH)?;
    if is_protected(own.as_fd())? {
        // A program that is run by descriptor is named after its number.
        return super::process::set_name(c"onggi");
    }
    let safe = read_only_mount(own.as_fd()).or_else(|_| sealed_copy())?;
    let env: Vec<OsString> = std::env::vars_os()
        .map(|(mut entry, value)| {
            entry.push("=");
            entry.push(value);
            entry
        })
        .collect();
    Err(execute_file(safe.as_fd(), args, &env))
}

fn open_own(flags: i32) -> io::Result<OwnedFd> {
    let own = Procfs::of_this_process()?.open("self", libc::O_PATH | libc::O_DIRECTORY)?;
    open_at(own.as_fd(), "exe", flags, 0)
}

/// Whether writing is ruled out: a read-only mount, or a file that is sealed.
fn is_protected(own: BorrowedFd<'_>) -> io::Result<bool> {
    if mount_is_read_only(own)? {
        return Ok(true);
    }
    let readable = open_own(libc::O_RDONLY)?;
    // SAFETY: takes no pointers.
    let seals = unsafe { libc::fcntl(readable.as_raw_fd(), libc::F_GET_SEALS) };
    Ok(seals >= 0 && seals & SEALS == SEALS)
}

fn read_only_mount(own: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let copy = copy_tree(own, "", Reach::One)?;
    let attributes = Attributes { set: READ_ONLY, ..Attributes::default() };
    set_attributes(copy.as_fd(), attributes, Reach::One)?;
    Ok(copy)
}

fn sealed_copy() -> io::Result<OwnedFd> {
    let name = c"onggi".as_ptr();
    // The kernel wants to be told that the file is meant to be run, since 6.3; EINVAL before.
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string literal.
    let fd = check(unsafe { libc::memfd_create(name, flags | libc::MFD_EXEC) })
        // SAFETY: as above.
        .or_else(|_| check(unsafe { libc::memfd_create(name, flags) }))?;
    // SAFETY: a new descriptor that nobody else owns.
    let mut copy = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    let mut own = std::fs::File::from(open_own(libc::O_RDONLY)?);
    own.rewind()?;
    io::copy(&mut own, &mut copy)?;
    copy.flush()?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
    Ok(copy.into())
}

/// `execveat(2)` of the file that a descriptor refers to; returns only with an error.
fn execute_file(file: BorrowedFd<'_>, args: &[OsString], env: &[OsString]) -> io::Error {
    let strings = |list: &[OsString]| list.iter().map(c_string).collect::<io::Result<Vec<_>>>();
    let (args, env) = match (strings(args), strings(env)) {
        (Ok(args), Ok(env)) => (args, env),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let pointers = |list: &[std::ffi::CString]| {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>()
    };
    let (args, env) = (pointers(&args), pointers(&env));
    // SAFETY: the path is an empty C string literal; both lists end with a null pointer, and all
    // strings live over the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            args.as_ptr(),
            env.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    io::Error::last_os_error()
}
