//! Lays the decisions out as a program: for each architecture a binary search over the runs of
//! numbers with the same outcome; the native architecture first.
//!
//! The kernel walks a new filter once for every call of the native architecture and of its 32-bit
//! sibling, so what counts is the mean number of steps, and runs are split by how wide they are.

use std::cmp::Reverse;

use super::decisions::{Calls, DEFAULT, Decisions, Outcome, Rule, Test};
use super::program::{ARCH, IF_AT_LEAST, IF_EQUAL, NUMBER, Program, Target, Values, Ways};
use super::syscalls::{Slot, X32_BIT, is_private, number, slots};
use super::words::{Action, Relation};
use super::{Arch, Instruction, Width};

/// What calls of an architecture that is not listed meet, as libseccomp has it unless told.
const OTHER_ARCHITECTURE: Target = Target::Return(Action::KILL_THREAD);

/// Calls from this number on, up to the next run's.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    then: Target,
    /// Where it stands on the scale that is halved.
    place: u32,
}

/// How wide a run counts beside the numbers in it: the more, the flatter the tree.
const WEIGHT_OF_A_RUN: u32 = 8;

/// The program of all decisions.
pub(super) fn program(decisions: &Decisions) -> Vec<Instruction> {
    let known = vec![None; decisions.outcomes() * 2];
    let mut layout = Layout { decisions, known, program: Program::new() };
    let mut entry = OTHER_ARCHITECTURE;
    let mut machines: Vec<Arch> = Vec::with_capacity(2);
    for calls in &decisions.calls {
        if !machines.iter().any(|arch| arch.audit() == calls.arch.audit()) {
            machines.push(calls.arch);
        }
    }
    // What is written last comes first; the native architecture leads the list.
    let mut starts = Vec::with_capacity(2);
    for arch in machines.iter().rev() {
        starts.push((arch.audit(), layout.machine(arch.audit())));
    }
    for (audit, start) in starts {
        entry = layout.program.branch(IF_EQUAL, audit, Ways { yes: start, no: entry });
    }
    layout.program.load(ARCH, entry);
    layout.program.finish()
}

struct Layout<'a> {
    decisions: &'a Decisions,
    /// Where each outcome that depends on arguments is written, for either width.
    known: Vec<Option<Target>>,
    program: Program,
}

