//! The names of the system calls and their numbers on each architecture.
//!
//! [`table`] is the source; what the program holds is made of it at compile time: the names end to
//! end, a hash of them, and numbers of two bytes. No pointers, so nothing is relocated at start.

mod table;

use super::Arch;
use table::TABLE;

/// A name and its numbers, in the order of [`Arch`].
type Row = (&'static str, [u32; ARCHES]);

/// The number of a call that the architecture lacks.
const NO: u32 = u32::MAX;

const ARCHES: usize = 6;
const CALLS: usize = TABLE.len();

/// A call's place in an array that holds every call of one architecture, in the order of numbers.
pub(super) type Slot = u16;

/// How many slots there are.
pub(super) const SLOTS: usize = 640;

/// Where the slots of arm's private calls begin; before it, a slot is a number.
const PRIVATE_SLOT: u32 = 632;

/// The number of arm's first private call (`__ARM_NR_BASE`, asm/unistd.h).
const PRIVATE_NUMBER: u32 = 0xf0000;

/// The bit that makes a number of x86_64 one of x32 (`__X32_SYSCALL_BIT`, asm/unistd.h).
pub(super) const X32_BIT: u32 = 0x4000_0000;

const ABSENT: Slot = Slot::MAX;

/// A call that some architecture knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call(u16);

/// A call that i386 also takes through a call of its own, told apart by the first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Multiplexed {
    /// `socketcall` or `ipc`.
    pub(super) through: Slot,
    /// The first argument's value.
    pub(super) code: u8,
}

/// The call of this name.
pub(super) fn find(name: &str) -> Option<Call> {
    let mut at = hash(name.as_bytes());
    loop {
        let call = INDEX[at].checked_sub(1)?;
        let (start, end) = (ENDS[call as usize], ENDS[call as usize + 1]);
        if &NAMES[start as usize..end as usize] == name.as_bytes() {
            return Some(Call(call));
        }
        at = (at + 1) % BUCKETS;
    }
}

impl Call {
    /// Where the architecture has this call, if it does.
    pub(super) fn slot(self, arch: Arch) -> Option<Slot> {
        let slot = PLACES[self.0 as usize][arch as usize];
        (slot != ABSENT).then_some(slot)
    }

    /// How i386 takes this call through `socketcall(2)` or `ipc(2)`, if it does.
    pub(super) fn multiplexed(self) -> Option<Multiplexed> {
        match MULTIPLEXED[self.0 as usize] {
            0 => None,
            code @ ..IPC => Some(Multiplexed { through: SOCKETCALL_SLOT, code }),
            code => Some(Multiplexed { through: IPC_SLOT, code: code - IPC }),
        }
    }
}

/// The slots that the architecture uses.
pub(super) fn slots(arch: Arch) -> std::ops::Range<Slot> {
    match arch {
        Arch::Arm => 0..SLOTS as Slot,
        _ => 0..PRIVATE_SLOT as Slot,
    }
}

/// Whether this is the slot of one of arm's private calls.
pub(super) fn is_private(slot: Slot) -> bool {
    u32::from(slot) >= PRIVATE_SLOT
}

/// The number that the kernel sees.
pub(super) fn number(arch: Arch, slot: Slot) -> u32 {
    match (arch, u32::from(slot)) {
        (_, slot @ PRIVATE_SLOT..) => PRIVATE_NUMBER + (slot - PRIVATE_SLOT),
        (Arch::X32, slot) => X32_BIT + slot,
        (_, slot) => slot,
    }
}

const SOCKETCALL_SLOT: Slot = 102;
const IPC_SLOT: Slot = 117;

/// What tells a code of `ipc` from one of `socketcall` in the table below.
const IPC: u8 = 100;

/// linux/net.h, linux/ipc.h
const CODES: &[(&str, u8)] = &[
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
    ("semop", IPC + 1),
    ("semget", IPC + 2),
    ("semctl", IPC + 3),
    ("semtimedop", IPC + 4),
    ("msgsnd", IPC + 11),
    ("msgrcv", IPC + 12),
    ("msgget", IPC + 13),
    ("msgctl", IPC + 14),
    ("shmat", IPC + 21),
    ("shmdt", IPC + 22),
    ("shmget", IPC + 23),
    ("shmctl", IPC + 24),
];

static ENDS: [u16; CALLS + 1] = ends();
static NAMES: [u8; ends()[CALLS] as usize] = names();
static PLACES: [[Slot; ARCHES]; CALLS] = places();
static MULTIPLEXED: [u8; CALLS] = multiplexed();

const BUCKETS: usize = 1024;

/// A call's index and one, at its name's hash or the next free place behind it; 0 is free.
static INDEX: [u16; BUCKETS] = index();

const fn hash(name: &[u8]) -> usize {
    let mut hash = 0u32;
    let mut rest = name;
    while let [a, b, c, d, behind @ ..] = rest {
        hash = mix(hash, u32::from_le_bytes([*a, *b, *c, *d]));
        rest = behind;
    }
    while let [a, behind @ ..] = rest {
        hash = mix(hash, *a as u32);
        rest = behind;
    }
    (hash >> 22) as usize % BUCKETS
}

const fn mix(hash: u32, word: u32) -> u32 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b1)
}

const fn ends() -> [u16; CALLS + 1] {
    let mut ends = [0; CALLS + 1];
    let mut i = 0;
    while i < CALLS {
        ends[i + 1] = ends[i] + TABLE[i].0.len() as u16;
        i += 1;
    }
    ends
}

const fn names<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut names = [0; LENGTH];
    let (mut at, mut i) = (0, 0);
    while i < CALLS {
        let name = TABLE[i].0.as_bytes();
        let mut j = 0;
        while j < name.len() {
            names[at] = name[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    names
}

const fn index() -> [u16; BUCKETS] {
    let mut index = [0; BUCKETS];
    let mut i = 0;
    while i < CALLS {
        let mut at = hash(TABLE[i].0.as_bytes());
        while index[at] != 0 {
            at = (at + 1) % BUCKETS;
        }
        index[at] = i as u16 + 1;
        i += 1;
    }
    index
}

const fn places() -> [[Slot; ARCHES]; CALLS] {
    let mut places = [[ABSENT; ARCHES]; CALLS];
    let mut i = 0;
    while i < CALLS * ARCHES {
        let number = TABLE[i / ARCHES].1[i % ARCHES];
        places[i / ARCHES][i % ARCHES] = match number {
            NO => ABSENT,
            0..PRIVATE_SLOT => number as Slot,
            PRIVATE_NUMBER.. => (number - PRIVATE_NUMBER + PRIVATE_SLOT) as Slot,
            _ => panic!("no slot for this number: raise SLOTS and PRIVATE_SLOT"),
        };
        i += 1;
    }
    places
}

const fn multiplexed() -> [u8; CALLS] {
    let mut codes = [0; CALLS];
    let mut i = 0;
    while i < CODES.len() {
        let (mut call, name) = (0, CODES[i].0.as_bytes());
        while !same(TABLE[call].0.as_bytes(), name) {
            call += 1;
        }
        codes[call] = CODES[i].1;
        i += 1;
    }
    codes
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

#[cfg(test)]
mod tests;
