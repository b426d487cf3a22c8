//! The runtime's own program file, protected from the container that its processes enter.
//!
//! A process of ours that is about to become the container's still has `/proc/PID/exe`, through
//! which a container could reach, and later overwrite, the file on the host (CVE-2019-5736). So it
//! moves: the same file is mapped once more, through a read-only mount that is attached nowhere,
//! over what is mapped of it, and the kernel is told that this is the program now
//! (`PR_SET_MM_MAP`). No page is read or copied but those that were written, and no second
//! execve(2) is paid for. Where that is not allowed, the command runs itself again from a sealed
//! copy in memory before it does anything.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::fd::{mount_is_read_only, open_at, read_all};
use super::mount::{Attributes, READ_ONLY, Reach, copy_tree, either_way};
use super::procfs::Procfs;
use super::{c_string, check, errno, identity};
use crate::weakness;

const SEALS: libc::c_int =
    libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;

/// The program's file through a read-only mount (or a sealed copy, where no mount can be attached
/// nowhere), for [`move_to`]; nothing when that is where this process runs from already.
pub fn read_only_view() -> io::Result<Option<OwnedFd>> {
    let own = open_own(libc::O_PATH)?;
    if is_protected(own.as_fd())? || weakness::leaves_out("the program's file") {
        return Ok(None);
    }
    let attributes = Attributes { set: READ_ONLY, ..Attributes::default() };
    let view = either_way(|| {
        let mut copy = copy_tree(own.as_fd(), "", Reach::One)?;
        copy.set(attributes, Reach::One).map(|()| copy.into_descriptor())
    })?;
    // A mount of the older way is somewhere: in its stead comes the copy in memory.
    view.map_or_else(sealed_copy, Ok).map(Some)
}

/// Whether [`move_to`] can work: the kernel offers it, and this process may mount.
pub fn can_move() -> bool {
    const MAP_SIZE: libc::c_ulong = 15;
    const NONE: libc::c_ulong = 0;
    let mut size: libc::c_uint = 0;
    // SAFETY: the number lives over the call.
    let offered = unsafe { libc::prctl(libc::PR_SET_MM, MAP_SIZE, &raw mut size, NONE, NONE) };
    offered == 0 && size as usize == size_of::<MemoryMap>() && identity::effective_ids().0 == 0
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

/// From here on this process, and what is cloned of it, runs from that view of its program.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in this user namespace.
pub fn move_to(view: OwnedFd) -> io::Result<()> {
    let proc = Procfs::of_this_process()?;
    let file = proc.reopen(view.as_fd(), libc::O_RDONLY)?;
    for segment in segments()? {
        segment.map_again(file.as_fd())?;
    }
    tell_kernel(&proc, file.as_fd())?;
    match is_protected(open_own(libc::O_PATH)?.as_fd())? {
        true => Ok(()),
        false => Err(errno(libc::EBUSY)),
    }
}

/// A part of the program as the kernel mapped it (elf(5), PT_LOAD and PT_GNU_RELRO).
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: usize,
    length: usize,
    offset: i64,
    protection: i32,
    /// Bytes at the start of a writable segment that are read-only by now.
    read_only: usize,
}

/// The program's headers, which the kernel told of in the auxiliary vector.
fn segments() -> io::Result<Vec<Segment>> {
    // SAFETY: takes no pointers.
    let address = unsafe { libc::getauxval(libc::AT_PHDR) } as usize;
    // SAFETY: as above.
    let count = unsafe { libc::getauxval(libc::AT_PHNUM) } as usize;
    // SAFETY: as above.
    let page = unsafe { libc::getauxval(libc::AT_PAGESZ) } as usize;
    if address == 0 || page == 0 {
        return Err(errno(libc::ENOEXEC));
    }
    // SAFETY: the kernel gives the place and the number of the headers, which stay mapped.
    let headers = unsafe { std::slice::from_raw_parts(address as *const libc::Elf64_Phdr, count) };
    let loads = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let first = loads().find(|header| header.p_offset == 0).ok_or_else(|| errno(libc::ENOEXEC))?;
    let base = address - size_of::<libc::Elf64_Ehdr>() - first.p_vaddr as usize;
    let relro = headers.iter().find(|header| header.p_type == libc::PT_GNU_RELRO);
    Ok(loads().map(|header| Segment::of(header, relro, (base, page))).collect())
}

