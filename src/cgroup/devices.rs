//! The device filter: an eBPF program on v2, the lists of the devices controller on v1. What no
//! rule decides is refused; of several rules the last one wins, for each kind of access by itself.

use std::os::fd::{AsFd, OwnedFd};

use super::{Cgroup, Group};
use crate::error::{Doing, Error, Result};
use crate::plan::{DeviceKind, DeviceRule};
use crate::sys::bpf::{self, Instruction};
use crate::sys::file;
use crate::weakness;

impl Cgroup {
    /// Sets the filter of the container's group, in the place of the one that is there.
    ///
    /// # Errors
    /// Rules that v1 cannot express, or no right to set a filter.
    pub(super) fn filter_devices(&self, rules: &[DeviceRule]) -> Result<()> {
        if weakness::leaves_out("the device filter") {
            return Ok(());
        }
        let rules = decisive(rules);
        if let Some(group) = self.legacy("devices") {
            return group.write_lists(&lists(&rules)?);
        }
        match self.unified() {
            Some(group) => group.attach(&rules),
            None if allows_all(&rules) => Ok(()),
            None => Err(Error::new("the container has no cgroup that could filter devices")),
        }
    }
}

impl Cgroup {
    /// Adds rules to a filter that is in force; `all` are those that hold then, the new ones last.
    /// Nobody inside is without a device in between.
    ///
    /// # Errors
    /// As [`Cgroup::filter_devices`].
    pub fn add_device_rules(&self, all: &[DeviceRule], new: &[DeviceRule]) -> Result<()> {
        let Some(group) = self.legacy("devices") else { return self.filter_devices(all) };
        // The kernel says nothing of what it cannot express.
        lists(&decisive(all))?;
        for rule in new.iter().flat_map(by_kind) {
            let file = if rule.allow { "devices.allow" } else { "devices.deny" };
            group.write(file, &line(&rule))?;
        }
        Ok(())
    }
}

/// Of `a` the files of v1 would pass over the numbers and the access.
fn by_kind(rule: &DeviceRule) -> Vec<DeviceRule> {
    let of = |kind| DeviceRule { kind, ..*rule };
    match rule.kind {
        DeviceKind::Any if !rule.is_total() => vec![of(DeviceKind::Char), of(DeviceKind::Block)],
        kind => vec![of(kind)],
    }
}

/// The rules without those that can have no effect.
fn decisive(rules: &[DeviceRule]) -> Vec<DeviceRule> {
    let start = rules.iter().rposition(DeviceRule::is_total).unwrap_or(0);
    let (first, others) = match rules[start..].split_first() {
        Some((first, others)) if first.is_total() => (first, others),
        _ => return rules.to_vec(),
    };
    let exceptions = others.iter().position(|rule| rule.allow != first.allow);
    let exceptions = &others[exceptions.unwrap_or(others.len())..];
    // To refuse is the default anyway.
    let first = Some(*first).filter(|first| first.allow);
    first.into_iter().chain(exceptions.iter().copied()).collect()
}

fn allows_all(rules: &[DeviceRule]) -> bool {
    matches!(rules, [rule] if rule.is_total() && rule.allow)
}

impl Group {
    fn attach(&self, rules: &[DeviceRule]) -> Result<()> {
        let dir = self.dir()?.as_fd();
        let old = bpf::device_programs(dir).doing(|| "query device filters".into())?;
        // One that is gone by now is in nobody's way.
        let old = old.into_iter().filter_map(|id| bpf::program_by_id(id).ok());
        let old: Vec<OwnedFd> = old.collect();
        if old.is_empty() && allows_all(rules) {
            return Ok(());
        }
        let new =
            bpf::load_device_program(&program(rules)).doing(|| "load the device filter".into())?;
        // Only one can be replaced in one step; kernels before 5.6 cannot at all.
        if let [old] = &old[..]
            && bpf::attach_device_program(dir, new.as_fd(), Some(old.as_fd())).is_ok()
        {
            return Ok(());
        }
        bpf::attach_device_program(dir, new.as_fd(), None)
            .doing(|| format!("attach the device filter to {}", self.path.display()))?;
        for old in &old {
            bpf::detach_device_program(dir, old.as_fd())
                .doing(|| "detach the old device filter".into())?;
        }
        Ok(())
    }

    fn write_lists(&self, lists: &Lists) -> Result<()> {
        let (all, single) = match lists.allow {
            true => ("devices.allow", "devices.deny"),
            false => ("devices.deny", "devices.allow"),
        };
        self.write(all, "a")?;
        if lists.exceptions.is_empty() {
            return Ok(());
        }
        let single = self.open_to_write(single)?;
        for rule in &lists.exceptions {
            let line = line(rule);
            file::write(&single, &line)
                .doing(|| format!("write {line:?} below {}", self.path.display()))?;
        }
        Ok(())
    }
}

/// What v1 can express: one answer for all devices, and exceptions from it.
#[derive(Debug, PartialEq)]
struct Lists {
    allow: bool,
    exceptions: Vec<DeviceRule>,
}

/// Brings rules into the form of v1.
fn lists(rules: &[DeviceRule]) -> Result<Lists> {
    let mut lists = Lists { allow: false, exceptions: Vec::new() };
    for rule in rules {
        if rule.is_total() {
            lists = Lists { allow: rule.allow, exceptions: Vec::new() };
            continue;
        }
        by_kind(rule).into_iter().try_for_each(|rule| lists.add(rule))?;
    }
    Ok(lists)
}

