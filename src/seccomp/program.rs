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

/// Where a question leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    pub(super) yes: Target,
    pub(super) no: Target,
}

/// Values of one argument that have the high half in common.
pub(super) struct Values {
    pub(super) arg: u8,
    /// The high half, if it counts.
    pub(super) high: Option<u32>,
    /// The low half of each, and what it leads to.
    pub(super) low: Vec<(u32, Action)>,
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
        self.plain(LOAD, place)
    }

    /// Compares the loaded word with a constant.
    pub(super) fn branch(&mut self, test: u16, k: u32, ways: Ways) -> Target {
        if ways.yes == ways.no {
            return ways.yes;
        }
        let (yes, no) = (self.settle(ways.yes), self.settle(ways.no));
        // Bringing the second one near moves the first one off by an instruction.
        let yes = self.bring_near(yes, 254);
        let no = self.bring_near(no, 255);
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(Instruction { code: test, jt, jf, k })
    }

    /// Asks whether a test passes.
    pub(super) fn test(&mut self, test: &Test, width: Width, ways: Ways) -> Target {
        let test = test.seen_at(width);
        let Ways { yes, no } = if test.holds { ways } else { Ways { yes: ways.no, no: ways.yes } };
        let (high_value, value) = halves(test.value);
        let jump = match test.relation {
            Relation::Equal => {
                let (high_mask, mask) = halves(test.mask);
                let yes = self.masked(low(test.arg), (mask, value), Ways { yes, no });
                return self.masked(high(test.arg), (high_mask, high_value), Ways { yes, no });
            }
            Relation::Above => IF_ABOVE,
            Relation::AtLeast => IF_AT_LEAST,
        };
        let below = self.branch(jump, value, Ways { yes, no });
        let below = self.load(low(test.arg), below);
        if width == Width::Low {
            return below;
        }
        let equal = match high_value {
            0 => below,
            _ => self.branch(IF_EQUAL, high_value, Ways { yes: below, no }),
        };
        let start = self.branch(IF_ABOVE, high_value, Ways { yes, no: equal });
        self.load(high(test.arg), start)
    }

    /// Asks whether the masked bits of a word have this value.
    fn masked(&mut self, place: u32, (mask, value): (u32, u32), ways: Ways) -> Target {
        let compared = match (mask, value) {
            (0, _) => return ways.yes,
            (u32::MAX, _) => self.branch(IF_EQUAL, value, ways),
            (_, 0) => self.branch(IF_ANY_BIT, mask, Ways { yes: ways.no, no: ways.yes }),
            _ => {
                let compared = self.branch(IF_EQUAL, value, ways);
                self.before(compared);
                self.plain(AND, mask)
            }
        };
        self.load(place, compared)
    }

    /// Tells values of an argument apart.
    pub(super) fn values(&mut self, values: &Values, otherwise: Target) -> Target {
        let mut next = otherwise;
        for (value, action) in &values.low {
            let yes = Target::Return(*action);
            next = self.branch(IF_EQUAL, *value, Ways { yes, no: next });
        }
        let start = self.load(low(values.arg), next);
        let Some(high_value) = values.high else { return start };
        let start = self.branch(IF_EQUAL, high_value, Ways { yes: start, no: otherwise });
        self.load(high(values.arg), start)
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
        self.plain(RETURN, action.0);
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
        self.plain(JUMP, distance as u32);
        self.reversed.len() - 1
    }

    /// How many instructions the next one to be written would have to skip.
    fn distance(&self, at: usize) -> usize {
        self.reversed.len() - 1 - at
    }

    fn plain(&mut self, code: u16, k: u32) -> Target {
        self.push(Instruction { code, jt: 0, jf: 0, k })
    }

    fn push(&mut self, instruction: Instruction) -> Target {
        self.reversed.push(instruction);
        Target::At(self.reversed.len() - 1)
    }
}

/// The high half and the low one.
fn halves(value: u64) -> (u32, u32) {
    ((value >> 32) as u32, value as u32)
}
