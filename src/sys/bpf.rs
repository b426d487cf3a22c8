//! bpf(2), as far as device filters of cgroup v2 need it (linux/bpf.h).

use std::ffi::c_long;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

const PROG_LOAD: c_long = 5;
const PROG_ATTACH: c_long = 8;
const PROG_DETACH: c_long = 9;
const PROG_GET_FD_BY_ID: c_long = 13;
const PROG_QUERY: c_long = 16;

const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;

/// `struct bpf_insn`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u8,
    /// Destination register in the low four bits, source register in the high ones.
    pub registers: u8,
    /// Offset of a jump or of a field.
    pub offset: i16,
    /// Constant.
    pub constant: i32,
}

impl Instruction {
    /// An operation on registers by number, with a jump or field offset and a constant.
    pub const fn new(code: u8, (to, from): (u8, u8), offset: i16, constant: i32) -> Instruction {
        Instruction { code, registers: to | from << 4, offset, constant }
    }
}

/// `union bpf_attr` for BPF_PROG_LOAD, up to the program's name.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// `union bpf_attr` for BPF_PROG_ATTACH and BPF_PROG_DETACH.
#[repr(C)]
struct Attach {
    target: RawFd,
    program: RawFd,
    kind: u32,
    flags: u32,
    replaced: RawFd,
}

/// `union bpf_attr` for BPF_PROG_QUERY.
#[repr(C)]
struct Query {
    target: RawFd,
    kind: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
}

/// `union bpf_attr` for BPF_PROG_GET_FD_BY_ID.
#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// # Safety
/// `T` is the part of `union bpf_attr` that the command reads and writes, and the addresses in it
/// lead to live memory of the lengths that it says.
unsafe fn bpf<T>(command: c_long, attributes: &mut T) -> io::Result<c_long> {
    let size = size_of::<T>();
    // SAFETY: the kernel reads and writes `size` bytes at the address of `attributes`, which is
    // borrowed for the call; what the addresses inside lead to is the caller's promise.
    check(unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size) })
}

/// Loads a device filter.
///
/// # Errors
/// BPF_PROG_LOAD: the verifier refuses (EACCES, EINVAL), no right (EPERM)
pub fn load_device_program(program: &[Instruction]) -> io::Result<OwnedFd> {
    let mut attributes = Load {
        kind: PROG_TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: 0,
        name: *b"onggi_devices\0\0\0",
    };
    // SAFETY: `instructions` leads to `count` of them, which `program` borrows, and the license
    // ends with a zero; there is no log.
    let fd = unsafe { bpf(PROG_LOAD, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor for us, so that nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Attaches a device filter to a cgroup, beside others or in the place of one of them.
///
/// # Errors
/// BPF_PROG_ATTACH: EINVAL where the kernel cannot replace (before 5.6)
pub fn attach_device_program(
    group: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    replaced: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut attributes = Attach {
        target: group.as_raw_fd(),
        program: program.as_raw_fd(),
        kind: CGROUP_DEVICE,
        flags: ALLOW_MULTI | if replaced.is_some() { REPLACE } else { 0 },
        replaced: replaced.map_or(0, |fd| fd.as_raw_fd()),
    };
    // SAFETY: the attributes hold numbers only.
    unsafe { bpf(PROG_ATTACH, &mut attributes) }.map(drop)
}

/// Takes a device filter off a cgroup.
///
/// # Errors
/// BPF_PROG_DETACH: ENOENT when it is not there
pub fn detach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = Attach {
        target: group.as_raw_fd(),
        program: program.as_raw_fd(),
        kind: CGROUP_DEVICE,
        flags: 0,
        replaced: 0,
    };
    // SAFETY: the attributes hold numbers only.
    unsafe { bpf(PROG_DETACH, &mut attributes) }.map(drop)
}

/// The ids of the device filters of a cgroup itself, at most 64.
///
/// # Errors
/// BPF_PROG_QUERY
pub fn device_programs(group: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut ids = [0_u32; 64];
    let mut attributes = Query {
        target: group.as_raw_fd(),
        kind: CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        ids: ids.as_mut_ptr() as u64,
        count: ids.len() as u32,
    };
    // SAFETY: `ids` leads to room for `count` numbers in an array that outlives the call.
    unsafe { bpf(PROG_QUERY, &mut attributes) }?;
    let count = (attributes.count as usize).min(ids.len());
    Ok(ids[..count].to_vec())
}

/// A program by its id.
///
/// # Errors
/// BPF_PROG_GET_FD_BY_ID: ENOENT when it is gone
pub fn program_by_id(id: u32) -> io::Result<OwnedFd> {
    let mut attributes = ById { id, next_id: 0, open_flags: 0 };
    // SAFETY: the attributes hold numbers only.
    let fd = unsafe { bpf(PROG_GET_FD_BY_ID, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor for us, so that nobody else closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