impl Segment {
    fn of(
        header: &libc::Elf64_Phdr,
        relro: Option<&libc::Elf64_Phdr>,
        (base, page): (usize, usize),
    ) -> Segment {
        let address = base + header.p_vaddr as usize;
        let start = address & !(page - 1);
        let end = (address + header.p_filesz as usize).next_multiple_of(page);
        let flag = |bit, protection| if header.p_flags & bit != 0 { protection } else { 0 };
        let protection = flag(libc::PF_R, libc::PROT_READ)
            | flag(libc::PF_W, libc::PROT_WRITE)
            | flag(libc::PF_X, libc::PROT_EXEC);
        let read_only = relro.map_or(0, |relro| {
            let from = base + relro.p_vaddr as usize;
            let to = (from + relro.p_memsz as usize) & !(page - 1);
            if (start..end).contains(&from) { to.saturating_sub(start) } else { 0 }
        });
        let offset = (header.p_offset as usize & !(page - 1)) as i64;
        Segment { start, length: end - start, offset, protection, read_only }
    }

    fn map_again(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        if self.protection & libc::PROT_WRITE != 0 { self.copy() } else { self.map_file(file) }
    }

    /// The same bytes of the same file, at the same place: nothing changes for who runs there.
    fn map_file(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let (start, fd) = (self.start as *mut libc::c_void, file.as_raw_fd());
        // SAFETY: the range is a whole read-only segment, and gets its own content once more.
        let mapped =
            unsafe { libc::mmap(start, self.length, self.protection, flags, fd, self.offset) };
        map_result(mapped).map(drop)
    }

    /// What was written is in no file: it is copied aside, and the copy is moved into its place.
    fn copy(&self) -> io::Result<()> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let anywhere = std::ptr::null_mut();
        // SAFETY: a new mapping where the kernel likes it.
        let aside = unsafe { libc::mmap(anywhere, self.length, protection, flags, -1, 0) };
        let aside = map_result(aside)?;
        let source = self.start as *const u8;
        // SAFETY: both ranges have this length, the source is mapped, and they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(source, aside.cast(), self.length) };
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let place = self.start as *mut libc::c_void;
        // SAFETY: this process has one thread, and nothing was written between the copy and this,
        // so that the same bytes are there before and after.
        let moved = unsafe { libc::mremap(aside, self.length, self.length, flags, place) };
        let moved = map_result(moved)?;
        match self.read_only {
            0 => Ok(()),
            // SAFETY: this part was read-only before.
            length => check(unsafe { libc::mprotect(moved, length, libc::PROT_READ) }).map(drop),
        }
    }
}

fn map_result(address: *mut libc::c_void) -> io::Result<*mut libc::c_void> {
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address) }
}

/// `struct prctl_mm_map` (linux/prctl.h).
#[derive(Debug, Default)]
#[repr(C)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

/// `PR_SET_MM_MAP`: all stays as it is but the program's file.
fn tell_kernel(proc: &Procfs, file: BorrowedFd<'_>) -> io::Result<()> {
    const MAP: libc::c_ulong = 14;
    const NONE: libc::c_ulong = 0;
    let stat = proc.open("self/stat", libc::O_RDONLY)?;
    let stat = read_all(stat.as_fd(), 4096)?;
    let map = present_map(&String::from_utf8_lossy(&stat)).ok_or_else(|| errno(libc::EBADMSG))?;
    // SAFETY: takes no pointers; 0 asks where the heap ends.
    let brk = unsafe { libc::syscall(libc::SYS_brk, 0) } as u64;
    let map = MemoryMap { brk, exe_fd: file.as_raw_fd() as u32, ..map };
    let size = size_of::<MemoryMap>() as libc::c_ulong;
    // SAFETY: pointer and length are those of one struct, which the kernel only reads.
    check(unsafe { libc::prctl(libc::PR_SET_MM, MAP, &raw const map, size, NONE) }).map(drop)
}

