//! What others make of a profile: libseccomp, driven as runc drives it, and seccompiler.

use std::collections::BTreeMap;
use std::io::Read;

use libseccomp::{
    ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall,
};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::syscalls::{find, number};
use super::{Arch, Instruction};
use crate::spec;

/// Compiles a profile with libseccomp.
pub(super) fn libseccomp(profile: &spec::Seccomp<'_>) -> Vec<Instruction> {
    let default = action(&profile.default_action, profile.default_errno_ret);
    let mut filter = ScmpFilterContext::new(default).unwrap();
    for arch in &profile.architectures {
        filter.add_arch(arch.parse::<ScmpArch>().unwrap()).unwrap();
    }
    for rule in &profile.syscalls {
        let action = action(&rule.action, rule.errno_ret);
        let compares: Vec<_> = rule.args.iter().map(compare).collect();
        let twice = |i: usize| rule.args[..i].iter().any(|arg| arg.index == rule.args[i].index);
        let size = if (0..compares.len()).any(twice) { 1 } else { compares.len() };
        for name in rule.names.iter().filter(|_| action != default) {
            let call = ScmpSyscall::from_name(name).unwrap();
            if compares.is_empty() {
                filter.add_rule(action, call).unwrap();
                continue;
            }
            for compares in compares.chunks(size) {
                filter.add_rule_conditional(action, call, compares).unwrap();
            }
        }
    }
    let (mut reader, writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    });
    filter.export_bpf(&writer).unwrap();
    drop(writer);
    instructions(&thread.join().unwrap())
}

/// Whether libseccomp has heard of the call.
pub(super) fn knows(name: &str) -> bool {
    ScmpSyscall::from_name(name).is_ok()
}

fn instructions(bytes: &[u8]) -> Vec<Instruction> {
    let instruction = |b: &[u8]| Instruction {
        code: u16::from_ne_bytes([b[0], b[1]]),
        jt: b[2],
        jf: b[3],
        k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
    };
    bytes.chunks_exact(8).map(instruction).collect()
}

fn action(word: &str, errno: Option<u32>) -> ScmpAction {
    let errno = errno.unwrap_or(libc::EPERM as u32);
    match word {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => ScmpAction::KillThread,
        "SCMP_ACT_KILL_PROCESS" => ScmpAction::KillProcess,
        "SCMP_ACT_TRAP" => ScmpAction::Trap,
        "SCMP_ACT_ERRNO" => ScmpAction::Errno(errno as i32),
        "SCMP_ACT_TRACE" => ScmpAction::Trace(errno as u16),
        "SCMP_ACT_LOG" => ScmpAction::Log,
        "SCMP_ACT_NOTIFY" => ScmpAction::Notify,
        "SCMP_ACT_ALLOW" => ScmpAction::Allow,
        _ => panic!("{word}"),
    }
}

fn compare(arg: &spec::Arg<'_>) -> ScmpArgCompare {
    let (op, value) = match arg.op.as_str() {
        "SCMP_CMP_NE" => (ScmpCompareOp::NotEqual, arg.value),
        "SCMP_CMP_LT" => (ScmpCompareOp::Less, arg.value),
        "SCMP_CMP_LE" => (ScmpCompareOp::LessOrEqual, arg.value),
        "SCMP_CMP_EQ" => (ScmpCompareOp::Equal, arg.value),
        "SCMP_CMP_GE" => (ScmpCompareOp::GreaterEqual, arg.value),
        "SCMP_CMP_GT" => (ScmpCompareOp::Greater, arg.value),
        _ => (ScmpCompareOp::MaskedEqual(arg.value), arg.value_two),
    };
    ScmpArgCompare::new(arg.index, op, value)
}

/// Compiles a profile of allowing rules, for x86_64 alone, with seccompiler.
pub(super) fn seccompiler(profile: &spec::Seccomp<'_>) -> Vec<Instruction> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for rule in &profile.syscalls {
        for name in &rule.names {
            let slot = find(name).unwrap().slot(Arch::X86_64).unwrap();
            let rules = rules.entry(number(Arch::X86_64, slot).into()).or_default();
            let conditions = rule.args.iter().map(condition).collect();
            rules.push(SeccompRule::new(conditions).unwrap());
        }
    }
    let (otherwise, allow) = (SeccompAction::Errno(1), SeccompAction::Allow);
    let filter = SeccompFilter::new(rules, otherwise, allow, TargetArch::x86_64).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    let instruction =
        |i: seccompiler::sock_filter| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
    program.into_iter().map(instruction).collect()
}

fn condition(arg: &spec::Arg<'_>) -> SeccompCondition {
    let (op, value) = match arg.op.as_str() {
        "SCMP_CMP_NE" => (SeccompCmpOp::Ne, arg.value),
        "SCMP_CMP_LT" => (SeccompCmpOp::Lt, arg.value),
        "SCMP_CMP_LE" => (SeccompCmpOp::Le, arg.value),
        "SCMP_CMP_EQ" => (SeccompCmpOp::Eq, arg.value),
        "SCMP_CMP_GE" => (SeccompCmpOp::Ge, arg.value),
        "SCMP_CMP_GT" => (SeccompCmpOp::Gt, arg.value),
        _ => (SeccompCmpOp::MaskedEq(arg.value), arg.value_two),
    };
    SeccompCondition::new(arg.index as u8, SeccompCmpArgLen::Qword, op, value).unwrap()
}
