//! What the rules of a profile come to for each call of each architecture.
//!
//! As in libseccomp, a rule without conditions beats every rule with conditions on the same call,
//! whichever comes first, and among several of them the first one stays.

use super::syscalls::{Call, SLOTS, Slot, find, is_private};
use super::words::{self, Action, Relation};
use super::{Arch, Width};
use crate::spec;

/// What a call meets: an index into [`Decisions`]; equal outcomes have equal indices.
pub(super) type Outcome = u16;

/// The outcome of a call that no rule names.
pub(super) const DEFAULT: Outcome = 0;

/// One comparison of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    /// 0 to 5
    pub(super) arg: u8,
    pub(super) relation: Relation,
    /// Whether the relation must hold or must not.
    pub(super) holds: bool,
    /// Which bits are compared; all of them but for [`Relation::Equal`].
    pub(super) mask: u64,
    pub(super) value: u64,
}

impl Test {
    /// The same test where only a part of the argument counts.
    pub(super) fn seen_at(mut self, width: Width) -> Test {
        if width == Width::Low {
            self.mask &= 0xffff_ffff;
            self.value &= 0xffff_ffff;
        }
        self
    }

    /// Whether every argument passes.
    pub(super) fn is_idle(&self) -> bool {
        self.relation == Relation::Equal && self.holds && self.mask == 0
    }
}

/// An action when all tests hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) action: Action,
    /// A range of all tests.
    first: u32,
    end: u32,
}

/// How an outcome came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Always(Action),
    /// A rule with conditions, and the outcome before it.
    Sometimes {
        before: Outcome,
        rule: u16,
    },
}

/// The calls of one architecture.
pub(super) struct Calls {
    pub(super) arch: Arch,
    /// What each call meets.
    pub(super) outcomes: [Outcome; SLOTS],
    /// The highest call that the profile names, if it names one; arm's private ones apart.
    pub(super) newest: Option<Slot>,
}

/// All that the profile decides.
pub(super) struct Decisions {
    pub(super) default: Action,
    pub(super) calls: Vec<Calls>,
    origins: Vec<Origin>,
    /// The outcome that was asked for last.
    latest: Outcome,
    rules: Vec<Rule>,
    tests: Vec<Test>,
}

impl Decisions {
    pub(super) fn new(default: Action, arches: Vec<Arch>) -> Decisions {
        let calls = |arch| Calls { arch, outcomes: [DEFAULT; SLOTS], newest: None };
        Decisions {
            default,
            calls: arches.into_iter().map(calls).collect(),
            origins: vec![Origin::Always(default)],
            latest: DEFAULT,
            rules: Vec::new(),
            tests: Vec::new(),
        }
    }

    /// The outcome's action, if it does not depend on the arguments.
    pub(super) fn always(&self, outcome: Outcome) -> Option<Action> {
        match self.origins[outcome as usize] {
            Origin::Always(action) => Some(action),
            Origin::Sometimes { .. } => None,
        }
    }

    /// The rules of an outcome, the last of the profile first.
    pub(super) fn rules(&self, mut outcome: Outcome) -> impl Iterator<Item = &Rule> {
        std::iter::from_fn(move || match self.origins[outcome as usize] {
            Origin::Always(_) => None,
            Origin::Sometimes { before, rule } => {
                outcome = before;
                Some(&self.rules[rule as usize])
            }
        })
    }

    /// The tests of a rule.
    pub(super) fn tests(&self, rule: &Rule) -> &[Test] {
        &self.tests[rule.first as usize..rule.end as usize]
    }

    /// How many outcomes there are.
    pub(super) fn outcomes(&self) -> usize {
        self.origins.len()
    }