impl Lists {
    fn add(&mut self, rule: DeviceRule) -> Result<()> {
        if rule.allow == self.allow {
            return self.take_back(rule);
        }
        let same = |known: &&mut DeviceRule| {
            (known.kind, known.major, known.minor) == (rule.kind, rule.major, rule.minor)
        };
        match self.exceptions.iter_mut().find(same) {
            Some(known) => known.access |= rule.access,
            None => self.exceptions.push(rule),
        }
        Ok(())
    }

    /// Removes exceptions. The kernel cannot cut a piece out of one, and would say nothing.
    fn take_back(&mut self, rule: DeviceRule) -> Result<()> {
        let meets = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        let covers = |whole: Option<u32>, part| whole.is_none() || whole == part;
        for known in &mut self.exceptions {
            let apart = known.kind != rule.kind
                || !meets(known.major, rule.major)
                || !meets(known.minor, rule.minor)
                || known.access & rule.access == 0;
            if apart {
                continue;
            }
            if !covers(rule.major, known.major) || !covers(rule.minor, known.minor) {
                return Err(Error::new(format!(
                    "cgroup v1 cannot take {:?} out of {:?}",
                    line(&rule),
                    line(known)
                )));
            }
            known.access &= !rule.access;
        }
        self.exceptions.retain(|known| known.access != 0);
        Ok(())
    }
}

/// A rule as the files of v1 read it.
fn line(rule: &DeviceRule) -> String {
    let kind = match rule.kind {
        DeviceKind::Any => 'a',
        DeviceKind::Block => 'b',
        DeviceKind::Char => 'c',
    };
    let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |n| n.to_string());
    let letters = [(2, 'r'), (4, 'w'), (1, 'm')];
    let access = letters.iter().filter(|(bit, _)| rule.access & bit != 0);
    let access: String = access.map(|(_, letter)| letter).collect();
    format!("{kind} {}:{} {access}", number(rule.major), number(rule.minor))
}

/// Registers: the answer, the context, then the fields of `struct bpf_cgroup_dev_ctx`.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const ACCESS: u8 = 2;
const KIND: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// Operations (linux/bpf.h): `LOAD` a 32-bit field, `AND`, `SHIFT` to the right, `MOVE` a constant,
/// and jumps: unless equal, if any bit is set, always; and the end.
const LOAD: u8 = 0x61;
const MOVE_REGISTER: u8 = 0xbc;
const MOVE: u8 = 0xb4;
const AND: u8 = 0x54;
const SHIFT: u8 = 0x74;
const UNLESS: u8 = 0x55;
const IF_ANY: u8 = 0x45;
const JUMP: u8 = 0x05;
const EXIT: u8 = 0x95;

/// The filter as a program. The last rule is asked first; one that decides some of the kinds of
/// access that are asked for leaves the others to the rules before it.
fn program(rules: &[DeviceRule]) -> Vec<Instruction> {
    let mut program = vec![
        // The kind of device is in the lower half of the first field, the access in the upper.
        Instruction::new(LOAD, (KIND, CONTEXT), 0, 0),
        Instruction::new(MOVE_REGISTER, (ACCESS, KIND), 0, 0),
        Instruction::new(SHIFT, (ACCESS, 0), 0, 16),
        Instruction::new(AND, (KIND, 0), 0, 0xffff),
        Instruction::new(LOAD, (MAJOR, CONTEXT), 4, 0),
        Instruction::new(LOAD, (MINOR, CONTEXT), 8, 0),
    ];
    for rule in rules.iter().rev() {
        let conditions = conditions(rule);
        let verdict = verdict(rule);
        let length = conditions.len() + verdict.len();
        for (index, (register, value)) in conditions.iter().enumerate() {
            let over = (length - index - 1) as i16;
            program.push(Instruction::new(UNLESS, (*register, 0), over, *value));
        }
        program.extend(verdict);
        // What is never reached is refused by the verifier.
        if conditions.is_empty() && rule.access == DeviceRule::ANY_ACCESS {
            return program;
        }
    }
    program.extend(answer(false));
    program
}

fn conditions(rule: &DeviceRule) -> Vec<(u8, i32)> {
    // BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR
    let kind = match rule.kind {
        DeviceKind::Any => None,
        DeviceKind::Block => Some(1),
        DeviceKind::Char => Some(2),
    };
    let number = |register, number: Option<u32>| number.map(|number| (register, number as i32));
    [kind.map(|kind| (KIND, kind)), number(MAJOR, rule.major), number(MINOR, rule.minor)]
        .into_iter()
        .flatten()
        .collect()
}

/// What happens to a device that the rule is about.
fn verdict(rule: &DeviceRule) -> Vec<Instruction> {
    let access = rule.access as i32;
    let mut verdict = Vec::new();
    match (rule.allow, rule.access == DeviceRule::ANY_ACCESS) {
        (_, true) => {}
        (true, false) => {
            verdict.push(Instruction::new(AND, (ACCESS, 0), 0, !access));
            verdict.push(Instruction::new(UNLESS, (ACCESS, 0), 2, 0));
        }
        (false, false) => {
            verdict.push(Instruction::new(IF_ANY, (ACCESS, 0), 1, access));
            verdict.push(Instruction::new(JUMP, (0, 0), 2, 0));
        }
    }
    verdict.extend(answer(rule.allow));
    verdict
}

fn answer(allow: bool) -> [Instruction; 2] {
    [Instruction::new(MOVE, (ANSWER, 0), 0, i32::from(allow)), Instruction::new(EXIT, (0, 0), 0, 0)]
}

#[cfg(test)]
mod tests;
