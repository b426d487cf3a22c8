//! Runs a program on a call that is made up, the way the kernel would: for those who want to know
//! what a filter does without loading it.

use super::Instruction;

/// A call as a filter sees it: `struct seccomp_data` (linux/seccomp.h), without its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The call's number.
    pub number: u32,
    /// `AUDIT_ARCH_*`: see [`Arch::audit`](super::Arch::audit).
    pub audit: u32,
    /// Its arguments.
    pub args: [u64; 6],
}

impl Call {
    fn word(&self, place: u32) -> u32 {
        match place {
            0 => self.number,
            4 => self.audit,
            16.. if place.is_multiple_of(4) => {
                let arg = self.args[(place as usize - 16) / 8];
                if place.is_multiple_of(8) { arg as u32 } else { (arg >> 32) as u32 }
            }
            _ => panic!("a load from {place}"),
        }
    }
}

/// What the program returns, and how many instructions it took.
///
/// # Panics
/// Where the kernel would refuse the program, and on operations that [`compile`](super::compile)
/// does not use.
pub fn run(program: &[Instruction], call: &Call) -> (u32, usize) {
    let (mut at, mut loaded, mut steps) = (0, 0u32, 0);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        steps += 1;
        let holds = match code {
            0x20 => {
                loaded = call.word(k);
                continue;
            }
            0x54 => {
                loaded &= k;
                continue;
            }
            0x05 => {
                at += k as usize;
                continue;
            }
            0x06 => return (k, steps),
            0x15 => loaded == k,
            0x25 => loaded > k,
            0x35 => loaded >= k,
            0x45 => loaded & k != 0,
            _ => panic!("operation {code:#x} at {}", at - 1),
        };
        at += usize::from(if holds { jt } else { jf });
    }
}