    /// Takes one rule of the profile; a problem begins with the field's name.
    pub(super) fn add(
        &mut self,
        rule: &spec::Syscall<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(), String> {
        let action = words::action(&rule.action, rule.errno_ret).map_err(|problem| {
            let (first, rest) = problem.split_at(1);
            first.to_ascii_lowercase() + rest
        })?;
        let rules = self.read_conditions(action, &rule.args)?;
        for (i, name) in rule.names.iter().enumerate() {
            match find(name) {
                _ if name.is_empty() => return Err(format!("names[{i}]: a call without a name")),
                _ if action == Action::NOTIFY && name.as_str() == "write" => {
                    let words = "SCMP_ACT_NOTIFY cannot be used for the write syscall";
                    return Err(format!("names[{i}]: {words}: init needs it"));
                }
                None => warnings.push(format!("seccomp: unknown system call {:?}", name.as_str())),
                Some(call) => self.decide(call, action, rules.clone())?,
            }
        }
        Ok(())
    }

    /// Reads the conditions of a rule, as the rules that they make: one, or, where an argument
    /// comes twice, one for each condition (as runc reads them).
    fn read_conditions(
        &mut self,
        action: Action,
        args: &[spec::Arg<'_>],
    ) -> Result<std::ops::Range<usize>, String> {
        let (first_rule, first) = (self.rules.len(), self.tests.len() as u32);
        let (mut seen, mut twice) = (0u8, false);
        for (i, arg) in args.iter().enumerate() {
            let test = test(arg).map_err(|problem| format!("args[{i}].{problem}"))?;
            twice |= seen & 1 << test.arg != 0;
            seen |= 1 << test.arg;
            self.tests.push(test);
        }
        let end = self.tests.len() as u32;
        if twice {
            self.rules.extend((first..end).map(|at| Rule { action, first: at, end: at + 1 }));
        } else {
            self.rules.push(Rule { action, first, end });
        }
        Ok(first_rule..self.rules.len())
    }

    fn decide(
        &mut self,
        call: Call,
        action: Action,
        rules: std::ops::Range<usize>,
    ) -> Result<(), String> {
        for arch in 0..self.calls.len() {
            let many = call.multiplexed().filter(|_| self.calls[arch].arch == Arch::I386);
            let direct = call.slot(self.calls[arch].arch);
            let slots = [direct, many.map(|many| many.through)];
            let newest = slots.into_iter().flatten().filter(|slot| !is_private(*slot)).max();
            self.calls[arch].newest = self.calls[arch].newest.max(newest);
            if action == self.default {
                continue;
            }
            for rule in rules.clone() {
                if let Some(many) = many {
                    let rule = self.multiplexed_rule(rule, many.code);
                    self.meet(arch, many.through, rule)?;
                }
                if let Some(slot) = direct {
                    self.meet(arch, slot, rule)?;
                }
            }
        }
        Ok(())
    }

    /// The rule of a call that comes through `socketcall` or `ipc`: the first argument is the code
    /// there, and what is asked of the others stays, as in libseccomp.
    fn multiplexed_rule(&mut self, rule: usize, code: u8) -> usize {
        let Rule { action, first, end } = self.rules[rule];
        let start = self.tests.len() as u32;
        let (relation, value) = (Relation::Equal, u64::from(code));
        self.tests.push(Test { arg: 0, relation, holds: true, mask: u64::MAX, value });
        for at in first..end {
            let test = self.tests[at as usize];
            if test.arg != 0 {
                self.tests.push(test);
            }
        }
        self.rules.push(Rule { action, first: start, end: self.tests.len() as u32 });
        self.rules.len() - 1
    }

    /// Lets a rule have its effect on a call.
    fn meet(&mut self, arch: usize, slot: Slot, rule: usize) -> Result<(), String> {
        let before = self.calls[arch].outcomes[slot as usize];
        if before != DEFAULT && matches!(self.origins[before as usize], Origin::Always(_)) {
            return Ok(());
        }
        let width = self.calls[arch].arch.width();
        let Rule { action, first, end } = self.rules[rule];
        let tests = &self.tests[first as usize..end as usize];
        let origin = if tests.iter().all(|test| test.seen_at(width).is_idle()) {
            Origin::Always(action)
        } else {
            let rule = u16::try_from(rule).map_err(|_| "args: too many rules")?;
            Origin::Sometimes { before, rule }
        };
        self.calls[arch].outcomes[slot as usize] = self.outcome(origin)?;
        Ok(())
    }

    /// The one outcome of this origin.
    fn outcome(&mut self, origin: Origin) -> Result<Outcome, String> {
        // A rule's names follow each other, so the same is asked for again and again.
        if self.origins[self.latest as usize] == origin {
            return Ok(self.latest);
        }
        let known = self.origins.iter().position(|known| *known == origin);
        let outcome = known.unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        self.latest = Outcome::try_from(outcome).map_err(|_| "args: too many rules")?;
        Ok(self.latest)
    }
}

/// Reads a condition; a problem begins with the field's name.
fn test(arg: &spec::Arg<'_>) -> Result<Test, String> {
    if arg.index > 5 {
        return Err(format!("index: {} is more than 5", arg.index));
    }
    let (relation, holds) = words::operator(&arg.op).map_err(|problem| format!("op: {problem}"))?;
    let (mask, value) = match arg.op.as_str() {
        words::MASKED => (arg.value, arg.value_two & arg.value),
        _ => (u64::MAX, arg.value),
    };
    Ok(Test { arg: arg.index as u8, relation, holds, mask, value })
}