/// The addresses in /proc/PID/stat (proc_pid_stat(5)), by their numbers there.
fn present_map(stat: &str) -> Option<MemoryMap> {
    let fields: Vec<u64> = stat[stat.rfind(')')? + 1..]
        .split_ascii_whitespace()
        .map(|field| field.parse().unwrap_or_default())
        .collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(MemoryMap {
        start_code: field(26)?,
        end_code: field(27)?,
        start_stack: field(28)?,
        start_data: field(45)?,
        end_data: field(46)?,
        start_brk: field(47)?,
        arg_start: field(48)?,
        arg_end: field(49)?,
        env_start: field(50)?,
        env_end: field(51)?,
        ..MemoryMap::default()
    })
}

/// Runs this program again from a sealed copy in memory, with the same arguments; returns when it
/// is protected already, or will be by [`move_to`].
pub fn protect(args: &[OsString]) -> io::Result<()> {
    if can_move() {
        return Ok(());
    }
    if is_protected(open_own(libc::O_PATH)?.as_fd())? {
        // A program that is run by descriptor is named after its number.
        return super::process::set_name(c"onggi");
    }
    let copy = sealed_copy()?;
    let env: Vec<OsString> = std::env::vars_os()
        .map(|(mut entry, value)| {
            entry.push("=");
            entry.push(value);
            entry
        })
        .collect();
    Err(execute_file(copy.as_fd(), args, &env))
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
    io::copy(&mut own, &mut copy)?;
    copy.flush()?;
    seal(copy.as_fd())?;
    Ok(copy.into())
}

/// A page that the kernel itself still has in a list of its own keeps a file from being sealed
/// against writing (EBUSY), after a tenth of a second of waiting for it: on a busy machine that is
/// not always enough.
fn seal(file: BorrowedFd<'_>) -> io::Result<()> {
    const TRIES: u32 = 20;
    // SAFETY: takes no pointers.
    let add = || check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) });
    let is_busy = |done: &io::Result<i32>| {
        done.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY))
    };
    let earlier = (1..TRIES).map(|_| add()).find(|done| !is_busy(done));
    earlier.unwrap_or_else(add).map(drop)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sys::clone::{Side, fork};
    use crate::sys::pidfd::{End, reap};

    /// Written to before the move, so that the copied part is seen to be copied.
    static WRITTEN: AtomicU32 = AtomicU32::new(1);

    fn moved() -> io::Result<bool> {
        WRITTEN.store(7, Ordering::Relaxed);
        let Some(view) = read_only_view()? else { return Ok(true) };
        move_to(view)?;
        let kept = WRITTEN.load(Ordering::Relaxed) == 7;
        Ok(kept && read_only_view()?.is_none())
    }

    #[test]
    fn a_process_goes_on_in_the_same_program_that_cannot_be_written() {
        if !can_move() {
            eprintln!("skipped: moving takes root and CONFIG_CHECKPOINT_RESTORE");
            return;
        }
        match fork(0, None).unwrap() {
            Side::Child => crate::sys::process::end(match moved() {
                Ok(true) => 0,
                Ok(false) => 1,
                Err(error) => error.raw_os_error().unwrap_or(2),
            }),
            Side::Parent(child) => assert_eq!(reap(&child.pidfd).unwrap(), End::Code(0)),
        }
    }

    #[test]
    fn the_present_map_is_read_by_number_whatever_the_name() {
        let fields: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        let map = present_map(&format!("1 (a) (b) {}", fields.join(" "))).unwrap();
        assert_eq!((map.start_code, map.start_stack, map.env_end), (26, 28, 51));
        assert!(present_map("1 (a) S 1").is_none());
    }
}
