//! What a profile says of a call, read off rule by rule: slow, and short enough to be believed.

use super::interpret::Call;
use super::syscalls::{Multiplexed, X32_BIT, find, number};
use super::words::{self, Action};
use super::{Arch, Width};
use crate::spec;

/// The architectures of a family, native first, that the profile lists.
pub(super) fn listed(profile: &spec::Seccomp<'_>, native: Arch) -> Vec<Arch> {
    let mut arches = vec![native];
    arches.extend(profile.architectures.iter().filter_map(|word| {
        let arch = words::architecture(word).unwrap()?;
        (arch.meets(native) && arch != native).then_some(arch)
    }));
    arches
}

/// What the kernel is to be told of this call.
pub(super) fn judge(profile: &spec::Seccomp<'_>, native: Arch, call: &Call) -> u32 {
    let default = words::action(&profile.default_action, profile.default_errno_ret).unwrap();
    let x32 = call.audit == Arch::X86_64.audit() && call.number >= X32_BIT;
    let mut arches = listed(profile, native).into_iter();
    let Some(arch) = arches.find(|a| a.audit() == call.audit && (*a == Arch::X32) == x32) else {
        let skipped = call.audit == native.audit() && call.number == u32::MAX;
        return if skipped { default.0 } else { Action::KILL_THREAD.0 };
    };
    let (mut sometimes, mut named) = (None, false);
    for rule in &profile.syscalls {
        let action = words::action(&rule.action, rule.errno_ret).unwrap();
        for name in &rule.names {
            let Some(code) = names(name, arch, call.number) else { continue };
            named = true;
            for args in conjunctions(&rule.args).filter(|_| action != default) {
                let mut args = args.iter().filter(|arg| code.is_none() || arg.index != 0);
                let idle = code.is_none() && args.clone().all(|arg| is_idle(arg, arch));
                if idle {
                    return always(profile, arch, call.number).unwrap().0;
                }
                let code_holds = code.is_none_or(|code| call.args[0] as u32 == u32::from(code));
                if sometimes.is_none() && code_holds && args.all(|arg| holds(arg, arch, call)) {
                    sometimes = Some(action);
                }
            }
        }
    }
    let newer = !named && !default.is_permissive() && Some(call.number) > newest(profile, arch);
    let stub =
        if newer && newest(profile, arch).is_some() { Action::NO_SUCH_CALL } else { default };
    sometimes.unwrap_or(stub).0
}

/// The first rule without conditions.
fn always(profile: &spec::Seccomp<'_>, arch: Arch, call: u32) -> Option<Action> {
    let default = words::action(&profile.default_action, profile.default_errno_ret).unwrap();
    let mut rules = profile.syscalls.iter().filter(|rule| {
        let plain = conjunctions(&rule.args).any(|c| c.iter().all(|arg| is_idle(arg, arch)));
        plain && rule.names.iter().any(|name| names(name, arch, call) == Some(None))
    });
    let mut actions = rules.by_ref().map(|rule| words::action(&rule.action, rule.errno_ret));
    actions.find(|action| *action != Ok(default)).map(Result::unwrap)
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

/// A rule with the same argument twice is several rules.
fn conjunctions<'a, 'b>(
    args: &'a [spec::Arg<'b>],
) -> Box<dyn Iterator<Item = &'a [spec::Arg<'b>]> + 'a> {
    let twice = |i: usize| args[..i].iter().any(|arg| arg.index == args[i].index);
    match (0..args.len()).any(twice) {
        true => Box::new(args.chunks(1)),
        false => Box::new(std::iter::once(args)),
    }
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
