//! What a profile says of a call, read off rule by rule: slow, and short enough to be believed.
//! Tests hold the compiled programs against it.

#![expect(clippy::unwrap_used, reason = "of a profile that compiles, every word is known")]

use std::cmp::Reverse;

use super::interpret::Call;
use super::syscalls::{Multiplexed, X32_BIT, find, number};
use super::words::{self, Action};
use super::{Arch, Width};
use crate::spec;

/// The architectures of a family, native first, that the profile lists.
fn listed(profile: &spec::Seccomp<'_>, native: Arch) -> Vec<Arch> {
    let mut arches = vec![native];
    arches.extend(profile.architectures.iter().filter_map(|word| {
        let arch = words::architecture(word).unwrap()?;
        (arch.meets(native) && arch != native).then_some(arch)
    }));
    arches
}

/// What the kernel is to be told of this call (`SECCOMP_RET_*`).
///
/// # Panics
/// Of a profile that [`compile`](super::compile) refuses.
pub fn judge(profile: &spec::Seccomp<'_>, native: Arch, call: &Call) -> u32 {
    let default = words::action(&profile.default_action, profile.default_errno_ret).unwrap();
    let x32 = call.audit == Arch::X86_64.audit() && call.number >= X32_BIT;
    let arches = listed(profile, native);
    let own = |a: &&Arch| a.audit() == call.audit && (**a == Arch::X32) == x32;
    let Some(&arch) = arches.iter().find(own) else {
        // A tracer skips a call by making it number -1.
        let skipped = call.number == u32::MAX && arches.iter().any(|a| a.audit() == call.audit);
        return if skipped { default.0 } else { Action::KILL_THREAD.0 };
    };
    let (mut always, mut sometimes, mut named) = (None, Vec::new(), false);
    for rule in &profile.syscalls {
        let action = words::action(&rule.action, rule.errno_ret).unwrap();
        for code in rule.names.iter().filter_map(|name| names(name, arch, call.number)) {
            named = true;
            for args in conjunctions(&rule.args, code).filter(|_| action != default) {
                if args.iter().all(|arg| is_idle(arg, arch)) {
                    always = always.or(Some(action));
                } else if args.iter().all(|arg| holds(arg, arch, call)) {
                    sometimes.push((precedence(&args, arch), action));
                }
            }
        }
    }
    let newest = newest(profile, arch).filter(|_| !default.is_permissive() && !named);
    let private = arch == Arch::Arm && (0xf0000..0xf0008).contains(&call.number);
    let otherwise = match newest {
        Some(newest) if call.number > newest && !private => Action::NO_SUCH_CALL,
        _ => default,
    };
    // The first of equals, as they come in the profile.
    let sometimes = sometimes.into_iter().min_by_key(|(precedence, _)| *precedence);
    always.or(sometimes.map(|(_, action)| action)).unwrap_or(otherwise).0
}

/// Whether the name means this number: at once, or through a call with a code.
fn names(name: &str, arch: Arch, call: u32) -> Option<Option<u8>> {
    let known = find(name)?;
    if known.slot(arch).map(|slot| number(arch, slot)) == Some(call) {
        return Some(None);
    }
    match known.multiplexed().filter(|_| arch == Arch::I386) {
        Some(Multiplexed { through, code }) if u32::from(through) == call => Some(Some(code)),
        _ => None,
    }
}

/// The newest call of the profile that is not one of arm's private ones.
fn newest(profile: &spec::Seccomp<'_>, arch: Arch) -> Option<u32> {
    let names = profile.syscalls.iter().flat_map(|rule| &rule.names);
    let numbers = names.filter_map(|name| {
        let call = find(name)?;
        let many = call.multiplexed().filter(|_| arch == Arch::I386);
        let direct = call.slot(arch).map(|slot| number(arch, slot));
        direct.max(many.map(|many| u32::from(many.through)))
    });
    numbers.filter(|number| number & !X32_BIT < 0xf0000).max()
}

/// What must hold for a rule: one list, or, with the same argument twice, several. The first
/// argument of a call that comes through another one is its code.
fn conjunctions<'a>(
    args: &[spec::Arg<'a>],
    code: Option<u8>,
) -> impl Iterator<Item = Vec<spec::Arg<'a>>> {
    let twice = |i: usize| args[..i].iter().any(|arg| arg.index == args[i].index);
    let size = if (0..args.len()).any(twice) { 1 } else { args.len() };
    let lists = if args.is_empty() { vec![args] } else { args.chunks(size).collect() };
    let first = code.map(|code| spec::Arg {
        op: "SCMP_CMP_EQ".into(),
        value: code.into(),
        ..spec::Arg::default()
    });
    let list = |list: &[spec::Arg<'a>]| {
        let rest = list.iter().filter(|arg| code.is_none() || arg.index != 0).cloned();
        first.clone().into_iter().chain(rest).collect()
    };
    lists.into_iter().map(list).collect::<Vec<_>>().into_iter()
}

/// Rules with a smaller one come first: later arguments, equality, upper bounds, narrow bounds.
fn precedence(args: &[spec::Arg<'_>], arch: Arch) -> (Reverse<u32>, u8, u64, Reverse<usize>) {
    let first = args.iter().min_by_key(|arg| arg.index).unwrap();
    let value = seen(first.value, arch);
    let (kind, bound) = match first.op.as_str() {
        "SCMP_CMP_LT" | "SCMP_CMP_LE" => (1, value),
        "SCMP_CMP_GT" | "SCMP_CMP_GE" => (2, u64::MAX - value),
        words::MASKED => (0, u64::MAX - (value & first.value_two)),
        _ => (0, u64::MAX - value),
    };
    (Reverse(first.index), kind, bound, Reverse(args.len()))
}

fn is_idle(arg: &spec::Arg<'_>, arch: Arch) -> bool {
    arg.op.as_str() == words::MASKED && seen(arg.value, arch) == 0
}

fn holds(arg: &spec::Arg<'_>, arch: Arch, call: &Call) -> bool {
    let actual = seen(call.args[arg.index as usize], arch);
    let value = seen(arg.value, arch);
    match arg.op.as_str() {
        "SCMP_CMP_NE" => actual != value,
        "SCMP_CMP_LT" => actual < value,
        "SCMP_CMP_LE" => actual <= value,
        "SCMP_CMP_EQ" => actual == value,
        "SCMP_CMP_GE" => actual >= value,
        "SCMP_CMP_GT" => actual > value,
        _ => actual & value == seen(arg.value_two, arch) & value,
    }
}

fn seen(value: u64, arch: Arch) -> u64 {
    if arch.width() == Width::Low { value & 0xffff_ffff } else { value }
}
