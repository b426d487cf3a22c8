//! Writes a BPF program from its end to its start: a jump only goes forward, so wherever it leads
//! is already in place, and its length is known.

use super::decisions::Test;
use super::words::{Action, Relation};
use super::{Instruction, Width};

/// Where a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The end.
    Return(Action),
    /// An instruction, counted from the end of the program.
    At(usize),
}

/// `BPF_LD | BPF_W | BPF_ABS` (linux/bpf_common.h)
const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`
const AND: u16 = 0x54;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;
/// `BPF_JMP | BPF_JA`
const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`
pub(super) const IF_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`
const IF_ABOVE: u16 = 0x25;
/// `BPF_JMP | BPF_JGE | BPF_K`
pub(super) const IF_AT_LEAST: u16 = 0x35;
/// `BPF_JMP | BPF_JSET | BPF_K`
const IF_ANY_BIT: u16 = 0x45;

/// Places in `struct seccomp_data` (linux/seccomp.h).
pub(super) const NUMBER: u32 = 0;
pub(super) const ARCH: u32 = 4;

/// The place of the low or high half of an argument (every architecture here is little-endian).
fn low(arg: u8) -> u32 {
    16 + 8 * u32::from(arg)
}

fn high(arg: u8) -> u32 {
    low(arg) + 4
}

/// A program whose start is not written yet.
pub(super) struct Program {
    /// The last instruction first.
    reversed: Vec<Instruction>,
    /// The nearest return of each action.
    returns: Vec<(Action, usize)>,
}

impl Program {
    pub(super) fn new() -> Program {
        Program { reversed: Vec::with_capacity(512), returns: Vec::with_capacity(8) }
    }

    /// The whole program; it starts with what was written last.
    pub(super) fn finish(mut self) -> Vec<Instruction> {
        self.reversed.reverse();
        self.reversed
    }

    /// Loads a word of the call's data and goes on.
    pub(super) fn load(&mut self, place: u32, then: Target) -> Target {
        self.before(then);
        self.push(LOAD, 0, 0, place)
    }

    /// Compares the loaded word with a constant.
    pub(super) fn branch(&mut self, test: u16, k: u32, yes: Target, no: Target) -> Target {
        if yes == no {
            return yes;
        }
        let (yes, no) = (self.settle(yes), self.settle(no));
        // Bringing the second one near moves the first one off by an instruction.
        let yes = self.bring_near(yes, 254);
        let no = self.bring_near(no, 255);
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(test, jt, jf, k)
    }

    /// Asks whether a test passes.
    pub(super) fn test(&mut self, test: &Test, width: Width, ways: (Target, Target)) -> Target {
        let test = test.seen_at(width);
        let (yes, no) = if test.holds { ways } else { (ways.1, ways.0) };
        let (high_value, value) = ((test.value >> 32) as u32, test.value as u32);
        let jump = match test.relation {
            Relation::Equal => {
                let (high_mask, mask) = ((test.mask >> 32) as u32, test.mask as u32);
                let yes = self.masked(low(test.arg), (mask, value), yes, no);
                return self.masked(high(test.arg), (high_mask, high_value), yes, no);
            }
            Relation::Above => IF_ABOVE,
            Relation::AtLeast => IF_AT_LEAST,
        };
        let below = self.branch(jump, value, yes, no);
        let below = self.load(low(test.arg), below);
        if width == Width::Low {
            return below;
        }
        let equal = match high_value {
            0 => below,
            _ => self.branch(IF_EQUAL, high_value, below, no),
        };
        let start = self.branch(IF_ABOVE, high_value, yes, equal);
        self.load(high(test.arg), start)
    }

    /// Asks whether the masked bits of a word have this value.
    fn masked(&mut self, place: u32, bits: (u32, u32), yes: Target, no: Target) -> Target {
        let (mask, value) = bits;
        let compared = match (mask, value) {
            (0, _) => return yes,
            (u32::MAX, _) => self.branch(IF_EQUAL, value, yes, no),
            (_, 0) => self.branch(IF_ANY_BIT, mask, no, yes),
            _ => {
                let compared = self.branch(IF_EQUAL, value, yes, no);
                self.before(compared);
                self.push(AND, 0, 0, mask)
            }
        };
        self.load(place, compared)
    }

    /// Tells apart values of an argument that have the high half in common.
    pub(super) fn values(
        &mut self,
        arg: u8,
        values: &[(u64, Action)],
        width: Width,
        otherwise: Target,
    ) -> Target {
        let mut next = otherwise;
        for (value, action) in values {
            next = self.branch(IF_EQUAL, *value as u32, Target::Return(*action), next);
        }
        let start = self.load(low(arg), next);
        match (width, values) {
            (Width::Whole, [(value, _), ..]) => {
                let start = self.branch(IF_EQUAL, (value >> 32) as u32, start, otherwise);
                self.load(high(arg), start)
            }
            _ => start,
        }
    }

    /// Makes what is written next run into the target.
    fn before(&mut self, target: Target) {
        match target {
            Target::Return(action) => {
                self.push_return(action);
            }
            Target::At(at) => {
                self.bring_near(at, 0);
            }
        }
    }

    /// An instruction for the target: a return that a branch can reach, or a new one.
    fn settle(&mut self, target: Target) -> usize {
        let action = match target {
            Target::At(at) => return at,
            Target::Return(action) => action,
        };
        let known = self.returns.iter().find(|(known, _)| *known == action);
        match known {
            // The margin is for what may yet come between.
            Some(&(_, at)) if self.distance(at) < 250 => at,
            _ => self.push_return(action),
        }
    }

    fn push_return(&mut self, action: Action) -> usize {
        self.push(RETURN, 0, 0, action.0);
        let at = self.reversed.len() - 1;
        match self.returns.iter_mut().find(|(known, _)| *known == action) {
            Some(nearest) => nearest.1 = at,
            None => self.returns.push((action, at)),
        }
        at
    }

    /// The instruction itself, or a jump to it where it lies further off than `reach`.
    fn bring_near(&mut self, at: usize, reach: usize) -> usize {
        let distance = self.distance(at);
        if distance <= reach {
            return at;
        }
        self.push(JUMP, 0, 0, distance as u32);
        self.reversed.len() - 1
    }

    /// How many instructions the next one to be written would have to skip.
    fn distance(&self, at: usize) -> usize {
        self.reversed.len() - 1 - at
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Target {
        self.reversed.push(Instruction { code, jt, jf, k });
        Target::At(self.reversed.len() - 1)
    }
}