impl Layout<'_> {
    /// Writes all calls that come under one name of the kernel's.
    fn machine(&mut self, audit: u32) -> Target {
        let decisions = self.decisions;
        let find = |x32: bool| {
            let calls = decisions.calls.iter();
            calls.clone().find(|c| c.arch.audit() == audit && (c.arch == Arch::X32) == x32)
        };
        let (calls, x32) = (find(false), find(true));
        let mut runs = calls.map_or_else(Vec::new, |calls| self.runs(calls));
        if audit == Arch::X86_64.audit() {
            if runs.is_empty() {
                add(&mut runs, 0, OTHER_ARCHITECTURE);
            }
            self.add_x32(&mut runs, x32);
        }
        let start = self.search(&runs);
        self.program.load(NUMBER, start)
    }

    /// Puts the calls of x32 behind those of x86_64, as one run that the search ends in.
    fn add_x32(&mut self, runs: &mut Vec<Run>, x32: Option<&Calls>) {
        let Some(x32) = x32 else {
            add(runs, X32_BIT, OTHER_ARCHITECTURE);
            // A tracer skips a call by making it number -1, which is nobody's.
            return add(runs, u32::MAX, Target::Return(self.decisions.default));
        };
        let own = self.runs(x32);
        let start = self.search(&own);
        add(runs, X32_BIT, start);
    }

    fn runs(&mut self, calls: &Calls) -> Vec<Run> {
        let default = self.decisions.default;
        let beyond = match calls.newest {
            Some(_) if !default.is_permissive() => Target::Return(Action::NO_SUCH_CALL),
            _ => Target::Return(default),
        };
        let newest = calls.newest.unwrap_or(Slot::MAX);
        let mut runs = Vec::with_capacity(128);
        let mut last = None;
        for slot in slots(calls.arch) {
            let meets = (calls.outcomes[slot as usize], slot > newest && !is_private(slot));
            if last == Some(meets) && !is_private(slot) {
                continue;
            }
            last = Some(meets);
            let then = match meets {
                (DEFAULT, true) => beyond,
                (outcome, _) => self.outcome(outcome, calls.arch.width()),
            };
            add(&mut runs, number(calls.arch, slot), then);
        }
        let end = number(calls.arch, slots(calls.arch).end - 1) + 1;
        add(&mut runs, end, beyond);
        runs
    }

    /// Writes a binary search for the run that the loaded number is in.
    fn search(&mut self, runs: &[Run]) -> Target {
        match runs {
            [] => OTHER_ARCHITECTURE,
            [only] => only.then,
            [around, one, behind, rest @ ..]
                if around.then == behind.then
                    && one.start + 1 == behind.start
                    && rest.len() < 3 =>
            {
                let others = match rest {
                    [] => around.then,
                    _ => self.search(&runs[2..]),
                };
                let ways = Ways { yes: one.then, no: others };
                self.program.branch(IF_EQUAL, one.start, ways)
            }
            [first, .., last] => {
                let middle = (first.place + last.place).div_ceil(2);
                let at = runs.partition_point(|run| run.place < middle).clamp(1, runs.len() - 1);
                let from = self.search(&runs[at..]);
                let below = self.search(&runs[..at]);
                self.program.branch(IF_AT_LEAST, runs[at].start, Ways { yes: from, no: below })
            }
        }
    }

    /// Writes the tests of an outcome, once for each width.
    fn outcome(&mut self, outcome: Outcome, width: Width) -> Target {
        if let Some(action) = self.decisions.always(outcome) {
            return Target::Return(action);
        }
        let at = outcome as usize * 2 + usize::from(width == Width::Whole);
        if let Some(known) = self.known[at] {
            return known;
        }
        let mut rules: Vec<&Rule> = self.decisions.rules(outcome).collect();
        rules.reverse();
        rules.sort_by_key(|rule| precedence(self.decisions.tests(rule), width));
        rules.reverse();
        let mut next = Target::Return(self.decisions.default);
        let mut rest = rules.as_slice();
        while let [rule, behind @ ..] = rest {
            if let Some(values) = self.values(rest, width) {
                rest = &rest[values.low.len()..];
                next = self.program.values(&values, next);
            } else {
                rest = behind;
                next = self.rule(rule, width, next);
            }
        }
        self.known[at] = Some(next);
        next
    }

    fn rule(&mut self, rule: &Rule, width: Width, otherwise: Target) -> Target {
        let mut next = Target::Return(rule.action);
        for test in self.decisions.tests(rule).iter().rev() {
            next = self.program.test(test, width, Ways { yes: next, no: otherwise });
        }
        next
    }

    /// The rules at the start of these that ask for plain values of one argument with the same
    /// high half.
    fn values(&self, rules: &[&Rule], width: Width) -> Option<Values> {
        let plain = |rule: &Rule| match self.decisions.tests(rule) {
            [test @ Test { relation: Relation::Equal, holds: true, mask: u64::MAX, .. }] => {
                Some((test.arg, test.seen_at(width).value))
            }
            _ => None,
        };
        let (arg, first) = plain(rules.first()?)?;
        let low = rules.iter().map_while(|rule| {
            let (same, value) = plain(rule)?;
            let alike = same == arg && value >> 32 == first >> 32;
            alike.then_some((value as u32, rule.action))
        });
        let high = (width == Width::Whole).then_some((first >> 32) as u32);
        Some(Values { arg, high, low: low.collect() })
    }
}

/// Where a rule stands among those of one call, as far as libseccomp has an order: the later
/// argument first, then equality, upper bounds, lower bounds, then the narrower bound.
fn precedence(tests: &[Test], width: Width) -> impl Ord + use<> {
    let first = tests.iter().min_by_key(|test| test.arg);
    let key = first.map(|test| {
        let value = test.seen_at(width).value;
        let (kind, bound) = match (test.relation, test.holds) {
            (Relation::Equal, _) => (0, !value),
            (_, false) => (1, value),
            (_, true) => (2, !value),
        };
        (Reverse(test.arg), kind, bound)
    });
    (key, Reverse(tests.len()))
}

/// Adds a run, unless it goes on with the last one's outcome.
fn add(runs: &mut Vec<Run>, start: u32, then: Target) {
    let place = match runs.last() {
        Some(last) if last.then == then => return,
        Some(last) => last.place + (start - last.start).min(64) + WEIGHT_OF_A_RUN,
        None => 0,
    };
    runs.push(Run { start, then, place });
}
